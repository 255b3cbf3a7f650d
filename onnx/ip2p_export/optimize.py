"""ONNX Runtime's own fusions of diffusion models, for the CUDA execution provider.

The result holds operators that only that provider has (fused attention, GroupNorm with SiLU, and others), so
that it cannot be run, nor verified, on a CPU. The fusions know float32 graphs alone: float16 comes after them.
"""

import logging
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from onnxruntime.transformers.shape_infer_helper import SymbolicShapeInference

from .problem import Problem

MODEL_TYPES = {"text_encoder": "clip", "unet": "unet", "vae_encoder": "vae", "vae_decoder": "vae"}
"""onnxruntime's names for the patterns that it looks for."""
FUSED_DOMAIN = "com.microsoft"
NEEDED_IN_UNET = "MultiHeadAttention"
LARGEST_VALUE = 2**16
"""Elements. Shape inference reads the values of no larger constant: shapes, and biases at most."""


def fuse(model: onnx.ModelProto, component: str, float16: bool) -> onnx.ModelProto:
    """The graph with fused operators, which are named on the standard output."""
    model_type = MODEL_TYPES[component]
    options = FusionOptions(model_type)
    logging.getLogger("fusion_base").setLevel(logging.WARNING)
    with light_shape_inference():
        try:
            optimizer = optimize_model(model, model_type, opt_level=0, optimization_options=options, use_gpu=True)
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            raise Problem(
                f"onnxruntime failed to fuse the {component}: {error}",
                "install what --requirements prints (its fusions fail with newer versions of numpy), or use the export "
                "without --optimize",
            ) from error
        report(component, optimizer.model.graph)
        if float16:
            optimizer.convert_float_to_float16(
                keep_io_types=["timestep"],
                node_block_list=timestep_nodes(optimizer.model.graph),
                force_fp16_initializers=True,
            )
    optimizer.topological_sort()
    return optimizer.model


def report(component: str, graph: onnx.GraphProto) -> None:
    """Report what was fused, and stop if the most important operators are missing."""
    fused = Counter(node.op_type for node in graph.node if node.domain == FUSED_DOMAIN)
    print(f"{component:24} {', '.join(f'{count} {name}' for name, count in fused.items()) or 'nothing fused'}")
    if component == "unet" and NEEDED_IN_UNET not in fused:
        raise Problem(
            "onnxruntime found no attention to fuse in the UNet",
            "use the export without --optimize; please report the versions of torch, numpy and onnxruntime",
        )


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose large weights have only name, type and shape."""
    light = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    graph = light.graph
    graph.name = model.graph.name
    for field in ("node", "input", "output", "value_info"):
        getattr(graph, field).extend(getattr(model.graph, field))
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= LARGEST_VALUE:
            graph.initializer.append(tensor)
        else:
            graph.initializer.add(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    return light


@contextmanager
def light_shape_inference() -> Iterator[None]:
    """onnxruntime's shape inference keeps copies of the model, five at a time: 20 GB for the real UNet.

    It needs no weights, so it gets none.
    """
    whole = SymbolicShapeInference._preprocess
    SymbolicShapeInference._preprocess = lambda self, model: whole(self, without_weights(model))
    try:
        yield
    finally:
        SymbolicShapeInference._preprocess = whole


def timestep_nodes(graph: onnx.GraphProto) -> list[str]:
    """What is computed of the timestep before the first layer, by name: it needs float32."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found: dict[str, onnx.NodeProto] = {}
    waiting = ["timestep"]
    while waiting:
        for node in readers.get(waiting.pop(), []):
            if node.op_type not in ("Gemm", "MatMul") and node.name not in found:
                found[node.name] = node
                waiting.extend(node.output)
    return list(found | ancestors(graph, list(found.values())))


def ancestors(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> dict[str, onnx.NodeProto]:
    """All nodes that the given ones depend on, by name."""
    makers = {output: node for node in graph.node for output in node.output}
    found: dict[str, onnx.NodeProto] = {}
    waiting = [name for node in nodes for name in node.input]
    while waiting:
        maker = makers.get(waiting.pop())
        if maker is not None and maker.name not in found:
            found[maker.name] = maker
            waiting.extend(maker.input)
    return found
