"""What a segment of the landing is called: whose, of which stream, of which day, in which of three forms."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

LINES, PAGE, COMPACTED = ".ndjson", ".parquet", ".compacted.parquet"
"""Endings of the three forms of a segment; the last holds the columns of `landing.ROWS`."""


def segment_name(tenant: str, source: str, stream: str, *, day: date, what: str, ending: str) -> str:
    """Return a name in the landing's files that was never used before."""
    return f"{tenant}/{source}/{stream}/{day}/{what}-{uuid4().hex}{ending}"
