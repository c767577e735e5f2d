"""Whether a targeting condition can be meant: its shape, its operators, and the attributes it asks about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.flags.condition import LOGIC, OPERATORS, is_of_operators
from regulars.flags.pattern import compiled

Path = tuple[str | int, ...]
_LISTS = frozenset({"$in", "$nin", "$ini", "$nini", "$all", "$alli"})
_PATTERNS = frozenset({"$regex", "$regexi", "$notRegex", "$notRegexi"})


def check_shape(condition: object, path: Path) -> None:
    """Raise DeclarationError with the path of what cannot be evaluated: a list for a mapping, or the other way round.

    Operators that there are not are let through: a payload may be newer than its reader, and they hold for nobody.
    """
    for name, wanted in _mapping(condition, path).items():
        if name == "$not":
            check_shape(wanted, (*path, name))
        elif name in LOGIC:
            for n, part in enumerate(_list(wanted, (*path, name))):
                check_shape(part, (*path, name, n))
        else:
            _check_value_shape(wanted, (*path, name))


def check_targeting(condition: object, path: Path, *, attributes: frozenset[str] | None) -> None:
    """Raise DeclarationError with the path of what a declared condition says wrongly: operator, list, pattern, name.

    `attributes` are those an application tells; None: they are not declared, and every one is taken.
    """
    check_shape(condition, path)
    for name, wanted in _mapping(condition, path).items():
        at = (*path, name)
        if name == "$not":
            check_targeting(wanted, at, attributes=attributes)
        elif name in LOGIC:
            for n, part in enumerate(wanted):
                check_targeting(part, (*at, n), attributes=attributes)
        elif name.startswith("$"):
            raise DeclarationError(f"{name!r} is no attribute", hint=did_you_mean(name, LOGIC), path=at)
        else:
            check_attribute(name, at, attributes=attributes)
            _check_operators(wanted, at)


def check_attribute(name: str, path: Path, *, attributes: frozenset[str] | None) -> None:
    """Raise DeclarationError for an attribute that is not declared, where attributes are."""
    first = name.partition(".")[0]
    if attributes is not None and first not in attributes:
        hint = f"{did_you_mean(first, attributes)} or add it to attributes.yaml"
        raise DeclarationError(f"no application tells {first!r}", hint=hint, path=path)


def _check_operators(wanted: Any, path: Path) -> None:
    if not isinstance(wanted, dict) or not is_of_operators(wanted):
        return
    for name, operand in wanted.items():
        at = (*path, name)
        if name not in OPERATORS:
            raise DeclarationError(f"no operator {name!r}", hint=did_you_mean(name, OPERATORS), path=at)
        if name in {"$inGroup", "$notInGroup"}:
            raise DeclarationError("a project declares no groups", hint="`$in` with the values", path=at)
        if name in _LISTS:
            _list(operand, at)
        elif name in _PATTERNS:
            _check_pattern(operand, at)
        elif name in {"$not", "$size"}:
            _check_operators(operand, at)


def _check_pattern(pattern: object, path: Path) -> None:
    try:
        compiled(str(pattern))
    except (re.error, OverflowError) as error:
        hint = "a pattern as JavaScript writes it; one that looks back looks a fixed number of letters back"
        raise DeclarationError(f"{pattern!r} is no pattern: {error}", hint=hint, path=path) from error


def _check_value_shape(wanted: Any, path: Path) -> None:
    if not isinstance(wanted, dict) or not is_of_operators(wanted):
        return
    for name, operand in wanted.items():
        if name == "$elemMatch":
            if not is_of_operators(_mapping(operand, (*path, name))):
                check_shape(operand, (*path, name))
        elif name in {"$not", "$size"}:
            _check_value_shape(operand, (*path, name))


def _mapping(value: object, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise DeclarationError(f"{value!r} is no condition", hint="`{attribute: value}`", path=path)
    return value


def _list(value: object, path: Path) -> list[Any]:
    if not isinstance(value, list):
        raise DeclarationError(f"{value!r} is not a list", hint=f"`{path[-1]}: [...]`", path=path)
    return value
