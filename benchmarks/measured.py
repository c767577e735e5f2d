"""A process measured from outside, with its workers: wall-clock, CPU and peak memory, its start and its imports."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MB = 1024                                    # kilobytes, as the kernel counts memory
LOOK_EVERY = 0.005                           # seconds between two looks at a running process
WEIGH_EVERY = 0.1                            # ... at how much memory it holds
WEIGH_SHARE = 50                             # ... and no more than a fiftieth of the time: what is weighed stands still


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one process took."""

    wall_seconds: float
    cpu_seconds: float                       # user and system, all threads
    peak_mb: float                           # resident memory


class RunFailed(Exception):
    """A measured process did not end well: its figures would mean nothing."""


def measured(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Usage:
    """Carry out a command of this Python and return what it took. Raises RunFailed with the end of its output."""
    # As everywhere but in a container that forbids it, modules are compiled once and not at every start.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    surroundings = {**inherited, "PYTHONPATH": str(ROOT / "src"), **(environment or {})}
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, *command], env=surroundings, stdout=subprocess.DEVNULL, stderr=said
        )
        peak, weigh_at, ended = 0.0, 0.0, 0
        while not ended:
            if (now := time.perf_counter()) > weigh_at:
                peak = max(peak, _peak_mb(process.pid))
                weighed = time.perf_counter()
                weigh_at = weighed + max(WEIGH_EVERY, WEIGH_SHARE * (weighed - now))
            time.sleep(LOOK_EVERY)
            # wait4 alone says what this one process took, and not all that were ever waited for.
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RunFailed(f"{' '.join(command)} ended with {process.returncode}: {said.read().decode()[-2000:]}")
    return Usage(wall_seconds=wall, cpu_seconds=used.ru_utime + used.ru_stime, peak_mb=peak)


def _peak_mb(pid: int) -> float:
    """Return the most memory a process ever held, by the kernel's own count; 0 when it has just ended.

    Of one with workers it is what all of them hold now, what they share counted once. What wait4 says of memory is no
    use: a child inherits the peak of the process that started it.
    """
    try:
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not workers:
            return _told(Path(f"/proc/{pid}/status"), "VmHWM:")
        return sum(_told(Path(f"/proc/{each}/smaps_rollup"), "Pss:") for each in (pid, *workers))
    except OSError:
        return 0.0


def _told(file: Path, name: str) -> float:
    """Return a figure in MB that the kernel tells in a file of such."""
    return next((int(line.split()[1]) / MB for line in file.read_text().splitlines() if line.startswith(name)), 0.0)


def regulars(*arguments: str, environment: Mapping[str, str] | None = None) -> Usage:
    """Measure the command `regulars`."""
    return measured(["-m", "regulars", *arguments], environment=environment)


def best(usages: Sequence[Usage]) -> Usage:
    """Return the quickest of several: what else the machine did only ever adds."""
    return min(usages, key=lambda usage: usage.wall_seconds)
