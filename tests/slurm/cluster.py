"""A real Slurm of two virtual nodes on this machine, as root and without systemd."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

# No state is waited for so long; a slow machine may take its time.
PATIENCE = 120
PORTS = {"ctld": 16817, "n1": 16821, "n2": 16822}

SLURM_CONF = """\
ClusterName=ip2p
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5
SlurmctldPort={ctld}
StateSaveLocation={folder}/ctld
FirstJobId={first}
DebugFlags=NO_CONF_HASH
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SlurmdTimeout=15
KillWait=5
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={n1} CPUs=1 RealMemory=1000 Gres=gpu:1
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={n2} CPUs=1 RealMemory=1000 Gres=gpu:1
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why there can be no cluster here."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for program in ("slurmctld", "slurmd", "sbatch", "srun", "munged"):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install slurmctld slurmd slurm-client munge)"
    return None if os.geteuid() == 0 else "Slurm's daemons are started as root"


class Cluster:
    """Started by `start`; every process of it is ended by `stop`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.started = 0
        self.processes: dict[str, subprocess.Popen] = {}
        folder.chmod(0o755)
        for name in ("ctld", "n1", "n2"):
            (folder / name).mkdir()
        self._configure(1)
        (folder / "gres.conf").write_text("".join(f"NodeName=n{n} Name=gpu File=/dev/null\n" for n in (1, 2)))
        (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")

    def _configure(self, first: int) -> None:
        """`first` is the number of the first job."""
        host = socket.gethostname().split(".")[0]
        conf = SLURM_CONF.format(host=host, folder=self.folder, first=first, **PORTS)
        (self.folder / "slurm.conf").write_text(conf)

    def _spawn(self, name: str, *command: str, **more) -> None:
        with open(self.folder / f"{name}.out", "ab") as out:
            self.processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **more
            )

    def start(self) -> None:
        munge = pwd.getpwnam("munge")
        Path("/run/munge").mkdir(exist_ok=True)
        os.chown("/run/munge", munge.pw_uid, munge.pw_gid)
        if subprocess.run(["munge", "-n"], capture_output=True).returncode != 0:
            self._spawn("munged", "munged", "--foreground", "--force", user=munge.pw_uid, group=munge.pw_gid)
            until(lambda: subprocess.run(["munge", "-n"], capture_output=True).returncode == 0)
        self.start_controller("-c")
        for node in ("n1", "n2"):
            self._spawn(node, "slurmd", "-D", "-f", os.environ["SLURM_CONF"], "-N", node)
        until(lambda: self.lives() and self.ask("sinfo", "-h", "-o", "%T %D") == "idle 2")

    def start_controller(self, *more: str) -> None:
        """The numbers of an earlier controller's jobs are not given away again, even if it was killed before it had
        saved them: a node that still has a job of that number is drained."""
        self.started += 1
        self._configure(1000 * self.started)
        self._spawn("slurmctld", "slurmctld", "-D", "-f", os.environ["SLURM_CONF"], *more)
        until(lambda: self.lives() and "UP" in self.ask("scontrol", "ping"))

    def lives(self) -> bool:
        """Whether no daemon has ended, as where another cluster has the ports."""
        for name, process in self.processes.items():
            assert process.poll() is None, f"{name} ended: {(self.folder / f'{name}.out').read_text()}"
        return True

    def wait_saved(self) -> None:
        """Until the controller has written down what it knows now, which it does every few seconds."""
        now = time.time()
        state = self.folder / "ctld/job_state"
        until(lambda: state.exists() and state.stat().st_mtime > now)

    def kill_controller(self) -> None:
        self.processes["slurmctld"].kill()
        self.processes["slurmctld"].wait()

    def stop(self) -> None:
        subprocess.run(["scancel", "--user=root"], capture_output=True, timeout=20)
        for name, process in self.processes.items():
            # Nothing of Slurm's is needed any more, and it takes seconds to save it.
            process.send_signal(signal.SIGTERM if name == "munged" else signal.SIGKILL)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    @staticmethod
    def ask(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()

    def queue(self) -> list[str]:
        return self.ask("squeue", "-h", "-r", "-o", "%i %T %r").splitlines()

    def running(self) -> list[str]:
        """The tasks of arrays that run: `12_3`."""
        lines = [line.split() for line in self.queue()]
        return [line[0] for line in lines if "_" in line[0] and line[1] == "RUNNING"]

    def wait_idle(self) -> None:
        """Until nothing runs or waits; what was put into the queue again begins at once, and not when its credentials
        have expired."""

        def is_idle() -> bool:
            lines = [line.split() for line in self.queue()]
            for line in lines:
                if line[2] == "BeginTime":
                    self.ask("scontrol", "update", f"jobid={line[0]}", "starttime=now")
            return not lines

        until(is_idle)


def until(is_so) -> None:
    """Waits for a state. The patience is for faults alone."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            seen = "\n".join(Cluster.ask(*command) for command in (("squeue", "-r"), ("sinfo", "-N", "-l")))
            raise AssertionError(f"not so within {PATIENCE} s\n{seen}")
        time.sleep(0.02)
