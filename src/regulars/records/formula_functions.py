"""The functions of the formula language: one table that the compiler, the checks and the reference page read.

Text functions answer missing for missing text. Numbers are 64-bit integers or decimals of six places; a decimal
that does not fit twelve digits before the point becomes missing. No float is kept, so every engine gives the same
answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, TypeAlias

from regulars.later import ibis, ir

DECIMAL = "decimal(18, 6)"
"""The one decimal type of formulas: twelve digits, six places."""

Build: TypeAlias = "Callable[[Sequence[ir.Value]], ir.Value]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function of the language.

    `takes` gives the kind of each argument: text, integer, number, boolean, date, any; or regex, words, rate, whole,
    which must be written out (they are known when the declaration is read). The last kind repeats when `most` is None.
    """

    name: str
    signature: str                           # as the reference page prints it
    sentence: str
    takes: tuple[str, ...]
    least: int                               # arguments
    most: int | None                         # None: any number
    build: Build

    def kind_of(self, position: int) -> str:
        """Return the kind of the argument at a position, from 0."""
        return self.takes[min(position, len(self.takes) - 1)]


def exact_decimal(value: ir.Value) -> ir.Value:
    """Return a number as decimal of six places; missing when it does not fit."""
    return value if value.type() == ibis.dtype(DECIMAL) else value.try_cast(DECIMAL)


def quotient(over: ir.Value, under: ir.Value) -> ir.Value:
    """Return the whole quotient of two integers, rounded down as Python's `//`; missing when divided by 0.

    Engines divide integers as floats; one step of correction on the exact remainder makes the answer exact again.
    """
    divisor = under.nullif(0)
    near = (over / divisor).floor().cast("int64")
    rest = over - near * divisor
    return near + (rest / divisor).floor().cast("int64")


def as_words(text: ir.Value) -> ir.Value:
    """Return text as `word_pattern` reads it: lower-cased, what is neither ASCII nor a letter or digit made a "|".

    What is a letter is asked once of a text and not in every pattern: RE2 takes ten milliseconds to make one that asks.
    """
    return text.lower().re_replace(r"[^\p{L}\p{N}\x00-\x7F]", "|")


def word_pattern(words: Sequence[str]) -> str:
    r"""Return the regex of any of the words or phrases as whole words, for text that went through `as_words`.

    `comp` is not in "company"; `climb*` is in "climbing"; the words of a phrase may be parted by spaces, - or _.
    Both RE2 (DuckDB) and Java (Spark) read it alike, which `\b` does not promise outside ASCII.
    """
    parts = [
        r"[\s_-]+".join(
            re.escape(_as_word(part.rstrip("*"))) + (f"[{_IN_WORDS}]*" if part.endswith("*") else "")
            for part in phrase.casefold().split()
        )
        for phrase in words
    ]
    return f"(^|[^{_IN_WORDS}])({'|'.join(parts)})($|[^{_IN_WORDS}])"


_IN_WORDS = r"0-9A-Za-z\x{80}-\x{10FFFF}"
"""Letters and digits of text that went through `as_words`."""


def _as_word(word: str) -> str:
    return "".join(c if c.isascii() or unicodedata.category(c)[0] in "LN" else "|" for c in word)


def literal_of(value: ir.Value) -> Any:
    """Return the Python value of an argument that is written out in the formula."""
    return value.op().value


def whole(value: Decimal | float | str) -> Fraction:
    """Return a rate such as "0.0825" as an exact fraction. Raises ValueError unless 0 <= rate < 10."""
    try:
        rate = Fraction(Decimal(str(value)))
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is not a rate") from error
    if not 0 <= rate < 10:
        raise ValueError(f"{value!r} is not a rate between 0 and 10")
    return rate


def tax_within(total: ir.Value, rate: Fraction) -> ir.Value:
    """Return the tax contained in a total of integer minor units, half a unit rounded away from zero."""
    share = rate.numerator * 2
    base = (rate.numerator + rate.denominator) * 2
    size = quotient(total.abs() * ibis.literal(share, "int64") + base // 2, ibis.literal(base, "int64"))
    return ibis.ifelse(total < 0, -size, size)


def _integer(value: ir.Value) -> ir.Value:
    kind = value.type()
    if kind.is_string():
        tidy = value.strip()
        return ibis.ifelse(tidy.re_search(r"^[+-]?[0-9]{1,18}$"), tidy.try_cast("int64"), ibis.null("int64"))
    if kind.is_decimal():
        size = value.abs().floor().cast("int64")
        return ibis.ifelse(value < 0, -size, size)
    return value.cast("int64")


def _decimal(value: ir.Value) -> ir.Value:
    if value.type().is_string():
        tidy = value.strip()
        return ibis.ifelse(tidy.re_search(r"^[+-]?[0-9]+(\.[0-9]+)?$"), tidy.try_cast(DECIMAL), ibis.null(DECIMAL))
    return exact_decimal(value.cast("int64") if value.type().is_boolean() else value)


def _round(args: Sequence[ir.Value]) -> ir.Value:
    value = args[0]
    if value.type().is_integer():
        return value
    if len(args) == 2:
        return value.round(int(str(literal_of(args[1])))).cast(DECIMAL)
    size = (value.abs() + ibis.literal(Decimal("0.5"), DECIMAL)).floor().cast("int64")
    return ibis.ifelse(value < 0, -size, size)


def _extract(args: Sequence[ir.Value]) -> ir.Value:
    group = int(str(literal_of(args[2]))) if len(args) == 3 else 1
    return args[0].re_extract(str(literal_of(args[1])), group).nullif("")


def _concat(args: Sequence[ir.Value]) -> ir.Value:
    texts = [arg.cast("string").fill_null("") for arg in args]
    return texts[0].concat(*texts[1:]) if len(texts) > 1 else texts[0]


def _widest(args: Sequence[ir.Value]) -> list[ir.Value]:
    """Make integers decimals when any argument is one, so that both sides of a choice have one type."""
    has_decimal = any(arg.type().is_decimal() for arg in args)
    return [exact_decimal(arg) if has_decimal and arg.type().is_integer() else arg for arg in args]


def _days_between(args: Sequence[ir.Value]) -> ir.Value:
    return args[1].delta(args[0], unit="day").cast("int64")


def _first_name(name: ir.Value) -> ir.Value:
    tidy = name.strip()
    turned = tidy.re_extract(r"^[^,]+,\s*(\S+)", 1).nullif("")     # "Lee, Ann"
    return turned.coalesce(tidy.re_extract(r"^(\S+)", 1).nullif(""))


def _last_name(name: ir.Value) -> ir.Value:
    tidy = name.strip()
    turned = tidy.re_extract(r"^([^,]+),\s*\S", 1).nullif("")
    return turned.coalesce(tidy.re_extract(r"^\S+\s+(\S.*)$", 1).nullif(""))


_TABLE: tuple[tuple[str, str, str, tuple[int, int | None], Build], ...] = (
    # signature, sentence, kinds of the arguments, how few and how many, how it is computed
    ("lower(text)", "Small letters.", "text", (1, 1), lambda a: a[0].lower()),
    ("upper(text)", "Capital letters.", "text", (1, 1), lambda a: a[0].upper()),
    ("trim(text)", "Without spaces at both ends; missing when nothing is left.", "text", (1, 1),
     lambda a: a[0].strip().nullif("")),
    ("length(text)", "Number of characters.", "text", (1, 1), lambda a: a[0].length().cast("int64")),
    ('contains(text, "x")', "Whether the text has this piece anywhere, letter for letter.", "text text", (2, 2),
     lambda a: a[0].contains(a[1])),
    ('starts_with(text, "x")', "Whether the text begins with this piece.", "text text", (2, 2),
     lambda a: a[0].startswith(a[1])),
    ('ends_with(text, "x")', "Whether the text ends with this piece.", "text text", (2, 2),
     lambda a: a[0].endswith(a[1])),
    ('matches(text, "regex")', "Whether the regex is found in the text; `(?i)` in front ignores case.", "text regex",
     (2, 2), lambda a: a[0].re_search(literal_of(a[1]))),
    ('word(text, "team dues", "climb*", …)',
     "Whether any of these stands in the text as whole words, ignoring case; `*` at the end: as a beginning.",
     "text words", (2, None), lambda a: as_words(a[0]).re_search(word_pattern([str(literal_of(w)) for w in a[1:]]))),
    ('extract(text, "regex", 1)', "What the regex's group (1 unless said) caught, else missing.", "text regex whole",
     (2, 3), _extract),
    ('replace(text, "old", "new")', "The text with every old piece made new.", "text text text", (3, 3),
     lambda a: a[0].replace(a[1], a[2])),
    ("concat(a, b, …)", "All of them written one after the other; missing ones are left out.", "any", (1, None),
     _concat),
    ("coalesce(a, b, …)", "The first that is not missing.", "any", (1, None), lambda a: ibis.coalesce(*_widest(a))),
    ("split_name_first(name)", 'The given name: Ann, of "Ann Lee" and of "Lee, Ann".', "text", (1, 1),
     lambda a: _first_name(a[0])),
    ("split_name_last(name)", 'The family name: Lee, of "Ann Lee" and of "Lee, Ann".', "text", (1, 1),
     lambda a: _last_name(a[0])),
    ("text(x)", "A number, date or boolean as text.", "any", (1, 1), lambda a: a[0].cast("string")),
    ("integer(x)", "A whole number: of text that is one, or a decimal cut towards zero.", "any", (1, 1),
     lambda a: _integer(a[0])),
    ("decimal(x)", "A decimal of six places.", "any", (1, 1), lambda a: _decimal(a[0])),
    ("round(x, places)", "To a whole number, or to so many places; a half goes away from zero.", "number whole", (1, 2),
     _round),
    ("abs(x)", "Without its sign.", "number", (1, 1), lambda a: a[0].abs()),
    ("least(a, b, …)", "The smallest that is not missing.", "any", (2, None), lambda a: ibis.least(*_widest(a))),
    ("greatest(a, b, …)", "The largest that is not missing.", "any", (2, None), lambda a: ibis.greatest(*_widest(a))),
    ('tax_within(total, "0.0825")',
     "The tax inside a total of minor units at this rate, to the nearest unit, in integers throughout.", "integer rate",
     (2, 2), lambda a: tax_within(a[0], whole(literal_of(a[1])))),
    ("day(time)", "The business day of a time field.", "date", (1, 1), lambda a: a[0]),
    ("days_between(from, to)", "Whole days from the first day to the second.", "date", (2, 2), _days_between),
    ("add_days(date, n)", "The day n days later.", "date integer", (2, 2),
     lambda a: (a[0] + a[1].as_interval("D")).cast("date")),
    ("year(date)", "The year, as a number.", "date", (1, 1), lambda a: a[0].year().cast("int64")),
    ("month(date)", "The month, 1 to 12.", "date", (1, 1), lambda a: a[0].month().cast("int64")),
)

FUNCTIONS = {
    signature.partition("(")[0]: Function(
        name=signature.partition("(")[0], signature=signature, sentence=sentence, takes=tuple(kinds.split()),
        least=counts[0], most=counts[1], build=build,
    )
    for signature, sentence, kinds, counts, build in _TABLE
}
"""Every function of the language by name: what the reference page lists."""
