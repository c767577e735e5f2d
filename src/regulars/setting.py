"""One value of `regulars.toml` or another declaration, checked: what is not right is refused with what would be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, TypeAlias, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from regulars.check import did_you_mean
from regulars.errors import DeclarationError

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands: table, then key. Every function here raises DeclarationError with it."""

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""A name of the environment in a text: `${NAME}`."""

_COUNTRY = re.compile(r"^[A-Z]{2}$")
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_Value = TypeVar("_Value")


def no_strangers(data: Mapping[str, object], known: Mapping[str, object], table: str) -> None:
    """Refuse a key that a table of the file does not know, naming the closest one."""
    for name in data:
        if name not in known:
            hint = did_you_mean(name, known)
            raise DeclarationError(f"[{table}] {name!r} means nothing here", hint=hint, path=(table, name))


def as_table(value: object, name: str) -> Mapping[str, Any]:
    """Return a table of the file."""
    if not isinstance(value, Mapping):
        raise DeclarationError(f"{name!r} is a table", hint=f"write [{name}] on a line of its own", path=(name,))
    return value


def checked(value: _Value, path: Path, *, holds: bool, hint: str) -> _Value:
    """Return a value of which something holds; refuse it with what would be right where it does not."""
    if not holds:
        raise DeclarationError(f"{path[-1]} = {value!r} is not right", hint=hint, path=path)
    return value


def as_text(value: Any, path: Path) -> str:
    """Return a text that says something."""
    return str(checked(value, path, holds=isinstance(value, str) and bool(value.strip()), hint="a text in quotes"))


def as_texts(value: Any, path: Path) -> tuple[str, ...]:
    """Return a list of texts."""
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return tuple(checked(value, path, holds=is_list, hint='a list of texts: ["…", "…"]'))


def as_timezone(value: Any, path: Path) -> str:
    """Return an IANA time zone."""
    if not isinstance(value, str) or not _is_timezone(value):
        close = did_you_mean(str(value), available_timezones())
        hint = close if close.startswith("did") else "write an IANA name such as America/Chicago"
        raise DeclarationError(f"there is no time zone {value!r}", hint=hint, path=path)
    return value


def as_currency(value: Any, path: Path) -> str:
    """Return a currency, ISO 4217."""
    is_code = isinstance(value, str) and bool(_CURRENCY.match(value))
    return str(checked(value, path, holds=is_code, hint="three capital letters, ISO 4217: USD"))


def as_percent(value: object, path: Path) -> Fraction:
    """Return the share of 1 that `5 %` or `5%` is."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", str(value))
    if found is None:
        raise DeclarationError(f"{value!r} is no share", hint="write it in percent: `5 %`", path=path)
    return Fraction(found[1]) / 100


def as_country(value: Any, path: Path) -> str:
    """Return a country, ISO 3166."""
    is_code = isinstance(value, str) and bool(_COUNTRY.match(value))
    return str(checked(value, path, holds=is_code, hint="two capital letters, ISO 3166: US"))


def as_date(value: Any, path: Path) -> date:
    """Return a day."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            value = str(value)
    is_date = type(value) is date
    found: date = checked(value, path, holds=is_date, hint="a date, year first: 2024-10-01")
    return found


def as_positive(value: Any, path: Path) -> Decimal:
    """Return a number above 0, exact."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal(-1)
    checked(value, path, holds=number > 0 and not isinstance(value, bool), hint='a number above 0: "25000.00"')
    return number


def as_probability(value: Any, path: Path) -> float:
    """Return a probability above 0 and up to 1."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    hint = "a probability above 0 and up to 1: 0.95"
    return float(checked(value, path, holds=is_number and 0 < value <= 1, hint=hint))


def as_truth(value: Any, path: Path) -> bool:
    """Return true or false."""
    return bool(checked(value, path, holds=isinstance(value, bool), hint="true or false"))


def as_share(value: Any, path: Path) -> Decimal:
    """Return a share from 0 to 1, exact; 1 is none."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal(-1)
    checked(value, path, holds=0 <= number < 1 and not isinstance(value, bool), hint='a share from 0 to 1: "0.0825"')
    return number


def as_count(value: Any, path: Path) -> int:
    """Return a whole number above 0."""
    return int(checked(value, path, holds=type(value) is int and value > 0, hint="a whole number above 0: 100"))


def as_reference(value: Any, path: Path) -> str:
    """Return a key's reference, `${NAME}`; the key itself belongs into the environment."""
    text = as_text(value, path)
    if not REFERENCE.fullmatch(text):
        # It may be a key: it is not repeated.
        hint = f'key = "${{{str(path[0]).upper()}_KEY}}"'
        raise DeclarationError(f"[{path[0]}] the key is no reference", hint=hint, path=path)
    return text


def _is_timezone(name: str) -> bool:
    """Return whether there is a time zone of a name: to list all of them, each one's file is looked into."""
    try:
        return ZoneInfo(name).key == name and not name.startswith(("posix", "right/"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
