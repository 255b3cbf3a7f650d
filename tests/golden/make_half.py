"""One component of tiny_v in float16, weights and ports: tiny_half/vae_encoder.onnx."""

import pathlib

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

here = pathlib.Path(__file__).parent
model = onnx.load(here / "tiny_v/vae_encoder/model.onnx")
half = convert_float_to_float16(model, keep_io_types=False)
(here / "tiny_half").mkdir(exist_ok=True)
onnx.save(half, here / "tiny_half/vae_encoder.onnx")
