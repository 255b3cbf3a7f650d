"""A real Slurm of two virtual nodes on this machine, as root and without systemd."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

# No state is waited for so long.
PATIENCE = 900
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
    for program in ("slurmctld", "slurmd", "sbatch", "srun", "munged", "runuser"):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install slurmctld slurmd slurm-client munge)"
    return None if os.geteuid() == 0 else "Slurm's daemons are started as root"


class Cluster:
    """Started by `start`; every process of it is ended by `stop`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.processes: dict[str, subprocess.Popen] = {}
        folder.chmod(0o755)
        for name in ("ctld", "n1", "n2"):
            (folder / name).mkdir()
        conf = SLURM_CONF.format(host=socket.gethostname().split(".")[0], folder=folder, **PORTS)
        (folder / "slurm.conf").write_text(conf)
        (folder / "gres.conf").write_text("".join(f"NodeName=n{n} Name=gpu File=/dev/null\n" for n in (1, 2)))
        (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")

    def _spawn(self, name: str, *command: str) -> None:
        out = open(self.folder / f"{name}.out", "ab")
        self.processes[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )

    def start(self) -> None:
        munge = pwd.getpwnam("munge")
        Path("/run/munge").mkdir(exist_ok=True)
        os.chown("/run/munge", munge.pw_uid, munge.pw_gid)
        if subprocess.run(["munge", "-n"], capture_output=True).returncode != 0:
            self._spawn("munged", "runuser", "-u", "munge", "--", "munged", "--foreground", "--force")
            until(lambda: subprocess.run(["munge", "-n"], capture_output=True).returncode == 0)
        self.start_controller("-c")
        for node in ("n1", "n2"):
            self._spawn(node, "slurmd", "-D", "-f", os.environ["SLURM_CONF"], "-N", node)
        until(lambda: self.lives() and self.ask("sinfo", "-h", "-o", "%T %D") == "idle 2")

    def start_controller(self, *more: str) -> None:
        self._spawn("slurmctld", "slurmctld", "-D", "-f", os.environ["SLURM_CONF"], *more)
        until(lambda: self.lives() and "UP" in self.ask("scontrol", "ping"))

    def lives(self) -> bool:
        """Whether no daemon has ended, as where another cluster has the ports."""
        for name, process in self.processes.items():
            assert process.poll() is None, f"{name} ended: {(self.folder / f'{name}.out').read_text()}"
        return True

    def wait_saved(self) -> None:
        """Until the controller has written down what it knows now, which it does every few seconds. One that is killed
        before gives its numbers of jobs away a second time, and the nodes refuse those that they have."""
        now = time.time()
        state = self.folder / "ctld/job_state"
        until(lambda: state.exists() and state.stat().st_mtime > now)

    def kill_controller(self) -> None:
        self.processes["slurmctld"].kill()
        self.processes["slurmctld"].wait()

    def stop(self) -> None:
        subprocess.run(["scancel", "--user=root"], capture_output=True)
        for name in ("n1", "n2", "slurmctld", "munged"):
            process = self.processes.get(name)
            if process is not None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    @staticmethod
    def ask(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

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


def until(is_so, seconds: float = PATIENCE) -> None:
    """Waits for a state. The patience is for faults alone: a slow machine may take long."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not so within {seconds} s"
        time.sleep(0.05)
