"""Questions asked again and again: an expression with places for values, made once and carried out with the values.

To compile an expression takes longer than to carry it out over one person's rows. What is compiled is text, planned
anew with the values each time: a plan that is kept would rest on what was known when it was made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.datashape as ds
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler

from regulars.storage.engines.engine import Engine, Question

PLACE = "__given_"
"""How the names of places begin in text."""

_PLACES = re.compile(rf"\${PLACE}(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """An expression as the engine's own text."""

    text: str
    schema: ibis.Schema


class Given(ops.Scalar):  # type: ignore[misc]  # ibis has no types there
    """A value that is not known before the question is asked."""

    called: str
    dtype: dt.DataType

    shape = ds.scalar


class Compiler(DuckDBCompiler):  # type: ignore[misc]  # the same
    """DuckDB's, with places for values."""

    __slots__ = ()

    def visit_Given(self, op: Given, *, called: str, dtype: dt.DataType) -> Any:  # noqa: ARG002, N802  ibis finds it so
        """Return a place for a value: a parameter, cast to its type."""
        return self.cast(sge.Parameter(this=sge.to_identifier(PLACE + called)), dtype)


def given(name: str, kind: str = "string") -> ir.Scalar:
    """Return the place of a value in a question; its type is one of Ibis."""
    return Given(name, dt.dtype(kind)).to_expr()


def given_table(name: str, schema: ibis.Schema) -> ir.Table:
    """Return the place of a small table in a question."""
    return ibis.table(schema, name=name)


def given_files(name: str) -> str:
    """Return the place of a list of files in the text of a question."""
    return f"${PLACE}{name}"


def filled(text: str, values: Mapping[str, object]) -> str:
    """Return a compiled question as a statement, with quoted values in the places for them.

    Not by the parameters of DuckDB's client: to tell what a value is, it imports pandas, a quarter of a second.
    """
    return _PLACES.sub(lambda place: _quoted(values[place[1]]), text)


def _quoted(value: object) -> str:
    """Return a value as SQL text, which its place casts to the type; a list is one of files."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(map(_quoted, value))}]"
    text = value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
    return "'" + text.replace("'", "''") + "'"


def spelled_out(expr: ir.Table, engine: Engine) -> Question:
    """Return a question for an engine that knows no places: it is put together and planned each time."""
    return lambda values: engine.fetch(_whole(expr, values, engine))


def _whole(expr: ir.Table, values: Mapping[str, object], engine: Engine) -> ir.Table:
    """Return an expression with values where there were places."""

    def put(node: ops.Node, changed: Mapping[str, Any] | None) -> ops.Node:
        if isinstance(node, Given):
            return ibis.literal(values[node.called], type=node.dtype).op()
        if isinstance(node, ops.UnboundTable):
            return engine.arrow(values[node.name]).op()
        return node.__recreate__(changed) if changed else node

    return expr.op().replace(put).to_expr()
