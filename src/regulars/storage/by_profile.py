"""By profile: a copy of a table in which a profile's rows lie together, so that a few profiles are read fast by it.

The files of a table never change, so a copy of some of them stays true as long as they are in the table. A copy says
which files it covers, and where each of its rows lay. What it has of files that the table lost, and of rows that were
marked as gone, is left out, and files that it does not cover are read beside it. It is written anew only when these
have become many. See docs/decisions/point-reads.md.
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import ibis

from regulars.storage.book.versions import COPIES
from regulars.storage.engines.engine import FILE, PLACE, rows_in
from regulars.storage.lake import Lake
from regulars.storage.manifest import DataFile, Manifest, named
from regulars.storage.points import Tables, last_part

MANY = 8
"""Files that a copy may leave out before it is written anew: each costs a reader half a millisecond."""

LEAST = 10_000
"""Rows of a table below which reading all of it is as fast."""

MOST_FILES = 256
"""About how many files a copy has at most, however large the table is."""

ORDER = ("profile_id", "profile_source", "occurred_at")


def is_due(lake: Lake, name: str, *, least: int = LEAST, many: int = MANY) -> bool:
    """Return whether a copy of a table is worth writing: it is large, and many of its files are not covered."""
    table = lake.book.versions.current_version(name)
    if table is None:
        return False
    manifest, found = Manifest.from_json(table.manifest), Tables(lake.book.versions, lake.files).copied(name)
    return manifest.rows >= least and len(manifest.files if found is None else found.rest) > many


def write_copy(lake: Lake, name: str) -> int:
    """Copy a table as it is, in the place of the copy before, and return how many rows; those of no profile stay out.

    Raises NotFound before the table is there, StoreError when a file is missing or another copy was written meanwhile.
    """
    manifest, parent = lake.manifest(name), lake.book.versions.current_version(COPIES + name)
    paths, without = lake.places(manifest.files, manifest)
    rows = lake.border.parquet(paths, manifest.schema, file=FILE, place=PLACE, without=without)
    rows = rows.filter(rows.profile_id.notnull())
    written = lake.border.spread(
        rows, lake.files.scratch(), order_by=ORDER, file_rows=manifest.rows // MOST_FILES
    )
    if not written:
        return 0
    reaches = _reaches(lake, written)
    files = []
    for path in written:
        file = DataFile(name=f"{lake.book.tenant}/{COPIES}{name}/{uuid4().hex}.parquet", rows=rows_in(path))
        lake.files.publish(path, file.name)
        files.append(file)
    lake.book.versions.publish_version(
        COPIES + name, manifest=Manifest(columns=named(rows.schema()), files=tuple(files), order_by=ORDER).to_json(),
        meta={
            "covers": [last_part(file) for file in manifest.files],
            "reaches": {file.name: reaches[path.name] for path, file in zip(written, files, strict=True)},
        },
        expected_parent=parent.number if parent else None, at=lake.clock.now(),
    )
    return sum(file.rows for file in files)


def _reaches(lake: Lake, paths: list[Path]) -> dict[str, tuple[str, str]]:
    """Return the first and the last profile's id in each file, by the last part of its name."""
    rows = lake.border.parquet(paths, ibis.schema({"profile_id": "string"}), file=FILE)
    ends = rows.group_by(FILE).agg(first=rows.profile_id.min(), last=rows.profile_id.max())
    return {row[FILE]: (row["first"], row["last"]) for row in lake.border.fetch(ends).to_pylist()}
