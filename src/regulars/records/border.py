"""The border is read in SQL text, carried out by DuckDB in process: the seam, and how JSON is taken apart.

Everything after the border is engine-independent Ibis; text appears in `records` and nowhere else. Names are quoted by
`quoted`, values by `literal`, and nowhere else either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa


class Bench(Protocol):
    """Where text is carried out, and where the rows of one stream lie while they are read."""

    def select(self, query: str, schema: ibis.Schema, **tables: ir.Table) -> ir.Table:
        """Return a select statement as an expression of these columns; it calls the tables as they are called here."""
        ...

    def keep(self, table: ir.Table) -> ir.Table:
        """Carry an expression out and keep its rows, so that several statements read them."""
        ...

    def fetch(self, table: ir.Table) -> pa.Table:
        """Carry an expression out and return its rows."""
        ...


def quoted(name: str) -> str:
    """Return a name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def listed(columns: Mapping[str, str]) -> str:
    """Return the columns of a select: `expression as name, …`."""
    return ", ".join(f"{expression} as {quoted(name)}" for name, expression in columns.items())


def path_parts(path: str) -> list[str]:
    """Return the names in a dotted path; a name with a dot in it is written in double quotes."""
    return [part.strip('"') for part in re.findall(r'"[^"]*"|[^.]+', path)]


def json_path(parts: Iterable[str]) -> str:
    """Return a JSON path of names and list positions."""
    steps = [f"[{part}]" if part.isdigit() else '."' + part.replace('"', '\\"') + '"' for part in parts]
    return "$" + "".join(steps)


def taken_apart(payload: str, paths: Mapping[str, tuple[str, bool]], *, whole: str) -> tuple[str, dict[str, str]]:
    """Return SQL that takes a payload apart, for a column named `whole`, and the values by name as SQL over both.

    `payload` is SQL of a JSON text; `paths`: name -> (dotted path, as JSON). Values are text, or JSON where asked. All
    that can be is taken in one pass over the payload; list positions and paths inside a value that is itself wanted
    are taken one by one.
    """
    tree: dict[str, object] = {}
    alone: set[str] = set()
    for name, (path, as_json) in sorted(paths.items(), key=lambda item: item[1][0]):
        parts = path_parts(path)
        if any(part.isdigit() for part in parts) or not _plant(tree, parts, "JSON" if as_json else "VARCHAR"):
            alone.add(name)
    found: dict[str, str] = {}
    for name, (path, as_json) in paths.items():
        parts = path_parts(path)
        if name in alone:
            take = "json_extract" if as_json else "json_extract_string"
            found[name] = f"{take}({payload}, {literal(json_path(parts))})::varchar"
        else:
            found[name] = ".".join(map(quoted, [whole, *parts])) + ("::varchar" if as_json else "")
    return f"json_transform({payload}, {literal(json.dumps(tree))})" if tree else "null", found


def _plant(tree: dict[str, object], parts: list[str], kind: str) -> bool:
    """Add a path to the shape asked of the payload; False when it lies inside another, or differs only by case."""
    for depth, part in enumerate(parts):
        if part not in tree and part.casefold() in {known.casefold() for known in tree}:
            return False
        if depth == len(parts) - 1:
            if part in tree:
                return tree[part] == kind
            tree[part] = kind
            return True
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            return False
        tree = below
    return False
