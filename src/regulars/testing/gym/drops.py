"""What arrives each day as files: the vendors' records and the small sources' sheets as they stood that evening."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from regulars.testing.gym.business_time import day_number, iso_utc, utc_seconds
from regulars.testing.gym.setting import World

SNAPSHOTS = frozenset({
    "capitan/customers", "capitan/memberships", "capitan/associations", "capitan/association_members",
    "capitan/events", "capitan/relations", "capitan/referrals", "parties/parties", "parties/rsvps", "front_desk/leads",
})
"""Streams whose every drop is the whole; the others bring what is new since the drop before."""

SHEETS = {"mailchimp/sends": ".csv.gz", "parties/parties": ".csv", "parties/rsvps": ".csv", "front_desk/leads": ".csv"}
"""Streams that arrive as CSV, and how their files end."""


def drops(world: World, day: date, folder: Path) -> list[Path]:
    """Write what arrives on the evening of `day` as `<folder>/<provider>/<stream>/<day>.ndjson.gz` (sheets: CSV).

    A stream's first drop holds all that can be seen; later ones, unless it is a snapshot, what became visible or
    changed since the drop before. Returns the files written; a stream with nothing new gets none.
    """
    written = []
    for source in sorted(world.sandbox.glob("*/*.ndjson")):
        stream = f"{source.parent.name}/{source.stem}"
        target = folder / stream
        before = max((path.name[:10] for path in target.glob("*") if path.name[:10] < day.isoformat()), default=None)
        since = None if before is None or stream in SNAPSHOTS else _evening(date.fromisoformat(before))
        items = list(visible_items(source, at=_evening(day), since=since))
        if not items and (before is not None or stream in SHEETS):
            continue
        target.mkdir(parents=True, exist_ok=True)
        path = target / f"{day.isoformat()}{SHEETS.get(stream, '.ndjson.gz')}"
        path.write_bytes(_sheet(items, path) if stream in SHEETS else packed(b"".join(item + b"\n" for item in items)))
        written.append(path)
    return written


def visible_items(path: Path, *, at: str, since: str | None = None) -> Iterator[bytes]:
    """Yield the items of a sandbox stream that can be seen at a moment (ISO, UTC, exclusive), as JSON bytes.

    With `since`, only those that became visible at or after it.
    """
    until, first = at.encode(), (since or "").encode()
    with path.open("rb") as file:
        for line in file:
            if line[17:37] >= until:
                return                       # lines are in the order in which they became visible
            if line[17:37] < first:
                continue
            gone = line[56:76] if line[55:56] == b'"' else b"9"
            if gone >= until:
                yield line[line.index(b'"item":') + 7 : -2]


def write_files(world: World, folder: Path) -> None:
    """Write the sheets as they stand at the end of the world: sends by day, the others as one file each."""
    at = _evening(world.last_day)
    for stream, ending in SHEETS.items():
        items = list(visible_items(world.sandbox / f"{stream}.ndjson", at=at))
        parts: dict[str, list[bytes]] = defaultdict(list)
        for item in items:
            name = stream
            if stream == "mailchimp/sends":
                sent = item.index(b'"sent_at":"') + 11
                name = f"{stream}/{item[sent : sent + 10].decode()}"
            parts[name].append(item)
        for name, rows in parts.items():
            path = folder / f"{name}{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_sheet(rows, path))


def packed(data: bytes) -> bytes:
    """Return data gzipped, the same bytes every time."""
    return gzip.compress(data, compresslevel=1, mtime=0)


def _evening(day: date) -> str:
    """The local midnight that ends a day, as ISO in UTC."""
    return str(iso_utc(utc_seconds(np.array([day_number(day) + 1]), np.array([0])))[0])


def _sheet(items: list[bytes], path: Path) -> bytes:
    rows = json.loads(b"[" + b",".join(items) + b"]")
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode()
    return packed(data) if path.suffix == ".gz" else data
