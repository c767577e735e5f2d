"""A vendor's JSON as what it is meant to be: whatever came instead is told from it, and nothing is raised."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def decoded(body: bytes | str, kind: type[T]) -> T | None:
    """Return a body's JSON as a value of a kind; None for what is not JSON, or not of that kind."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
