"""A sweep in shards under a real Slurm, and what happens to tasks there: nothing lost, nothing overwritten, nothing
computed more often than it must be. States are waited for, never times.

    IP2P=target/debug/ip2p pytest tests/slurm       (as root; apt-get install slurmctld slurmd slurm-client munge)
"""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from cluster import Cluster, missing, until

ROOT = Path(__file__).parents[2]
IP2P = Path(os.environ.get("IP2P", ROOT / "target/debug/ip2p")).absolute()
SHARDS = 4
CELLS = 16
# Of a case, in seconds; a slow machine may take its time.
LIMIT = 240

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

# Columns that depend on when, how fast and in which batch a cell ran.
MEASURED = re.compile(r".*_ms|.*_mib|unet_evals|batch_size|finished")


# Long enough to be caught at work, and no longer.
SWEEP = """\
model = "model"
[sweep]
image = "in.png"
instruction = "make it winter"
guidance_scale = [3.0, 7.0]
seed = { from = 1, count = 8 }
num_inference_steps = 16
[runtime]
threads = 1
batch = 1
"""


class Sweep:
    """A sweep in a folder, with the script that `ip2p jobs` prints, changed at its top as a person would."""

    def __init__(self, folder: Path, shards: int = SHARDS):
        self.folder, self.out, self.shards = folder, folder / "out", shards
        golden = ROOT / "tests/golden"
        shutil.copytree(golden / "tiny_eps", folder / "model")
        shutil.copy(golden / "runs/input/64x48.png", folder / "in.png")
        (folder / "s.toml").write_text(SWEEP)
        script = self.ip2p("jobs", "s.toml", "--slurm", "--shards", str(shards), "--out", "out").stdout
        for key, value in {"cpus": "1", "memory": "100M", "ip2p": f"({IP2P})", "at_once": "2"}.items():
            script, count = re.subn(rf"(?m)^{key}=\S+", f"{key}={value}", script)
            assert count == 1, key
        (folder / "s.sh").write_text(script)

    def ip2p(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run([IP2P, *arguments], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def shard(self, shard: str) -> subprocess.Popen:
        """A process of a shard, as a task starts it."""
        environment = os.environ | {"SLURM_ARRAY_TASK_ID": str(int(shard) - 1)}
        command = [IP2P, "run", self.folder / "s.toml", "--out", self.out, "-q", "--shard", f"auto/{self.shards}"]
        return subprocess.Popen(command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL)

    def submit(self, *tasks: str) -> None:
        subprocess.run(["bash", "s.sh", *tasks], cwd=self.folder, check=True, capture_output=True)

    def log(self, name: str) -> str:
        path = Path(f"{self.out}.logs") / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def logs(self) -> str:
        return "".join(f"{log.name}: {log.read_text()}" for log in sorted(Path(f"{self.out}.logs").glob("*.log")))

    def places(self) -> dict[str, tuple[int, int]]:
        """What tells whether an image was written again."""
        found = {path.name: path.stat() for path in (self.out / "cells").glob("*.png")}
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}

    def records(self) -> list[dict]:
        journals = [self.out / "journal.jsonl", *(self.out / "shards").glob("*.jsonl")]
        lines = [line for path in journals if path.exists() for line in path.read_text().split("\n")[:-1]]
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
        return bool(self.places()) and bool(self.tasks())

    def signal(self, number: int) -> int:
        """Sends a signal to its processes; how many got it."""
        got = 0
        for task in self.tasks():
            try:
                os.kill(task, number)
                got += 1
            except ProcessLookupError:
                pass  # it has ended since
        return got

    def assert_only_added(self, before: dict[str, tuple[int, int]]) -> None:
        after = self.places()
        assert {name: after.get(name) for name in before} == before, "what was there was written again"

    def assert_whole(self, whole: Path, killed: int = 0) -> None:
        """The run of one process, and nothing computed more often than races and killed processes say."""
        self.ip2p("merge", "out")
        assert images(self.out) == images(whole)
        assert table(self.out) == table(whole)
        assert len(images(self.out)) == CELLS
        # Who places an image records it; only a process that is killed in between leaves that to the one that computes
        # the cell again and finds the image there.
        placed = [record["cell"] for record in self.records() if "race" not in record]
        assert len(placed) == len(set(placed)) >= CELLS - killed
        assert len({record["cell"] for record in self.records()}) == CELLS
        assert not list(self.out.rglob(".ip2p-*"))


def images(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "cells").glob("*.png")}


def table(folder: Path) -> list[dict]:
    with open(folder / "cells.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if not MEASURED.fullmatch(key)} for row in rows]


def report(case: str, sweep: Sweep) -> None:
    """A row of the table that `-s` shows."""
    left = f"{len(sweep.records())} records, {sweep.races()} lost races, {len(images(sweep.out))} of {CELLS} images"
    print(f"\n{case} | {left}")


@pytest.fixture(autouse=True)
def limit():
    """No case hangs, whatever it waits for."""

    def expired(*_):
        raise TimeoutError(f"the case took {LIMIT} s")

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The run of one process."""
    sweep = Sweep(tmp_path_factory.mktemp("whole"))
    sweep.ip2p("run", "s.toml", "--out", "out", "-q")
    return sweep.out


@pytest.fixture
def sweep(cluster, tmp_path, request):
    yield Sweep(tmp_path, getattr(request, "param", SHARDS))
    subprocess.run(["scancel", "--user=root"], check=True)
    cluster.wait_idle()


in_eight = pytest.mark.parametrize("sweep", [8], indirect=True, ids=["8"])


@in_eight
def test_eight_shards_are_byte_for_byte_one_process(cluster, sweep, whole):
    sweep.submit()
    cluster.wait_idle()
    assert (sweep.out / "report/index.html").exists(), sweep.logs()
    report("8 shards, 2 at a time", sweep)
    assert sweep.races() == 0
    sweep.assert_whole(whole)


def test_a_killed_task_is_submitted_again_and_computes_only_what_is_missing(cluster, sweep, whole):
    sweep.submit()
    killed = 0

    def kill() -> bool:
        nonlocal killed
        killed = sweep.signal(signal.SIGKILL) if sweep.begun() else 0
        return killed > 0

    until(kill)
    cluster.wait_idle()
    before = sweep.places()
    assert len(before) < CELLS
    assert "missing" in sweep.log("merge")
    report("kill -9 of the tasks at work", sweep)
    sweep.submit()
    cluster.wait_idle()
    sweep.assert_only_added(before)
    report("... submitted again", sweep)
    sweep.assert_whole(whole, killed)


def test_a_cancelled_array_leaves_whole_cells_and_goes_on_when_it_is_submitted_again(cluster, sweep, whole):
    sweep.submit()
    until(sweep.begun)
    subprocess.run(["scancel", "--user=root"], check=True)
    cluster.wait_idle()
    until(lambda: not sweep.tasks())
    before = sweep.places()
    assert len(before) < CELLS, "the array was not cancelled in the middle"
    wanted = images(whole)
    assert all(wanted[name] == image for name, image in images(sweep.out).items()), "an image is not whole"
    report("scancel in the middle", sweep)
    sweep.submit()
    cluster.wait_idle()
    sweep.assert_only_added(before)
    report("... submitted again", sweep)
    sweep.assert_whole(whole)


def test_a_task_whose_time_is_up_goes_back_into_the_queue_by_itself(cluster, sweep, whole):
    sweep.submit()
    until(sweep.begun)
    # What --signal=TERM@120 does before a task's time is up: the step gets it, not the script.
    told = cluster.running()
    for task in told:
        subprocess.run(["scancel", "--signal=TERM", f"{task}.0"], check=False)
    cluster.wait_idle()
    assert "scontrol" in (sweep.folder / "s.sh").read_text()
    report("SIGTERM before the time is up, requeued by the script", sweep)
    assert "130" in sweep.logs(), sweep.logs()
    sweep.assert_whole(whole)


def test_a_task_that_is_requeued_goes_on_on_another_node(cluster, sweep, whole):
    sweep.submit()
    until(sweep.begun)
    before = sweep.places()
    tasks = cluster.running()
    for task in tasks:
        subprocess.run(["scontrol", "requeue", task], check=False, capture_output=True)
    cluster.wait_idle()
    sweep.assert_only_added(before)
    report("scontrol requeue of the tasks at work", sweep)
    sweep.assert_whole(whole)


def test_tasks_that_run_twice_since_the_controller_forgot_them_overwrite_nothing(cluster, sweep, whole):
    sweep.submit()
    until(sweep.begun)
    cluster.kill_controller()
    seen = sweep.places()
    cluster.start_controller("-c")
    sweep.submit()
    cluster.wait_idle()
    until(lambda: not sweep.tasks())
    sweep.assert_only_added(seen)
    report("kill -9 of slurmctld after dispatch, same array again", sweep)
    sweep.assert_whole(whole)


def test_a_controller_that_comes_back_loses_no_task(cluster, sweep, whole):
    sweep.submit()
    until(sweep.begun)
    cluster.wait_saved()
    cluster.kill_controller()
    cluster.start_controller()
    cluster.wait_idle()
    until(lambda: not sweep.tasks())
    report("kill -9 of slurmctld after dispatch, started again", sweep)
    sweep.assert_whole(whole)


def test_a_stopped_task_beside_its_copy_overwrites_nothing_when_it_goes_on(cluster, sweep, whole):
    sweep.submit("0")
    # Before its first cell is done: all of them are the copy's.
    until(lambda: (sweep.out / f"shards/1-of-{SHARDS}.jsonl").exists() and sweep.signal(signal.SIGSTOP) == 1)
    try:
        assert sweep.shard("1").wait() == 0
        before = sweep.places()
    finally:
        sweep.signal(signal.SIGCONT)
    cluster.wait_idle()
    sweep.assert_only_added(before)
    report("stopped zombie beside its copy", sweep)
    assert sweep.races() >= 1, "the zombie was stopped too late"
    sweep.submit(f"1-{SHARDS - 1}")
    cluster.wait_idle()
    sweep.assert_whole(whole)


@in_eight
def test_a_part_of_the_array_keeps_its_cut(cluster, sweep, whole):
    sweep.submit("3,7")
    cluster.wait_idle()
    shards = sorted(path.name for path in (sweep.out / "shards").glob("*.jsonl"))
    assert shards == ["4-of-8.jsonl", "8-of-8.jsonl"], sweep.logs()
    assert "--shard 1/8" in sweep.log("merge") and "--shard 4/8" not in sweep.log("merge")
    report("--array=3,7", sweep)
    sweep.submit("0-2,4-6")
    cluster.wait_idle()
    report("... and the others", sweep)
    sweep.assert_whole(whole)


def test_shards_that_start_at_the_same_moment_do_not_tidy_up_each_other(sweep, whole):
    processes = [sweep.shard(str(shard + 1)) for shard in range(SHARDS)]
    assert [process.wait() for process in processes] == [0] * SHARDS
    report("shards started at the same moment", sweep)
    assert sweep.races() == 0
    sweep.assert_whole(whole)
