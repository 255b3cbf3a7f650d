"""A CLIP model's two encoders, each with its projection, as graphs beside the tokenizer and the preprocessing."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from . import find, graph, layout, script
from .problem import Problem
from .source import check_tokenizer, read_json, require_all
from .trace import Component, trace
from .verify import Graph, relative

FILES = ["config.json", "preprocessor_config.json", "model.safetensors", *sorted(layout.TOKENIZER_FILES)]
REMEDY = "give a CLIP model of transformers, such as openai/clip-vit-large-patch14"
LIMIT = 1e-4
"""The largest difference to torch that passes, as a share of the largest value."""
SEED = 7

T = TypeVar("T")


class TextEncoder(torch.nn.Module):
    """Token ids to the projected state at the end mark."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.model.get_text_features(input_ids=input_ids)


class ImageEncoder(torch.nn.Module):
    """Normalised pixels to the projected state of the class token."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.model.get_image_features(pixel_values=pixel_values)


def text_examples(model: CLIPModel) -> dict[str, torch.Tensor]:
    """Random words, the last one an end mark: where that stands is where the text is read."""
    text = model.config.text_config
    generator = torch.Generator("cpu").manual_seed(SEED)
    ids = torch.randint(text.vocab_size - 2, (2, text.max_position_embeddings), generator=generator)
    # Configurations of before transformers 4.31 name another end mark: there it is the largest id.
    ids[:, -1] = text.vocab_size - 1 if text.eos_token_id == 2 else text.eos_token_id
    return {"input_ids": ids}


def image_examples(model: CLIPModel) -> dict[str, torch.Tensor]:
    """Random noise as images."""
    side = model.config.vision_config.image_size
    return {"pixel_values": torch.randn(2, 3, side, side, generator=torch.Generator("cpu").manual_seed(SEED))}


COMPONENTS = {
    "text_encoder": Component(
        "text_config",
        TextEncoder,
        text_examples,
        "text_embeds",
        {"input_ids": {0: "batch_size"}, "text_embeds": {0: "batch_size"}},
    ),
    "image_encoder": Component(
        "vision_config",
        ImageEncoder,
        image_examples,
        "image_embeds",
        {"pixel_values": {0: "batch_size"}, "image_embeds": {0: "batch_size"}},
    ),
}
"""Both encoders; the part is what the configuration calls theirs."""


@dataclass
class Options:
    """The options of the command line."""

    model: str
    out: Path
    verify: bool
    overwrite: bool


def export(options: Options) -> None:
    """Export a model into a folder."""
    folder = find.folder(options.model, FILES)
    config = check(folder)
    layout.require_space(options.out, layout.ROOM * sum(path.stat().st_size for path in folder.glob("*.safetensors")))
    with layout.new_folder(options.out, options.overwrite) as partial:
        model = load(folder)
        write(model, partial)
        write_configs(folder, config, partial)
        if options.verify:
            verify(model, partial)
    print(f"{options.out}: {layout.size(options.out) / 1e6:.1f} MB")


def check(folder: Path) -> CLIPConfig:
    """Stop unless the folder is a whole CLIP model; its configuration."""
    written = read_json(folder / "config.json")
    if written.get("model_type") != "clip" or "vision_config" not in written:
        raise Problem(f"{folder} is a {written.get('model_type') or 'model of another kind'}, not a whole CLIP", REMEDY)
    check_tokenizer(folder)
    read_or_stop(folder / "preprocessor_config.json", lambda: CLIPImageProcessor.from_pretrained(folder))
    return CLIPConfig(**written)


def load(folder: Path) -> CLIPModel:
    """Both encoders in float32, every weight from the file."""
    if not any(folder.glob("*.safetensors")):
        raise Problem(f"{folder} has no .safetensors weights", "save the model again with safe_serialization=True")
    model, info = read_or_stop(
        folder,
        lambda: CLIPModel.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        ),
    )
    require_all("the model", folder, info)
    return model.eval().requires_grad_(False)


def read_or_stop(what: Path, read: Callable[[], T]) -> T:
    """The result of a reader of transformers; its errors are reported with a remedy."""
    try:
        return read()
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise Problem(f"{what} cannot be loaded: {str(error).splitlines()[0]}", "download it again") from error


def write(model: CLIPModel, target: Path) -> None:
    """Write both graphs."""
    for name, component in COMPONENTS.items():
        size = graph.save(graph.tidy(trace(component, model, keep_model=True)), target / name / "model.onnx")
        script.progress(f"{name:24} {size / 1e6:8.1f} MB")


def write_configs(folder: Path, config: CLIPConfig, target: Path) -> None:
    """The preprocessing with every value named, whatever form the model's own file has, and the tokenizer."""
    for name, component in COMPONENTS.items():
        layout.write_json(target / name / "config.json", getattr(config, component.part).to_dict())
    processor = CLIPImageProcessor.from_pretrained(folder)
    layout.write_json(target / "preprocessor_config.json", json.loads(processor.to_json_string()))
    layout.copy_tokenizer(folder, target)


@torch.no_grad()
def verify(model: CLIPModel, target: Path) -> None:
    """Print how much each graph differs from torch, and stop if one exceeds its limit."""
    print(f"{'compared with torch':24} {'difference':>12} {'limit':>10}")
    failed = []
    for name, component in COMPONENTS.items():
        inputs = component.examples(model)
        expected = component.wrapper(model)(**inputs)
        difference = relative(Graph(target / name / "model.onnx")(**inputs), expected)
        print(f"{name:24} {difference:12.1e} {LIMIT:10.0e}")
        if not difference <= LIMIT:
            failed.append(name)
    if failed:
        raise Problem(
            f"the export differs from torch by more than its limit in: {', '.join(failed)}",
            "do not use it, and please report the model",
        )
