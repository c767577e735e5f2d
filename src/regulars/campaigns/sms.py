"""Segments of a text message: how many a text takes, what makes it expensive, and what it costs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from regulars.errors import DeclarationError
from regulars.later import pa, pc, phonenumbers

Encoding = Literal["GSM-7", "UCS-2"]

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet: one septet each. Source: 3GPP TS 23.038, 6.2.1."""

EXTENDED = frozenset("\f^{}\\[~]|€")
"""Characters behind an escape: two septets each, never parted. Source: 3GPP TS 23.038, 6.2.1.1."""

_ALONE = {"GSM-7": 160, "UCS-2": 70}         # units a message holds that is not concatenated
_JOINED = {"GSM-7": 153, "UCS-2": 67}        # and with the header of 48 bits that concatenation needs
_UNIT_BITS = {"GSM-7": 7, "UCS-2": 16}
_HEADER_BITS = 48


def _replacements() -> dict[str, str]:
    """Say what writes the same in the default alphabet: quotes, dashes and blanks of word processors."""
    table = {sign: plain for plain, signs in {
        '"': "«»“”„‟ʺˮ❝❞〝〞",
        "'": "‘’‛‗´`ʹʻʼʽˈˊˋ❛❜",  # noqa: RUF001 - look-alikes are what this table is about
        "-": "–—―‐‑‒⁃•⎼⎽−",  # noqa: RUF001 - as above
        "/": "÷⁄∕⧸",  # noqa: RUF001 - as above
        ",": "‚、",  # noqa: RUF001 - as above
        "|": "∣⏐",  # noqa: RUF001 - as above
        "~": "˜∼",  # noqa: RUF001 - as above
        "^": "ˆ",  # noqa: RUF001 - as above
        "<": "‹",  # noqa: RUF001 - as above
        ">": "›",  # noqa: RUF001 - as above
        "*": "⁎∗✱✽",  # noqa: RUF001 - as above
        "...": "…", "!!": "‼", "1/4": "¼", "1/2": "½", "3/4": "¾", ".": "。", " ": "\u2028\u2029",
        "": "\u00ad\u200b\u2060\ufeff\x00", " " * 7: "\t",
    }.items() for sign in signs}
    for code in range(0xFE50, 0xFF5F):       # small and full-width forms
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1 and plain in BASIC | EXTENDED:
            table[chr(code)] = plain
    return table | {chr(code): " " for code in (0xA0, 0x3000, 0x202F, 0x205F, *range(0x2000, 0x200B))}


REPLACEMENTS: Mapping[str, str] = _replacements()
"""Characters outside the default alphabet and what stands for them in it without a loss of meaning."""

_TRANSLATION = str.maketrans(dict(REPLACEMENTS))
_GSM_PATTERN = "^[" + "".join(f"\\x{{{ord(c):X}}}" for c in sorted(BASIC | EXTENDED)) + "]*$"
_EXTENDED_PATTERN = "[" + "".join(f"\\x{{{ord(c):X}}}" for c in sorted(EXTENDED)) + "]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offender:
    """A character that a text message cannot hold in the default alphabet."""

    character: str
    name: str                                # as Unicode calls it: "RIGHT SINGLE QUOTATION MARK"
    positions: tuple[int, ...]               # in the text, from 0
    replacement: str | None                  # in the default alphabet; None where there is none
    is_same_meaning: bool                    # False: the replacement loses an accent, and a person should look


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What a text takes as a text message."""

    encoding: Encoding
    units: int                               # septets in GSM-7, code units of 16 bits in UCS-2
    segments: int                            # what is paid for; an empty text is one
    offenders: tuple[Offender, ...] = ()     # what made it UCS-2, in order of appearance

    @property
    def bits(self) -> int:
        """Return the size of the text alone, in bits."""
        return self.units * _UNIT_BITS[self.encoding]

    @property
    def bits_sent(self) -> int:
        """Return the size with the headers that join segments, in bits."""
        return self.bits + (self.segments * _HEADER_BITS if self.segments > 1 else 0)


def count(text: str) -> Count:
    """Say how many segments a text takes, and which characters make it UCS-2.

    Neither an escaped character nor a pair of surrogates is parted between two segments.
    """
    offenders = _offenders(text)
    encoding: Encoding = "UCS-2" if offenders else "GSM-7"
    widths = [_width(character, encoding) for character in text]
    units = sum(widths)
    return Count(encoding=encoding, units=units, segments=_segments(widths, units, encoding), offenders=offenders)


def plain(text: str) -> str:
    """Return the text with what writes the same in the default alphabet; the rest stays."""
    return text.translate(_TRANSLATION)


def counts(texts: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Count a column of texts. One row per text, in order: encoding, units, segments; null where the text is null.

    Kernels count all but the few long texts with two-unit characters, whose segments depend on where these stand.
    """
    column = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    is_gsm = pc.match_substring_regex(column, _GSM_PATTERN)
    length = pc.utf8_length(column)
    escaped = pc.count_substring_regex(column, _EXTENDED_PATTERN)
    paired = pc.count_substring_regex(column, r"[\x{10000}-\x{10FFFF}]")
    double = pc.if_else(is_gsm, escaped, paired)
    units = pc.add(length, double)
    joined = pc.if_else(is_gsm, _JOINED["GSM-7"], _JOINED["UCS-2"])
    is_alone = pc.less_equal(units, pc.if_else(is_gsm, _ALONE["GSM-7"], _ALONE["UCS-2"]))
    segments = pc.if_else(is_alone, 1, pc.divide(pc.add(units, pc.subtract(joined, 1)), joined))
    # A double unit may leave the last place of a segment empty.
    is_hard = pc.and_(pc.invert(is_alone), pc.greater(double, 0))
    hard = pc.unique(column.filter(is_hard)).drop_null()
    if len(hard):
        exact = pa.array([count(text).segments for text in hard.to_pylist()], pa.int64())
        segments = pc.coalesce(pc.take(exact, pc.index_in(column, hard)), segments.cast(pa.int64()))
    return pa.table({
        "encoding": pc.if_else(is_gsm, "GSM-7", "UCS-2"), "units": units.cast(pa.int64()),
        "segments": segments.cast(pa.int64()),
    })


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The recipient whose text takes the most segments; the least id among equals."""

    recipient: str
    text: str
    count: Count


def worst(recipients: pa.Array | pa.ChunkedArray, texts: pa.Array | pa.ChunkedArray) -> Worst | None:
    """Find the recipient who costs most: most segments, then most units. None when there are no recipients."""
    table = counts(texts).append_column("recipient", recipients).append_column("text", texts)
    table = table.filter(pc.is_valid(table["segments"]))
    if table.num_rows == 0:
        return None
    for name in ("segments", "units"):
        table = table.filter(pc.equal(table[name], pc.max(table[name])))
    first = pc.index(table["recipient"], pc.min(table["recipient"])).as_py()
    row = table.slice(first, 1).to_pylist()[0]
    return Worst(recipient=row["recipient"], text=row["text"], count=count(row["text"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What a provider takes for text messages to one country. Prices change: they are declared, never built in."""

    provider: str
    country: str                             # ISO 3166 two letters; "*" for all that are not named
    currency: str                            # ISO 4217
    segment_micros: int                      # millionths of the currency, per segment: 7_900 is 0.0079
    carrier_micros: int = 0                  # what carriers add, per segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What messages cost at one provider."""

    currency: str
    messages: int
    segments: int
    micros: int                              # millionths of the currency; divide once, at the end


def cost(segments: pa.Array | pa.ChunkedArray, countries: pa.Array | pa.ChunkedArray, *, provider: str,
         rates: Iterable[Rate]) -> Cost:
    """Add up what messages cost by the country each goes to.

    Raises DeclarationError for a country that no rate names, or rates in several currencies: nothing is free.
    """
    known = {rate.country: rate for rate in rates if rate.provider == provider}
    by_country = pa.table({"country": countries, "segments": segments}).group_by("country").aggregate(
        [("segments", "sum"), ("segments", "count")]
    )
    micros = messages = total = 0
    for row in by_country.to_pylist():
        rate = known.get(row["country"] or "", known.get("*"))
        if rate is None:
            where = row["country"] or "a number of no country"
            raise DeclarationError(f"no rate of {provider} for {where}", hint="declare one, or one for '*'")
        micros += (row["segments_sum"] or 0) * (rate.segment_micros + rate.carrier_micros)
        total += row["segments_sum"] or 0
        messages += row["segments_count"]
    currencies = {rate.currency for rate in known.values()}
    if len(currencies) > 1:
        raise DeclarationError(f"{provider} has rates in {', '.join(sorted(currencies))}", hint="use one currency")
    return Cost(currency=next(iter(currencies), ""), messages=messages, segments=total, micros=micros)


def countries(numbers: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the country of each number in E.164 as two letters; null for a number of none.

    Numbers that begin alike belong to one country: each beginning of eight characters is looked up once.
    """
    column = numbers.combine_chunks() if isinstance(numbers, pa.ChunkedArray) else numbers
    beginning = pc.utf8_slice_codeunits(column, 0, 8)
    one = pa.table({"beginning": beginning, "number": column}).group_by("beginning").aggregate([("number", "min")])
    found = [None if number is None else _country(number) for number in one["number_min"].to_pylist()]
    return pc.take(pa.array(found, pa.string()), pc.index_in(beginning, one["beginning"].combine_chunks()))


def _country(number: str) -> str | None:
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return None
    return None if region is None else str(region)


def _width(character: str, encoding: Encoding) -> int:
    if encoding == "GSM-7":
        return 2 if character in EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1


def _segments(widths: list[int], units: int, encoding: Encoding) -> int:
    if units <= _ALONE[encoding]:
        return 1
    segments, free = 1, _JOINED[encoding]
    for width in widths:
        if width > free:
            segments, free = segments + 1, _JOINED[encoding]
        free -= width
    return segments


def _offenders(text: str) -> tuple[Offender, ...]:
    places: dict[str, list[int]] = {}
    for position, character in enumerate(text):
        if character not in BASIC and character not in EXTENDED:
            places.setdefault(character, []).append(position)
    return tuple(_offender(character, positions) for character, positions in places.items())


def _offender(character: str, positions: list[int]) -> Offender:
    exact = REPLACEMENTS.get(character)
    bare = "".join(c for c in unicodedata.normalize("NFKD", character) if c in BASIC or c in EXTENDED)
    return Offender(
        character=character, name=unicodedata.name(character, f"U+{ord(character):04X}"), positions=tuple(positions),
        replacement=exact if exact is not None else bare or None, is_same_meaning=exact is not None,
    )
