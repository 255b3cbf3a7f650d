"""Labelled cases for the advice (src/judge/advice): cells of the demo model of which the true edit is known.

The scenes are drawn twice, before and truly after an edit, and the demo model edits them over a grid of its two scales.
How near an output is to the true edit, which the advice never sees, labels it:

    barely begun   it lies less than 0.3 of the way from the input to the true edit, and is hardly further from it than
                   the input
    right          it lies at least 0.6 of the way, and differs from the true edit by half as much as that from the
                   input at most
    overdone       it lies beyond the true edit, and differs from it by 0.65 times as much as that from the input at
                   least

where a way is measured along the true change of the pixels. What fits none of these has no label. Written are the
measures of every cell, as `ip2p run` made them, with the labels of 200 cells: all that are barely begun or overdone,
and of the others every so many.

    python make_advice.py --ip2p ../../target/release/ip2p     (numpy, pillow, skia-python; a quarter of an hour)

The rules of the advice were made on those cases. What is published of them is measured on others, which nobody looked
at before: other scenes and another seed.

    python make_advice.py --ip2p ../../target/release/ip2p --held-out
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "onnx" / "demo_model"))

from drawing import render  # noqa: E402
from edits import BY_NAME  # noqa: E402
from scenes import sample_scene  # noqa: E402

EDITS = ("night", "winter", "fog", "sketch", "castle", "rainbow", "red house", "blue house")
GUIDANCE = ("0.5", "3.0", "7.0", "16.0")
IMAGE_GUIDANCE = ("0.8", "1.2", "2.0")
SCENES = 3
STEPS = 8
LABELLED = 200
FIRST_SEED = 9_000_000  # beyond those of training and of evaluate.py
HELD_OUT_SEED = 9_700_000  # beyond those of the cases that the rules were made on
LEAST_CHANGED = 0.005  # share of a picture that an edit must change
CODING = 7.2  # root mean square of what the autoencoder loses, in levels (31 dB, onnx/demo_model/README.md)
MEASURES = ("image_change", "ssim", "saturation_change", "contrast_change")
SWEEP = f"""
name = "advice"
model = "{{model}}"
[sweep]
image = "photos/*.png"
instruction = "{{instruction}}"
guidance_scale = [{", ".join(GUIDANCE)}]
image_guidance_scale = [{", ".join(IMAGE_GUIDANCE)}]
seed = {{seed}}
num_inference_steps = {STEPS}
scheduler = "dpmpp_2m"
"""
LABELS = ("barely begun", "right", "overdone")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ip2p", type=Path, required=True, help="the program")
    parser.add_argument("--held-out", action="store_true", help="other scenes and another seed: advice_held_out.json")
    parser.add_argument("--out", type=Path, help="default: advice.json beside this script, or advice_held_out.json")
    parser.add_argument("--work", type=Path, help="folder for pictures and runs, kept (default: temporary)")
    args = parser.parse_args()
    first, seed, name = (HELD_OUT_SEED, 7, "advice_held_out") if args.held_out else (FIRST_SEED, 42, "advice")
    ip2p = args.ip2p.resolve()
    panels = []
    with tempfile.TemporaryDirectory() as temporary:
        for edit in EDITS:
            work = (args.work or Path(temporary)) / edit.replace(" ", "_")
            panels += panels_of(edit, ip2p, work, first, seed)
    choose(panels)
    write(panels, args.out or HERE / f"{name}.json")
    for label in LABELS:
        print(label, sum(cell["label"] == label for panel in panels for cell in panel["cells"]))


def panels_of(name: str, ip2p: Path, work: Path, first: int, seed: int) -> list[dict]:
    """The cells of one edit on a few scenes, measured by the program and labelled by the true edit."""
    edit = BY_NAME[name]
    scenes = scenes_of(edit, first)
    (work / "photos").mkdir(parents=True, exist_ok=True)
    for index, (before, _) in enumerate(scenes):
        Image.fromarray(before).save(work / "photos" / f"{index}.png")
    run = work / "run"
    sweep = work / "sweep.toml"
    sweep.write_text(SWEEP.format(model=ROOT / "onnx" / "demo", instruction=edit.phrasings[0], seed=seed))
    subprocess.run([ip2p, "run", sweep, "--out", run, "--quiet"], check=True)
    panels = [{"edit": name, "local": edit.local, "instruction": edit.phrasings[0], "cells": []} for _ in scenes]
    with open(run / "cells.csv", newline="") as file:
        for row in csv.DictReader(file):
            scene = int(Path(row["image"]).stem)
            output = np.asarray(Image.open(run / "cells" / (row["cell"] + ".png")).convert("RGB"))
            label, way, error = judge(*scenes[scene], output)
            panels[scene]["cells"].append(
                {key: row[key] for key in ("guidance_scale", "image_guidance_scale")}
                | {key: float(row[key]) for key in MEASURES}
                | {"way": round(way, 3), "error": round(error, 3), "label": label}
            )
    return panels


def scenes_of(edit, first: int) -> list[tuple]:
    """Scenes never trained on that the edit changes, before and truly after it."""
    found = []
    for seed in range(first, first + 1000):
        scene = sample_scene(seed)
        before, after = render(scene), render(scene, edit.style())
        if (np.abs(before.astype(int) - after) > 3).any(2).mean() >= LEAST_CHANGED:
            found.append((before, after))
        if len(found) == SCENES:
            return found
    raise SystemExit(f"no scenes for {edit.name}")


def judge(before, after, output) -> tuple:
    """The label of an output, how far along the true change it lies, and how far it is from the true edit."""
    before, after, output = (picture.astype(float) for picture in (before, after, output))
    change = after - before
    way = float((change * (output - before)).sum() / (change**2).sum())
    # In units of the true change; what the autoencoder loses of any picture is not the edit's fault.
    unit = np.sqrt((change**2).mean() + CODING**2)
    error = float(np.sqrt(((output - after) ** 2).mean()) / unit)
    if way < 0.3 and error <= 1.1:
        return "barely begun", way, error
    if way >= 0.6 and error <= 0.5:
        return "right", way, error
    if way >= 1 and error >= 0.65:
        return "overdone", way, error
    return None, way, error


def choose(panels: list[dict]):
    """Leaves labels on 200 cells: all but those of right ones, of which evenly spread ones stay."""
    cells = [cell for panel in panels for cell in panel["cells"]]
    right = [cell for cell in cells if cell["label"] == "right"]
    others = sum(cell["label"] not in (None, "right") for cell in cells)
    kept = min(len(right), LABELLED - others)
    places = {round(index * (len(right) - 1) / (kept - 1)) for index in range(kept)}
    for place, cell in enumerate(right):
        if place not in places:
            cell["label"] = None


def write(panels: list[dict], path: Path):
    """One line a cell."""
    lines = []
    for panel in panels:
        head = {key: value for key, value in panel.items() if key != "cells"}
        cells = ",\n".join("  " + json.dumps(cell) for cell in panel["cells"])
        lines.append(json.dumps(head)[:-1] + ', "cells": [\n' + cells + "\n ]}")
    path.write_text("[" + ",\n ".join(lines) + "]\n")


if __name__ == "__main__":
    main()
