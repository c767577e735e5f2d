"""A merge: which files of a table stay as they are, and which are written anew."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from regulars.storage.engines.duckdb import Bench
from regulars.storage.engines.engine import FEW_ROWS, ROW_GROUP, Engine, Written
from regulars.storage.manifest import FILE, DataFile, Manifest, settled

if TYPE_CHECKING:
    from regulars.storage.lake import Lake

MANY_FILES = 8
"""Files of one partition above which a merge joins the small ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """One merge: which files stay, and which are written anew."""

    lake: Lake
    table: str
    old: Manifest
    schema: ibis.Schema
    key: tuple[str, ...]
    folder: Path                             # on the lake's disk; for what is written

    def carry_out(self, delta: ir.Table, gone: ir.Table | None) -> tuple[list[DataFile], list[Written]]:
        """Return the old files that stay as they are, and the new ones.

        The engine writes what it computed; from there on a merge is files to files, and the border does that.
        """
        added = self._write(self.lake.engine, with_columns(delta, self.schema))
        keys = [*added, *self._gone(gone)]
        if not keys:
            return list(self.old.files), []
        border = self.lake.border
        with border.bench() as bench:
            named = border.parquet([file.path for file in keys], self._key_schema)
            hits = self._hits(named, bench)
            kept = [file for file in self.old.files if file.name not in hits]
            touched = [file for file in self.old.files if 0 < hits.get(file.name, 0) < file.rows]
            for file in touched:
                # File by file, so that nothing is taken apart or sorted again: row groups stay as narrow as they are.
                query = f"select * from old anti join keys using ({self._key_names})"
                rest = bench.select(query, self.schema, old=self._old([file]), keys=named)
                left = border.write(rest, self.folder, row_group=row_group_of(self.old.partition_by))
                added += [dataclasses.replace(one, partition=file.partition) for one in left]
        return self._joined(kept, added)

    def _write(self, engine: Engine, rows: ir.Table) -> list[Written]:
        by = self.old.partition_by
        return engine.write(rows, self.folder, order_by=self.old.order_by, partition_by=by, row_group=row_group_of(by))

    @property
    def _key_schema(self) -> ibis.Schema:
        return ibis.schema({name: self.schema[name] for name in self.key})

    @property
    def _key_names(self) -> str:
        return ", ".join(f'"{name}"' for name in self.key)

    def _old(self, files: Sequence[DataFile]) -> ir.Table:
        return self.lake.border.parquet([self.lake.files.local(file.name) for file in files], self.schema)

    def _gone(self, gone: ir.Table | None) -> list[Written]:
        """Write the keys to delete, so that they are worked out once, and by the engine whose expression they are."""
        if gone is None:
            return []
        return self.lake.engine.write(with_columns(gone, self._key_schema), self.folder)

    def _hits(self, keys: ir.Table, bench: Bench) -> Mapping[str, int]:
        """Return how many rows of each file have one of the keys; files without any are left out."""
        paths = [self.lake.files.local(file.name) for file in self.old.files]
        rows = self.lake.border.parquet(paths, self._key_schema, file=FILE)
        query = f"select {FILE}, count(*) as hits from old semi join keys using ({self._key_names}) group by {FILE}"
        found = bench.fetch(bench.select(query, ibis.schema({FILE: "string", "hits": "int64"}), old=rows, keys=keys))
        by_path = dict(zip(found[FILE].to_pylist(), found["hits"].to_pylist(), strict=True))
        return {f.name: by_path[Path(f.name).name] for f in self.old.files if Path(f.name).name in by_path}

    def _joined(self, kept: list[DataFile], added: list[Written]) -> tuple[list[DataFile], list[Written]]:
        """Join the small files of partitions that have many: each row is rewritten only a few times over the years."""
        counts = Counter([file.partition for file in kept] + [file.partition for file in added])
        full = {partition for partition, count in counts.items() if count > MANY_FILES}
        if not full:
            return kept, added
        old = [file for partition in full for file in small([f for f in kept if f.partition == partition])]
        new = [file for file in added if file.partition in full]
        border = self.lake.border
        rows = border.parquet(
            [*(self.lake.files.local(file.name) for file in old), *(file.path for file in new)], self.schema
        )
        names = {file.name for file in old}
        untouched = [file for file in added if file.partition not in full]
        return [file for file in kept if file.name not in names], untouched + self._write(border, rows)


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
