"""The content of a table as one number: the same for the same rows, whatever their order, engine, store or files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt

from regulars.storage.engines.duckdb import DuckDBEngine

MODULUS = 2**64


def content_hash(
    border: DuckDBEngine, paths: Sequence[Path], schema: ibis.Schema, *, without: Path | None = None
) -> str:
    """Return 32 hexadecimal digits over the exact-typed columns of Parquet files; floats are left out.

    A row's text is its values in the order of the column names, each with its length, so that ("ab", "c") differs from
    ("a", "bc") and null from empty. The low 8 bytes of each row's MD5 are added up modulo 2**64: addition does not
    care for order, and unlike xor it sees a row that is there twice. One implementation, always DuckDB's, so that two
    engines' tables can be compared at all.
    """
    exact = ibis.schema({name: kind for name, kind in sorted(schema.items()) if not isinstance(kind, dt.Floating)})
    total = rows = 0
    if paths and len(exact):
        total, rows = border.digest(border.parquet(paths, exact, without=without), exact)
    shape = ",".join(f"{name}:{_kind(kind)}" for name, kind in exact.items())
    return hashlib.md5(f"{shape}|{rows}|{total % MODULUS}".encode(), usedforsecurity=False).hexdigest()


def _kind(kind: dt.DataType) -> str:
    # How wide an engine makes an integer, and whether it knows that a column is never null, says nothing of the rows.
    return "integer" if isinstance(kind, dt.Integer) else str(kind.copy(nullable=True))
