"""Make the golden latents of text-to-image, image-to-image and inpainting on models that are a line of arithmetic.

diffusers' own pipelines run, with a UNet and a VAE of nothing but arithmetic, so that what they do themselves can be
tested to the last digit: how their constructors rewrite a scheduler's configuration, what a strength leaves of its
steps, which noise is drawn in which order, what a 4-channel inpainting puts back. Torch's square root is IEEE's, as in
`make_options.py`.

The UNet predicts `0.9 * x / (1 + |x|) + 0.2 * t / 1000` of the scaled latents x, and for 9 channels adds
`0.3 * mask - 0.1 * masked`. The VAE's encoder gives numbers that depend on the image; they are stored.

Writes `strengths/strengths.safetensors` and `strengths/index.json`.
"""

import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import diffusers
import numpy as np
import torch
from diffusers import (
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from make_options import use_ieee_square_root
from PIL import Image
from recipes import INSTRUCT_PIX2PIX_SCHEDULER, RECIPES
from safetensors.torch import save_file
from schedulers import CLASSES, derive

FOLDER = Path(__file__).parent / "strengths"
SEED = 42
WIDTH, HEIGHT, FACTOR = 24, 16, 8
SCALING = 0.18215
ALL_STEPS = 10
"""Of runs of more evaluations only the last latents are stored."""

CONFIGS = {
    "instruct_pix2pix": {"_class_name": "EulerAncestralDiscreteScheduler"} | INSTRUCT_PIX2PIX_SCHEDULER,
    "old": {"_class_name": "PNDMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    "clipping": {"_class_name": "DDIMScheduler", "steps_offset": 0, "timestep_spacing": "leading"},
    "prk": {"_class_name": "HeunDiscreteScheduler", "skip_prk_steps": False, "steps_offset": 3},
    "tiny_v": {"_class_name": "DDIMScheduler"} | RECIPES[1].scheduler_config,
}
KINDS = {
    "generate": (StableDiffusionPipeline, 4),
    "image_to_image": (StableDiffusionImg2ImgPipeline, 4),
    "inpaint_9": (StableDiffusionInpaintPipeline, 9),
    "inpaint_4": (StableDiffusionInpaintPipeline, 4),
}
STRENGTHS = [(6, 1.0), (10, 0.58), (10, 0.3), (50, 0.58)]
"""In doubles 10 * 0.58 is below 5.8 and 50 * 0.58 below 29."""


class Unet(torch.nn.Module):
    """The line of arithmetic."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, channels: int):
        super().__init__()
        self.config = SimpleNamespace(in_channels=channels, sample_size=64, time_cond_proj_dim=None)

    def forward(self, sample: torch.Tensor, timestep: torch.Tensor, **_: object) -> tuple[torch.Tensor]:
        x = sample[:, :4]
        predicted = 0.9 * x / (1 + x.abs()) + 0.2 * timestep.float() / 1000
        if sample.shape[1] == 9:
            predicted = predicted + 0.3 * sample[:, 4:5] - 0.1 * sample[:, 5:]
        return (predicted,)


class Vae(torch.nn.Module):
    """Sums of the image's blocks, and what was asked."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self):
        super().__init__()
        self.config = SimpleNamespace(
            scaling_factor=SCALING, block_out_channels=[1] * 4, latent_channels=4, force_upcast=False
        )
        self.asked = {}

    def encode(self, image: torch.Tensor) -> SimpleNamespace:
        blocks = torch.nn.functional.avg_pool2d(image, FACTOR)
        mixed = torch.linspace(-1, 1, 24).reshape(8, 3)
        parameters = torch.einsum("oc,nchw->nohw", mixed, blocks) * 4
        parameters[:, 4:] -= 2
        parameters[0, 4, 0, 0] = -40.0  # below -30, where it is clamped
        self.asked.setdefault(tuple(parameters.flatten().tolist()), parameters)
        return SimpleNamespace(latent_dist=DiagonalGaussianDistribution(parameters))


def picture() -> Image.Image:
    """The image of every case."""
    levels = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return Image.fromarray(levels)


def mask() -> Image.Image:
    """The mask of every case: not the same in all latents, with grey on both sides of the threshold."""
    levels = np.zeros((HEIGHT, WIDTH), np.uint8)
    levels[:8, :8], levels[8:, 8:16], levels[8:, 16:] = 255, 128, 127
    return Image.fromarray(levels)


def pipeline(kind: str, config: dict, scheduler: str) -> diffusers.DiffusionPipeline:
    """The pipeline, its constructor given the scheduler that wrote the file; the named one is derived from that."""
    pipeline_class, channels = KINDS[kind]
    written = getattr(diffusers, config["_class_name"]).from_config(config)
    pipe = pipeline_class(
        vae=Vae(),
        text_encoder=None,
        tokenizer=None,
        unet=Unet(channels),
        scheduler=written,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.scheduler = derive(scheduler, written)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def run(pipe: diffusers.DiffusionPipeline, kind: str, steps: int, strength: float) -> dict[str, torch.Tensor]:
    """The timesteps asked of the UNet, and the latents after each evaluation."""
    after, timesteps = [], []

    def keep(_: object, __: int, timestep: torch.Tensor, values: dict) -> dict:
        timesteps.append(timestep.float().reshape(1))
        after.append(values["latents"].clone())
        return {}

    arguments = {"generate": {"width": WIDTH, "height": HEIGHT}, "image_to_image": {"image": picture()}}
    inpaint = {"image": picture(), "mask_image": mask(), "width": WIDTH, "height": HEIGHT}
    arguments = arguments.get(kind, inpaint) | ({} if kind == "generate" else {"strength": strength})
    pipe(
        prompt_embeds=torch.zeros(1, 77, 8),
        guidance_scale=1.0,
        num_inference_steps=steps,
        generator=torch.Generator("cpu").manual_seed(SEED),
        output_type="latent",
        callback_on_step_end=keep,
        callback_on_step_end_tensor_inputs=["latents"],
        **arguments,
    )
    kept = after if len(after) <= ALL_STEPS else after[-1:]
    return {"timesteps": torch.cat(timesteps), "latents": torch.cat(kept)}


def cases() -> Iterator[dict]:
    for kind in KINDS:
        for config in CONFIGS:
            for scheduler in CLASSES:
                for steps, strength in STRENGTHS:
                    if (kind == "generate" and strength < 1.0) or (steps == 50 and config not in ("old", "tiny_v")):
                        continue
                    name = f"{kind}.{config}.{scheduler}.{steps}.{strength}"
                    case = {"name": name, "kind": kind, "config": config, "scheduler": scheduler}
                    yield case | {"steps": steps, "strength": strength}


def main() -> None:
    use_ieee_square_root()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore", FutureWarning)
    FOLDER.mkdir(exist_ok=True)
    stored, listed, asked = {}, [], []
    for case in cases():
        try:
            pipe = pipeline(case["kind"], CONFIGS[case["config"]], case["scheduler"])
            arrays = run(pipe, case["kind"], case["steps"], case["strength"])
        except Exception as error:  # what diffusers cannot do is part of the record
            listed.append(case | {"error": f"{type(error).__name__}: {error}".splitlines()[0]})
            print(listed[-1])
            continue
        stored |= {f"{case['name']}.{key}": value.contiguous() for key, value in arrays.items()}
        finite = bool(arrays["latents"].isfinite().all())
        listed.append(case | {"evaluations": len(arrays["timesteps"]), "finite": finite})
        if case["kind"] == "inpaint_4":
            asked = list(pipe.vae.asked.values())
    image, masked_image = asked
    stored |= {"image": image, "masked_image": masked_image}
    stored["mask"] = torch.tensor([[[[1.0, 0, 0], [0, 1, 0]]]])
    save_file(stored, FOLDER / "strengths.safetensors")
    (FOLDER / "strengths.safetensors").chmod(0o644)
    lines = ",\n  ".join(json.dumps(case) for case in listed)
    (FOLDER / "index.json").write_text(
        f'{{"diffusers": "{diffusers.__version__}", "seed": {SEED}, "scaling_factor": {SCALING},\n'
        f'"configs": {json.dumps(CONFIGS, indent=1)},\n"cases": [\n  {lines}\n]}}\n'
    )
    print(f"{len(listed)} cases, {sum(not case.get('finite', False) for case in listed)} failing or not finite")


if __name__ == "__main__":
    main()
