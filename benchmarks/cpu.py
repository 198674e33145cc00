"""Reads processor time, memory and descendants of a process from /proc (Linux)."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

SERVER_CORE = 0
LOAD_CORE = 1
_TICK = 1.0 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class CpuTime:
    """Processor time in seconds."""

    user: float
    system: float

    def __sub__(self, other: "CpuTime") -> "CpuTime":
        return CpuTime(self.user - other.user, self.system - other.system)


def pin_to(core: int) -> None:
    """Bind this process, and what it starts, to one core."""
    os.sched_setaffinity(0, {core})


def family(pid: int) -> list[int]:
    """The process and all its living descendants."""
    pids = [pid]
    for parent in pids:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                pids.extend(int(child) for child in children.read_text().split())
            except OSError:
                continue
    return pids


def cpu_time(pids: list[int]) -> CpuTime:
    """User and system time of these processes, all threads, so far."""
    user = system = 0
    for pid in pids:
        # The name in parentheses may hold spaces: fields count from behind it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        user += int(fields[11])
        system += int(fields[12])
    return CpuTime(user * _TICK, system * _TICK)


def load_generators_time() -> float:
    """Seconds of processor time of the programs that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cores_time() -> float:
    """Seconds that the server's and the load generator's core were busy, for anyone, so far."""
    busy = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in (f"cpu{SERVER_CORE}", f"cpu{LOAD_CORE}"):
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            busy += user + nice + system + irq + softirq + steal
    return busy * _TICK


def private_bytes(pids: list[int]) -> int:
    """Memory that belongs to these processes alone."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1]) * 1024
    return total


def cpu_model() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return os.uname().machine
