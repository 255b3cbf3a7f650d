"""Runs one grid by `ip2p run` and by the two loops of loops.py, in turn, and prints their ratios.

Called by cpu.sh. Every repeat runs the three in another order, each in a process of its own, and ratios are
taken within a repeat: what else the machine does then weighs on all three. Images are compared, so that the
three did the same work. `process` is the wall time of the whole process: with loading, and for ip2p with hashing,
CSVs, sheet and report. `loop` is from the first encoding to the last image, without loading. `cpu` is the
processor time of the process, which a busy machine disturbs least. OpenMP's threads, which torch has, wait asleep
(OMP_WAIT_POLICY): spinning makes them up to ten times slower where they have to share a core.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SUBJECT, RIVALS = "ip2p", ("onnxruntime", "diffusers")
TARGETS = {"onnxruntime": 0.90, "diffusers": 0.60}
MEASURES = ("loop_s", "process_s", "cpu_s")


@dataclass
class Timing:
    """One run of one program, in seconds."""

    program: str
    repeat: int
    loop_s: float
    process_s: float
    cpu_s: float


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ip2p", type=Path, required=True, help="the program, built for release")
    parser.add_argument("--model", type=Path, required=True, help="ONNX folder")
    parser.add_argument("--pipeline", type=Path, required=True, help="the same weights in diffusers' format")
    parser.add_argument("--image", type=Path, required=True, help="a photo of the model's own size")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is written")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--text-scales", type=float, nargs="+", default=[1.5, 3.0, 4.5, 6.0])
    parser.add_argument("--image-scales", type=float, nargs="+", default=[1.0, 1.25, 1.5, 2.0])
    parser.add_argument("--json", type=Path, help="file for the single timings")
    args = parser.parse_args()
    grid = {
        "model": str(args.model.resolve()),
        "pipeline": str(args.pipeline.resolve()),
        "image": str(args.image.resolve()),
        "instruction": "make it winter",
        "guidance_scale": args.text_scales,
        "image_guidance_scale": args.image_scales,
        "seeds": [42],
        "num_inference_steps": args.steps,
        "threads": args.threads,
        "providers": ["CPUExecutionProvider"],
        "half": False,
        "torch_device": "cpu",
    }
    timings = []
    for repeat in range(args.repeats):
        order = [SUBJECT, *RIVALS]
        order = order[repeat % 3 :] + order[: repeat % 3]
        for program in order:
            timings.append(timed(program, repeat, grid, args))
            print(f"{program:12} repeat {repeat + 1}: loop {timings[-1].loop_s:.2f} s", file=sys.stderr)
    if args.json:
        args.json.write_text(json.dumps([asdict(timing) for timing in timings], indent=1) + "\n")
    print(report(timings, args))
    for rival in RIVALS:
        print(f"largest difference from {rival}'s images: {largest_difference(args.work, rival)} levels of 255")


def timed(program: str, repeat: int, grid: dict, args) -> Timing:
    out = args.work / f"{program}-{repeat}"
    grid_file = args.work / "grid.json"
    grid_file.write_text(json.dumps(grid))
    before = os.times()
    begun = time.perf_counter()
    if program == SUBJECT:
        flags = ["--device", "cpu", "--threads", args.threads]
        loop_s = run_ip2p(args.ip2p, sweep_file(grid, args.work), out, flags)
    else:
        loops = Path(__file__).with_name("loops.py")
        loop_s = json.loads(output([sys.executable, loops, program, grid_file, "--out", out]))["loop_s"]
    process_s = time.perf_counter() - begun
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Timing(program, repeat, loop_s, process_s, cpu_s)


def output(command: list) -> str:
    """The last line of a command's output; its other words are shown only if it fails."""
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"error: {command[:3]} failed\n{done.stderr}")
    return done.stdout.strip().splitlines()[-1]


def sweep_file(grid: dict, work: Path) -> Path:
    path = work / "grid.toml"
    keys = ("image", "instruction", "guidance_scale", "image_guidance_scale", "num_inference_steps")
    lines = [f"model = {json.dumps(grid['model'])}", "[sweep]", f"seed = {grid['seeds']}"]
    path.write_text("\n".join(lines + [f"{key} = {json.dumps(grid[key])}" for key in keys]) + "\n")
    return path


def run_ip2p(program: Path, sweep: Path, out: Path, flags: list) -> float:
    """Runs a sweep; gives the seconds from its first event to its last cell, less those of loading."""
    command = [str(word) for word in (program, "run", sweep, "--out", out, "--json", *flags)]
    loaded_s, first, last = 0.0, None, None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            event, now = json.loads(line), time.perf_counter()
            if event["event"] == "loaded":
                # The first component is ready when the loop begins.
                loaded_s += event["ms"] / 1000 if first else 0.0
                first = first or now
            elif event["event"] == "cell":
                last = now
    if process.returncode or first is None or last is None:
        raise SystemExit(f"error: {command} failed with exit code {process.returncode}")
    return last - first - loaded_s


def report(timings: list[Timing], args) -> str:
    """A Markdown table: medians, and ratios with their range."""
    cells = len(args.text_scales) * len(args.image_scales)
    lines = [
        f"{cells} cells, {args.steps} steps, {args.threads} threads, {args.repeats} repeats in alternating order",
        "",
        "| program | loop, s | process, s | processor time, s |",
        "|---|---|---|---|",
    ]
    for program in (SUBJECT, *RIVALS):
        lines.append(
            f"| {program} | " + " | ".join(spread(of(timings, program, measure)) for measure in MEASURES) + " |"
        )
    lines += ["", "| ip2p against | loop | process | processor time | target |", "|---|---|---|---|---|"]
    for rival in RIVALS:
        ratios = [
            [own / other for own, other in zip(of(timings, SUBJECT, measure), of(timings, rival, measure), strict=True)]
            for measure in MEASURES
        ]
        lines.append(f"| {rival} | " + " | ".join(spread(ratio) for ratio in ratios) + f" | <= {TARGETS[rival]:.2f} |")
    return "\n".join(lines)


def of(timings: list[Timing], program: str, measure: str) -> list[float]:
    chosen = sorted((timing for timing in timings if timing.program == program), key=lambda timing: timing.repeat)
    return [getattr(timing, measure) for timing in chosen]


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def largest_difference(work: Path, rival: str) -> int:
    """Between the images of one cell, over all cells of the first repeat."""
    largest = 0
    with open(work / f"{SUBJECT}-0" / "cells.csv", newline="") as file:
        for row in csv.DictReader(file):
            name = f"i{float(row['image_guidance_scale'])}-g{float(row['guidance_scale'])}-s{row['seed']}.png"
            largest = max(largest, levels_apart(work / f"{SUBJECT}-0" / row["file"], work / f"{rival}-0" / name))
    return largest


def levels_apart(one: Path, other: Path) -> int:
    """The largest difference of two images' levels."""
    first, second = (np.asarray(Image.open(path).convert("RGB"), np.int16) for path in (one, other))
    return int(np.abs(first - second).max())


if __name__ == "__main__":
    main()
