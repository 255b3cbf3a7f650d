"""The whole way from a model's name to the folders written."""

import gc
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import onnx

from . import graph, layout, source
from .optimize import fuse
from .trace import COMPONENTS, trace
from .verify import verify

UNET_METADATA = {"ip2p_latent_multiple": "1"}
"""Said in the graph itself, since a program cannot see it: latents of any size pass. Other exporters' UNets take
multiples of 2^(levels - 1) only."""


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
    source.refuse_checkpoint(options.model)
    folder = source.find(options.model, source.FILES)
    source.check(folder)
    layout.require_space(options.out, source.space_needed(folder))
    with layout.new_folder(options.out, options.overwrite) as partial:
        write(folder, partial, options, fused=False)
        if options.verify:
            verify(folder, partial, options.arithmetic)
    print(f"{options.out}: {layout.size(options.out) / 1e6:.1f} MB")
    if options.optimize:
        second = options.out.with_name(f"{options.out.name}-{options.optimize}")
        with layout.new_folder(second, options.overwrite) as partial:
            write(folder, partial, options, fused=True)
        print(f"{second}: {layout.size(second) / 1e6:.1f} MB, for the CUDA execution provider only, not verified")


def write(folder: Path, target: Path, options: Options, fused: bool) -> None:
    """One component after another, so that no more than one part of the pipeline is in memory."""
    for name in COMPONENTS:
        begun = time.monotonic()
        model = make_graph(folder, name, target / "traced", options, fused)
        size = graph.save(model, target / name / "model.onnx")
        del model
        gc.collect()
        print(f"{name:24} {size / 1e6:8.1f} MB {time.monotonic() - begun:6.1f} s", flush=True)
    layout.copy_configs(folder, target)


def make_graph(folder: Path, name: str, traced: Path, options: Options, fused: bool) -> onnx.ModelProto:
    """One component's graph in the precision asked for; of fp16, the UNet alone computes in float16."""
    half = name == "unet" and options.precision == "fp16"
    part = source.load(folder, COMPONENTS[name].part)
    traced.mkdir()
    trace(COMPONENTS[name], part.half() if half and not fused else part, traced / "model.onnx")
    del part
    gc.collect()
    model = graph.read(traced / "model.onnx")
    shutil.rmtree(traced)
    if fused:
        model = fuse(model, name, float16=half)
    if options.arithmetic != "float32" and not half:
        graph.store_as_float16(model.graph)
    if name == "unet":
        onnx.helper.set_model_props(model, UNET_METADATA)
    return model
