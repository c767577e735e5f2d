"""Questions asked again and again: an expression with places for values, made once and carried out with the values.

To compile an expression takes longer than to carry it out over one person's rows. What is compiled is text, planned
anew with the values each time: a plan that is kept would rest on what was known when it was made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis
    import ibis.expr.operations as ops
    import ibis.expr.types as ir

    from regulars.storage.engines.engine import Engine, Question

PLACE = "__given_"
"""How the names of places begin in text."""

_PLACES = re.compile(rf"\${PLACE}(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """An expression as the engine's own text."""

    text: str
    schema: ibis.Schema
    # The expression, if it reads Arrow tables: they live as long, and the text says nothing in another process.
    held: ir.Table | None = field(default=None, compare=False, repr=False)


def given(name: str, kind: str = "string") -> ir.Scalar:
    """Return the place of a value in a question; its type is one of Ibis."""
    from ibis.expr.datatypes import dtype  # noqa: PLC0415  who asks what was compiled before needs no expressions

    from regulars.storage.engines.compiler import Given  # noqa: PLC0415  the same

    return Given(name, dtype(kind)).to_expr()


def given_table(name: str, schema: ibis.Schema) -> ir.Table:
    """Return the place of a small table in a question."""
    import ibis  # noqa: PLC0415  the same

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
    import ibis  # noqa: PLC0415  the same
    import ibis.expr.operations as ops  # noqa: PLC0415

    from regulars.storage.engines.compiler import Given  # noqa: PLC0415

    def put(node: ops.Node, changed: Mapping[str, Any] | None) -> ops.Node:
        if isinstance(node, Given):
            return ibis.literal(values[node.called], type=node.dtype).op()
        if isinstance(node, ops.UnboundTable):
            return engine.arrow(values[node.name]).op()
        return node.__recreate__(changed) if changed else node

    return expr.op().replace(put).to_expr()
