"""Make the golden runs: diffusers' StableDiffusionInstructPix2PixPipeline, float32, CPU, on the tiny pipelines.

For every scheduler, and for what else changes a cell (seeds, scales, sizes, texts, steps), the arrays on the
way and the final PNG. Each case's scheduler is made by `from_config` of the model's own.

Needs the torch weights that `make_pipelines.py` leaves. Writes `runs/NAME.safetensors`, `runs/NAME.json`,
`runs/NAME/*.png` and the inputs, `runs/input/*.png`.
"""

import functools
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from make_inputs import picture
from PIL import Image
from safetensors.torch import save_file
from schedulers import CLASSES, make_scheduler

HERE = Path(__file__).parent
FOLDER = HERE / "runs"
LONG = "make it a snowy winter night with stars, " * 20

SIZES = {
    "tiny_eps": {"main": (64, 48), "square": (48, 48), "odd": (67, 50)},
    "tiny_v": {"main": (96, 64), "square": (64, 64), "odd": (101, 70)},
}
"""Input pictures; `odd` is one that diffusers scales down to multiples of the VAE factor, as `main`."""


class FormulaPipeline(StableDiffusionInstructPix2PixPipeline):
    """Guidance by the formula whatever the scales: `guidance = "formula"` of the sweep file."""

    @property
    def do_classifier_free_guidance(self) -> bool:
        return True


@dataclass
class Edit:
    """What every golden run says of its edit, whatever else its cases vary."""

    name: str
    scheduler: str = "euler_ancestral"
    instruction: str = "make it winter, and paint the house red!"
    negative_prompt: str = "a blurry photo"
    guidance_scale: float = 7.0
    image_guidance_scale: float = 1.5
    seed: int = 42


@dataclass
class Case(Edit):
    """The parameters of one run; the defaults are those of the runs of each scheduler."""

    num_inference_steps: int = 6
    guidance: str = "diffusers"
    input: str = "main"


CASES = [Case(name, scheduler=name) for name in CLASSES] + [
    Case("seed_0", seed=0),
    Case("seed_2p32_plus_7", seed=2**32 + 7),
    Case("seed_max", seed=2**64 - 1),
    Case("steps_1", num_inference_steps=1),
    Case("steps_2", num_inference_steps=2),
    Case("steps_20", num_inference_steps=20),
    Case("square", input="square"),
    Case("odd", input="odd"),
    Case("negative_empty", negative_prompt=""),
    Case("instruction_empty", instruction=""),
    Case("instruction_long", instruction=LONG),
    Case("instruction_accents", instruction="Café  à NOËL — it's 1900"),
    Case("guidance_scale_1", guidance_scale=1.0),
    Case("guidance_scale_half", guidance_scale=0.5),
    Case("image_guidance_scale_1", image_guidance_scale=1.0),
    Case("image_guidance_scale_below_1", image_guidance_scale=0.9),
    Case("formula_text_1", guidance="formula", guidance_scale=1.0),
    Case("formula_text_half", guidance="formula", guidance_scale=0.5),
    Case("formula_text_0", guidance="formula", guidance_scale=0.0),
    Case("formula_image_1", guidance="formula", image_guidance_scale=1.0),
    Case("formula_image_half", guidance="formula", image_guidance_scale=0.5),
    Case("formula_both_1", guidance="formula", guidance_scale=1.0, image_guidance_scale=1.0),
    Case("formula_equal", guidance="formula", guidance_scale=1.5, image_guidance_scale=1.5),
    Case("strong", guidance_scale=10.0, image_guidance_scale=2.25),
]


class Recorder:
    """Keeps what goes into and comes out of each `step` of a scheduler, changing nothing."""

    def __init__(self, scheduler: diffusers.SchedulerMixin):
        self.predicted, self.given, self.latents = [], [], []
        step = scheduler.step

        @functools.wraps(step)  # the pipeline reads the signature to know whether to hand over the generator
        def recorded(predicted, timestep, sample, *args, **kwargs):
            result = step(predicted, timestep, sample, *args, **kwargs)
            self.predicted.append(predicted.clone())
            self.given.append(sample.clone())
            self.latents.append(result[0].clone())
            return result

        scheduler.step = recorded


def run(pipe: StableDiffusionInstructPix2PixPipeline, case: Case, image: Image.Image) -> tuple[Image.Image, dict, dict]:
    """The picture, the arrays on the way, and facts for the index."""
    scheduler = make_scheduler(case.scheduler, pipe.scheduler.config)
    used = FormulaPipeline if case.guidance == "formula" else StableDiffusionInstructPix2PixPipeline
    pipe = used(**(pipe.components | {"scheduler": scheduler}), requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    recorder = Recorder(scheduler)
    [result] = pipe(
        case.instruction,
        image=image,
        negative_prompt=case.negative_prompt,
        guidance_scale=case.guidance_scale,
        image_guidance_scale=case.image_guidance_scale,
        num_inference_steps=case.num_inference_steps,
        generator=torch.Generator("cpu").manual_seed(case.seed),
    ).images
    arrays = {
        "timesteps": scheduler.timesteps.float(),
        "initial": recorder.given[0],
        "predicted": torch.cat(recorder.predicted),
        "latents": torch.cat(recorder.latents),
    }
    if hasattr(scheduler, "sigmas"):
        arrays["sigmas"] = scheduler.sigmas.float()
    facts = {
        "init_noise_sigma": float(scheduler.init_noise_sigma),
        "timestep_type": str(scheduler.timesteps.dtype).removeprefix("torch."),
        "width": result.width,
        "height": result.height,
    }
    return result, arrays, facts


@torch.no_grad()
def components(pipe: StableDiffusionInstructPix2PixPipeline, image: Image.Image) -> dict[str, torch.Tensor]:
    """What each part gives for the texts and the picture of the main cases."""
    pixels = pipe.image_processor.preprocess(image)
    arrays = {"components.pixels": pixels, "components.image_latents": pipe.vae.encode(pixels).latent_dist.mode()}
    default = Case("")
    for name, text in (("instruction", default.instruction), ("negative_prompt", default.negative_prompt)):
        ids = pipe.tokenizer(text, padding="max_length", truncation=True, return_tensors="pt").input_ids
        arrays[f"components.{name}"] = pipe.text_encoder(ids)[0]
    return arrays


def inputs(name: str) -> dict[str, Image.Image]:
    """The input pictures of a pipeline, written beside the runs."""
    pictures = {}
    for kind, (width, height) in SIZES[name].items():
        path = FOLDER / "input" / f"{width}x{height}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures[kind] = picture(width, height, seed=7)
        pictures[kind].save(path, optimize=True)
    return pictures


def extremes(image: Image.Image) -> float:
    """The share of samples that are black or white, so that a saturated golden is noticed."""
    samples = np.asarray(image)
    return float(((samples == 0) | (samples == 255)).mean())


def make(name: str) -> None:
    """All cases of one pipeline."""
    pipe = StableDiffusionInstructPix2PixPipeline.from_pretrained(HERE / "weights" / name, safety_checker=None)
    pictures = inputs(name)
    (FOLDER / name).mkdir(exist_ok=True)
    arrays, listed = components(pipe, pictures["main"]), []
    for case in CASES:
        image = pictures[case.input]
        result, found, facts = run(pipe, case, image)
        result.save(FOLDER / name / f"{case.name}.png", optimize=True)
        arrays |= {f"{case.name}.{key}": value for key, value in found.items()}
        entry = asdict(case) | facts | {"png": f"{name}/{case.name}.png"}
        entry |= {"seed": str(case.seed), "input": f"input/{image.width}x{image.height}.png"}
        listed.append(entry)
        spread = found["latents"][-1].std()
        print(f"{name}.{case.name:30} latents {spread:8.2f}, black or white {extremes(result):.1%}")
    save_file({key: value.contiguous() for key, value in arrays.items()}, FOLDER / f"{name}.safetensors")
    (FOLDER / f"{name}.safetensors").chmod(0o644)
    lines = ",\n  ".join(json.dumps(entry) for entry in listed)
    (FOLDER / f"{name}.json").write_text(
        f'{{"diffusers": "{diffusers.__version__}", "torch": "{torch.__version__}", "cases": [\n  {lines}\n]}}\n'
    )


def main() -> None:
    torch.set_num_threads(1)
    for name in SIZES:
        make(name)


if __name__ == "__main__":
    main()
