"""The shape of an expression: all that its text depends on, whatever its tables are called and whenever it is asked.

Two expressions of one shape have one text, but for the names of tables that were named by chance or by their content,
and for the days, moments and varying numbers in it. Whoever knows the text of one knows that of the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from hashlib import sha256
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.expr.schema import Schema

from regulars.storage.engines.compiler import Given

_BY_CHANCE = re.compile(r"files_[0-9a-f]{32}|ibis_\w+_[0-9a-z]{26}")
"""Names of tables that nothing else can be called: a text can be searched for them."""

_PLAIN = (str, bool, int, float, Decimal, date, bytes, type(None), Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What an expression is, and what stands in the places that are left open in it."""

    key: str                                 # 64 hexadecimal digits; equal for equal shapes
    names: tuple[str, ...]                   # of tables, in the order of the places
    values: tuple[ops.Literal, ...]          # that are others tomorrow, the same
    in_memory: tuple[ops.InMemoryTable, ...]


def shape_of(root: ops.Node) -> Shape | None:
    """Return the shape of an expression; None when it has something in it that a shape does not tell."""
    told = _Told(numbers={}, said=[], names=[], values=[], in_memory=[])
    waiting = [root]
    # Deep expressions would be too deep for Python's own stack.
    while waiting:
        node = waiting[-1]
        below = [] if node in told.numbers else [each for each in node.__children__ if each not in told.numbers]
        if below:
            waiting += reversed(below)
            continue
        waiting.pop()
        if node not in told.numbers and not told.tell(node):
            return None
    return Shape(
        key=sha256("\n".join(told.said).encode()).hexdigest(), names=tuple(told.names), values=tuple(told.values),
        in_memory=tuple(told.in_memory),
    )


def varying(number: int) -> ir.Scalar:
    """Return a whole number that is another one at every run: how far somebody has read, say."""
    return ibis.literal(number, _VARYING)


_VARYING = dt.Int64(nullable=False)
"""By this type a varying number is told from the others, of which none is said to be never null."""


def _varies(node: ops.Literal) -> bool:
    kind = node.dtype
    if isinstance(node.value, date):         # a moment is one, too
        return bool(kind.is_date() or (kind.is_timestamp() and not kind.timezone))
    return bool(kind == _VARYING)


class _Strange(Exception):
    """A value that has no certain text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What is said of the nodes of an expression so far, those below first."""

    numbers: dict[ops.Node, int]
    said: list[str]
    names: list[str]
    values: list[ops.Literal]
    in_memory: list[ops.InMemoryTable]

    def tell(self, node: ops.Node) -> bool:
        """Say what a node is, everything below it having been said; False when that cannot be."""
        try:
            said = self._said(node)
        except _Strange:
            return False
        self.numbers[node] = len(self.said)
        self.said.append(f"{type(node).__name__}{said}")
        return True

    def _said(self, node: ops.Node) -> str:
        if type(node).__module__.split(".")[0] != "ibis" and not isinstance(node, Given):
            raise _Strange               # a function that somebody made, known by its name alone
        if isinstance(node, ops.Literal):
            return self._literal(node)
        if isinstance(node, ops.Reference):
            return self._value(node.parent)  # which one it is of several is said by its number, not by a counter's
        if isinstance(node, (ops.DatabaseTable, ops.InMemoryTable, ops.UnboundTable)):
            return self._table(node)
        if isinstance(node, (ops.SQLQueryResult, ops.SQLStringView, ops.ScalarParameter)):
            raise _Strange
        return self._value(node.__args__)

    def _table(self, node: ops.PhysicalTable) -> str:
        name = node.name
        if _BY_CHANCE.fullmatch(name):
            name = len(self.names)
            self.names.append(node.name)
        if isinstance(node, ops.InMemoryTable):
            self.in_memory.append(node)
            return f"({name!r}{self._value(node.schema)})"
        return f"({name!r}{self._value(node.schema)}{self._value(node.namespace.__args__)})"

    def _literal(self, node: ops.Literal) -> str:
        kind = node.dtype
        if kind.is_nested():
            raise _Strange
        if _varies(node):
            self.values.append(node)
            return f"(varying {_type(kind)})"
        return f"({self._value(node.value)}{_type(kind)})"

    def _value(self, value: Any) -> str:
        match value:
            case ops.Node() if value in self.numbers:
                said = f"#{self.numbers[value]}"
            case dt.DataType():
                said = _type(value)
            case Schema():
                said = _columns(value)
            case tuple():
                said = f"({''.join(map(self._value, value))})"
            case frozenset():
                said = f"{{{''.join(sorted(map(self._value, value)))}}}"
            case Mapping():
                said = f"{{{''.join(f'{name!r}:{self._value(each)}' for name, each in value.items())}}}"
            case _ if isinstance(value, _PLAIN):
                said = repr(value)
            case _:
                raise _Strange
        return f"{said} "


@cache
def _type(kind: dt.DataType) -> str:
    return str(kind)


@cache
def _columns(schema: Schema) -> str:
    return f"[{', '.join(f'{name!r} {kind!s}' for name, kind in schema.items())}]"
