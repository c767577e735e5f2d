"""How JavaScript reads, compares and writes the values of JSON: conditions mean there and here the same.

Values are what JSON decodes to: None, bool, int, float, str, list, dict with text keys. A missing value is None, as the
conditions have it. Source: ECMA-262, sections ToString, ToNumber, IsLessThan, IsStrictlyEqual; checked against Node.
"""

from __future__ import annotations

import math
import re
from typing import Literal

Kind = Literal["null", "boolean", "number", "string", "array", "object"]

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITY = re.compile(r"[+-]?Infinity")
_OF_BASE = {"0x": 16, "0o": 8, "0b": 2}
_DIGITS = re.compile(r"[0-9a-fA-F]+")
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_BLANK = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))


def kind(value: object) -> Kind:
    """Return what a value is."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case _:
            return "object"


def is_truthy(value: object) -> bool:
    """Return whether a value counts as true: empty lists and objects do, 0, NaN, "" and null do not."""
    if isinstance(value, list | tuple | dict):
        return True
    return bool(value) and value == value  # noqa: PLR0124  NaN is not itself


def text(value: object) -> str:
    """Return a value as text, as `value + ""` gives it."""
    match value:
        case str():
            return value
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number_text(value)
        case list() | tuple():
            return ",".join("" if item is None else text(item) for item in value)
        case _:
            return "[object Object]"


def number(value: object) -> float:
    """Return a value as a number, as `value * 1` gives it; NaN for what is none."""
    match value:
        case bool() | int() | float():
            return _double(value)
        case None:
            return 0.0
        case str():
            return _read_number(value.strip(_BLANK))
        case list() | tuple():
            return number(text(value))
        case _:
            return math.nan


def is_same(left: object, right: object) -> bool:
    """Return whether two values are strictly equal. Two lists or objects never are: they are different ones."""
    if isinstance(left, list | tuple | dict) or kind(left) != kind(right):
        return False
    return left == right


def is_less(left: object, right: object) -> bool:
    """Return whether one value is below another: texts by their code units, everything else as numbers."""
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return is_text_less(left, right)
    return number(left) < number(right)


def is_at_most(left: object, right: object) -> bool:
    """Return whether one value is not above another; false when either is no number, unlike the opposite of above."""
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return not is_text_less(right, left)
    return number(left) <= number(right)


def is_written_alike(left: object, right: object) -> bool:
    """Return whether two values are the same JSON text: the order of keys counts, 1 and 1.0 are one number."""
    if kind(left) != kind(right):
        return False
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(is_written_alike, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        keys = _keys(left)
        return keys == _keys(right) and all(is_written_alike(left[key], right[key]) for key in keys)
    return left == right


def is_text_less(left: str, right: str) -> bool:
    """Return whether a text comes first by UTF-16 code units: characters beyond U+FFFF come before U+E000."""
    if left.isascii() and right.isascii():
        return left < right
    return left.encode("utf-16-be", "surrogatepass") < right.encode("utf-16-be", "surrogatepass")


def utf16_units(value: str) -> bytes | memoryview:
    """Return a text's UTF-16 code units in order, each an integer when iterated."""
    if value.isascii():
        return value.encode("ascii")
    return memoryview(value.encode("utf-16-le", "surrogatepass")).cast("H")


def _primitive(value: object) -> object:
    return text(value) if isinstance(value, list | tuple | dict) else value


def _keys(value: dict[str, object]) -> list[str]:
    """Return keys in the order they are written: whole numbers first, ascending, then as they came."""
    numbers = [key for key in value if _INDEX.fullmatch(key) and int(key) < 2**32 - 1]
    return [*sorted(numbers, key=int), *(key for key in value if key not in set(numbers))] if numbers else list(value)


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _read_number(digits: str) -> float:
    if not digits:
        return 0.0
    if _DECIMAL.fullmatch(digits):
        return float(digits)
    if _INFINITY.fullmatch(digits):
        return -math.inf if digits.startswith("-") else math.inf
    base = _OF_BASE.get(digits[:2].lower())
    if base is None or not _DIGITS.fullmatch(digits, 2):
        return math.nan
    try:
        return _double(int(digits[2:], base))
    except ValueError:
        return math.nan


def _number_text(value: float) -> str:
    """Return a number as text."""
    double = _double(value)
    if math.isnan(double):
        return "NaN"
    if double == 0:
        return "0"
    sign = "-" if double < 0 else ""
    return sign + ("Infinity" if math.isinf(double) else _digits(abs(double)))


def _digits(double: float) -> str:
    """Return the shortest digits that read back as a number above 0; with an exponent outside 1e-6 to 1e21."""
    mantissa, _, exponent = repr(double).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(digits) - len(fraction) + int(exponent or 0)      # the value is 0.digits times ten to the point
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"
