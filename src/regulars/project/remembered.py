"""Remembered: that what declarations say of each other was found right, so that opening the project looks only once.

What is remembered is the digest of the project (`regulars.project.layout`). `regulars check` looks in any case.
"""

from __future__ import annotations

from pathlib import Path

from regulars.config import HOME

_NAME = "found_right"


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
