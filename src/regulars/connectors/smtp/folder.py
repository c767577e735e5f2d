"""A mailbox as a folder: a Maildir, or files that hold one mail each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from regulars.connectors.smtp.news import read
from regulars.destinations.sender import News


def read_folder(folder: Path, *, at: datetime) -> Iterator[tuple[Path, list[News]]]:
    """Yield each mail's file and what it tells, in the order of their names. Nothing is moved or marked.

    Reading a folder twice tells the same news with the same ids, so whoever keeps news keeps each once.
    """
    places = [folder / part for part in ("new", "cur") if (folder / part).is_dir()] or [folder]
    for path in sorted(path for place in places for path in place.iterdir() if path.is_file()):
        yield path, read(path.read_bytes(), "message/rfc822", at)
