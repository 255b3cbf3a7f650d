#!/usr/bin/env python3
"""What planning, cutting and merging take for 1,000 to 1,000,000 cells in 1,000 shards: seconds and peak memory.

    benches/shards.py [--ip2p target/release/ip2p] [--cells 1000 10000 ...] [--apart] [--chain] [--work FOLDER]

A few cells are computed with the demo's model. The journals and images of all the others are made from theirs, as 1,000
processes would have left them: each record with its own cell, and the size and digest of the image that lies there,
which is a link to one of the few. With --apart each shard has a run folder of its own, which shares `plan.json` by a
link. With --chain half of the cells are edits of the others.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from datetime import datetime, timedelta
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARDS = 1000
# A file may have 65,000 names on ext4.
MOST_LINKS = 30_000
# Larger sweeps are not drawn as a whole.
MOST_DRAWN = 100_000

SWEEP = """\
model = {model}
[sweep]
image = {image}
instruction = "make it winter"
seed = {{ from = 1, count = {seeds} }}
guidance_scale = {{ from = 1.0, to = 10.0, step = 1.0 }}
image_guidance_scale = {{ from = 1.0, to = 1.9, step = 0.1 }}
num_inference_steps = 1
[size]
resolution = 64
[runtime]
device = "cpu"
"""
THEN = """\
[[then]]
name = "again"
instruction = "make it autumn"
num_inference_steps = 1
"""


def timed(*command: str, cwd: Path, codes: tuple[int, ...] = (0,)) -> tuple[float, float, float]:
    """Seconds, processor seconds and MiB at most of a command."""
    begun = time.monotonic()
    with open(cwd / "told", "w") as told:
        process = subprocess.Popen(command, cwd=cwd, stdout=told, stderr=told)
        _, status, used = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in codes, (command, code, (cwd / "told").read_text()[-2000:])
    return time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


class Images:
    """The image of a computed cell, under as many names as are asked for."""

    def __init__(self, folder: Path, stage: int, source: bytes):
        self.folder, self.stage, self.source, self.files = folder, stage, source, 0
        self.links = MOST_LINKS

    def put(self, path: Path) -> None:
        if self.links == MOST_LINKS:
            self.links, self.files = 0, self.files + 1
            self.file = self.folder / f"{self.stage}-{self.files}.png"
            self.file.write_bytes(self.source)
        os.link(self.file, path)
        self.links += 1


def make(work: Path, ip2p: str, cells: int, apart: bool, chain: bool) -> tuple[Path, list[Path]]:
    """The sweep file in `work`, and the folders to be merged into `work/out`; none if that is the shards' own."""
    paths = cells // 2 if chain else cells
    text = SWEEP.format(
        model=json.dumps(str(ROOT / "onnx/demo")),
        image=json.dumps(str(ROOT / "sweeps/photos/lake_house.png")),
        seeds=paths // 100,
    )
    (work / "s.toml").write_text(text + (THEN if chain else ""))
    first = work / ("first" if apart else "out")
    timed(ip2p, "run", "s.toml", "-q", "--out", str(first), "--shard", f"1/{min(paths, 100_000)}", cwd=work)
    (journal,) = (first / "shards").glob("*.jsonl")
    begin, *records = [json.loads(line) for line in journal.read_text().splitlines()]
    with open(first / "plan.json") as file:
        stages = {cell["key"]: cell.get("stage", 0) for cell in json.load(file)["plan"]["cells"]}
    keys = list(stages)
    assert len(keys) == cells
    # A record and an image of each stage.
    known = {stages[record["cell"]]: record for record in records}
    images = {
        stage: Images(work, stage, (first / "cells" / f"{record['cell']}.png").read_bytes())
        for stage, record in known.items()
    }
    for path in [*(first / "cells").iterdir(), *(first / "shards").iterdir()]:
        path.unlink()
    started = datetime.fromisoformat(begin["begin"]["environment"]["started"])
    folders = []
    for shard in range(SHARDS):
        folder = first
        if apart:
            folder = work / f"part-{shard + 1}"
            (folder / "cells").mkdir(parents=True)
            (folder / "shards").mkdir()
            shutil.copytree(first / "inputs", folder / "inputs")
            os.link(first / "plan.json", folder / "plan.json")
            shutil.copy(first / "sweep.toml", folder / "sweep.toml")
            folders.append(folder)
        begin["begin"]["shard"] = f"{shard + 1}/{SHARDS}"
        at = started + timedelta(seconds=shard)
        begin["begin"]["environment"]["started"] = at.isoformat()
        with open(folder / "shards" / f"{shard + 1}-of-{SHARDS}.jsonl", "w") as file:
            file.write(json.dumps(begin, separators=(",", ":")) + "\n")
            for key in keys[shard * cells // SHARDS : (shard + 1) * cells // SHARDS]:
                record = known[stages[key]]
                record["cell"] = key
                file.write(json.dumps(record, separators=(",", ":")) + "\n")
                images[stages[key]].put(folder / "cells" / f"{key}.png")
    return work / "s.toml", folders


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--ip2p", default=str(ROOT / "target/release/ip2p"))
    arguments.add_argument("--cells", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    arguments.add_argument("--apart", action="store_true", help="a run folder a shard")
    arguments.add_argument("--chain", action="store_true", help="half of the cells are edits of the others")
    arguments.add_argument("--work", type=Path, help="where the run folders are made; a temporary folder")
    given = arguments.parse_args()
    ip2p = str(Path(given.ip2p).absolute())
    print("| cells | command | s | processor s | MiB at most |\n|---|---|---|---|---|", flush=True)

    def row(cells: int, name: str, *command: str) -> None:
        seconds, processor, most = timed(ip2p, *command, cwd=work)
        print(f"| {cells:,} | `{name}` | {seconds:.2f} | {processor:.2f} | {most:,.0f} |", flush=True)

    for cells in given.cells:
        with tempfile.TemporaryDirectory(dir=given.work) as folder:
            work = Path(folder)
            # In a process of its own: what a process starts is said to have taken at least as much memory as itself.
            with Pool(1) as pool:
                _, folders = pool.apply(make, (work, ip2p, cells, given.apart, given.chain))
            if not given.apart:
                row(cells, "plan", "plan", "s.toml", "--out", "none")
                row(cells, f"plan --shards {SHARDS}", "plan", "s.toml", "--out", "none", "--shards", str(SHARDS))
            merge = ("merge", "out", *map(str, folders))
            row(cells, "merge --tables-only", *merge, "--tables-only")
            # What was written less than two seconds before it was read is read again.
            row(cells, "merge --tables-only, again", *merge, "--tables-only")
            if cells <= MOST_DRAWN:
                row(cells, "merge, which draws all", *merge)
                row(cells, "merge, again", *merge)


if __name__ == "__main__":
    main()
