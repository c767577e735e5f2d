"""By profile: a copy of a table in which a profile's rows lie together, and how a few profiles are read by it.

The files of a table never change, so a copy of some of them stays true as long as they are in the table. A copy says
which files it covers, and where each of its rows lay. What it has of files that the table lost, and of rows that were
marked as gone, is left out, and files that it does not cover are read beside it. It is written anew only when these
have become many. See docs/decisions/point-reads.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import ibis
import ibis.expr.types as ir

from regulars.storage.book.versions import COPIES
from regulars.storage.engines.engine import FILE, MARKS, PLACE, rows_in
from regulars.storage.lake import Lake
from regulars.storage.manifest import DataFile, Manifest

MANY = 8
"""Files that a copy may leave out before it is written anew: each costs a reader half a millisecond."""

LEAST = 10_000
"""Rows of a table below which reading all of it is as fast."""

MOST_FILES = 256
"""About how many files a copy has at most, however large the table is."""

ORDER = ("profile_id", "profile_source", "occurred_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copy of a table, as far as it is true now."""

    table: Manifest
    copy: Manifest
    reaches: dict[str, tuple[str, str]]      # files of the copy: the first and the last profile's id in each
    gone: tuple[str, ...]                    # files that the copy covers and the table lost: last parts of their names
    rest: tuple[DataFile, ...]               # files of the table that the copy does not cover

    def files_of(self, lake: Lake, profile_ids: Iterable[str]) -> list[str]:
        """Return where the copy may have rows of profiles: at least one path, also when nobody has any."""
        ids = set(profile_ids)
        found = [
            name for name, (first, last) in self.reaches.items() if any(first <= profile <= last for profile in ids)
        ]
        return [str(lake.files.local(name)) for name in found or [self.copy.files[0].name]]

    def rows(self, lake: Lake, place: str) -> ir.Table:
        """Return the table as a question reads it for a few profiles: others' rows may be missing.

        `place`: where the question is told the `files_of` its profiles.
        """
        wanted = ibis.schema({**self.table.schema, **MARKS})
        told = lake.border.files_given(place, wanted, found=self.copy.schema)
        if self.gone:
            told = told.filter(told[FILE].notin(self.gone))
        if self.table.marks is not None:
            told = told.anti_join(lake.border.parquet([lake.files.local(self.table.marks)], MARKS), MARKS.names)
        told = told.drop(*MARKS.names)
        return told.union(lake.read(self.rest, self.table)) if self.rest else told


def copied(lake: Lake, name: str) -> Copied | None:
    """Return the copy of a table; None when there is none, or when the table lost all that it covers."""
    copy, table = (lake.book.versions.current_version(each) for each in (COPIES + name, name))
    if copy is None or table is None:
        return None
    manifest, covers = Manifest.from_json(table.manifest), set(copy.meta["covers"])
    rest, found = tuple(file for file in manifest.files if _last(file) not in covers), Manifest.from_json(copy.manifest)
    # Of a copy of before rows could be marked, it is not known which of its rows are gone since.
    if len(rest) == len(manifest.files) or not MARKS.keys() <= found.schema.keys():
        return None
    return Copied(
        table=manifest, copy=found, rest=rest,
        reaches={name: (first, last) for name, (first, last) in copy.meta["reaches"].items()},
        gone=tuple(sorted(covers - {_last(file) for file in manifest.files})),
    )


def is_due(lake: Lake, name: str, *, least: int = LEAST, many: int = MANY) -> bool:
    """Return whether a copy of a table is worth writing: it is large, and many of its files are not covered."""
    table = lake.book.versions.current_version(name)
    if table is None:
        return False
    manifest, found = Manifest.from_json(table.manifest), copied(lake, name)
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
        COPIES + name, manifest=Manifest(schema=rows.schema(), files=tuple(files), order_by=ORDER).to_json(),
        meta={
            "covers": [_last(file) for file in manifest.files],
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


def _last(file: DataFile) -> str:
    return Path(file.name).name
