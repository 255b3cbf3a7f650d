"""A pipeline of a few sums whose UNet holds much memory: large/COMPONENT/model.onnx, with ../golden/tiny_eps' ports.

Of each row of the UNet the mean is spread to NUMBERS for each pixel of the latents, and comes back as their largest. A
device without so much memory cannot compute it, and one that goes on in spite of that gives other numbers.

Needs onnx (see ../golden/requirements.txt): python make_large.py
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NUMBERS = 400 * 2**20 // 4 // 4**2
"""A row has 400 MiB of them at 16 x 16 pixels."""


class Graph:
    """A graph that is written node by node."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def __call__(self, kind: str, *inputs: str | list | float, output: str | None = None, **attributes) -> str:
        output = output or f"{kind}_{len(self.nodes)}"
        names = [given if isinstance(given, str) else self.constant(given) for given in inputs]
        self.nodes.append(helper.make_node(kind, names, [output], name=output, **attributes))
        return output

    def constant(self, value: list | float) -> str:
        array = np.array(value)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def save(self, component: str, inputs: dict[str, list], output: tuple[str, list], integers: bool = False) -> None:
        element = TensorProto.INT64 if integers else TensorProto.FLOAT
        ports = [helper.make_tensor_value_info(name, element, shape) for name, shape in inputs.items()]
        result = helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])
        graph = helper.make_graph(self.nodes, component, ports, [result], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        file = Path(__file__).parent / "large" / component / "model.onnx"
        file.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, file)


def text_encoder() -> None:
    make = Graph()
    small = make("Mul", make("Cast", "input_ids", to=TensorProto.FLOAT), 0.001)
    make("Expand", make("Unsqueeze", small, [2]), [1, 1, 32], output="last_hidden_state")
    ports = {"input_ids": ["rows", "tokens"]}
    make.save("text_encoder", ports, ("last_hidden_state", ["rows", "tokens", 32]), integers=True)


def vae_encoder() -> None:
    make = Graph()
    small = make("AveragePool", "sample", kernel_shape=[4, 4], strides=[4, 4])
    two = make("Slice", small, [0], [2], [1])
    make("Concat", small, small, two, axis=1, output="latent_parameters")
    ports = {"sample": ["rows", 3, "height", "width"]}
    make.save("vae_encoder", ports, ("latent_parameters", ["rows", 8, "latent_height", "latent_width"]))


def unet() -> None:
    make = Graph()
    noisy, image = (make("Slice", "sample", [begin], [begin + 4], [1]) for begin in (0, 4))
    mean = make("ReduceMean", "sample", axes=[1, 2, 3], keepdims=1)
    sides = make("Slice", make("Shape", "sample"), [2], [4], [0])
    spread = make("Expand", mean, make("Concat", [1], sides, [NUMBERS], axis=0))
    largest = make("ReduceMax", spread, axes=[1, 2, 3], keepdims=1)
    text = make("Unsqueeze", make("ReduceMean", "encoder_hidden_states", axes=[1, 2], keepdims=1), [3])
    late = make("Mul", noisy, make("Mul", "timestep", 0.001))
    make("Add", make("Sub", late, image), make("Add", text, largest), output="out_sample")
    ports = {
        "sample": ["rows", 8, "height", "width"],
        "timestep": [],
        "encoder_hidden_states": ["rows", "tokens", 32],
    }
    make.save("unet", ports, ("out_sample", ["rows", 4, "height", "width"]))


def vae_decoder() -> None:
    make = Graph()
    colours = make("Slice", "latent_sample", [0], [3], [1])
    make("Resize", colours, "", [1.0, 1.0, 4.0, 4.0], mode="nearest", output="sample")
    ports = {"latent_sample": ["rows", 4, "latent_height", "latent_width"]}
    make.save("vae_decoder", ports, ("sample", ["rows", 3, "height", "width"]))


if __name__ == "__main__":
    for write in (text_encoder, vae_encoder, unet, vae_decoder):
        write()
