"""Until when an offer holds: days as people write them, and how long from the day it was sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from regulars.campaigns.near import Prose

_MONTHS = {name: number for number, names in enumerate((
    "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
    "september sep sept", "october oct", "november nov", "december dec",
), start=1) for name in names.split()} | {name: number for number, names in enumerate((
    "enero janvier", "febrero février fevrier", "marzo mars", "abril avril", "mayo mai", "junio juin", "julio juillet",
    "agosto août aout", "septiembre septembre", "octubre octobre", "noviembre novembre", "diciembre décembre decembre",
), start=1) for name in names.split()}
_WEEKDAYS = {name: number for number, names in enumerate((
    "monday mon", "tuesday tue tues", "wednesday wed", "thursday thu thur thurs", "friday fri", "saturday sat",
    "sunday sun",
)) for name in names.split()}
_MONTH = "(?:" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_WEEKDAY = "(?:" + "|".join(sorted(_WEEKDAYS, key=len, reverse=True)) + r")\b"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\b"
_DATE = (
    rf"(?:(?:{_WEEKDAY}\.?,?\s+)?(?:"
    rf"(?P<iso>20\d\d-\d\d?-\d\d?)"
    rf"|(?P<a>\d{{1,2}})[/.](?P<b>\d{{1,2}})(?:[/.](?P<year>(?:19|20)?\d\d))?(?![\d/])"
    rf"|(?P<month>{_MONTH})\s+(?P<day>{_DAY})(?:,?\s+(?P<year2>(?:19|20)\d\d))?"
    rf"|(?P<day3>{_DAY})(?:\s+(?:of|de))?\s+(?P<month3>{_MONTH})(?:,?\s+(?P<year3>(?:19|20)\d\d))?))"
)
_UNTIL = (
    r"(?:exp\.?\s*(?:date)?:?|expir(?:es|ing|y|ation)(?:\s+date)?(?:\s+(?:of|is|on|by))?\s*:?|ends?(?:\s+(?:on|at))?"
    r"|ending(?:\s+on)?|until|till?|"
    r"thru|through|valid(?:\s+(?:from|on|for|between))?|good(?:\s+on)?|before|by|no later than|deadline(?:\s+is)?\s*:?|"
    r"last day(?:\s+is)?\s*:?|now through|offer date\s*:?|hasta(?:\s+el)?"
    r"|antes del?|jusqu.au|avant(?:\s+le)?|bis(?:\s+zum)?|w/c"
    r"|must be redeemed by)"
)
_RANGE = (
    rf"(?:(?:{_WEEKDAY},?\s+)?(?:{_MONTH}\s+)?\d{{1,2}}(?:[/.]\d{{1,2}})?(?:[/.]\d{{2,4}})?\s*(?:-|\u2013|to|through|and)\s*)?"
)
_ABSOLUTE = (
    rf"\b{_UNTIL}\s+(?:the\s+|midnight\s+(?:on\s+)?|11:59\s*pm\s+(?:on\s+)?)?{_RANGE}{_DATE}"
)
_MONTH_LONG = (
    rf"\b(?:during|throughout|all|(?:until|through) the end of)\s+(?:the\s+)?(?:month\s+of\s+)?(?P<month>{_MONTH})"
    rf"(?:\s+(?P<year>20\d\d))?"
)
_RELATIVE = [
    ((r"\b(?:(?:ends?|expires?|only|valid|good|offer)\s+(?:\w+\s+)?(?:today|tonight)|today only|(?:today"
      r"|tonight)'?s? (?:only|offer)"
      r"|(?:through|until) midnight|last chance:? today|ends at midnight)\b"), 0),
    (r"\b(?:ends?|expires?|until|through|valid)\s+(?:\w+\s+)?tomorrow\b", 1),
]
_FOR = (
    r"\b(?:(?:for|within|in|only|next|live for)\s+)+(?:the\s+)?(?:next\s+|only\s+|just\s+)*(?P<count>\d{1,3}|an?|one"
    r"|two|three|few|hour)\s*-?\s*"
    r"(?P<unit>hours?|hrs?|days?|weeks?|months?)?\b|\b(?P<count2>\d{1,3})[\s-](?P<unit2>hours?|hrs?|days?)\s+(?:only"
    r"|sale|left|flash)\b"
)
_VALIDITY = re.compile(r"\b(?:valid|good|expires?|live|ends?|hurry|only|sale|left|code|coupon|offer|flash|claim"
                       r"|redeem)\b", re.IGNORECASE)
_WORDED = (r"\b(?:for an? )?(?:very )?(?:limited time(?: only)?|while (?:supplies|stocks?) lasts?|ends soon"
           r"|limited stock"
           rf"|this week(?:end)?(?: only)?|(?:ends|expires|until|through)\s+(?:this\s+|next\s+)?"
           rf"(?P<weekday>{_WEEKDAY}))")

# Who says "stop by Friday" names no end; it begins with a letter, so that most places cost nothing.
_BY_WEEKDAY = (
    r"b(?<!\wb)(?<!stop b)(?<!come b)(?<!drop b)(?<!swing b)(?:y|efore)\s+(?:this\s+|next\s+)?"
    rf"(?P<weekday>{_WEEKDAY})(?!\s+\d)"
)

_ENDS = ("exp", " end", "\nend", "until", "till ", "til ", "thru", "through ", "valid", "good ", "before ", " by ",
         "no later", "deadline", "last day", "offer date", "hasta", "antes ", "jusqu", "avant ", "bis ", "w/c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Until when an offer holds, as far as the text says."""

    words: str                               # as written
    day: date | None                         # the last day; None where it takes the day of sending, or says none
    start: int


def deadlines(prose: Prose, *, sent: date | None = None, is_day_first: bool | None = None) -> list[Deadline]:
    """Return the deadlines of a text in order of appearance.

    Args:
        prose: What a person sees.
        sent: The day the message was sent; it settles a date without year, "today" and "for 3 days".
        is_day_first: How 3/4 reads; None takes pounds and euros for a sign of the 3rd of April.

    """
    first = is_day_first if is_day_first is not None else re.search(r"[£€]", prose.text) is not None
    found = [
        Deadline(words=_spaced(match[0]), day=_absolute(match, sent=sent, is_day_first=first), start=match.start())
        for match in prose.near(_ENDS, _ABSOLUTE, has_figure=True)
    ]
    for match in prose.near(("during", "throughout", "all ", "end of"), _MONTH_LONG):
        day = _month_end(match, sent=sent)
        found.append(Deadline(words=_spaced(match[0]), day=day, start=match.start()))
    found += [
        Deadline(words=_spaced(match[0]), day=_weekday(match["weekday"], sent), start=match.start())
        for match in prose.near(("hour", "hr", "day", "week", "month"), _BY_WEEKDAY)
    ]
    for pattern, days in _RELATIVE:
        found += [
            Deadline(words=_spaced(match[0]), day=None if sent is None else sent + timedelta(days=days),
                     start=match.start())
            for match in prose.near(("today", "tonight", "midnight", "tomorrow"), pattern)
        ]
    for match in prose.near(("hour", "hr", "day", "week", "month"), _FOR):
        is_timed = match["unit"] or match["unit2"] or match["count"] == "hour"
        if is_timed and _VALIDITY.search(prose.text[max(0, match.start() - 40):match.end()]):
            found.append(Deadline(words=_spaced(match[0]), day=_after(match, sent), start=match.start()))
    for match in prose.near(("limited", "while ", "this week", "ends", "expires", "until", "through"), _WORDED):
        found.append(Deadline(words=_spaced(match[0]), day=_weekday(match["weekday"], sent), start=match.start()))
    return sorted(found, key=lambda one: one.start)


def _absolute(match: re.Match[str], *, sent: date | None, is_day_first: bool) -> date | None:
    if match["iso"]:
        return _date(*(int(part) for part in match["iso"].split("-")))
    if match["a"]:
        a, b = int(match["a"]), int(match["b"])
        month, day = (b, a) if (is_day_first and b <= 12) or a > 12 else (a, b)
        year = match["year"]
    else:
        month = _MONTHS[(match["month"] or match["month3"]).lower().rstrip(".")]
        day = int(re.sub(r"\D", "", match["day"] or match["day3"]))
        year = match["year2"] or match["year3"]
    if year:
        return _date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    return _next(month, day, sent)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _next(month: int, day: int, sent: date | None) -> date | None:
    """Return the first such day on or after the day of sending."""
    if sent is None:
        return None
    this_year = _date(sent.year, month, day)
    return this_year if this_year is not None and this_year >= sent else _date(sent.year + 1, month, day)


def _month_end(match: re.Match[str], *, sent: date | None) -> date | None:
    month = _MONTHS[match["month"].lower().rstrip(".")]
    year = int(match["year"]) if match["year"] else None if sent is None else sent.year + (sent.month > month)
    if year is None:
        return None
    return (date(year, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _after(match: re.Match[str], sent: date | None) -> date | None:
    if sent is None or match["count"] == "few":
        return None
    said = match["count"] or match["count2"]
    count = int(said) if said.isdigit() else {"two": 2, "three": 3}.get(said.lower(), 1)
    unit = (match["unit"] or match["unit2"] or "hour").lower().rstrip("s")
    days = {"day": count, "week": 7 * count, "month": 30 * count}.get(unit, count // 24)
    return sent + timedelta(days=days)


def _weekday(name: str | None, sent: date | None) -> date | None:
    if name is None or sent is None:
        return None
    return sent + timedelta(days=(_WEEKDAYS[name.lower()] - sent.weekday()) % 7)


def _spaced(text: str) -> str:
    return " ".join(text.split())
