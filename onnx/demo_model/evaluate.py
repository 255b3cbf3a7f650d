"""Measures the demo model against the true edited scenes, on scenes and phrasings never trained on.

    python evaluate.py PIPELINE --out figures [--parts proof quality scales]

`proof` shows that the batched sampler used here gives what diffusers' pipeline gives, `quality` compares
with the bars of the model card, `scales` how both guidance scales act on a grid of 5 x 5. With `--onnx` the
sampler runs the exported UNet, and `proof` holds that to diffusers' pipeline too.
"""

import argparse
import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from PIL import Image

from drawing import render
from edits import PAIRS, SINGLES, TASKS, Task
from exported import ExportedUnet
from pictures import to_tensor
from sampling import edit
from scenes import WALLS, sample_scene

FIRST_SEED = 8_000_000
CASES, SCALE_CASES = 200, 50
TEXT_SCALE, IMAGE_SCALE, STEPS = 5.0, 1.5, 20
TEXT_SCALES, IMAGE_SCALES = (1.5, 3.0, 5.0, 7.5, 12.0), (1.0, 1.25, 1.5, 2.0, 2.5)
SHOWN_SCALES = (0.5, 2.5), (1.5, 2.5), (5.0, 1.5), (12.0, 1.0), (12.0, 0.5)  # from barely edited to destroyed
GLOBAL_BARS = dict.fromkeys(("winter", "night", "sunset", "fog", "desert", "sketch"), 8.0) | {
    "autumn": 5.0,
    "rain": 5.0,
}
LOCAL_BARS = {"house colour", "castle", "rainbow"}
INSIDE_BAR, OUTSIDE_BAR, AUTOENCODER_BAR_DB = 0.5, 1.3, 31.0
CHANGED = 3  # levels of 255: where before and after differ by more is the edited region
LEAST_CHANGED = 0.005  # share of a picture that an edit must change to be a case
KINDS = [edit.name for edit in SINGLES if edit.changes.keys() != {"wall"}] + ["house colour"]


@dataclass
class Case:
    """One scene, one instruction, and the pictures before and (truly) after it, uint8."""

    kind: str
    instruction: str
    seed: int
    before: np.ndarray
    after: np.ndarray


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path, help="a diffusers folder")
    parser.add_argument("--out", type=Path, required=True, help="folder for figures")
    parser.add_argument(
        "--parts", nargs="+", choices=("proof", "quality", "scales"), default=["proof", "quality", "scales"]
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of the scales' grid (default 20)")
    parser.add_argument("--onnx", type=Path, help="the pipeline's export, whose UNet ONNX Runtime runs instead (cpu)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.onnx and args.device != "cpu":
        parser.error("--onnx runs on the CPU alone: leave --device out")
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    editor = Editor(args.pipeline, args.device)
    if args.onnx:
        editor.unet = ExportedUnet(args.onnx, args.threads)
    cases = [make_case(index) for index in range(CASES)]
    if "proof" in args.parts:
        prove(editor, cases[:4])
    if "quality" in args.parts:
        write_quality(editor, cases, args.out)
    if "scales" in args.parts:
        write_scales(editor, cases[:SCALE_CASES], args.steps, args.out)


def make_case(index: int) -> Case:
    """Case `index`: all kinds in turn, every sixteenth a pair; seeds and phrasings of no training."""
    turn, kind_index = divmod(index, len(KINDS) + 1)
    if kind_index == len(KINDS):
        kind, task = "pair", Task(PAIRS[turn * 3 % len(PAIRS)])
    else:
        kind = KINDS[kind_index]
        name = f"{list(WALLS)[turn % len(WALLS)]} house" if kind == "house colour" else kind
        task = next(task for task in TASKS if task.name == name)
    phrasings = task.phrasings(held_out=True)
    before, after = next(pair for pair in _pictures(index, task) if changed(*pair).mean() >= LEAST_CHANGED)
    return Case(kind, phrasings[turn % len(phrasings)], index, before, after)


def _pictures(index: int, task: Task):
    """A case's scene before and after, then those of further seeds: some have nothing to edit (no tree, no cloud)."""
    for seed in range(FIRST_SEED + index, FIRST_SEED + 1_000_000, CASES):
        scene = sample_scene(seed)
        yield render(scene), render(scene, task.style)


def stacks(cases) -> tuple[np.ndarray, np.ndarray]:
    """All pictures before and all after the edit (case, height, width, 3)."""
    return tuple(np.stack([getattr(case, name) for case in cases]) for name in ("before", "after"))


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The edited region (height, width)."""
    return (np.abs(before.astype(int) - after) > CHANGED).any(2)


class Editor:
    """The pipeline's networks, run over many cases at once."""

    def __init__(self, folder: Path, device: str):
        self.pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(folder).to(device)
        self.pipeline.set_progress_bar_config(disable=True)
        self.unet = self.pipeline.unet
        self.device = device

    @torch.no_grad()
    def text(self, texts):
        tokenizer = self.pipeline.tokenizer
        tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return self.pipeline.text_encoder(tokens.to(self.device))[0]

    @torch.no_grad()
    def encode(self, pictures):
        vae = self.pipeline.vae
        return torch.cat([vae.encode(part.to(self.device)).latent_dist.mean for part in to_tensor(pictures).split(20)])

    @torch.no_grad()
    def decode(self, latents) -> np.ndarray:
        """Pictures of unscaled latents, as uint8."""
        output = torch.cat([self.pipeline.vae.decode(part).sample for part in latents.split(20)])
        output = (output / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
        return np.rint(output * 255).astype(np.uint8)

    def edit(self, cases, text_scale, image_scale, steps) -> np.ndarray:
        outputs, scale = [], self.pipeline.vae.config.scaling_factor
        for start in range(0, len(cases), 10):
            part = cases[start : start + 10]
            source = self.encode(np.stack([case.before for case in part]))
            text = self.text([case.instruction for case in part])
            scales = [text_scale] * len(part), [image_scale] * len(part)
            latents = edit(
                self.unet,
                self.pipeline.scheduler,
                source,
                text,
                self.text([""]),
                *scales,
                [case.seed for case in part],
                steps,
            )
            outputs.append(self.decode(latents / scale))
        return np.concatenate(outputs)


def prove(editor: Editor, cases):
    """Compares the batched sampler with diffusers' pipeline; fails above 2 levels."""
    batched = editor.edit(cases, TEXT_SCALE, IMAGE_SCALE, STEPS)
    for case, ours in zip(cases, batched, strict=True):
        generator = torch.Generator().manual_seed(case.seed)
        image = Image.fromarray(case.before)
        options = {"num_inference_steps": STEPS, "guidance_scale": TEXT_SCALE, "image_guidance_scale": IMAGE_SCALE}
        theirs = np.array(editor.pipeline(case.instruction, image=image, generator=generator, **options).images[0])
        difference = np.abs(ours.astype(int) - theirs).max()
        print(f"proof: {case.instruction!r}: at most {difference} levels from diffusers' pipeline")
        if difference > 2:
            raise SystemExit("error: the batched sampler differs from diffusers' pipeline")


# -- quality --------------------------------------------------------------------------------------


def write_quality(editor: Editor, cases, out: Path):
    outputs = editor.edit(cases, TEXT_SCALE, IMAGE_SCALE, STEPS)
    befores, afters = stacks(cases)
    rebuilt = editor.decode(editor.encode(afters))
    by_kind = defaultdict(list)
    for case, output, again in zip(cases, outputs, rebuilt, strict=True):
        by_kind[case.kind].append(measure(case, output, again))
    rows = [summary(kind, measured) for kind, measured in by_kind.items()]
    autoencoder_db = float(np.mean([psnr(again, after) for again, after in zip(rebuilt, afters, strict=True)]))
    verdict = {"autoencoder_psnr_db": round(autoencoder_db, 2), "autoencoder_met": autoencoder_db >= AUTOENCODER_BAR_DB}
    (out / "quality.json").write_text(json.dumps(verdict | {"kinds": rows}, indent=1) + "\n")
    print(json.dumps(verdict))
    for row in rows:
        print(row)
    shown = 2 * (len(KINDS) + 1)
    sheet([stack[:shown] for stack in (befores, outputs, afters)], out / "quality.png")


def measure(case: Case, output, rebuilt) -> dict:
    """PSNR of input and output; root mean square errors in and outside of the edited region, in levels."""
    inside = changed(case.before, case.after)
    return {
        "input_db": psnr(case.before, case.after),
        "output_db": psnr(output, case.after),
        "inside_input": rms(case.before, case.after, inside),
        "inside_output": rms(output, case.after, inside),
        "outside_autoencoder": rms(rebuilt, case.after, ~inside),
        "outside_output": rms(output, case.after, ~inside),
    }


def summary(kind: str, measured: list[dict]) -> dict:
    """Means over a kind's cases, and whether its bar is met."""
    mean = {name: float(np.nanmean([row[name] for row in measured])) for name in measured[0]}
    row = {
        "kind": kind,
        "cases": len(measured),
        "input_db": mean["input_db"],
        "output_db": mean["output_db"],
        "gain_db": mean["output_db"] - mean["input_db"],
    }
    if kind in GLOBAL_BARS:
        row |= {"bar_db": GLOBAL_BARS[kind], "met": row["gain_db"] >= GLOBAL_BARS[kind]}
    if kind in LOCAL_BARS:
        row["inside_share"] = mean["inside_output"] / mean["inside_input"]
        row["outside_share"] = mean["outside_output"] / mean["outside_autoencoder"]
        row["met"] = row["inside_share"] <= INSIDE_BAR and row["outside_share"] <= OUTSIDE_BAR
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}


def rms(picture, truth, region=...) -> float:
    """Root mean square difference in levels, of the whole picture or a region; not a number where that is empty."""
    errors = np.square(picture.astype(float) - truth)[region]
    return float(np.sqrt(errors.mean())) if errors.size else float("nan")


def psnr(picture, truth) -> float:
    return float(20 * np.log10(255 / max(rms(picture, truth), 1e-6)))


def sheet(rows_of_pictures, path: Path, **options):
    """Pictures of the same cases one below the other, a column each case, sixteen in a row."""
    columns = [np.concatenate(pictures) for pictures in zip(*rows_of_pictures, strict=True)]
    rows = [np.concatenate(columns[start : start + 16], 1) for start in range(0, len(columns), 16)]
    Image.fromarray(np.concatenate(rows)).save(path, **options)


# -- the two scales -------------------------------------------------------------------------------


def write_scales(editor: Editor, cases, steps: int, out: Path):
    """How far both scales lead from the input and from the true edit, on a grid and at SHOWN_SCALES.

    Writes both differences as CSV and plot, and the pictures of a case of each kind at SHOWN_SCALES.
    """
    before, after = stacks(cases)
    grid = [(text_scale, image_scale) for image_scale in IMAGE_SCALES for text_scale in TEXT_SCALES]
    rows, pictures = [], {}
    for scales in dict.fromkeys([*grid, *SHOWN_SCALES]):
        outputs = editor.edit(cases, *scales, steps)
        rows.append([*scales, *(round(difference(outputs, others), 3) for others in (before, after))])
        if scales in SHOWN_SCALES:
            pictures[scales] = outputs
        print("guidance_scale {} image_guidance_scale {}: change {}, error {}".format(*rows[-1]), flush=True)
    with open(out / "scales.csv", "w", newline="") as file:
        header = ["guidance_scale", "image_guidance_scale", "change", "error"]
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    change, error = np.array(rows)[: len(grid), 2:].T.reshape(2, len(IMAGE_SCALES), len(TEXT_SCALES))
    untouched = difference(before, after)
    print(f"steps: {steps}; error of the untouched input: {untouched:.3f}")
    print("rises with guidance_scale everywhere:", bool((np.diff(change, axis=1) > 0).all()))
    print("falls with image_guidance_scale everywhere:", bool((np.diff(change, axis=0) < 0).all()))
    plot_scales(change, error, untouched, steps, out / "scales.png")
    shown = [before, *map(pictures.get, SHOWN_SCALES), after]
    sheet([stack[: len(KINDS) + 1] for stack in shown], out / "extremes.jpg", quality=90)


def difference(pictures, others) -> float:
    """The mean of the pictures' root mean square differences."""
    return float(np.mean([rms(*pair) for pair in zip(pictures, others, strict=True)]))


def plot_scales(change, error, untouched: float, steps: int, path: Path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), sharex=True, sharey=True)
    for scale, changes, errors in zip(IMAGE_SCALES, change, error, strict=True):
        left.plot(TEXT_SCALES, changes, marker="o", label=f"image_guidance_scale {scale}")
        right.plot(TEXT_SCALES, errors, marker="o")
    right.axhline(untouched, color="black", linestyle="--", linewidth=1, label="the untouched input")
    left.set(ylabel="RMS, levels of 255", ylim=(0, None), title="From the input")
    right.set(title="From the true edit")
    for axes in (left, right):
        axes.set_xlabel("guidance_scale")
        axes.legend()
        axes.grid(alpha=0.3)
    figure.suptitle(f"Mean of {SCALE_CASES} unseen cases, {steps} steps")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
