"""Compare an export with its source: each component, then whole pictures of a few steps on the same latents.

Torch runs first and is let go part by part, then ONNX Runtime runs, so that one copy of the weights is in
memory at a time. Differences are the largest ones as a share of the reference's largest value; the
picture's are in levels of 255.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import diffusers
import numpy as np
import onnxruntime
import torch

from . import script
from .problem import Problem
from .source import Source

STEPS = 5
GUIDANCE_SCALE, IMAGE_GUIDANCE_SCALE = 7.0, 1.5
SEED = 42
IDS_SEED = 7

Predict = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass
class Limits:
    """The largest allowed differences."""

    component: float
    steps: float
    levels: int


LIMITS = {
    "float32": Limits(component=1e-4, steps=1e-3, levels=2),
    "stored float16": Limits(component=1e-2, steps=5e-2, levels=8),
    "float16": Limits(component=2e-2, steps=1e-1, levels=16),
}
"""By the arithmetic and storage of the export. Rounding weights to 11 bits moves every value a little; guidance of
7 multiplies that."""


@dataclass
class Size:
    """The sides of the latents of a case."""

    height: int
    width: int


def sizes(unet_levels: int) -> list[Size]:
    """One that the UNet's levels halve evenly and one that they do not; neither is the one that was traced."""
    unit = 2 ** (unet_levels - 1)
    return [Size(unit, 2 * unit), Size(2 * unit + 3, unit + 1)]


@dataclass
class Run:
    """The results of one implementation: named arrays to compare."""

    text: torch.Tensor
    image_latents: list[torch.Tensor]
    prediction: list[torch.Tensor]
    latents: list[list[torch.Tensor]]
    pictures: list[torch.Tensor]


@dataclass
class Setting:
    """The inputs of both implementations."""

    ids: torch.Tensor
    pixels: list[torch.Tensor]
    scheduler: dict
    scaling_factor: float
    latent_channels: int
    kind: str


def setting(source: Source) -> Setting:
    """Token ids, pictures and the scheduler of a comparison; seeded, so that a difference is seen again."""
    text, unet, vae = (source.config(part) for part in ("text_encoder", "unet", "vae"))
    generator = torch.Generator("cpu").manual_seed(IDS_SEED)
    context, vocabulary = text["max_position_embeddings"], text["vocab_size"]
    factor = 2 ** (len(vae["block_out_channels"]) - 1)
    pixels = [
        torch.nn.functional.interpolate(
            torch.rand(1, 3, 6, 6, generator=generator), (size.height * factor, size.width * factor), mode="bilinear"
        )
        * 2
        - 1
        for size in sizes(len(unet["block_out_channels"]))
    ]
    return Setting(
        ids=torch.randint(vocabulary - 2, (2, context), generator=generator),
        pixels=pixels,
        scheduler=source.scheduler(),
        scaling_factor=vae["scaling_factor"],
        latent_channels=vae["latent_channels"],
        kind=source.kind,
    )


# --- the loop, the same for both -----------------------------------------------------------------


def picture(predict: Predict, text: torch.Tensor, image: torch.Tensor, given: Setting) -> list[torch.Tensor]:
    """The latents after each step, as diffusers' pipeline of the kind computes them."""
    scheduler = getattr(diffusers, given.scheduler["_class_name"]).from_config(given.scheduler)
    scheduler.set_timesteps(STEPS)
    generator = torch.Generator("cpu").manual_seed(SEED)
    extra = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    latents = torch.randn(image.shape, generator=generator) * scheduler.init_noise_sigma
    after = []
    for timestep in scheduler.timesteps:
        scaled = scheduler.scale_model_input(latents, timestep)
        predicted = guided(predict, scaled, timestep, text, image, given.kind)
        latents = scheduler.step(predicted, timestep, latents, **extra, return_dict=False)[0]
        after.append(latents)
    return after


def guided(
    predict: Predict,
    latents: torch.Tensor,
    timestep: torch.Tensor,
    text: torch.Tensor,
    image: torch.Tensor,
    kind: str,
) -> torch.Tensor:
    """The prediction of one step with the guidance of the kind; `text` is one of words and one of none."""
    beside = conditioning(image, kind)
    if kind == "edit":
        rows = torch.cat([text[:1], text[1:], text[1:]])
        beside = torch.cat([beside, beside, torch.zeros_like(beside)])
        sample = torch.cat([latents.expand(3, -1, -1, -1), beside], dim=1)
        by_text, by_image, by_none = predict(sample, timestep, rows).chunk(3)
        return by_none + GUIDANCE_SCALE * (by_text - by_image) + IMAGE_GUIDANCE_SCALE * (by_image - by_none)
    sample = torch.cat([latents, beside], dim=1).expand(2, -1, -1, -1)
    by_text, by_none = predict(sample, timestep, text).chunk(2)
    return by_none + GUIDANCE_SCALE * (by_text - by_none)


def conditioning(image: torch.Tensor, kind: str) -> torch.Tensor:
    """What the UNet takes beside noisy latents: nothing, the picture's, or a mask of half the picture and the rest."""
    if kind == "edit":
        return image
    if kind == "generate":
        return image[:, :0]
    mask = torch.zeros_like(image[:, :1])
    mask[..., : mask.shape[-1] // 2] = 1
    return torch.cat([mask, image * (mask < 0.5)], dim=1)


def first_sample(image: torch.Tensor, kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A UNet input beside the given picture latents, and a timestep that float16 cannot hold."""
    noise = torch.randn(image.shape, generator=torch.Generator("cpu").manual_seed(SEED))
    return torch.cat([noise, conditioning(image, kind)], dim=1), torch.tensor(946.42)


def run(text: torch.Tensor, images: list[torch.Tensor], predict: Predict, given: Setting) -> tuple[list, list]:
    """The prediction on one input and the latents of a picture, for each size."""
    predictions, edits = [], []
    for image in images:
        sample, timestep = first_sample(image, given.kind)
        predictions.append(predict(sample, timestep, text[:1]))
        edits.append(picture(predict, text, image, given))
    return predictions, edits


# --- the two implementations ---------------------------------------------------------------------


@torch.no_grad()
def run_torch(source: Source, given: Setting) -> Run:
    """The reference, in float32."""
    text = source.load("text_encoder")(input_ids=given.ids).last_hidden_state
    vae = source.load("vae")
    images = [vae.encode(pixels).latent_dist.mean for pixels in given.pixels]
    predictions, edits = run(text, images, torch_unet(source), given)
    pictures = [vae.decode(latents[-1] / given.scaling_factor).sample for latents in edits]
    return Run(text, images, predictions, edits, pictures)


def torch_unet(source: Source) -> Predict:
    """The reference's UNet; its weights go when this function goes."""
    unet = source.load("unet")
    return lambda sample, timestep, states: unet(sample, timestep, states).sample


class Graph:
    """An exported component, called with torch tensors by name; casts to the types that it declares."""

    TYPES = {
        "tensor(int64)": np.int64,
        "tensor(int32)": np.int32,
        "tensor(float)": np.float32,
        "tensor(float16)": np.float16,
    }

    def __init__(self, path: Path):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.types = {value.name: self.TYPES[value.type] for value in self.session.get_inputs()}

    def __call__(self, **inputs: torch.Tensor) -> torch.Tensor:
        feed = {name: inputs[name].numpy().astype(dtype) for name, dtype in self.types.items()}
        return torch.from_numpy(self.session.run(None, feed)[0].astype(np.float32))


def run_onnx(target: Path, given: Setting, reference: Run) -> Run:
    """The export. Every component but the edits gets the reference's inputs, so that each is judged alone."""
    text = Graph(target / "text_encoder" / "model.onnx")(input_ids=given.ids)
    encoder = Graph(target / "vae_encoder" / "model.onnx")
    images = [encoder(sample=pixels)[:, : given.latent_channels] for pixels in given.pixels]
    predictions, edits = run(reference.text, reference.image_latents, onnx_unet(target), given)
    decoder = Graph(target / "vae_decoder" / "model.onnx")
    pictures = [decoder(latent_sample=latents[-1] / given.scaling_factor) for latents in reference.latents]
    return Run(text, images, predictions, edits, pictures)


def onnx_unet(target: Path) -> Predict:
    """Run the export's UNet; the session is freed on return."""
    unet = Graph(target / "unet" / "model.onnx")
    return lambda sample, timestep, states: unet(sample=sample, timestep=timestep, encoder_hidden_states=states)


# --- the verdict ---------------------------------------------------------------------------------


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference as a share of the largest value; infinite where something is not finite."""
    if found.shape != expected.shape or not found.isfinite().all():
        return float("inf")
    return ((found - expected).abs().max() / expected.abs().max()).item()


def in_levels(picture: torch.Tensor) -> torch.Tensor:
    return ((picture / 2 + 0.5).clamp(0, 1) * 255).round()


def differences(found: Run, expected: Run, limits: Limits) -> list[tuple[str, float, float]]:
    """What was compared, its difference, and the limit of that."""
    pairs = {
        "text_encoder": ([found.text], [expected.text]),
        "vae_encoder": (found.image_latents, expected.image_latents),
        "unet": (found.prediction, expected.prediction),
        "vae_decoder": (found.pictures, expected.pictures),
    }
    rows = [(name, max(map(relative, ours, theirs)), limits.component) for name, (ours, theirs) in pairs.items()]
    for step in range(len(expected.latents[0])):
        ours, theirs = ([latents[step] for latents in each.latents] for each in (found, expected))
        rows.append((f"latents, step {step + 1}", max(map(relative, ours, theirs)), limits.steps))
    return rows


def final_picture(found: Run, expected: Run, target: Path, given: Setting) -> float:
    """The export's own edit, decoded by itself, against the reference's picture: the largest difference in levels."""
    decoder = Graph(target / "vae_decoder" / "model.onnx")
    pictures = [decoder(latent_sample=latents[-1] / given.scaling_factor) for latents in found.latents]
    return max(
        (in_levels(ours) - in_levels(theirs)).abs().max().item()
        for ours, theirs in zip(pictures, expected.pictures, strict=True)
    )


def verify(source: Source, target: Path, arithmetic: str) -> None:
    """Print how far the export is from its source, and stop if that is more than the limits of its arithmetic."""
    given, limits = setting(source), LIMITS[arithmetic]
    script.progress("verifying: torch ...")
    expected = run_torch(source, given)
    script.progress("verifying: the export ...")
    found = run_onnx(target, given, expected)
    rows = differences(found, expected, limits)
    levels = final_picture(found, expected, target, given)
    print(f"{'compared with torch':24} {'difference':>12} {'limit':>10}")
    for name, difference, limit in rows:
        print(f"{name:24} {difference:12.1e} {limit:10.0e}")
    print(f"{'picture, levels of 255':24} {levels:12.0f} {limits.levels:10}")
    failed = [name for name, difference, limit in rows if not difference <= limit]
    if not levels <= limits.levels:
        failed.append("picture")
    if failed:
        raise Problem(
            f"the export differs from torch by more than its limits in: {', '.join(failed)}",
            "do not use it; export with --precision fp32, and if that fails too, please report the model",
        )
