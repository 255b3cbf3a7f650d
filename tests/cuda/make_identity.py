"""Writes the graphs of `identity.rs`: x_same and y_same are x and y, through nodes that a device runs as copies.

Needs onnx (see ../golden/requirements.txt): python make_identity.py
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def identities(element: int) -> onnx.ModelProto:
    shape = ["rows", "channels", "height", "width"]
    ports = {name: helper.make_tensor_value_info(name, element, shape) for name in ["x", "y", "x_same", "y_same"]}
    nodes = []
    for name in "xy":
        nodes.append(helper.make_node("Identity", [name], [f"{name}_again"], name=f"first_{name}"))
        nodes.append(helper.make_node("Identity", [f"{name}_again"], [f"{name}_same"], name=f"second_{name}"))
    graph = helper.make_graph(nodes, "identities", [ports["x"], ports["y"]], [ports["x_same"], ports["y_same"]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    folder = Path(__file__).parent
    for name, element in [("float32", TensorProto.FLOAT), ("float16", TensorProto.FLOAT16)]:
        onnx.save(identities(element), folder / f"identity_{name}.onnx")
