"""A SLURM of two nodes on this machine, in a folder of its own.

All that the system sees of it is a link /etc/slurm/slurm.conf while it runs: Snakemake's executor clears SLURM_CONF,
which would otherwise do. A machine that has such a file belongs to a cluster, and is left alone.
"""

from __future__ import annotations

import ctypes
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol")
NODES = ("node1", "node2")
SYSTEM_CONFIGURATION = Path("/etc/slurm/slurm.conf")
CONFIGURATION = """
ClusterName=smoke
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
# A requeued job may start again when its old credential has expired: after 2 minutes by default.
AuthInfo=socket={folder}/munge.socket,cred_expire=10
SlurmUser=root
SlurmdUser=root
SlurmdParameters=config_overrides
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MinJobAge=300
KillWait=20
ReturnToService=2
MailProg=/bin/true
GresTypes=gpu
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory={memory} Gres=gpu:1
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory={memory} Gres=gpu:1
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Why no cluster can be started here; nothing where it can."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        return "a private SLURM needs Linux and root"
    if SYSTEM_CONFIGURATION.exists():
        return f"{SYSTEM_CONFIGURATION} exists: this machine has a SLURM of its own"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)} (`make slurm-test` installs Debian's packages)" if missing else ""


class Cluster:
    """slurmctld, two slurmd and a munged, as long as the body of ``with`` runs. No accounting."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Cluster:
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _begin(self) -> None:
        host = platform.node().split(".")[0]
        (self.folder / "state").mkdir(parents=True)
        for node in NODES:
            (self.folder / f"spool.{node}").mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        configuration = self.folder / "slurm.conf"
        configuration.write_text(CONFIGURATION.format(
            host=host, folder=self.folder, ports=free_ports(3), memory=8000))
        # A GPU that is none: SLURM counts and binds it, CUDA_VISIBLE_DEVICES is set, nobody opens it.
        (self.folder / "gres.conf").write_text("".join(f"NodeName={n} Name=gpu File=/dev/null\n" for n in NODES))
        SYSTEM_CONFIGURATION.parent.mkdir(parents=True, exist_ok=True)
        SYSTEM_CONFIGURATION.unlink(missing_ok=True)    # a link to nowhere, left by a cluster that was killed
        SYSTEM_CONFIGURATION.symlink_to(configuration)
        self._start("munged", "--foreground", "--force", "--key-file", key, "--socket", self.folder / "munge.socket",
                    "--pid-file", self.folder / "munge.pid", "--log-file", self.folder / "munge.log",
                    "--seed-file", self.folder / "munge.seed")
        wait_for(lambda: (self.folder / "munge.socket").exists(), 20.0, "munged")
        self._start("slurmctld", "-D", "-f", configuration)
        for node in NODES:
            self._start("slurmd", "-D", "-N", node, "-f", configuration)
        wait_for(lambda: self.node_states() == dict.fromkeys(NODES, "IDLE"), 120.0, "the nodes")

    def __exit__(self, *error: object) -> None:
        with suppress(subprocess.SubprocessError, AssertionError):      # jobs first: their steps outlive the daemons
            if self.node_states():
                self.ask("scancel", "--user=root")
                wait_for(lambda: not self.ask("squeue", "-h"), 60.0, "an empty queue")
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
        SYSTEM_CONFIGURATION.unlink(missing_ok=True)

    def _start(self, *command: object) -> None:
        with open(self.folder / f"{command[0]}.out", "ab") as out:
            self._processes.append(subprocess.Popen([str(part) for part in command], stdout=out, stderr=out,
                                                    start_new_session=True, preexec_fn=_end_with_parent))

    def ask(self, *command: str) -> str:
        """What a SLURM command prints."""
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    def node_states(self) -> dict[str, str]:
        try:
            rows = self.ask("sinfo", "-h", "-N", "-o", "%N %T").split("\n")
        except subprocess.SubprocessError:
            return {}
        return {name: state.upper().rstrip("*") for name, state in (row.split() for row in rows if row)}

    def running(self) -> dict[str, tuple[str, str]]:
        """SLURM job id -> (node, comment) of the jobs that run; the comment names rule and job."""
        rows = [row.split("|") for row in self.ask("squeue", "-h", "-t", "R", "-o", "%A|%N|%k").split("\n") if row]
        return {id: (node, comment) for id, node, comment in rows}


def _end_with_parent() -> None:
    """No daemon is left behind by a test run that was killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)     # PR_SET_PDEATHSIG


def free_ports(n: int) -> list[int]:
    """Ports nobody listens on."""
    sockets = [socket.socket() for _ in range(n)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_for(condition, seconds: float, what: str) -> None:  # type: ignore[no-untyped-def]
    """Wait until ``condition`` holds; AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.5)
