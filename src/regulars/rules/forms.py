"""The built-in conditions: numbers compared, the newest of several events, sequences, trends, traits, ages, buckets."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, Protocol

from regulars.events.measure import ENTERED, DaysAhead, InForce, Measure
from regulars.events.value import IsMissing, ValueTest
from regulars.events.window import Comparison, Window, days
from regulars.identity.age import age_on, is_minor_on
from regulars.later import ibis, ir
from regulars.rules.condition import Facts, Needs

BUCKETS = 10_000
PRIVATE = frozenset({"email", "phone", "name", "first_name", "last_name"})


class Quantity(Protocol):
    """A number a customer has: what comparisons ask about and what a segment may store beside its members."""

    def needs(self) -> Needs:
        """Return what it reads."""
        ...

    def value(self, facts: Facts) -> ir.Value:
        """Return the number's column; missing where it is not known."""
        ...

    def sentence(self) -> str:
        """Return what is measured, in words."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure as it is: a count, a sum, a newest day."""

    measure: Measure

    def needs(self) -> Needs:
        """Return the measure."""
        return Needs(measures=(self.measure,))

    def value(self, facts: Facts) -> ir.Value:
        """Return the measure's column."""
        return facts.number(self.measure)

    def sentence(self) -> str:  # noqa: PLR0911  # one case a way of saying it
        """Return the measure in words."""
        subject, of = self.measure.subject(), self.measure.of
        if self.measure.rows == "money":
            return f"spend {subject.removeprefix('money ')}"
        match self.measure.take, of:
            case "count", _ if isinstance(self.measure.when, InForce | DaysAhead):
                return subject
            case "count", _:
                return f"number of {subject}"
            case "min", "days_ago":
                return f"days since the newest {subject}"
            case "max", "days_ago":
                return f"days since the first {subject}"
            case "distinct", "business_day":
                return f"days with {subject}"
            case "distinct", _:
                return f"different {of} of {subject}"
            case take, _:
                return f"{take} of {of} of {subject}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Whole days between the newest business day with such an event and the one before it.

    Two events on one day are one visit. Missing with fewer than two days.
    """

    newest: Measure
    before: Measure

    def needs(self) -> Needs:
        """Return both days."""
        return Needs(measures=(self.newest, self.before))

    def value(self, facts: Facts) -> ir.Value:
        """Return the days between."""
        return facts.number(self.before) - facts.number(self.newest)

    def sentence(self) -> str:
        """Return the gap in words."""
        return f"days between the newest {self.newest.subject()} and the day before it"


@dataclass(frozen=True, slots=True)
class Age:
    """Whole years from the birthday to the as-of day; missing without a birthday. Of 29 February: on 1 March."""

    def needs(self) -> Needs:
        """Return the birthday."""
        return Needs(traits=("birthday",))

    def value(self, facts: Facts) -> ir.Value:
        """Return the age in years."""
        return age_on(facts.trait("birthday"), facts.as_of.day)

    def sentence(self) -> str:
        """Return `age`."""
        return "age"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberIs:
    """A number passes a comparison."""

    quantity: Quantity
    comparison: Comparison
    or_missing: str = ""                     # the key that lets a missing number pass: or_never, or_first, or_missing

    def needs(self) -> Needs:
        """Return what the number reads."""
        return self.quantity.needs()

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether the number passes."""
        value = self.quantity.value(facts)
        passed = self.comparison.holds(value)
        return passed | value.isnull() if self.or_missing else passed

    def actual(self, facts: Facts) -> ir.Value | None:
        """Return the number."""
        return self.quantity.value(facts)

    def sentence(self) -> str:
        """Return the number in words and what it has to be."""
        ending = f", {self.or_missing.replace('_', ' ')}" if self.or_missing else ""
        return f"{self.quantity.sentence()}: {self.comparison.sentence()}{ending}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndIs:
    """The newest, or the first, of several kinds of event is one of these.

    By business day: of several on that day it is enough that one is. The day may have to lie in a window.
    """

    end: Literal["last", "first"]
    among: Measure                           # days ago of that end, over all of them ...
    matching: Measure                        # ... and over those it should be
    window: Window | None = None

    def needs(self) -> Needs:
        """Return both days."""
        return Needs(measures=(self.among, self.matching))

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether the two are one day."""
        day = facts.number(self.matching)
        held = day == facts.number(self.among)
        if self.window is not None:
            held = held & self.window.holds(day)
        return held.fill_null(False)

    def actual(self, facts: Facts) -> ir.Value | None:
        """Return how many days ago the one it should be was."""
        return facts.number(self.matching)

    def sentence(self) -> str:
        """Return which of which."""
        window = f", {self.window.sentence()}" if self.window else ""
        word = "newest" if self.end == "last" else "first"
        return f"the {word} of ({self.among.subject()}) is {self.matching.subject()}{window} (days ago)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """The newest first step was followed by a later second step: `returned after flag`.

    Later by the moment, not the day. The newest second step may have to lie in a window.
    """

    first: Measure                           # newest moment
    second: Measure                          # newest moment
    second_days_ago: Measure
    window: Window | None = None

    def needs(self) -> Needs:
        """Return the newest moments."""
        return Needs(measures=(self.first, self.second, self.second_days_ago))

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether the second step is later."""
        held = facts.number(self.second) > facts.number(self.first)
        if self.window is not None:
            held = held & self.window.holds(facts.number(self.second_days_ago))
        return held.fill_null(False)

    def actual(self, facts: Facts) -> ir.Value | None:
        """Return how many days ago the newest second step was."""
        return facts.number(self.second_days_ago)

    def sentence(self) -> str:
        """Return the steps in order."""
        window = f", {self.window.sentence()}" if self.window else ""
        return f"after the newest {self.first.subject()}: {self.second.subject()}{window} (days ago)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Days with an event have become rarer: rate now < ratio x rate before, given enough before to tell.

    Now is the last `recent_days` complete days (1 .. n days ago: the as-of day is not over), before is the
    `before_days` days in front of them. Compared in whole numbers, so every engine agrees.
    """

    recent: Measure
    before: Measure
    recent_days: int
    before_days: int
    ratio_below: Decimal
    at_least_before: int

    def needs(self) -> Needs:
        """Return both counts of days."""
        return Needs(measures=(self.recent, self.before))

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether the rate has fallen below the ratio."""
        ratio = Fraction(self.ratio_below)
        now = facts.number(self.recent) * (self.before_days * ratio.denominator)
        then = facts.number(self.before) * (self.recent_days * ratio.numerator)
        return ((facts.number(self.before) >= self.at_least_before) & (now < then)).fill_null(False)

    def actual(self, facts: Facts) -> ir.Value | None:
        """Return both counts: `2 now, 12 before`."""
        now, before = facts.number(self.recent).cast("string"), facts.number(self.before).cast("string")
        return now + " now, " + before + " before"

    def sentence(self) -> str:
        """Return what has fallen, and by how much."""
        name = " or ".join(self.recent.events)
        return (
            f"days with {name}: rate of the last {days(self.recent_days)} below {self.ratio_below} of that of the"
            f" {days(self.before_days)} before, with at least {self.at_least_before} there"
        )


@dataclass(frozen=True, slots=True)
class MemberOf:
    """The customer is in another segment as of the same moment, its holds and cooldowns included."""

    segment: str

    def needs(self) -> Needs:
        """Return the other segment."""
        return Needs(segments=(self.segment,))

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether the customer is in it."""
        return facts.is_in(self.segment)

    def actual(self, facts: Facts) -> ir.Value | None:
        """Return whether the customer is in it."""
        return facts.is_in(self.segment)

    def sentence(self) -> str:
        """Return `in SEGMENT`."""
        return f"in {self.segment}"


@dataclass(frozen=True, slots=True)
class TraitIs:
    """What is on file for the customer passes a test."""

    trait: str
    test: ValueTest

    def needs(self) -> Needs:
        """Return the trait."""
        return Needs(traits=(self.trait,))

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether the trait passes."""
        return self.test.holds(facts.trait(self.trait))

    def actual(self, facts: Facts) -> ir.Value | None:
        """Return what is on file; of a contact only whether there is one: explanations are read over shoulders."""
        column = facts.trait(self.trait)
        if self.trait in PRIVATE:
            return IsMissing().holds(column).ifelse("missing", "present")
        return column

    def sentence(self) -> str:
        """Return `email is missing`."""
        return f"{self.trait} {self.test.sentence()}"


@dataclass(frozen=True, slots=True)
class IsMinor:
    """The customer is a minor on the as-of day, or is none: by the birthday, else by whether a parent is on file."""

    expected: bool

    def needs(self) -> Needs:
        """Return the birthday, and whether a parent or guardian is on file."""
        return Needs(traits=("birthday", "has_parent"))

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether the customer is what is expected."""
        is_minor = is_minor_on(facts.trait("birthday"), facts.trait("has_parent"), facts.as_of.day)
        return is_minor if self.expected else ~is_minor

    def actual(self, facts: Facts) -> ir.Value | None:
        """Return the age in years."""
        return age_on(facts.trait("birthday"), facts.as_of.day)

    def sentence(self) -> str:
        """Return `a minor` or `no minor`."""
        return "a minor" if self.expected else "no minor"


@dataclass(frozen=True, slots=True, kw_only=True)
class InBucket:
    """The customer's hash bucket for a key lies in [first, below), of 10,000.

    The bucket is the first 8 hexadecimal digits of md5("<key>.<customer_id>") as a number, modulo 10,000: it depends on
    nothing that changes, and two keys split independently.
    """

    key: str
    first: int
    below: int

    def needs(self) -> Needs:
        """Return the buckets of the key."""
        return Needs(buckets=(self.key,))

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether the bucket lies in the range."""
        column = facts.bucket(self.key)
        return (column >= self.first) & (column < self.below)

    def actual(self, facts: Facts) -> ir.Value | None:
        """Return the bucket."""
        return facts.bucket(self.key)

    def sentence(self) -> str:
        """Return the range."""
        return f"bucket of {self.key}: at least {self.first} and less than {self.below}"


def bucket(customer_id: ir.Value, key: str) -> ir.Value:
    """Return the hash bucket of customers for a key, 0 to 9,999, in text functions that every engine has."""
    digest = (ibis.literal(f"{key}.") + customer_id).hexdigest("md5")
    number = ibis.literal(0, type="int64")
    for place in range(8):
        code = digest.substr(place, 1).ascii_str().cast("int64")
        # "0" is 48, "a" is 97.
        number = number * 16 + (code - (code > 57).ifelse(87, 48))
    return number % BUCKETS


def end_is(
    end: Literal["last", "first"], among: Measure, matching: Measure, *, window: Window | None
) -> EndIs:
    """Return the condition that the last or first of `among` is one of `matching` (both counts, ever)."""
    take: Literal["min", "max"] = "min" if end == "last" else "max"
    return EndIs(
        end=end,
        among=Measure(take=take, of="days_ago", events=among.events, where=among.where),
        matching=Measure(take=take, of="days_ago", events=matching.events, where=matching.where),
        window=window,
    )


def entered(segment: str) -> str:
    """Return the type of the rows that say somebody entered a segment."""
    return ENTERED + segment
