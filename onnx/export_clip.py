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

import sys
from pathlib import Path

from ip2p_export import script


def main(arguments: list[str] | None = None) -> int:
    """Parse the arguments, export, and report errors; return the exit code."""
    usage = script.usage(__doc__, model="a folder of a CLIPModel, or a hub name such as openai/clip-vit-large-patch14")
    parsed = script.parse(usage, arguments, verify="compare both encoders with torch")
    return script.main(Path(__file__), "clip", parsed)


if __name__ == "__main__":
    sys.exit(main())
