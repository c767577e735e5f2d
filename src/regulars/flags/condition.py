"""Whether what is known of a unit meets a targeting condition, in the language of GrowthBook's payloads.

    {country: US}                            equal, after JavaScript's conversions: "8" is 8, anything truthy is true
    {pets.dog.name: fido}                    a path into objects
    {age: {$gte: 18, $lt: 65}}               operators, all of which have to hold
    {$or: [...]}  {$and: [...]}  {$nor: [...]}  {$not: {...}}

    $eq $ne $lt $lte $gt $gte                compared as JavaScript does, without a conversion for $eq and $ne
    $in $nin $ini $nini                      in a list; of a list: any of it; with i whatever the case
    $inGroup $notInGroup                     in a saved group, by its name
    $all $alli $elemMatch $size $exists $type $not
    $regex $regexi $notRegex $notRegexi      a JavaScript pattern
    $veq $vne $vgt $vgte $vlt $vlte          versions: 1.10.0 is above 1.9.0 and above 1.10.0-beta

What is missing is null. An operator that there is not holds for nobody. Source: GrowthBook SDK specification 0.8.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from regulars.flags import javascript
from regulars.flags.pattern import compiled

Groups = Mapping[str, Any]
"""Saved groups: name -> the values in it, or `{type: list, values: [...]}`; others are newer than this reader."""

_NO_GROUPS: Groups = {}
_BUILD = re.compile(r"^v|\+.*$")
_PARTS = re.compile(r"[-.]")


def meets(attributes: object, condition: Mapping[str, Any], *, groups: Groups = _NO_GROUPS) -> bool:
    """Return whether attributes meet a condition; an empty one everybody does."""
    for name, wanted in condition.items():   # noqa: SIM110  a generator would cost half of the whole
        if not _holds(attributes, name, wanted, groups):
            return False
    return True


def _holds(attributes: object, name: str, wanted: Any, groups: Groups) -> bool:
    match name:
        case "$or":
            return _any_of(attributes, wanted, groups)
        case "$nor":
            return not _any_of(attributes, wanted, groups)
        case "$and":
            return all(meets(attributes, part, groups=groups) for part in wanted)
        case "$not":
            return not meets(attributes, wanted, groups=groups)
        case _:
            return _fits(wanted, value_at(attributes, name), groups)


def _any_of(attributes: object, conditions: list[Mapping[str, Any]], groups: Groups) -> bool:
    return not conditions or any(meets(attributes, part, groups=groups) for part in conditions)


def value_at(attributes: object, path: str) -> Any:
    """Return what stands at a path of names with dots between them; None when nothing does."""
    if isinstance(attributes, dict) and "." not in path:
        return attributes.get(path)          # nearly always; asking for any mapping below takes longer than the rest
    current = attributes
    for name in path.split("."):
        if isinstance(current, Mapping) and name in current:
            current = current[name]
        elif isinstance(current, list) and name == "length":
            current = len(current)
        elif isinstance(current, list) and name.isdecimal() and name.isascii() and int(name) < len(current):
            current = current[int(name)]
        else:
            return None
    return current


def _fits(wanted: Any, value: Any, groups: Groups, *, ignores_case: bool = False) -> bool:
    """Return whether a value is as a condition wants it: a plain value, or operators."""
    match wanted:
        case str():
            said = javascript.text(value)
            return said.lower() == wanted.lower() if ignores_case else said == wanted
        case bool():
            return value is not None and javascript.is_truthy(value) is wanted
        case int() | float():
            return javascript.number(value) == wanted
        case dict() if is_of_operators(wanted):
            return all(_operate(name, value, operand, groups) for name, operand in wanted.items())
        case _:
            return javascript.is_written_alike(value, wanted)


def is_of_operators(wanted: Mapping[str, Any]) -> bool:
    """Return whether a mapping is operators, and not an object to be equal to."""
    return bool(wanted) and all(name.startswith("$") for name in wanted)


def _operate(name: str, value: Any, operand: Any, groups: Groups) -> bool:
    operator = _OPERATORS.get(name)
    return operator is not None and operator(value, operand, groups)


def _is_in(value: Any, options: Iterable[Any], *, ignores_case: bool = False) -> bool:
    values = value if isinstance(value, list) else [value]
    if ignores_case:
        values, options = [_lower(one) for one in values], [_lower(option) for option in options]
    return any(javascript.is_same(one, option) for one in values for option in options)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _has_all(value: Any, wanted: list[Any], groups: Groups, *, ignores_case: bool = False) -> bool:
    return isinstance(value, list) and all(
        any(_fits(each, one, groups, ignores_case=ignores_case) for one in value) for each in wanted
    )


def _has_element(value: Any, wanted: Mapping[str, Any], groups: Groups) -> bool:
    """Return whether an element that is not null meets a condition."""
    if not isinstance(value, list):
        return False
    elements = [element for element in value if element is not None]
    if is_of_operators(wanted):
        return any(_fits(wanted, element, groups) for element in elements)
    return any(meets(element, wanted, groups=groups) for element in elements)


def _matches(value: Any, pattern: Any, *, ignores_case: bool = False) -> bool | None:
    """Return whether a pattern is found in a value's text; None for what is no pattern."""
    if not isinstance(pattern, str):
        return None
    try:
        found = compiled(pattern, ignores_case=ignores_case).search(javascript.text(value))
    except (re.error, OverflowError):
        return None
    return found is not None


@lru_cache(maxsize=4096)
def _version_parts(version: str) -> str:
    """Return a version as a text that comes before those of later versions.

    Numbers are filled up to five places; `~`, behind every letter, ends a version that is no pre-release.
    """
    parts = _PARTS.split(_BUILD.sub("", version))
    if len(parts) == 3:
        parts.append("~")
    return "-".join(part.rjust(5) if part.isdecimal() and part.isascii() else part for part in parts)


def _version(value: Any) -> str:
    said = javascript.text(value) if javascript.kind(value) == "number" else value
    return _version_parts(said if isinstance(said, str) and said else "0")


def _compared(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Groups], bool]:
    return lambda value, operand, _: holds(value, operand)


def _listed(holds: Callable[[Any, list[Any], Groups], bool]) -> Callable[[Any, Any, Groups], bool]:
    """Return an operator that holds for nobody when its operand is no list."""
    return lambda value, operand, groups: isinstance(operand, list) and holds(value, operand, groups)


def _is_in_group(value: Any, name: Any, groups: Groups) -> bool | None:
    """Return whether a value is in a group; None for a group that cannot be read. One that is not there is empty."""
    group = groups.get(javascript.text(name), [])
    values = group.get("values") if isinstance(group, Mapping) and group.get("type") == "list" else group
    return _is_in(value, values) if isinstance(values, list) else None


def _size(value: Any, operand: Any, groups: Groups) -> bool:
    return isinstance(value, list) and _fits(operand, len(value), groups)


_OPERATORS: Mapping[str, Callable[[Any, Any, Groups], bool]] = {
    "$eq": _compared(javascript.is_same),
    "$ne": _compared(lambda value, operand: not javascript.is_same(value, operand)),
    "$lt": _compared(javascript.is_less),
    "$lte": _compared(javascript.is_at_most),
    "$gt": _compared(lambda value, operand: javascript.is_less(operand, value)),
    "$gte": _compared(lambda value, operand: javascript.is_at_most(operand, value)),
    "$veq": _compared(lambda value, operand: _version(value) == _version(operand)),
    "$vne": _compared(lambda value, operand: _version(value) != _version(operand)),
    "$vlt": _compared(lambda value, operand: javascript.is_text_less(_version(value), _version(operand))),
    "$vlte": _compared(lambda value, operand: not javascript.is_text_less(_version(operand), _version(value))),
    "$vgt": _compared(lambda value, operand: javascript.is_text_less(_version(operand), _version(value))),
    "$vgte": _compared(lambda value, operand: not javascript.is_text_less(_version(value), _version(operand))),
    "$exists": _compared(lambda value, operand: (value is not None) is javascript.is_truthy(operand)),
    "$type": _compared(lambda value, operand: javascript.kind(value) == operand),
    "$in": _listed(lambda value, options, _: _is_in(value, options)),
    "$nin": _listed(lambda value, options, _: not _is_in(value, options)),
    "$ini": _listed(lambda value, options, _: _is_in(value, options, ignores_case=True)),
    "$nini": _listed(lambda value, options, _: not _is_in(value, options, ignores_case=True)),
    "$inGroup": lambda value, operand, groups: _is_in_group(value, operand, groups) is True,
    "$notInGroup": lambda value, operand, groups: _is_in_group(value, operand, groups) is False,
    "$all": _listed(_has_all),
    "$alli": _listed(lambda value, wanted, groups: _has_all(value, wanted, groups, ignores_case=True)),
    "$elemMatch": _has_element,
    "$size": _size,
    "$not": lambda value, operand, groups: not _fits(operand, value, groups),
    "$regex": _compared(lambda value, pattern: _matches(value, pattern) is True),
    "$regexi": _compared(lambda value, pattern: _matches(value, pattern, ignores_case=True) is True),
    "$notRegex": _compared(lambda value, pattern: _matches(value, pattern) is not True),
    "$notRegexi": _compared(lambda value, pattern: _matches(value, pattern, ignores_case=True) is not True),
}

OPERATORS = frozenset(_OPERATORS)
"""What may stand before a value."""

LOGIC = frozenset({"$or", "$nor", "$and", "$not"})
"""What may stand instead of an attribute."""
