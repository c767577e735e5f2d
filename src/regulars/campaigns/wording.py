"""How a business writes its values: money from minor units, days and hours in its own zone, plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from regulars.errors import DeclarationError
from regulars.events.currency import CURRENCIES, minor_digits
from regulars.later import babel, babel_dates, babel_numbers

FORMS = ("short", "medium", "long", "full")
"""Named forms of a day, from 1/9/26 to Friday, January 9, 2026."""


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The conventions that the messages of one business are written in."""

    zone: str = "UTC"                        # IANA; in which moments are shown
    currency: str = "USD"                    # ISO 4217; of amounts that say none
    locale: str = "en_US"                    # language and territory, as CLDR names them

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @cached_property
    def _locale(self) -> babel.Locale:
        try:
            return babel.Locale.parse(self.locale)
        except (babel.UnknownLocaleError, ValueError) as error:
            raise DeclarationError(f"no locale {self.locale!r}", hint="for example en_US, fr_CA, de_DE") from error

    def money(self, minor: int, currency: str | None = None) -> str:
        """Write an amount of minor units: 1250 as $12.50. Raises ValueError for what is no whole number."""
        code = (currency or self.currency).upper()
        if isinstance(minor, bool) or not isinstance(minor, int):
            raise ValueError(f"money is a whole number of minor units, not {minor!r}")  # noqa: TRY004 - callers catch one
        if code not in CURRENCIES:
            raise ValueError(f"no currency {code!r}")
        return str(babel_numbers.format_currency(Decimal(minor).scaleb(-minor_digits(code)), code, locale=self._locale))

    def day(self, when: date | datetime | str, form: str = "long") -> str:
        """Write a day or a moment in the business's zone.

        Args:
            when: A day, an aware moment, or either as ISO 8601 writes it.
            form: short, medium, long, full, or a pattern of CLDR such as `EEE d MMM, h:mm a`.

        Raises ValueError for a moment without zone, because nobody knows which day it is, and for the hour of a day.

        """
        value = _parsed(when) if isinstance(when, str) else when
        if not isinstance(value, datetime):
            try:
                return str(babel_dates.format_date(value, form, locale=self._locale))
            except AttributeError as error:
                raise ValueError(f"{form!r} asks a day for its hour") from error
        if value.tzinfo is None:
            raise ValueError(f"{when!r} says no zone")
        local = value.astimezone(self._zone)
        if form in FORMS:
            return str(babel_dates.format_date(local.date(), form, locale=self._locale))
        return str(babel_dates.format_datetime(local, form, locale=self._locale))

    def number(self, value: float | Decimal) -> str:
        """Write a number with the marks of the locale: 1234.5 as 1,234.5."""
        return str(babel_numbers.format_decimal(value, locale=self._locale))


def _parsed(text: str) -> date | datetime:
    return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
