# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "diffusers==0.39.0",
#     "huggingface-hub==0.36.2",
#     "numpy==2.3.5",  # as in export.py, so that one environment serves both
#     "onnx==1.23.2",
#     "onnxruntime==1.32.0",
#     "pillow==13.0.0",
#     "safetensors==0.8.0",
#     "torch==2.15.0",
#     "transformers==4.57.6",
# ]
# ///
"""Export a CLIP model, from a transformers folder or the hub, to a folder that `measures.clip` names.

    uv run onnx/export_clip.py openai/clip-vit-large-patch14 --out onnx/clip --verify

`uv run` installs the packages named above by itself. With pip, install them first:

    python onnx/export_clip.py --requirements > requirements.txt && pip install -r requirements.txt

The InstructPix2Pix paper measured with ViT-L/14, the model above.
"""

import argparse
import sys
from pathlib import Path

from ip2p_export import script


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    usage = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usage.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="a folder of a CLIPModel, or a hub name such as openai/clip-vit-large-patch14",
    )
    usage.add_argument("--out", type=Path, metavar="DIR", help="the folder to write")
    usage.add_argument("--verify", action="store_true", help="compare both encoders with torch")
    usage.add_argument("--overwrite", action="store_true", help="replace DIR if it exists")
    usage.add_argument(
        "--requirements", action="store_true", help="print the packages that this script needs, and stop"
    )
    parsed = usage.parse_args(arguments)
    if not parsed.requirements and (parsed.model is None or parsed.out is None):
        usage.error("MODEL and --out are required")
    return parsed


def main(arguments: list[str] | None = None) -> int:
    """Parse, export, and tell what went wrong; the exit code."""
    options = vars(parse(arguments))
    if options.pop("requirements"):
        print("\n".join(script.requirements(Path(__file__))))
        return 0
    return script.run("clip", options)


if __name__ == "__main__":
    sys.exit(main())
