"""Make the golden images of a chain: three of diffusers' pipelines by hand, each on the 8-bit PNGs of the one before.

Images are generated, each is edited, each edit is repainted under a mask: every distinct image once. Float32 on the
CPU, on the tiny pipelines, which are built from their seeds.

Needs `masks/`. Writes `chains/*.png` and `chains/index.json`.
"""

import json
import logging
import tempfile
import warnings
from pathlib import Path

import diffusers
import numpy as np
import onnxruntime
import torch
from diffusers import DiffusionPipeline
from make_masks import HEIGHT, WIDTH
from PIL import Image
from recipes import KIND_RECIPES, RECIPES, build
from schedulers import derive

HERE = Path(__file__).parent
FOLDER = HERE / "chains"
MASK = "same_l.png"
STEPS = 4
SEEDS = [1, 2]
EDITS = ["make it winter", "make it night"]
STRENGTHS = [1.0, 0.8]
SCHEDULERS = {"generate": "euler", "edit": "euler_ancestral", "inpaint": "ddim"}
PROMPTS = {"generate": "a cottage by a lake", "inpaint": "a red door"}
LARGEST_DIFFERENCE = 1e-4
"""Between the pipelines as built here and the committed exports, of the largest output."""


def pipeline(name: str, scheduler: str, folder: Path) -> DiffusionPipeline:
    """A tiny pipeline from its recipe, held against its export."""
    [recipe] = [recipe for recipe in RECIPES + KIND_RECIPES if recipe.name == name]
    pipe = build(recipe, folder / name)
    session = onnxruntime.InferenceSession(HERE / name / "unet" / "model.onnx")
    generator = torch.Generator("cpu").manual_seed(5)
    config = pipe.unet.config
    sample = torch.randn((1, config.in_channels, 8, 8), generator=generator)
    context = torch.randn((1, 77, config.cross_attention_dim), generator=generator)
    with torch.no_grad():
        ours = pipe.unet(sample, torch.tensor(500.0), context).sample.numpy()
    names = [port.name for port in session.get_inputs()]
    values = dict(zip(names, [sample.numpy(), np.array(500, dtype=np.float32), context.numpy()], strict=True))
    [exported] = session.run(None, values)
    assert abs(ours - exported).max() < LARGEST_DIFFERENCE * abs(exported).max(), f"{name} is not its export"
    pipe.scheduler = derive(scheduler, pipe.scheduler)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def seeded(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


def main() -> None:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        generate = pipeline("tiny_generate", SCHEDULERS["generate"], Path(folder))
        edit = pipeline("tiny_eps", SCHEDULERS["edit"], Path(folder))
        inpaint = pipeline("tiny_inpaint", SCHEDULERS["inpaint"], Path(folder))
    mask = Image.open(HERE / "masks" / "source" / MASK)
    listed = []

    def keep(name: str, image: Image.Image, **of: object) -> Image.Image:
        """Writes an image; what follows works on what was written."""
        path = FOLDER / f"{name}.png"
        image.save(path, optimize=True)
        listed.append({"name": name} | of)
        return Image.open(path).convert("RGB")

    for seed in SEEDS:
        [made] = generate(
            PROMPTS["generate"],
            width=WIDTH,
            height=HEIGHT,
            num_inference_steps=STEPS,
            guidance_scale=7.0,
            generator=seeded(seed),
        ).images
        made = keep(f"{seed}", made, stage="generate", seed=seed)
        for number, instruction in enumerate(EDITS):
            [edited] = edit(
                instruction, image=made, num_inference_steps=STEPS, guidance_scale=7.0, image_guidance_scale=1.5,
                generator=seeded(seed),
            ).images  # fmt: skip
            edited = keep(f"{seed}.{number}", edited, stage="edit", seed=seed, instruction=instruction)
            for strength in STRENGTHS:
                [repainted] = inpaint(
                    PROMPTS["inpaint"], image=edited, mask_image=mask, strength=strength, width=WIDTH, height=HEIGHT,
                    num_inference_steps=STEPS, guidance_scale=7.0, generator=seeded(3),
                ).images  # fmt: skip
                repainted = inpaint.image_processor.apply_overlay(mask, edited, repainted)
                of = {"seed": seed, "instruction": instruction, "strength": strength}
                keep(f"{seed}.{number}.{strength}", repainted, stage="inpaint", **of)
    lines = ",\n  ".join(json.dumps(case) for case in listed)
    (FOLDER / "index.json").write_text(
        f'{{"diffusers": "{diffusers.__version__}", "torch": "{torch.__version__}",\n'
        f'"width": {WIDTH}, "height": {HEIGHT}, "mask": "{MASK}", "steps": {STEPS},\n'
        f'"seeds": {SEEDS}, "edits": {json.dumps(EDITS)}, "strengths": {STRENGTHS},\n'
        f'"schedulers": {json.dumps(SCHEDULERS)}, "prompts": {json.dumps(PROMPTS)},\n"cells": [\n  {lines}\n]}}\n'
    )
    print(f"{len(listed)} images")


if __name__ == "__main__":
    main()
