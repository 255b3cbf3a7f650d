"""Make the golden images of the kinds of pipelines beside editing: diffusers' own, float32, CPU, on the tiny pipelines.

Text-to-image, image-to-image and inpainting (with 4 and with 9 channels) with every scheduler and strength; masks of
every mode; what becomes of the outside of a mask. The named scheduler is derived from the pipeline's own, after its
constructor has rewritten it.

Needs `masks/` and the torch weights that `make_pipelines.py` leaves. Writes `kinds/*.png` and `kinds/index.json`.
"""

import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import (
    DiffusionPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)
from make_inputs import picture
from make_masks import HEIGHT, WIDTH
from PIL import Image
from recipes import CLIPPING_DDIM, INSTRUCT_PIX2PIX_SCHEDULER, OLD_PNDM, RECIPES
from schedulers import CLASSES, derive

HERE = Path(__file__).parent
FOLDER = HERE / "kinds"
CONFIGS = {
    "old_pndm": {"_class_name": "PNDMScheduler"} | OLD_PNDM,
    "clipping_ddim": {"_class_name": "DDIMScheduler"} | CLIPPING_DDIM,
    "stable_diffusion_1": {"_class_name": "PNDMScheduler"} | INSTRUCT_PIX2PIX_SCHEDULER,
    "stable_diffusion_2": {"_class_name": "DDIMScheduler"} | RECIPES[1].scheduler_config,
}
OWN = {"tiny_generate": "old_pndm", "tiny_inpaint": "clipping_ddim"}
"""Of each model, whose predictions are taken for what another configuration says, too."""
PIPELINES = {
    "generate": StableDiffusionPipeline,
    "image-to-image": StableDiffusionImg2ImgPipeline,
    "inpaint": StableDiffusionInpaintPipeline,
}
STRENGTHS = [(6, 1.0), (10, 0.3), (50, 0.58)]
MASKS = ["same_l.png", "larger_l.png", "larger_rgb.png", "same_1.png", "smaller_p.png", "same_rgba.png"]


@dataclass
class Case:
    """The parameters of one image."""

    name: str
    kind: str
    model: str
    scheduler: str
    config: str = ""
    num_inference_steps: int = 6
    strength: float = 1.0
    mask: str = ""
    outside: str = "decoded"
    only_masked: int | None = None
    prompt: str = "a cottage by a lake"
    negative_prompt: str = "a blurry photo"
    guidance_scale: float = 7.5
    seed: int = 42

    def __post_init__(self):
        self.config = self.config or OWN[self.model]


ALL_KINDS = [
    ("generate", "tiny_generate", ""),
    ("image-to-image", "tiny_generate", ""),
    ("inpaint", "tiny_inpaint", "larger_rgb.png"),
    ("inpaint", "tiny_generate", "larger_rgb.png"),
]


def cases() -> Iterator[Case]:
    for kind, model, mask in ALL_KINDS:
        short = f"{kind}-4" if (kind, model) == ("inpaint", "tiny_generate") else kind
        for scheduler in CLASSES:
            for steps, strength in STRENGTHS[:1] if kind == "generate" else STRENGTHS:
                name = f"{short}.{scheduler}.{steps}.{strength}"
                yield Case(name, kind, model, scheduler, "", steps, strength, mask)
        for config in CONFIGS:
            for scheduler in ("euler", "pndm", "ddim", "dpmpp_2m"):
                if config != OWN[model]:
                    strength = 1.0 if kind == "generate" else 0.6
                    name = f"{short}.{config}.{scheduler}"
                    yield Case(name, kind, model, scheduler, config, 6, strength, mask)
        yield Case(f"{short}.unguided", kind, model, "euler_ancestral", mask=mask, guidance_scale=1.0, seed=7)
    for kind, model, scheduler in [
        ("inpaint", "tiny_inpaint", "euler_ancestral"),
        ("inpaint-4", "tiny_generate", "ddim"),
    ]:
        for mask in MASKS:
            for outside, only_masked in [("kept", None), ("decoded", None), ("kept", 3)]:
                name = f"{kind}.{mask}.{outside}" + (".only_masked" if only_masked else "")
                yield Case(name, "inpaint", model, scheduler, "", 4, 0.8, mask, outside, only_masked, seed=3)


def pipeline(case: Case) -> DiffusionPipeline:
    parts = DiffusionPipeline.from_pretrained(HERE / "weights" / case.model, safety_checker=None).components
    config = CONFIGS[case.config]
    parts["scheduler"] = getattr(diffusers, config["_class_name"]).from_config(config)
    pipe = PIPELINES[case.kind](**parts, requires_safety_checker=False)
    pipe.scheduler = derive(case.scheduler, pipe.scheduler)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def run(case: Case, original: Image.Image) -> Image.Image:
    """The image of a case."""
    pipe = pipeline(case)
    size, arguments = {"width": WIDTH, "height": HEIGHT}, {}
    if case.kind == "image-to-image":
        arguments = {"image": original, "strength": case.strength}
    elif case.kind == "inpaint":
        mask = Image.open(HERE / "masks/source" / case.mask)
        if mask.size != original.size:
            mask = pipe.mask_processor.resize(mask, HEIGHT, WIDTH)
        arguments = {"image": original, "strength": case.strength, "mask_image": mask} | size
        arguments |= {"padding_mask_crop": case.only_masked}
    else:
        arguments = size
    [result] = pipe(
        case.prompt,
        negative_prompt=case.negative_prompt,
        guidance_scale=case.guidance_scale,
        num_inference_steps=case.num_inference_steps,
        generator=torch.Generator("cpu").manual_seed(case.seed),
        **arguments,
    ).images
    if case.outside == "kept" and case.only_masked is None:
        result = pipe.image_processor.apply_overlay(mask, original, result)
    return result


def main() -> None:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    original = picture(WIDTH, HEIGHT, seed=21)
    original.save(FOLDER / "input.png", optimize=True)
    listed, extreme = [], []
    for case in cases():
        result = run(case, original)
        result.save(FOLDER / f"{case.name}.png", optimize=True)
        listed.append(asdict(case))
        samples = np.asarray(result)
        extreme.append((float(((samples == 0) | (samples == 255)).mean()), case.name))
    lines = ",\n  ".join(json.dumps(case) for case in listed)
    (FOLDER / "index.json").write_text(
        f'{{"diffusers": "{diffusers.__version__}", "torch": "{torch.__version__}",\n'
        f'"width": {WIDTH}, "height": {HEIGHT}, "configs": {json.dumps(CONFIGS, indent=1)},\n'
        f'"cases": [\n  {lines}\n]}}\n'
    )
    print(f"{len(listed)} cases; most black or white: {sorted(extreme)[-5:]}")


if __name__ == "__main__":
    main()
