"""Bring a traced graph into the form that is shipped.

- Weights bear torch's names (`down_blocks.0.resnets.0.conv1.weight`), without the wrapper's prefix.
- What the graph does to a weight before using it is done here: one that is transposed is stored transposed,
  under its name with `.T` after it; one that gets axes of size 1 likewise, with `.unsqueezed`.
- With `store_as_float16`, float32 weights are stored as float16 and cast back by the graph. ONNX Runtime does
  that once, when it loads the model; the file is half as large and the arithmetic stays float32.
- Data of large graphs lies beside them in `model.onnx_data`.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .problem import Problem

WRAPPER_PREFIX = "model."
SUFFIXES = {"Identity": "", "Transpose": ".T", "Unsqueeze": ".unsqueezed"}
"""The operators that are folded into weights and constants, and what they add to a weight's name. Torch writes an
Identity for a weight that equals another one in every value."""
DATA_APART_ABOVE = 2**30
"""Bytes. Protobuf ends at 2 GiB, and ONNX Runtime maps data that lies apart instead of copying it."""
SMALLEST_STORED = 64
"""Elements. Smaller tensors are not worth a node; most of them are constants."""
FLOAT16_MAX = float(np.finfo(np.float16).max)


def tidy(model: onnx.ModelProto) -> onnx.ModelProto:
    """A traced graph with its constants folded and its weights under torch's names."""
    fold(model.graph)
    strip_prefix(model.graph)
    return model


def save(model: onnx.ModelProto, target: Path) -> int:
    """Write a graph, its data apart if it is large; returns the bytes of its weights."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if size <= DATA_APART_ABOVE:
        onnx.save(model, target)
        return size
    data = target.with_name(target.name + "_data")
    onnx.save(
        model, target, save_as_external_data=True, all_tensors_to_one_file=True, location=data.name, size_threshold=1024
    )
    data.chmod(target.stat().st_mode)  # onnx makes it readable for its writer alone
    return size


def rename_everywhere(graph: onnx.GraphProto, renamed: dict[str, str]) -> None:
    """Rename initializers, in their list and wherever a node reads them."""
    for tensor in graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in renamed:
                node.input[position] = renamed[name]


def strip_prefix(graph: onnx.GraphProto) -> None:
    """Remove the wrapper's prefix from torch's names."""
    names = [tensor.name for tensor in graph.initializer if tensor.name.startswith(WRAPPER_PREFIX)]
    rename_everywhere(graph, {name: name.removeprefix(WRAPPER_PREFIX) for name in names})


def fold(graph: onnx.GraphProto) -> None:
    """Fold constants once, instead of at every load."""
    known = {tensor.name: tensor for tensor in graph.initializer}
    weights = set(known)
    known |= {node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"}
    readers = Counter(name for node in graph.node for name in node.input)
    renamed, kept = {}, []
    for node in graph.node:
        if node.op_type not in SUFFIXES or not all(name in known for name in node.input):
            kept.append(node)
            continue
        given, result = node.input[0], node.output[0]
        value = evaluate(node, [numpy_helper.to_array(known[name]) for name in node.input])
        in_place = given in weights and readers[given] == 1
        known[result] = known[given] if in_place else graph.initializer.add()
        name = result
        if given in weights:
            weights.add(result)
            if node.op_type != "Identity":
                name = renamed[result] = renamed.get(given, given) + SUFFIXES[node.op_type]
        known[result].CopyFrom(numpy_helper.from_array(value, name))
    del graph.node[:]
    graph.node.extend(kept)
    rename_everywhere(graph, renamed)
    drop_unread(graph)


def evaluate(node: onnx.NodeProto, inputs: list[np.ndarray]) -> np.ndarray:
    """Evaluate one of the operators that are folded."""
    if node.op_type == "Transpose":
        return np.ascontiguousarray(inputs[0].transpose(node.attribute[0].ints))
    if node.op_type == "Unsqueeze":
        return np.expand_dims(inputs[0], tuple(inputs[1].tolist()))
    return inputs[0]


def drop_unread(graph: onnx.GraphProto) -> None:
    """Remove the constants and weights that no node reads any more."""
    read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    for node in [node for node in graph.node if node.op_type == "Constant" and node.output[0] not in read]:
        graph.node.remove(node)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in read]:
        graph.initializer.remove(tensor)


def store_as_float16(graph: onnx.GraphProto) -> None:
    """Halve the weights; a Cast gives each its float32 values back under NAME/float32."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_STORED:
            continue
        values = numpy_helper.to_array(tensor)
        if np.abs(values).max() > FLOAT16_MAX:
            raise Problem(f"the weight {tensor.name} has values beyond float16", "export without --store fp16")
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), tensor.name))
        casts.append(tensor.name)
    widened = {name: f"{name}/float32" for name in casts}
    for node in graph.node:
        for position, name in enumerate(node.input):
            node.input[position] = widened.get(name, name)
    nodes = [
        helper.make_node("Cast", [name], [wide], name=f"{name}/Cast", to=TensorProto.FLOAT)
        for name, wide in widened.items()
    ]
    nodes += list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
