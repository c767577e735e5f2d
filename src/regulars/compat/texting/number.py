"""Whole numbers as callers write them: 7, "7"; everything else is none."""

from __future__ import annotations

MOST = 1_000_000_000


def whole_number(value: object) -> int | None:
    """Return a number from 0 to MOST; None for what is none, or larger."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or len(text) > len(str(MOST)):
        return None
    return number if (number := int(text)) <= MOST else None
