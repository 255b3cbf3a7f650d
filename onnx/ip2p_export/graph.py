"""Bring a traced graph into the form that is shipped.

- Weights bear torch's names (`down_blocks.0.resnets.0.conv1.weight`), without the wrapper's prefix.
- A weight that the graph transposes is stored transposed, under its name with `.T` after it.
- With `store_float16`, float32 weights are stored as float16 and cast back by the graph. ONNX Runtime does
  that once, when it loads the model; the file is half as large and the arithmetic stays float32.
- Data of large graphs lies beside them in `model.onnx_data`.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .problem import Problem

WRAPPER_PREFIX = "model."
TRANSPOSED = ".T"
DATA_APART_ABOVE = 2**30
"""Bytes. Protobuf ends at 2 GiB, and ONNX Runtime maps data that lies apart instead of copying it."""
SMALLEST_STORED = 64
"""Elements. Smaller tensors are not worth a node; most of them are constants."""
FLOAT16_MAX = float(np.finfo(np.float16).max)


def finish(traced: Path, target: Path, store_float16: bool) -> int:
    """Read the traced graph, bring it into form and write it; returns the bytes of its weights."""
    model = onnx.load(traced)
    strip_prefix(model.graph)
    fold_transposes(model.graph)
    if store_float16:
        store_as_float16(model.graph)
    return save(model, target)


def save(model: onnx.ModelProto, target: Path) -> int:
    """Write a graph, its data apart if it is large; returns the bytes of its weights."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if size <= DATA_APART_ABOVE:
        onnx.save(model, target)
        return size
    data = target.name + "_data"
    onnx.save(model, target, save_as_external_data=True, all_tensors_to_one_file=True, location=data, size_threshold=1024)
    return size


def rename_everywhere(graph: onnx.GraphProto, renamed: dict[str, str]) -> None:
    """Give initializers other names, in the list of them and wherever a node reads them."""
    for tensor in graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in renamed:
                node.input[position] = renamed[name]


def strip_prefix(graph: onnx.GraphProto) -> None:
    names = [tensor.name for tensor in graph.initializer if tensor.name.startswith(WRAPPER_PREFIX)]
    rename_everywhere(graph, {name: name.removeprefix(WRAPPER_PREFIX) for name in names})


def fold_transposes(graph: onnx.GraphProto) -> None:
    """Transpose weights once, here, rather than at every load."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    readers: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    renamed, folded = {}, []
    for node in graph.node:
        if node.op_type != "Transpose" or node.input[0] not in weights or readers[node.input[0]] != 1:
            continue
        tensor = weights[node.input[0]]
        [order] = [attribute.ints for attribute in node.attribute if attribute.name == "perm"]
        turned = np.ascontiguousarray(numpy_helper.to_array(tensor).transpose(order))
        tensor.CopyFrom(numpy_helper.from_array(turned, node.output[0]))
        renamed[node.output[0]] = node.input[0] + TRANSPOSED
        folded.append(node)
    for node in folded:
        graph.node.remove(node)
    rename_everywhere(graph, renamed)


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
    nodes = [helper.make_node("Cast", [name], [wide], name=f"{name}/Cast", to=TensorProto.FLOAT) for name, wide in widened.items()]
    nodes += list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
