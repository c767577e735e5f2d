"""Where what does not fit in memory lies: a folder for each process, gone with it, however it ended."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

SPILL = "spill"
"""Folder, in a project's own, where processes have theirs."""

_IN_USE = "in-use"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """A folder that is this process's alone as long as it lives."""

    folder: Path
    lock: IO[bytes]                          # the kernel gives it back when the process ends, however that happens

    @classmethod
    def open(cls, home: Path) -> Scratch:
        """Return a new folder in this one, where nothing is left of processes that were killed."""
        home.mkdir(parents=True, exist_ok=True)
        with _alone(home):
            _sweep(home)
            folder = Path(mkdtemp(dir=home))
            lock = (folder / _IN_USE).open("ab")
            fcntl.flock(lock, fcntl.LOCK_EX)
        return cls(folder=folder, lock=lock)

    def close(self) -> None:
        """Remove the folder with all that lies in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.close()


def sweep(home: Path) -> None:
    """Remove what lies in a folder of processes that were killed; there need not be such a folder."""
    if home.is_dir():
        with _alone(home):
            _sweep(home)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    with (home / _IN_USE).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(home: Path) -> None:
    for left in home.iterdir():
        if left.is_dir() and not _is_used(left / _IN_USE):
            shutil.rmtree(left, ignore_errors=True)
        elif left.is_file() and left.name != _IN_USE:
            left.unlink(missing_ok=True)


def _is_used(path: Path) -> bool:
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
