"""Remembered: that what declarations say of each other was found right, so that opening the project looks only once.

What is remembered is a digest of every file, of this package's version and of the plug-ins that are installed. A
project with Python files is looked at each time: what they import is in no digest. `regulars check` looks in any case.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from regulars.config import FILE, HOME
from regulars.plugins import CONDITIONS, SENDERS, SOURCES, installed
from regulars.project.declared import Declared

_NAME = "found_right"


def fingerprint(folder: Path, declared: list[Declared]) -> str | None:
    """Return the digest of what a project declares; None where files say only a part of it."""
    if any(one.marked is None for one in declared):
        return None
    points = [point for group in (SOURCES, SENDERS, CONDITIONS) for point in installed().select(group=group)]
    plug_ins = sorted(f"{point.name} {point.value}" for point in points)
    told = sha256("\n".join([version("regulars"), *plug_ins]).encode())
    for name in (FILE, *sorted(one.file for one in declared)):
        told.update(b"\0" + name.encode() + b"\0" + sha256((folder / name).read_bytes()).digest())
    return told.hexdigest()


def was_right(folder: Path, digest: str) -> bool:
    """Return whether exactly this was found right before."""
    file = folder / HOME / _NAME
    return file.is_file() and file.read_text() == digest


def remember(folder: Path, digest: str) -> None:
    """Note that this was found right, once the project has a home to note it in."""
    home = folder / HOME
    if not home.is_dir():
        return
    try:
        (home / _NAME).write_text(digest)
    except OSError:
        return                               # a home that only others may write: it is looked at again next time
