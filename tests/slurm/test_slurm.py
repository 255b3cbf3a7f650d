"""A sweep in shards under a real Slurm, and what happens to tasks there: nothing lost, nothing overwritten, nothing computed
more often than it must be.

    IP2P=target/debug/ip2p pytest tests/slurm       (as root; apt-get install slurmctld slurmd slurm-client munge)
"""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cluster import Cluster, missing, until

ROOT = Path(__file__).parents[2]
IP2P = Path(os.environ.get("IP2P", ROOT / "target/debug/ip2p")).absolute()
SHARDS = 8
CELLS = 24

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

# Columns that depend on when, how fast and in which batch a cell ran.
MEASURED = re.compile(r".*_ms|.*_mib|unet_evals|batch_size|finished")


def sweep_text(steps: int) -> str:
    return (
        'model = "model"\n[sweep]\nimage = "in.png"\ninstruction = "make it winter"\n'
        f"guidance_scale = [3.0, 5.0, 7.0]\nseed = {{ from = 1, count = 8 }}\nnum_inference_steps = {steps}\n"
        "[runtime]\nthreads = 1\nbatch = 1\n"
    )


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


class Sweep:
    """A sweep in a folder, with the script that `ip2p jobs` prints, changed at its top as a person would."""

    def __init__(self, folder: Path, steps: int):
        self.folder, self.out = folder, folder / "out"
        golden = ROOT / "tests/golden"
        shutil.copytree(golden / "tiny_eps", folder / "model")
        shutil.copy(golden / "runs/input/64x48.png", folder / "in.png")
        (folder / "s.toml").write_text(sweep_text(steps))
        script = self.ip2p("jobs", "s.toml", "--slurm", "--shards", str(SHARDS), "--out", "out").stdout
        for key, value in {"cpus": "1", "memory": "100M", "ip2p": f"({IP2P})", "at_once": "2"}.items():
            script, count = re.subn(rf"(?m)^{key}=\S+", f"{key}={value}", script)
            assert count == 1, key
        (folder / "s.sh").write_text(script)

    def ip2p(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run([IP2P, *arguments], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def submit(self, *tasks: str) -> None:
        subprocess.run(["bash", "s.sh", *tasks], cwd=self.folder, check=True, capture_output=True)

    def logs(self) -> str:
        return "".join(f"{log.name}: {log.read_text()}" for log in sorted(Path(f"{self.out}.logs").glob("*.log")))

    def images(self, folder: Path | None = None) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in ((folder or self.out) / "cells").glob("*.png")}

    def places(self) -> dict[str, tuple[int, int]]:
        """What tells whether an image was written again."""
        found = {path.name: path.stat() for path in (self.out / "cells").glob("*.png")}
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}

    def records(self) -> list[dict]:
        journals = [self.out / "journal.jsonl", *(self.out / "shards").glob("*.jsonl")]
        lines = [line for path in journals if path.exists() for line in path.read_text().splitlines()]
        return [record for record in map(json.loads, lines) if "cell" in record]

    def races(self) -> int:
        return sum("race" in record for record in self.records())

    def tasks(self) -> list[int]:
        """Processes that run its shards."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if command[0] == str(IP2P).encode() and str(self.folder / "s.toml").encode() in command:
                    found.append(int(entry.name))
        return found

    def begun(self) -> bool:
        return len(self.places()) >= 2 and bool(self.tasks())

    def assert_whole(self) -> None:
        """The run of one process."""
        self.ip2p("merge", "out")
        self.ip2p("run", "s.toml", "--out", "whole", "-q")
        assert self.images() == self.images(self.folder / "whole")
        assert table(self.out) == table(self.folder / "whole")
        assert len(self.images()) == CELLS
        assert not list(self.out.rglob(".ip2p-*"))


def table(folder: Path) -> list[dict]:
    with open(folder / "cells.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if not MEASURED.fullmatch(key)} for row in rows]


@pytest.fixture
def quick(cluster, tmp_path):
    return Sweep(tmp_path, 2)


@pytest.fixture
def slow(cluster, tmp_path):
    """Long enough to be caught at work."""
    return Sweep(tmp_path, 80)


@pytest.fixture(autouse=True)
def empty_queue(cluster):
    yield
    subprocess.run(["scancel", "--user=root"], check=True)
    cluster.wait_idle(60)


def report(case: str, sweep: Sweep) -> None:
    records = sweep.records()
    print(f"\n{case}: {len(records)} records of {CELLS} cells, {sweep.races()} lost races, {len(sweep.images())} images")


def test_eight_shards_are_byte_for_byte_one_process(cluster, quick):
    quick.submit()
    cluster.wait_idle()
    assert (quick.out / "report/index.html").exists(), quick.logs()
    assert len(quick.records()) == CELLS and quick.races() == 0
    report("8 shards, 2 at a time", quick)
    quick.assert_whole()


def test_a_killed_task_is_submitted_again_and_computes_only_what_is_missing(cluster, slow):
    slow.submit()
    until(slow.begun, 120)
    for task in slow.tasks():
        os.kill(task, signal.SIGKILL)
    cluster.wait_idle()
    before = slow.places()
    assert len(before) < CELLS
    assert "missing" in (Path(f"{slow.out}.logs") / "merge.log").read_text()
    slow.submit()
    cluster.wait_idle()
    after = slow.places()
    assert {name: after[name] for name in before} == before, "what was there was written again"
    assert len(slow.records()) == CELLS + slow.races()
    report("kill -9 of 2 tasks, submitted again", slow)
    slow.assert_whole()


def test_tasks_that_run_twice_since_the_controller_forgot_them_overwrite_nothing(cluster, slow):
    slow.submit()
    until(slow.begun, 120)
    cluster.kill_controller()
    seen = slow.places()
    cluster.start_controller("-c")
    slow.submit()
    cluster.wait_idle()
    until(lambda: not slow.tasks(), 120)
    after = slow.places()
    assert {name: after[name] for name in seen} == seen
    report("slurmctld killed after dispatch, same array again", slow)
    slow.assert_whole()


def test_a_stopped_task_beside_its_copy_overwrites_nothing_when_it_goes_on(cluster, slow):
    slow.submit("0")
    until(slow.begun, 120)
    [zombie] = slow.tasks()
    os.kill(zombie, signal.SIGSTOP)
    try:
        copy = subprocess.run(
            [IP2P, "run", slow.folder / "s.toml", "--out", slow.out, "-q", "--shard", f"auto/{SHARDS}"],
            env=os.environ | {"SLURM_ARRAY_TASK_ID": "0"},
            cwd=slow.folder,
        )
        assert copy.returncode == 0
        before = slow.places()
    finally:
        os.kill(zombie, signal.SIGCONT)
    cluster.wait_idle()
    after = slow.places()
    assert {name: after[name] for name in before} == before
    assert slow.races() >= 1, "the zombie came too late for its cell"
    report("zombie beside its copy", slow)
    slow.submit("1-7")
    cluster.wait_idle()
    slow.assert_whole()


def test_a_part_of_the_array_keeps_its_cut(cluster, quick):
    quick.submit("3,7")
    cluster.wait_idle()
    shards = sorted(path.name for path in (quick.out / "shards").glob("*.jsonl"))
    assert shards == ["4-of-8.jsonl", "8-of-8.jsonl"], quick.logs()
    log = (Path(f"{quick.out}.logs") / "merge.log").read_text()
    assert "--shard 1/8" in log and "--shard 4/8" not in log
    report("--array=3,7", quick)
    quick.submit("0-2,4-6")
    cluster.wait_idle()
    quick.assert_whole()
