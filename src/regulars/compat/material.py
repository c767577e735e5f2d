"""The lake as an export sees it: tables of one moment, the day everything is counted from, the business's own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from regulars.errors import NotFound
from regulars.events.plan import Plans
from regulars.events.subcategory import Subcategories
from regulars.events.window import AsOf
from regulars.identity.age import age_on
from regulars.records.record import Stream

GYM = "capitan"
"""The source whose ids the reference's gym tables speak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What every table of the reference layout is made of."""

    tables: frozenset[str]                   # names of the lake's tables at that moment
    read: Callable[[str], ir.Table]
    empty: Callable[[ibis.Schema], ir.Table]
    as_of: AsOf
    plans: Plans
    subcategories: Subcategories
    streams: tuple[Stream, ...]              # declared ones, of all sources
    priorities: Mapping[str, str]            # of segments: high, medium, low
    digits: int = 2                          # of the currency after the point

    @property
    def today(self) -> date:
        """Return the business day that ages, waits and windows are counted from."""
        return self.as_of.day

    def table(self, name: str) -> ir.Table:
        """Return a table of the lake. Raises NotFound when it is not there at that moment."""
        if name not in self.tables:
            raise NotFound(f"there is no table {name!r} yet", hint="regulars run")
        return self.read(name)

    def optional(self, name: str, columns: Mapping[str, str]) -> ir.Table:
        """Return some columns of a table of the lake, without rows when the project has no such table."""
        if name in self.tables:
            return self.read(name).select(*columns)
        return self.empty(ibis.schema(dict(columns)))

    def amount(self, minor: ir.Value) -> ir.Value:
        """Return minor units as an exact decimal of major units: 1234 is 12.34."""
        return decimal_of(minor, digits=self.digits)

    def days_ago(self, day: ir.Value) -> ir.Value:
        """Return how many days before today a date lies: 0 for today, negative for the future."""
        return ibis.literal(self.today).delta(day, unit="day").cast("int64")

    def age(self, birthday: ir.Value) -> ir.Value:
        """Return the age in whole years today, null without a birthday."""
        return age_on(birthday, self.today).cast("int64")

    def with_master(self, rows: ir.Table, gym_id: str = "customer_id") -> ir.Table:
        """Add `master_customer_id`: our own id of the customer behind a gym id, null where there is none."""
        identity = self.optional(
            "identity", {"profile_source": "string", "profile_id": "string", "customer_id": "string"}
        )
        own = identity.filter(identity.profile_source == GYM)
        own = own.select(gym_profile="profile_id", master_customer_id="customer_id")
        return rows.left_join(own, rows[gym_id] == own.gym_profile).drop("gym_profile")


def decimal_of(minor: ir.Value, *, digits: int) -> ir.Value:
    """Return whole units of 10**-digits as a decimal(18, digits), exactly: no floats on the way."""
    kind = f"decimal(18, {digits})"
    if digits == 0:
        return minor.cast(kind)
    # Through text: engines divide decimals as floats, or with digits of their own choice.
    padded = minor.abs().cast("string").lpad(digits + 1, "0")
    padded = ibis.ifelse(minor.abs() >= 10 ** (digits + 1), minor.abs().cast("string"), padded)
    whole, part = padded.substr(0, padded.length() - digits), padded.right(digits)
    return (ibis.ifelse(minor < 0, "-", "") + whole + "." + part).cast(kind)


def percent_of(part: ir.Value, whole: ir.Value) -> ir.Value:
    """Return a share in percent with two digits, half up; null when there is nothing to share."""
    hundredths = (part * 20000 + whole).cast("decimal(38, 0)") / (whole * 2).nullif(0).cast("decimal(38, 0)")
    return decimal_of(hundredths.floor().cast("int64"), digits=2)
