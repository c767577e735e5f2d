"""A manifest: the files one version of a table consists of, its columns, and how it is laid out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regulars.errors import StoreError

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt

FILE = "__file"
"""Column that says which file a row is in, while rows are looked for by their files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One immutable Parquet file of a table."""

    name: str                                # in the lake's files
    rows: int
    partition: str | None = None             # text of the partition column in every row of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What one version of a table consists of."""

    columns: Mapping[str, str]               # name -> type as Ibis writes it
    files: tuple[DataFile, ...]
    partition_by: str | None = None
    order_by: tuple[str, ...] = field(default=())

    @property
    def schema(self) -> ibis.Schema:
        """Return the columns with their types."""
        import ibis  # noqa: PLC0415  who asks what was compiled before needs no expressions

        return ibis.schema(self.columns)

    @property
    def rows(self) -> int:
        """Return how many rows the version has."""
        return sum(file.rows for file in self.files)

    def to_json(self) -> str:
        """Return the text kept in the book."""
        return json.dumps({
            "schema": dict(self.columns),
            "files": [[file.name, file.rows, file.partition] for file in self.files],
            "partition_by": self.partition_by,
            "order_by": list(self.order_by),
        })

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Return the manifest that a text from the book says."""
        data = json.loads(text)
        return cls(
            columns=data["schema"],
            files=tuple(DataFile(name=name, rows=rows, partition=part) for name, rows, part in data["files"]),
            partition_by=data["partition_by"],
            order_by=tuple(data["order_by"]),
        )


def named(schema: ibis.Schema) -> dict[str, str]:
    """Return columns as a manifest has them."""
    return {name: str(kind) for name, kind in schema.items()}


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
