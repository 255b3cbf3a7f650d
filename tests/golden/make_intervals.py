"""Make the golden runs with a guidance interval: diffusers' pipeline whose scales are switched from step to step.

Outside the interval both scales are 1, which leaves the conditioned branch alone with coefficient 1. The pipeline
is that of `make_goldens.py` with guidance never switched off; `callback_on_step_end` sets the scales of the
evaluation that follows. Schedulers with several evaluations a step decide by the step.

Needs the torch weights that `make_pipelines.py` leaves, and `runs/input/`. Writes `runs/intervals.json` and
`runs/intervals/*.png`.
"""

import json
from dataclasses import asdict, dataclass
from fractions import Fraction

import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from make_goldens import FOLDER, HERE, SIZES, Edit, FormulaPipeline
from PIL import Image
from schedulers import make_scheduler

MODELS = ["tiny_eps", "tiny_v"]
OUTSIDE = (1.0, 1.0)


@dataclass(kw_only=True)
class Case(Edit):
    """The parameters of one run."""

    guidance_start: str
    guidance_end: str
    num_inference_steps: int = 10
    guidance: str = "formula"


CASES = [
    Case("late", guidance_start="0.3", guidance_end="1.0"),
    Case("early", guidance_start="0.0", guidance_end="0.5"),
    Case("middle", guidance_start="0.2", guidance_end="0.75"),
    Case("between_steps", guidance_start="0.25", guidance_end="0.35"),
    Case("ddim", guidance_start="0.2", guidance_end="0.75", scheduler="ddim"),
    Case("dpmpp_2m", guidance_start="0.2", guidance_end="0.75", scheduler="dpmpp_2m"),
    Case("heun", guidance_start="0.2", guidance_end="0.75", scheduler="heun"),
    Case("pndm", guidance_start="0.1", guidance_end="0.75", scheduler="pndm"),
    Case("seven_steps", guidance_start="0.2", guidance_end="0.75", num_inference_steps=7),
]


def step_of(scheduler: str, evaluation: int) -> int:
    """The step of an evaluation: heun asks twice a step, but for the last; pndm twice in its first."""
    return {"heun": evaluation // 2, "pndm": max(evaluation - 1, 0)}.get(scheduler, evaluation)


def scales(case: Case, evaluation: int) -> tuple[float, float]:
    share = Fraction(step_of(case.scheduler, evaluation), case.num_inference_steps)
    inside = Fraction(case.guidance_start) <= share < Fraction(case.guidance_end)
    return (case.guidance_scale, case.image_guidance_scale) if inside else OUTSIDE


def run(pipe: StableDiffusionInstructPix2PixPipeline, case: Case, image: Image.Image) -> Image.Image:
    scheduler = make_scheduler(case.scheduler, pipe.scheduler.config)
    pipe = FormulaPipeline(**(pipe.components | {"scheduler": scheduler}), requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)

    def switch(pipe: FormulaPipeline, evaluation: int, _timestep: int, _tensors: dict) -> dict:
        pipe._guidance_scale, pipe._image_guidance_scale = scales(case, evaluation + 1)
        return {}

    guidance_scale, image_guidance_scale = scales(case, 0)
    return pipe(
        case.instruction,
        image=image,
        negative_prompt=case.negative_prompt,
        guidance_scale=guidance_scale,
        image_guidance_scale=image_guidance_scale,
        num_inference_steps=case.num_inference_steps,
        generator=torch.Generator("cpu").manual_seed(case.seed),
        callback_on_step_end=switch,
    ).images[0]


def main() -> None:
    torch.set_num_threads(1)
    listed = []
    (FOLDER / "intervals").mkdir(exist_ok=True)
    for model in MODELS:
        weights = HERE / "weights" / model
        pipe = StableDiffusionInstructPix2PixPipeline.from_pretrained(weights, safety_checker=None)
        width, height = SIZES[model]["main"]
        source = f"input/{width}x{height}.png"
        for case in CASES:
            png = f"intervals/{model}_{case.name}.png"
            run(pipe, case, Image.open(FOLDER / source)).save(FOLDER / png, optimize=True)
            entry = asdict(case) | {"seed": str(case.seed), "model": model, "input": source, "png": png}
            listed.append(json.dumps(entry))
            print(png)
    lines = ",\n  ".join(listed)
    (FOLDER / "intervals.json").write_text(f'{{"cases": [\n  {lines}\n]}}\n')


if __name__ == "__main__":
    main()
