"""JSON texts out of columns, the same on every engine: columns in a fixed order, missing values left out."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir


def json_object(columns: Mapping[str, ir.Value]) -> ir.Value:
    """Return one JSON object a row: numbers and booleans as such, everything else as text, nulls left out."""
    parts = [
        ibis.ifelse(column.notnull(), ibis.literal(f',"{name}":') + _value(column), "").fill_null("")
        for name, column in columns.items()
    ]
    joined = ibis.literal("")
    for part in parts:
        joined = joined + part
    return ibis.literal("{") + joined.substr(1) + "}"


def _value(column: ir.Value) -> ir.Value:
    kind = column.type()
    if kind.is_numeric() or kind.is_boolean():
        return column.cast("string").lower()
    text = column.cast("string")
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    # What other control characters meant nobody knows; JSON does not allow them as they are.
    text = text.re_replace(r"[\x00-\x1f]", " ")
    return ibis.literal('"') + text + '"'
