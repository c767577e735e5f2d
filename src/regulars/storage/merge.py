"""A merge: which files of a table stay as they are, in which rows are marked as gone, and which are written anew."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from regulars.storage.engines.duckdb import Bench, literal
from regulars.storage.engines.engine import FEW_ROWS, FILE, PLACE, ROW_GROUP, Engine, Written
from regulars.storage.engines.marks import MARKS
from regulars.storage.manifest import DataFile, Manifest, settled

if TYPE_CHECKING:
    from regulars.storage.lake import Lake

MANY_FILES = 8
"""Files of one partition above which a merge joins the small ones."""

MANY_GONE = 8
"""A file is rewritten when more than one in so many of its rows are gone: readers pass over them until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge comes to, but for the names of what is new."""

    kept: list[DataFile]                     # old files, less the rows that are gone from them
    written: list[Written]
    marks: Path | None                       # new MARKS in the place of the old ones; None: these still hold, if any


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """One merge: which files stay, and which are written anew."""

    lake: Lake
    table: str
    old: Manifest
    schema: ibis.Schema
    key: tuple[str, ...]
    folder: Path                             # on the lake's disk; for what is written

    def carry_out(self, delta: ir.Table, gone: ir.Table | None) -> Merged:
        """Return the old files that stay as they are, and what was written.

        The engine writes what it computed; from there on a merge is files to files, and the border does that.
        """
        added = self._write(self.lake.engine, with_columns(delta, self.schema))
        keys = [*added, *self._gone(gone)]
        if not keys:
            return Merged(kept=list(self.old.files), written=[], marks=None)
        kept, new = self._marked(self.lake.border.parquet([file.path for file in keys], self._key_schema))
        marks = new or self.lake.places(kept, self.old)[1]
        stays: list[DataFile] = []
        for file in kept:
            if file.gone * MANY_GONE <= file.rows + file.gone:
                stays.append(file)
                continue
            # File by file, so that nothing is taken apart or sorted again: row groups stay as narrow as they are.
            left = self.lake.border.write(
                self._old([file], marks), self.folder, row_group=row_group_of(self.old.partition_by)
            )
            added += [dataclasses.replace(one, partition=file.partition) for one in left]
        stays, added = self._joined(stays, added, marks)
        return Merged(kept=stays, written=added, marks=new if any(file.gone for file in stays) else None)

    def _write(self, engine: Engine, rows: ir.Table) -> list[Written]:
        by = self.old.partition_by
        return engine.write(rows, self.folder, order_by=self.old.order_by, partition_by=by, row_group=row_group_of(by))

    @property
    def _key_schema(self) -> ibis.Schema:
        return ibis.schema({name: self.schema[name] for name in self.key})

    @property
    def _key_names(self) -> str:
        return ", ".join(f'"{name}"' for name in self.key)

    def _old(self, files: Sequence[DataFile], marks: Path | None) -> ir.Table:
        paths = [self.lake.files.local(file.name) for file in files]
        return self.lake.border.parquet(paths, self.schema, without=marks)

    def _gone(self, gone: ir.Table | None) -> list[Written]:
        """Write the keys to delete, so that they are worked out once, and by the engine whose expression they are."""
        if gone is None:
            return []
        return self.lake.engine.write(with_columns(gone, self._key_schema), self.folder)

    def _marked(self, keys: ir.Table) -> tuple[list[DataFile], Path | None]:
        """Return the files that still have rows without these keys, and new MARKS of all that are gone from them.

        None: there are no others than there were.
        """
        paths, before = self.lake.places(self.old.files, self.old)
        rows = self.lake.border.parquet(paths, self._key_schema, file=FILE, place=PLACE, without=before)
        query = f"select {FILE}, {PLACE} from old semi join keys using ({self._key_names})"
        with self.lake.border.bench() as bench:
            hits = bench.keep(bench.select(query, MARKS, old=rows, keys=keys))
            counted = bench.fetch(bench.select(
                f"select {FILE}, count(*) as hits from found group by {FILE}",
                ibis.schema({FILE: "string", "hits": "int64"}), found=hits,
            ))
            by_path = dict(zip(counted[FILE].to_pylist(), counted["hits"].to_pylist(), strict=True))
            left = [_without(file, by_path.get(Path(file.name).name, 0)) for file in self.old.files]
            kept = [file for file in left if file.rows]
            if not by_path:
                return kept, None
            parts = [hits] if before is None else [hits, self._still_marked(before, kept, bench)]
            marks = self.lake.border.gather(parts, self.folder, schema=MARKS)
        return kept, marks[0].path

    def _still_marked(self, before: Path, kept: Sequence[DataFile], bench: Bench) -> ir.Table:
        """Return the MARKS there were, of files that are still there."""
        names = ", ".join(literal(Path(file.name).name) for file in kept if file.gone)
        rows = self.lake.border.parquet([before], MARKS)
        return bench.select(f"select * from marks where {FILE} in ({names or 'null'})", MARKS, marks=rows)

    def _joined(
        self, kept: list[DataFile], added: list[Written], marks: Path | None
    ) -> tuple[list[DataFile], list[Written]]:
        """Join the small files of partitions that have many: each row is rewritten only a few times over the years."""
        counts = Counter([file.partition for file in kept] + [file.partition for file in added])
        full = {partition for partition, count in counts.items() if count > MANY_FILES}
        if not full:
            return kept, added
        old = [file for partition in full for file in small([f for f in kept if f.partition == partition])]
        new = [file for file in added if file.partition in full]
        border = self.lake.border
        paths = [*(self.lake.files.local(file.name) for file in old), *(file.path for file in new)]
        rows = border.parquet(paths, self.schema, without=marks)
        names = {file.name for file in old}
        untouched = [file for file in added if file.partition not in full]
        return [file for file in kept if file.name not in names], untouched + self._write(border, rows)


def _without(file: DataFile, rows: int) -> DataFile:
    return dataclasses.replace(file, rows=file.rows - rows, gone=file.gone + rows) if rows else file


def row_group_of(partition_by: str | None) -> int:
    """Return how many rows stand together: what is kept apart by a column is read in bulk, the rest by key as well."""
    return FEW_ROWS if partition_by is None else ROW_GROUP


def small(files: Sequence[DataFile]) -> list[DataFile]:
    """Return the files of a partition that are worth joining: all but those larger than all smaller ones together."""
    chosen: list[DataFile] = []
    total = 0
    for file in sorted(files, key=lambda file: (file.rows, file.name)):
        if len(chosen) >= MANY_FILES // 2 and file.rows > total:
            break
        chosen.append(file)
        total += file.rows
    return chosen


def with_columns(expr: ir.Table, schema: ibis.Schema) -> ir.Table:
    """Return an expression with exactly these columns; those it lacks are null."""
    own = expr.schema()
    if list(settled(own).items()) == list(schema.items()):
        return expr
    return expr.select(*(
        (expr[name] if name in own else ibis.null(kind)).cast(kind).name(name) for name, kind in schema.items()
    ))
