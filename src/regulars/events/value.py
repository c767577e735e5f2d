"""Tests of one value of a row: `where: {kind: day_pass}`, `{trait: email, is: missing}`.

A missing value passes no test but `is: missing` and `not`: what is not known is not that value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.window import COMPARISON_KEYS, Comparison, Path, declare_comparison
from regulars.later import ibis, ir

Plain = str | int | bool | Decimal | date


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is one of these, exactly."""

    values: tuple[Plain, ...]

    def holds(self, column: ir.Value) -> ir.Value:
        """Return whether the column is one of the values; false where missing."""
        kind = column.type()
        if kind.is_null():
            return ibis.literal(False)
        if kind.is_string():
            return column.isin([_text(value) for value in self.values]).fill_null(False)
        if kind.is_boolean() and not all(isinstance(value, bool) for value in self.values):
            raise DeclarationError(f"{self.values[0]!r} is compared with yes or no", hint="write true or false")
        return column.isin(list(self.values)).fill_null(False)

    def sentence(self) -> str:
        """Return `is a or b`."""
        return "is " + " or ".join(_text(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class IsMissing:
    """There is no value; empty text counts as none."""

    def holds(self, column: ir.Value) -> ir.Value:
        """Return whether there is no value."""
        if column.type().is_string():
            return column.isnull() | (column.strip() == "").fill_null(False)
        return column.isnull()

    def sentence(self) -> str:
        """Return `is missing`."""
        return "is missing"


@dataclass(frozen=True, slots=True)
class Contains:
    """The text contains one of these, whatever the case."""

    texts: tuple[str, ...]
    is_start: bool = False                   # only at its beginning

    def holds(self, column: ir.Value) -> ir.Value:
        """Return whether the text contains one of them; false where missing."""
        text = column.cast("string").lower()
        found = ibis.literal(False)
        for part in self.texts:
            found = found | (text.startswith(part.lower()) if self.is_start else text.contains(part.lower()))
        return found.fill_null(False)

    def sentence(self) -> str:
        """Return `contains "a" or "b"`."""
        verb = "starts with" if self.is_start else "contains"
        return f"{verb} " + " or ".join(f'"{text}"' for text in self.texts)


@dataclass(frozen=True, slots=True)
class Matches:
    """A regular expression is found somewhere in the text."""

    pattern: str

    def holds(self, column: ir.Value) -> ir.Value:
        """Return whether the pattern is found; false where missing."""
        return column.cast("string").re_search(self.pattern).fill_null(False)

    def sentence(self) -> str:
        """Return `matches "pattern"`."""
        return f'matches "{self.pattern}"'


@dataclass(frozen=True, slots=True)
class Compared:
    """The number passes a comparison."""

    comparison: Comparison

    def holds(self, column: ir.Value) -> ir.Value:
        """Return whether the number passes; false where missing."""
        number = column.cast("int64") if column.type().is_null() else column
        return self.comparison.holds(number)

    def sentence(self) -> str:
        """Return `is at least 3`."""
        return f"is {self.comparison.sentence()}"


@dataclass(frozen=True, slots=True)
class Isnt:
    """The other test does not hold; a missing value passes, unless the other test passes it."""

    test: OneOf | IsMissing | Contains | Matches | Compared

    def holds(self, column: ir.Value) -> ir.Value:
        """Return whether the other test fails."""
        return ~self.test.holds(column)

    def sentence(self) -> str:
        """Return the other sentence, denied."""
        if isinstance(self.test, IsMissing):
            return "is present"
        return f"not ({self.test.sentence()})"


ValueTest = OneOf | IsMissing | Contains | Matches | Compared | Isnt


@dataclass(frozen=True, slots=True)
class Where:
    """A test of one named attribute of a row."""

    attribute: str
    test: ValueTest

    def sentence(self) -> str:
        """Return `kind is day_pass`."""
        return f"{self.attribute} {self.test.sentence()}"


def declare_where(data: object, path: Path, *, known: frozenset[str] | None = None) -> tuple[Where, ...]:
    """Return the tests of `where: {attribute: value | [values] | {test}}`; all of them must hold.

    Raises DeclarationError for an attribute that is not known, when `known` is given.
    """
    if not isinstance(data, Mapping) or not data:
        raise DeclarationError(f"{data!r} tests nothing", hint="write `where: {kind: day_pass}`", path=path)
    tests = []
    for attribute, value in data.items():
        name = str(attribute)
        if known is not None and name not in known:
            raise DeclarationError(
                f"these events carry no {name!r}", hint=did_you_mean(name, known), path=(*path, name)
            )
        tests.append(Where(name, declare_test(value, (*path, name))))
    # One order for one meaning: equal tests are computed once.
    return tuple(sorted(tests, key=lambda where: (where.attribute, where.sentence())))


def declare_test(value: object, path: Path) -> ValueTest:  # noqa: C901, PLR0911  # one case a form, one place to read them
    """Return the test a plain value, a list, or a mapping of one test declares.

    Forms: `x`, `[x, y]`, `{is: x | missing | present}`, `{in: [x, y]}`, `{not: test}`, `{contains: text | [texts]}`,
    `{starts_with: text | [texts]}`, `{matches: regex}`, `{at_least: n, at_most: n, more_than: n, less_than: n}`.
    """
    if not isinstance(value, Mapping):
        return OneOf(_plain_values(value, path))
    forms = {"is", "in", "not", "contains", "starts_with", "matches", *COMPARISON_KEYS}
    for key in value:
        if key not in forms:
            raise DeclarationError(f"{key!r} is no test", hint=did_you_mean(str(key), forms), path=(*path, str(key)))
    match dict(value):
        case {"is": "missing"}:
            return IsMissing()
        case {"is": "present"}:
            return Isnt(IsMissing())
        case {"is": inner, **rest} | {"in": inner, **rest} if not rest:
            return OneOf(_plain_values(inner, path))
        case {"not": inner, **rest} if not rest:
            test = declare_test(inner, (*path, "not"))
            return test.test if isinstance(test, Isnt) else Isnt(test)
        case {"contains": inner, **rest} if not rest:
            return Contains(_texts(inner, (*path, "contains")))
        case {"starts_with": inner, **rest} if not rest:
            return Contains(_texts(inner, (*path, "starts_with")), is_start=True)
        case {"matches": str(pattern), **rest} if not rest:
            return Matches(_regex(pattern, (*path, "matches")))
        case other if other and set(other) <= set(COMPARISON_KEYS):
            return Compared(declare_comparison(other, path))
    raise DeclarationError("several tests of one value", hint="keep one, or compare numbers only", path=path)


def _plain_values(value: object, path: Path) -> tuple[Plain, ...]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise DeclarationError("no value is allowed here", hint="list at least one", path=path)
    return tuple(_plain(item, path) for item in values)


def _plain(item: object, path: Path) -> Plain:
    if isinstance(item, float):
        return Decimal(str(item))
    if isinstance(item, str | int | Decimal | date):
        return item
    raise DeclarationError(f"{item!r} is not a value", hint="text, a number, true or false, a date", path=path)


def _texts(value: object, path: Path) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise DeclarationError(f"{value!r} is not text", hint="one text or a list of texts", path=path)
    return tuple(texts)


def _regex(pattern: str, path: Path) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise DeclarationError(f"{pattern!r} is not a regular expression", hint=str(error), path=path) from None
    return pattern


def _text(value: Plain) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
