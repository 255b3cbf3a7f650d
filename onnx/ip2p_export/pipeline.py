"""The whole way from a model's name to the folders written."""

import gc
import time
from dataclasses import dataclass
from pathlib import Path

import onnx

from . import find, graph, layout, script
from .attention import use_one_operator
from .checkpoint import TOKENIZER, Checkpoint
from .lora import Lora
from .optimize import fuse
from .problem import Problem
from .source import Folder, Source
from .trace import COMPONENTS, trace
from .verify import verify

UNET_METADATA = {"ip2p_latent_multiple": "1"}
"""Said in the graph itself, since a program cannot see it: latents of any size pass. Other exporters' UNets take
multiples of 2^(levels - 1) only."""


@dataclass
class Options:
    """The options of the command line."""

    model: str
    out: Path
    precision: str
    store: str | None
    optimize: str | None
    lora: list[str]
    prediction: str | None
    ema: bool
    tokenizer: str | None
    verify: bool
    overwrite: bool

    @property
    def arithmetic(self) -> str:
        """The arithmetic, which decides the limits of `verify`."""
        if self.precision == "fp16":
            return "float16"
        return "stored float16" if self.store else "float32"


def export(options: Options) -> None:
    """From the model to the folder, and to the second folder if asked."""
    layout.require_free(options.out, options.overwrite)
    source = open_source(options)
    source.check()
    layout.require_space(options.out, space_needed(source, options))
    with layout.new_folder(options.out, options.overwrite) as partial:
        write(source, partial, options, fused=False)
        if options.verify:
            verify(source, partial, options.arithmetic)
    print(f"{options.out}: {layout.size(options.out) / 1e6:.1f} MB")
    if options.optimize:
        second = options.out.with_name(f"{options.out.name}-{options.optimize}")
        with layout.new_folder(second, options.overwrite) as partial:
            write(source, partial, options, fused=True)
        print(f"{second}: {layout.size(second) / 1e6:.1f} MB, for the CUDA execution provider only, not verified")


def open_source(options: Options) -> Source:
    """The model named on the command line, with its LoRAs."""
    loras = [Lora.read(given) for given in options.lora]
    if find.is_checkpoint(options.model):
        tokenizer = options.tokenizer or TOKENIZER
        return Checkpoint(Path(options.model), loras, tokenizer, options.prediction, options.ema)
    for name in ("prediction", "ema", "tokenizer"):
        if getattr(options, name):
            raise Problem(
                f"--{name} is for single-file checkpoints, and {options.model} is none",
                "leave it out: the folder says it",
            )
    return Folder(find.folder(options.model), loras)


def space_needed(source: Source, options: Options) -> int:
    """The size in bytes of what will be written, from the size of the weights."""
    share = 1 if options.arithmetic == "float32" else 0.5
    return int(source.weight_bytes() * share * layout.ROOM) * (2 if options.optimize else 1)


def write(source: Source, target: Path, options: Options, fused: bool) -> None:
    """Write one component after another, so that only one part of the pipeline is in memory."""
    for name in COMPONENTS:
        begun = time.monotonic()
        model = make_graph(source, name, options, fused)
        size = graph.save(model, target / name / "model.onnx")
        del model
        gc.collect()
        script.progress(f"{name:24} {size / 1e6:8.1f} MB {time.monotonic() - begun:6.1f} s")
    layout.write_configs(source, target)


def make_graph(source: Source, name: str, options: Options, fused: bool) -> onnx.ModelProto:
    """One component's graph in the precision asked for; of fp16, the UNet alone computes in float16."""
    half = name == "unet" and options.precision == "fp16"
    part = source.load(COMPONENTS[name].part)
    if not fused:  # ONNX Runtime's fusions for CUDA begin at the plain graph and pack the weights, too
        use_one_operator(part)
    model = graph.tidy(trace(COMPONENTS[name], part.half() if half and not fused else part))
    del part
    if fused:
        model = fuse(model, name, float16=half)
    if options.arithmetic != "float32" and not half:
        graph.store_as_float16(model.graph)
    if name == "unet":
        onnx.helper.set_model_props(model, UNET_METADATA)
    return model
