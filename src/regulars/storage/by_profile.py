"""By profile: a copy of a table in which a profile's rows lie together, so that a few profiles are read fast by it.

The files of a table never change, so a copy of some of them stays true as long as they are in the table. A copy says
which files it covers, and where each of its rows lay. What it has of files that the table lost, and of rows that were
marked as gone, is left out, and files that it does not cover are read beside it. When these have become many they are
copied beside the copy; only sometimes all of it is written anew. See docs/decisions/point-reads.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import ibis

from regulars.storage.book.versions import COPIES, Version
from regulars.storage.engines.engine import FILE, PLACE, rows_in
from regulars.storage.lake import Lake
from regulars.storage.manifest import DataFile, Manifest, named
from regulars.storage.points import Copied, Tables, last_part

MANY = 8
"""Files that a copy may leave out before they are copied too, and how often that is done before it is written anew: a
reader opens each file that is left out, half a millisecond, and one of each time."""

MOST_ADDED = 0.2
"""The part of a table's rows that is copied beside a copy; with more of them it is written anew."""

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
    """Copy what a table's copy leaves out, or all of it anew, and return how many rows; those of no profile stay out.

    Raises NotFound before the table is there, StoreError when a file is missing or another copy was written meanwhile.
    """
    manifest, parent = lake.manifest(name), lake.book.versions.current_version(COPIES + name)
    base = _base(parent, Tables(lake.book.versions, lake.files).copied(name))
    left_out = tuple(file for file in manifest.files if last_part(file) not in base.covers)
    paths, without = lake.places(left_out, manifest)
    rows = lake.border.parquet(paths, manifest.schema, file=FILE, place=PLACE, without=without)
    rows = rows.filter(rows.profile_id.notnull())
    written = lake.border.spread(
        rows, lake.files.scratch(), order_by=ORDER, file_rows=manifest.rows // MOST_FILES
    )
    if not written and not base.files:
        return 0
    reaches, files = _reaches(lake, written), []
    for path in written:
        file = DataFile(name=f"{lake.book.tenant}/{COPIES}{name}/{uuid4().hex}.parquet", rows=rows_in(path))
        lake.files.publish(path, file.name)
        files.append(file)
    columns = named(rows.schema())
    lake.book.versions.publish_version(
        COPIES + name, manifest=Manifest(columns=columns, files=(*base.files, *files), order_by=ORDER).to_json(),
        meta={
            "covers": [*base.covers, *map(last_part, left_out)],
            "reaches": {**base.reaches, **{f.name: reaches[path.name] for path, f in zip(written, files, strict=True)}},
            "added": base.added,
        },
        expected_parent=parent.number if parent else None, at=lake.clock.now(),
    )
    return sum(file.rows for file in files)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """What of a copy the next one goes on from; by default nothing, and all is copied anew."""

    files: tuple[DataFile, ...] = ()
    covers: tuple[str, ...] = ()             # last parts of the names of the table's files
    reaches: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    added: int = 0                           # how often something was copied beside what was copied at first


def _base(parent: Version | None, copied: Copied | None) -> _Base:
    """Return what the next copy goes on from."""
    if parent is None or copied is None:
        return _Base()
    added = int(parent.meta.get("added", 0)) + 1
    is_alike = copied.copy.columns == {**copied.table.columns, FILE: "string", PLACE: "int64"}
    is_little = sum(file.rows for file in copied.rest) <= MOST_ADDED * copied.table.rows
    if added > MANY or not is_alike or not is_little:
        return _Base()
    return _Base(files=copied.copy.files, covers=tuple(parent.meta["covers"]), reaches=copied.reaches, added=added)


def _reaches(lake: Lake, paths: list[Path]) -> dict[str, tuple[str, str]]:
    """Return the first and the last profile's id in each file, by the last part of its name."""
    rows = lake.border.parquet(paths, ibis.schema({"profile_id": "string"}), file=FILE)
    ends = rows.group_by(FILE).agg(first=rows.profile_id.min(), last=rows.profile_id.max())
    return {row[FILE]: (row["first"], row["last"]) for row in lake.border.fetch(ends).to_pylist()}
