"""A whole pipeline in float16, weights and ports: the graphs of ../golden/tiny_eps, in half/COMPONENT/model.onnx.

Needs onnxruntime (see ../golden/requirements.txt): python make_half.py
"""

from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

here = Path(__file__).parent
for component in ["text_encoder", "vae_encoder", "unet", "vae_decoder"]:
    model = onnx.load(here.parent / "golden/tiny_eps" / component / "model.onnx")
    folder = here / "half" / component
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(convert_float_to_float16(model, keep_io_types=False), folder / "model.onnx")
