"""A manifest: the files one version of a table consists of, its columns, and how it is laid out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from regulars.errors import StoreError

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt

@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One immutable Parquet file of a table."""

    name: str                                # in the lake's files
    rows: int                                # those that are marked as gone are not among them
    partition: str | None = None             # text of the partition column in every row of it
    gone: int = 0                            # rows of it that are marked as gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What one version of a table consists of."""

    columns: Mapping[str, str]               # name -> type as Ibis writes it
    files: tuple[DataFile, ...]
    partition_by: str | None = None
    order_by: tuple[str, ...] = field(default=())
    marks: str | None = None                 # file of MARKS: which rows of the files are gone

    @property
    def schema(self) -> ibis.Schema:
        """Return the columns with their types."""
        return _schema(tuple(self.columns.items()))

    @property
    def rows(self) -> int:
        """Return how many rows the version has."""
        return sum(file.rows for file in self.files)

    @property
    def names(self) -> list[str]:
        """Return the names of everything that lies in the lake's files for it."""
        return [file.name for file in self.files] + ([] if self.marks is None else [self.marks])

    def to_json(self) -> str:
        """Return the text kept in the book."""
        return json.dumps({
            "schema": dict(self.columns),
            "files": [[file.name, file.rows, file.partition, file.gone] for file in self.files],
            "partition_by": self.partition_by,
            "order_by": list(self.order_by),
            "marks": self.marks,
        })

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Return the manifest that a text from the book says."""
        data = json.loads(text)
        return cls(
            columns=data["schema"],
            # What was written before rows could be marked says nothing of them.
            files=tuple(
                DataFile(name=name, rows=rows, partition=part, gone=sum(gone))
                for name, rows, part, *gone in data["files"]
            ),
            partition_by=data["partition_by"],
            order_by=tuple(data["order_by"]),
            marks=data.get("marks"),
        )


def named(schema: ibis.Schema) -> dict[str, str]:
    """Return columns as a manifest has them."""
    return {name: str(kind) for name, kind in schema.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What became of a table's files from one version to a later one."""

    old: Manifest
    new: Manifest

    @property
    def came(self) -> list[DataFile]:
        """Return the files that only the new version has."""
        before = {file.name for file in self.old.files}
        return [file for file in self.new.files if file.name not in before]

    @property
    def went(self) -> list[DataFile]:
        """Return the files that only the old version has."""
        now = {file.name for file in self.new.files}
        return [file for file in self.old.files if file.name not in now]

    @property
    def thinned(self) -> list[tuple[DataFile, int]]:
        """Return the files of the old version of which rows were marked as gone since, with how many."""
        now = {file.name: file.gone for file in self.new.files}
        return [(f, now[f.name] - f.gone) for f in self.old.files if f.name in now and now[f.name] > f.gone]

    @property
    def rows(self) -> tuple[int, int]:
        """Return how many rows came and went; those that were only rewritten are in both."""
        went = sum(file.rows for file in self.went) + sum(rows for _, rows in self.thinned)
        return sum(file.rows for file in self.came), went


@lru_cache(maxsize=500)
def _schema(columns: tuple[tuple[str, str], ...]) -> ibis.Schema:
    """Return columns as Ibis has them, which takes its time for their types; a run asks for each table's many times."""
    import ibis  # noqa: PLC0415  who asks what was compiled before needs no expressions

    return ibis.schema(dict(columns))


def settled(schema: ibis.Schema) -> ibis.Schema:
    """Return the columns as the lake knows them: all may be null, moments are UTC in microseconds without a zone.

    Engines differ in what else they know of the same column.
    """
    import ibis  # noqa: PLC0415  the same
    import ibis.expr.datatypes as dt  # noqa: PLC0415

    return ibis.schema({
        name: dt.timestamp if isinstance(kind, dt.Timestamp) else kind.copy(nullable=True)
        for name, kind in schema.items()
    })


def evolved(old: ibis.Schema, new: ibis.Schema, table: str) -> ibis.Schema:
    """Return the columns of both, the old ones first; a column is null in rows that are older than it.

    A narrower integer, or a column of nothing but null, takes the old type.
    Raises StoreError when a column would change its type: its old rows cannot be read as the new one.
    """
    for name, kind in new.items():
        if name in old and not _fits(kind, old[name]):
            raise StoreError(
                f"column {name!r} of {table} is {old[name]} and cannot become {kind}", hint="type `regulars rebuild`"
            )
    import ibis  # noqa: PLC0415  the same

    return ibis.schema({**old, **{name: kind for name, kind in new.items() if name not in old}})


def _fits(kind: dt.DataType, old: dt.DataType) -> bool:
    import ibis.expr.datatypes as dt  # noqa: PLC0415  the same

    if isinstance(kind, dt.Null) or kind == old:
        return True
    return isinstance(kind, dt.Integer) and isinstance(old, dt.Integer) and bool(kind.castable(old))
