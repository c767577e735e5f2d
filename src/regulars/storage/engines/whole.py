"""Whole: a small text on the disk that is read whole or not at all, though several processes write it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from uuid import uuid4


def read_whole(path: Path) -> str | None:
    """Return a text; None when there is none, or it was torn by a power cut."""
    try:
        digest, _, text = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    return text.decode() if sha256(text).hexdigest().encode() == digest else None


def write_whole(path: Path, text: str) -> None:
    """Write a text at once: another process may read or write the same one."""
    said = text.encode()
    new = path.with_name(f"{path.name}.{uuid4().hex}")
    new.write_bytes(sha256(said).hexdigest().encode() + b"\n" + said)
    new.replace(path)
