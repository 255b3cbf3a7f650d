"""Runs the reference grid by `ip2p run` in resident and in phased memory, and cells of it by diffusers' pipeline.

Called by gpu.sh. `loop` is from the first encoding to the last image, without loading, as in cpu.py; `stages` is what
the cells say that denoising and decoding took. Memory is the largest of the cells' own figures: what ONNX Runtime's
arenas handed out, and what NVIDIA's management library counts, CUDA's context included. The two runs' images are
compared with each other. The random weights mean nothing to the eye, and cost as much as trained ones.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from cpu import levels_apart, output, run_ip2p, sweep_file
from PIL import Image
from random_model import make
from summary import table

ROWS_OF_THE_PLAIN_PIPELINE = 3
LAST_FILE_OF_A_PIPELINE = "model_index.json"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ip2p", type=Path, required=True, help="the program, built for release")
    parser.add_argument("--image", type=Path, required=True, help="a photo")
    parser.add_argument("--work", type=Path, required=True, help="folder for the model and the runs; a model is kept")
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU: shows that the script works")
    parser.add_argument("--plain", action="store_true", help="without the fused operators of --optimize cuda")
    parser.add_argument("--loop-cells", type=int, default=8, help="cells for diffusers (default: 8)")
    parser.add_argument("--json", type=Path, help="file for the figures")
    args = parser.parse_args()
    if not shutil.which(args.ip2p):
        raise SystemExit(f"error: {args.ip2p} is no program; build it (cargo build --release), or set IP2P")
    clock = Clock()
    size = "tiny" if args.tiny else "full"
    args.work = args.work / size
    pipeline = args.work / "pipeline"
    if not (pipeline / LAST_FILE_OF_A_PIPELINE).exists():
        make(size, args.work)
    clock.lap("random model")
    grid = reference(args, pipeline, exported(pipeline, args))
    clock.lap("export")
    sweep = sweep_file(grid, args.work)
    runs = {}
    for memory in ("resident", "phased"):
        runs[memory] = run(memory, sweep, args)
        clock.lap(f"{memory} run")
    loop = diffusers_loop(grid, args)
    clock.lap("diffusers")
    figures = {
        "machine": machine(args.tiny),
        "tiny": args.tiny,
        "fused": not (args.plain or args.tiny),
        "size": grid["size"],
        "steps": grid["num_inference_steps"],
        "runs": runs,
        "diffusers_cell_s": loop,
        "largest_difference": largest_difference(*(args.work / memory / "cells" for memory in runs)),
        "laps_s": clock.laps,
    }
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(table(figures))


class Clock:
    """Tells how long each part took, since the whole has a limit."""

    def __init__(self):
        self.laps, self.last = {}, time.perf_counter()

    def lap(self, what: str):
        now = time.perf_counter()
        self.laps[what], self.last = round(now - self.last, 1), now
        print(f"{what}: {self.laps[what]} s", file=sys.stderr)


def exported(pipeline: Path, args) -> Path:
    """The ONNX folder: float16 with fused operators, or what the CPU runs."""
    out = args.work / "onnx"
    command = [sys.executable, "onnx/export.py", pipeline, "--out", out]
    if args.tiny:
        command += ["--precision", "fp32"]
    else:
        command += ["--precision", "fp16"] + ([] if args.plain else ["--optimize", "cuda"])
    fused = out.with_name(out.name + "-cuda")
    made = out if args.tiny or args.plain else fused
    if not made.is_dir():
        subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)
    return made


def reference(args, pipeline: Path, model: Path) -> dict:
    """The grid, in the form that cpu.py and loops.py know."""
    size = 64 if args.tiny else 512
    image = args.work / "input.png"
    Image.open(args.image).convert("RGB").resize((size, size), Image.Resampling.LANCZOS).save(image)
    return {
        "model": str(model.resolve()),
        "pipeline": str(pipeline.resolve()),
        "image": str(image.resolve()),
        "instruction": "make it winter",
        "guidance_scale": [3.0, 4.5, 6.0, 7.5, 9.0],
        "image_guidance_scale": [1.0, 1.25, 1.5, 1.75, 2.0],
        "seeds": [1] if args.tiny else [1, 2, 3, 4],
        "num_inference_steps": 2 if args.tiny else 20,
        "threads": 0,
        "half": not args.tiny,
        "torch_device": "cpu" if args.tiny else "cuda",
        "size": size,
    }


def run(memory: str, sweep: Path, args) -> dict:
    """One run of the whole grid; its figures."""
    device = "cpu" if args.tiny else "cuda"
    out = args.work / memory
    shutil.rmtree(out, ignore_errors=True)
    begun = time.perf_counter()
    loop_s = run_ip2p(args.ip2p, sweep, out, ["--device", device, "--memory", memory])
    process_s = time.perf_counter() - begun
    with open(out / "cells.csv", newline="") as file:
        cells = list(csv.DictReader(file))
    if any(cell["status"] != "done" for cell in cells):
        raise SystemExit(f"error: cells failed in {memory} memory: {cells[0]['error']}")
    with open(out / "steps.csv", newline="") as file:
        steps = list(csv.DictReader(file))
    evaluations = len(cells) * int(cells[0]["num_inference_steps"])
    return {
        "cells": len(cells),
        "loop_s": loop_s,
        "process_s": process_s,
        "stages_s": sum(numbers(cells, "denoise_ms") + numbers(cells, "decode_ms")) / 1e3,
        "unet_share": sum(numbers(steps, "unet_ms")) / sum(numbers(steps, "step_ms")),
        "unet_rows": sum(int(cell["unet_evals"]) for cell in cells),
        "plain_rows": ROWS_OF_THE_PLAIN_PIPELINE * evaluations,
        "batch_size": max(int(cell["batch_size"]) for cell in cells),
        "vram_peak_mib": max(numbers(cells, "vram_peak_mib"), default=None),
        "vram_device_mib": max(numbers(cells, "vram_device_mib"), default=None),
        "memory": sorted({cell["memory"] for cell in cells}),
    }


def numbers(rows: list[dict], column: str) -> list[float]:
    return [float(row[column]) for row in rows if row[column]]


def largest_difference(one: Path, other: Path) -> int:
    """Between the images of each cell in two runs."""
    return max(levels_apart(image, other / image.name) for image in one.glob("*.png"))


def diffusers_loop(grid: dict, args) -> float:
    """Seconds a cell of diffusers' pipeline, on the first cells of the grid."""
    scales = max(1, round(args.loop_cells / len(grid["image_guidance_scale"])))
    some = grid | {"seeds": grid["seeds"][:1], "guidance_scale": grid["guidance_scale"][:scales], "threads": 2}
    file = args.work / "loop.json"
    file.write_text(json.dumps(some))
    loops = Path(__file__).with_name("loops.py")
    said = output([sys.executable, loops, "diffusers", file, "--out", args.work / "diffusers"])
    return json.loads(said)["loop_s"] / (scales * len(grid["image_guidance_scale"]))


def machine(tiny: bool) -> str:
    """What it ran on, by name."""
    import diffusers
    import torch

    name = "the CPU" if tiny else torch.cuda.get_device_name()
    return f"{name}, torch {torch.__version__}, diffusers {diffusers.__version__}"


if __name__ == "__main__":
    main()
