"""ONNX Runtime's own fusions of diffusion models, for the CUDA execution provider.

The result holds operators that only that provider has (fused attention, GroupNorm with SiLU, and others), so
that it cannot be run, nor verified, on a CPU.
"""

import shutil
from collections import Counter
from pathlib import Path

from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

from .graph import save
from .problem import Problem
from .trace import COMPONENTS

MODEL_TYPES = {"text_encoder": "clip", "unet": "unet", "vae_encoder": "vae", "vae_decoder": "vae"}
"""onnxruntime's names for the patterns that it looks for."""
CUDA_DOMAIN = "com.microsoft"


def optimize(source: Path, target: Path) -> None:
    """Copy an exported folder with its graphs fused, and say what was fused."""
    for path in source.rglob("*"):
        if path.is_file() and not path.name.startswith("model.onnx"):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    for component in COMPONENTS:
        fused = fuse(source / component / "model.onnx", target / component / "model.onnx", MODEL_TYPES[component])
        print(f"{component:24} {', '.join(f'{count} {name}' for name, count in fused.items()) or 'nothing fused'}")
        if component == "unet" and not fused:
            raise Problem(
                "onnxruntime found nothing to fuse in the UNet",
                "use the export without --optimize; please report the versions of torch and onnxruntime",
            )


def fuse(source: Path, target: Path, model_type: str) -> dict[str, int]:
    """Fuse one graph; returns how many nodes of each of ONNX Runtime's own kinds it has now."""
    options = FusionOptions(model_type)
    optimizer = optimize_model(
        str(source), model_type, num_heads=0, hidden_size=0, opt_level=0, optimization_options=options, use_gpu=True
    )
    optimizer.topological_sort()
    save(optimizer.model, target)
    return dict(Counter(node.op_type for node in optimizer.model.graph.node if node.domain == CUDA_DOMAIN))
