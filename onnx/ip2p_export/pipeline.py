"""The whole way from a model's name to the folders written."""

import gc
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from . import graph, layout, source
from .optimize import optimize
from .trace import COMPONENTS, trace
from .verify import verify


@dataclass
class Options:
    """What the command line asks for."""

    model: str
    out: Path
    precision: str
    store: str | None
    optimize: str | None
    verify: bool
    overwrite: bool

    @property
    def arithmetic(self) -> str:
        """Which limits of `verify` apply."""
        if self.precision == "fp16":
            return "float16"
        return "stored float16" if self.store else "float32"


def export(options: Options) -> None:
    """From the model to the folder, and to the second folder if asked."""
    folder = source.find(options.model)
    source.check(folder)
    layout.require_space(options.out, source.space_needed(folder))
    with layout.new_folder(options.out, options.overwrite) as partial:
        write_graphs(folder, partial, options)
        layout.copy_configs(folder, partial)
        if options.verify:
            verify(folder, partial, options.arithmetic)
    print(f"{options.out}: {layout.size(options.out) / 1e6:.1f} MB")
    if options.optimize:
        write_optimized(options)


def write_graphs(folder: Path, target: Path, options: Options) -> None:
    """One component after another, so that no more than one part of the pipeline is in memory."""
    traced = target / "traced"
    for name, component in COMPONENTS.items():
        begun = time.monotonic()
        model = source.load(folder, component.part)
        half = name == "unet" and options.precision == "fp16"
        traced.mkdir()
        trace(component, model.half() if half else model, traced / "model.onnx")
        del model
        gc.collect()
        store_float16 = options.arithmetic != "float32" and not half
        size = graph.finish(traced / "model.onnx", target / name / "model.onnx", store_float16)
        shutil.rmtree(traced)
        print(f"{name:24} {size / 1e6:8.1f} MB {time.monotonic() - begun:6.1f} s", flush=True)


def write_optimized(options: Options) -> None:
    """The second folder, beside the first."""
    target = options.out.with_name(f"{options.out.name}-{options.optimize}")
    with layout.new_folder(target, options.overwrite) as partial:
        optimize(options.out, partial)
    print(f"{target}: for the CUDA execution provider only")
