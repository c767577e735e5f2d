"""Sound values: what every store can keep; the rest has a right shape all the same, and is refused at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

_LARGEST = 2**63 - 1


def is_sound(value: Any) -> bool:
    """Return whether every store can keep a value and all within it.

    PostgreSQL keeps no text with the character 0, no database an integer beyond 64 bits, and nobody reckons with days
    at the ends of the calendar.
    """
    match value:
        case str():
            return "\0" not in value
        case int():
            return -_LARGEST <= value <= _LARGEST
        case date():
            return date.min.year < value.year < date.max.year
        case Mapping():
            return all(map(is_sound, (*value.keys(), *value.values())))
        case list() | tuple():
            return all(map(is_sound, value))
    return not is_dataclass(value) or all(is_sound(getattr(value, each.name)) for each in fields(value))
