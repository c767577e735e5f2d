"""Conditions: what a rule is made of, and the facts about customers it is asked of.

Every condition, the project's own plug-ins included, says which measures it needs, which customers it holds for (an
expression that is true or false, never missing), the number that decided, and a sentence. Bulk evaluation,
explanation and examples all use these and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from regulars.events.measure import Measure
from regulars.events.window import AsOf, Path
from regulars.later import ir


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of every customer as of a moment: one row per customer.

    `table` holds customer_id, `trait_<name>`, `bucket_<key>`, one column per measure, and `in_<segment>` for
    the segments decided so far.
    """

    table: ir.Table
    names: Mapping[Measure, str]
    as_of: AsOf

    def number(self, measure: Measure) -> ir.Value:
        """Return the column of a measure."""
        return self.table[self.names[measure]]

    def trait(self, name: str) -> ir.Value:
        """Return the column of a customer's trait."""
        return self.table[f"trait_{name}"]

    def bucket(self, key: str) -> ir.Value:
        """Return the column of the customers' hash buckets for a key: 0 to 9,999."""
        return self.table[f"bucket_{key}"]

    def is_in(self, segment: str) -> ir.Value:
        """Return whether the customer is in a segment decided before this one."""
        return self.table[f"in_{segment}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a condition reads."""

    measures: tuple[Measure, ...] = ()
    traits: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()            # keys of hash buckets
    segments: tuple[str, ...] = ()           # whose members have to be decided first


@runtime_checkable
class Condition(Protocol):
    """Something that holds for a customer or does not."""

    def needs(self) -> Needs:
        """Return what it reads."""
        ...

    def holds(self, facts: Facts) -> ir.Value:
        """Return a boolean column, never missing."""
        ...

    def actual(self, facts: Facts) -> ir.Value | None:
        """Return the column that decided, for the reader; None where the answer says it all."""
        ...

    def sentence(self) -> str:
        """Return what is required, in words."""
        ...


class DeclareCondition(Protocol):
    """What a plug-in registers under a name: it makes the condition out of the keys beside `condition: NAME`.

    Raises DeclarationError with the path of what is wrong.
    """

    def __call__(self, data: Mapping[str, object], path: Path) -> Condition:
        """Return the condition."""
        ...


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]

    def needs(self) -> Needs:
        """Return what the parts read."""
        return together(*(part.needs() for part in self.parts))

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether every part holds."""
        held = self.parts[0].holds(facts)
        for part in self.parts[1:]:
            held = held & part.holds(facts)
        return held

    def actual(self, facts: Facts) -> ir.Value | None:  # noqa: ARG002  # the parts have numbers, the whole has none
        """Return None: the parts have the numbers."""
        return None

    def sentence(self) -> str:
        """Return what this line says above its parts."""
        return "all of these"


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def needs(self) -> Needs:
        """Return what the parts read."""
        return together(*(part.needs() for part in self.parts))

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether at least one part holds."""
        held = self.parts[0].holds(facts)
        for part in self.parts[1:]:
            held = held | part.holds(facts)
        return held

    def actual(self, facts: Facts) -> ir.Value | None:  # noqa: ARG002  # the parts have numbers, the whole has none
        """Return None: the parts have the numbers."""
        return None

    def sentence(self) -> str:
        """Return what this line says above its parts."""
        return "at least one of these"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition

    def needs(self) -> Needs:
        """Return what the part reads."""
        return self.part.needs()

    def holds(self, facts: Facts) -> ir.Value:
        """Return whether the part fails."""
        return ~self.part.holds(facts)

    def actual(self, facts: Facts) -> ir.Value | None:
        """Return the part's number."""
        return self.part.actual(facts)

    def sentence(self) -> str:
        """Return the part's sentence, denied."""
        if isinstance(self.part, All | Any | Not):
            return "not"
        return f"not: {self.part.sentence()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One condition of a rule, and how deep it stands in it."""

    depth: int
    condition: Condition
    parent: Condition | None = field(default=None)


def lines(condition: Condition, *, depth: int = 0, parent: Condition | None = None) -> list[Line]:
    """Return a rule as the lines a reader goes through: each whole before its parts.

    `not` of a single condition is one line.
    """
    own = [Line(depth=depth, condition=condition, parent=parent)]
    match condition:
        case All(parts=parts) | Any(parts=parts):
            inner = parts
        case Not(part=part) if isinstance(part, All | Any | Not):
            inner = (part,)
        case _:
            inner = ()
    return own + [line for part in inner for line in lines(part, depth=depth + 1, parent=condition)]


def together(*needs: Needs) -> Needs:
    """Return everything several conditions read, once each, in order."""
    return Needs(
        measures=tuple(dict.fromkeys(measure for need in needs for measure in need.measures)),
        traits=tuple(dict.fromkeys(trait for need in needs for trait in need.traits)),
        buckets=tuple(dict.fromkeys(key for need in needs for key in need.buckets)),
        segments=tuple(dict.fromkeys(segment for need in needs for segment in need.segments)),
    )
