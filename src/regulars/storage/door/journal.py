"""A journal: lines appended to a file so that what was acknowledged survives, and what failed leaves no trace."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CLOSED = -1
"""Handle of a journal that was given back."""


@dataclass(slots=True)
class Journal:
    """One append-only file of lines. `sync` and then `keep` make written lines part of it, `undo` takes them back."""

    path: Path
    handle: int
    length: int                              # bytes that are kept
    lines: int                               # that are kept

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open a journal, made and durably named if it is new; a line that a killed process left half is cut off."""
        is_new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if is_new:
            sync_folder(path.parent)
            return cls(path, handle, 0, 0)
        kept, lines = whole_lines(path)
        if kept != os.fstat(handle).st_size:
            os.ftruncate(handle, kept)
        return cls(path, handle, kept, lines)

    def write(self, data: bytes) -> None:
        """Append whole lines; not durable before `sync`. Raises OSError, after which `undo` has to be called."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.handle, rest):]

    def sync(self) -> None:
        """Put what was written on disk. Raises OSError."""
        os.fdatasync(self.handle)

    def keep(self, size: int, lines: int) -> None:
        """Count in what was put on disk: so many bytes and lines."""
        self.length, self.lines = self.length + size, self.lines + lines

    def undo(self) -> None:
        """Go back to what was kept. Taking away needs no room, so a full disk does not hinder."""
        os.ftruncate(self.handle, self.length)

    def close(self) -> None:
        """Give back the file; a second time nothing, for its number may be another file's by then."""
        if self.handle != CLOSED:
            os.close(self.handle)
            self.handle = CLOSED


def whole_lines(path: Path) -> tuple[int, int]:
    """Return how many bytes and lines of a file are whole lines, up to the first that is none.

    After a power cut a file may be longer than what was put on disk, with zeros where nothing was: no line has any.
    """
    lines = end = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n") or b"\0" in line:
                break
            lines, end = lines + 1, end + len(line)
    return end, lines


def sync_folder(folder: Path) -> None:
    """Put on disk which files a folder holds."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, data: bytes) -> None:
    """Put a small file in the place of another, whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)
