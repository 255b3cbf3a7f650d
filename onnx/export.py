# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "accelerate==1.15.0",
#     "diffusers==0.39.0",
#     "huggingface-hub==0.36.2",
#     "numpy==2.3.5",  # onnxruntime 1.32 fuses no attention with 2.4
#     "onnx==1.23.2",
#     "onnxruntime==1.32.0",
#     "safetensors==0.8.0",
#     "scipy==1.17.1",
#     "torch==2.15.0",
#     "transformers==4.57.6",
# ]
# ///
"""Export an InstructPix2Pix to an ONNX folder that `ip2p` runs; text-to-image and inpainting models for chains, too.

The model is a name on the hub, a folder of diffusers, or a single-file checkpoint. `ip2p export` does this in one
command; by hand it is

    uv run onnx/export.py timbrooks/instruct-pix2pix --out onnx/instruct-pix2pix --verify
    uv run onnx/export.py timbrooks/instruct-pix2pix --out onnx/instruct-pix2pix-fp16 --precision fp16

`uv run` installs the packages named above by itself. With pip, install them first:

    python onnx/export.py --requirements > requirements.txt && pip install -r requirements.txt

With --precision fp16 the UNet computes in float16, which is nearly all of the time. The text encoder and the
autoencoder keep computing in float32, which costs little and cannot overflow; their weights are stored as float16.
"""

import argparse
import sys
from pathlib import Path

from ip2p_export import script


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    usage = script.usage(
        __doc__,
        model="a hub name such as timbrooks/instruct-pix2pix, a diffusers folder, or a .safetensors or .ckpt",
    )
    usage.add_argument(
        "--precision", choices=["fp32", "fp16"], default="fp32", help="what the UNet computes in (default: fp32)"
    )
    usage.add_argument(
        "--store", choices=["fp16"], help="keep float32 arithmetic, but store the weights as float16: half the size"
    )
    usage.add_argument(
        "--optimize", choices=["cuda"], help="write a second folder, DIR-cuda, with fused operators that need CUDA"
    )
    usage.add_argument(
        "--lora",
        action="append",
        default=[],
        metavar="FILE[:SCALE]",
        help="fuse a LoRA into the weights, at scale 1 or the given one; may be given several times",
    )
    checkpoints = usage.add_argument_group("for single-file checkpoints, which do not say these themselves")
    checkpoints.add_argument(
        "--prediction", choices=["epsilon", "v_prediction"], help="what the UNet of a Stable Diffusion 2 predicts"
    )
    checkpoints.add_argument("--ema", action="store_true", help="take the averaged weights where a file has both")
    checkpoints.add_argument(
        "--tokenizer",
        metavar="FOLDER",
        help="a tokenizer's folder or hub name (default: openai/clip-vit-large-patch14)",
    )
    parsed = script.parse(
        usage, arguments, verify="compare the export with torch: each component, and pictures of 5 steps"
    )
    if parsed.store and parsed.precision == "fp16":
        usage.error("--store is for --precision fp32: with fp16 all weights are stored so anyway")
    return parsed


def main(arguments: list[str] | None = None) -> int:
    """Parse the arguments, export, and report errors; return the exit code."""
    return script.main(Path(__file__), "pipeline", parse(arguments))


if __name__ == "__main__":
    sys.exit(main())
