"""An experiment: who may be in it, which variants there are, what decides it, and when it ends.

    unit: household                                      customer (as a rule), household, visitor, session, shop_slot
    audience: SEGMENT                                    left out: everybody
    variants: {no_offer: 20, two_week_pass: 80}          percent; or [one, other]: equally
    control: no_offer                                    left out: the first
    primary: METRIC | {metric: METRIC, within: 30 days} | [...]           what decides; counted from the exposure
    secondary: [...]
    guardrails: [METRIC, {metric: METRIC, must_not: fall | rise | move, margin: 2 %}]
    runs: 2026-01-05 to 2026-02-16                       or its first day alone
    stop: {units: 5000, power: 80 %, lift: 10 %, at_guardrail: true}
    analysis: sequential | group_sequential | fixed | bayesian
    analysis: {method: group_sequential, looks: 5, alpha: 5 %, cuped: false, winsor: 99 %}
    allocation: hash | quota | bandit                    quota: exact shares of a list; bandit: more of what works
    strata: [SEGMENT]                                    of a quota: shares as exact in each segment and outside it
    floor: 5 %                                           of a bandit: no variant gets less of the new units
    layer: {name: checkout, from: 0, below: 5000}        of 10,000; experiments of one layer share nobody
    by: [SEGMENT]                                        told apart: units in a segment when exposed, and the others
    tags: [pricing]                                      holdouts of these tags apply, and those of none
    ramp: {2026-01-05: 10 %, 2026-01-12: 100 %}
    epoch: 2                                             raised when weights change after the start
    salt: TEXT
each with title, description, hypothesis, owner.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal

Unit = Literal["customer", "household", "visitor", "session", "shop_slot"]
Allocation = Literal["hash", "quota", "bandit"]
Method = Literal["sequential", "group_sequential", "fixed", "bayesian"]
MustNot = Literal["fall", "rise", "move"]

BUCKETS = 10_000
"""Of a layer: an experiment takes those from `first` up to, not including, `below`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of the things that are compared, and its weight in percent of the units."""

    name: str
    weight: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A metric that an experiment is read by."""

    metric: str
    within: int | None = None                # days from the exposure; None: to the end of the experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A metric that must not get worse than by a margin."""

    metric: str
    must_not: MustNot = "move"
    margin: Fraction = Fraction(0)           # relative to the control: 1/50 is 2 %
    within: int | None = None                # days from the exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A share of all units that no other experiment of the same layer may use: buckets in [first, below)."""

    name: str
    first: int = 0
    below: int = BUCKETS


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How the answer is computed."""

    method: Method = "sequential"
    alpha: Fraction = Fraction(1, 20)
    looks: int | None = None                 # of group_sequential alone
    has_cuped: bool = True                   # variance is reduced by what was known before the exposure
    winsor: Fraction | None = None           # the quantile above which values are cut; None: none are


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What ends an experiment before its last day; None: that does not."""

    units: int | None = None                 # exposed, all variants together
    power: Fraction | None = None            # to find `lift`
    lift: Fraction | None = None             # relative to the control
    at_guardrail: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RampStep:
    """From a day on, this share of the units is let in; who was in stays in."""

    day: date
    share: Fraction                          # of 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A question put to chance: some units get one variant, some another, and metrics tell what it did."""

    name: str
    variants: tuple[Variant, ...]
    control: str
    primary: tuple[Goal, ...]
    unit: Unit = "customer"
    audience: str | None = None              # a segment; None: everybody
    flow: str | None = None                  # whose comers it splits, instead of an audience
    secondary: tuple[Goal, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    begins: date | None = None               # None: a draft
    ends: date | None = None                 # its last day
    stop: Stop = field(default_factory=Stop)
    analysis: Analysis = field(default_factory=Analysis)
    allocation: Allocation = "hash"
    strata: tuple[str, ...] = ()             # segments within which a quota is as exact as on the whole
    floor: Fraction = Fraction(1, 20)        # of 1: the least share of new units that a bandit gives a variant
    layer: Layer | None = None
    by: tuple[str, ...] = ()                 # segments whose units are told apart
    tags: tuple[str, ...] = ()
    ramp: tuple[RampStep, ...] = ()
    epoch: int = 1
    salt: str = ""
    title: str = ""
    description: str = ""
    hypothesis: str = ""
    owner: str = ""

    @property
    def key(self) -> str:
        """Return what is hashed before a unit's id: two experiments, or two salts, split independently."""
        return f"{self.name}.{self.salt}" if self.salt else self.name

    @property
    def is_adjusted(self) -> bool:
        """Return whether what units did before is taken out; a bandit is weighed by chances instead."""
        return self.analysis.has_cuped and self.allocation != "bandit"

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the metrics it asks for, each once."""
        goals = [goal.metric for goal in (*self.primary, *self.secondary)]
        return tuple(dict.fromkeys([*goals, *(guardrail.metric for guardrail in self.guardrails)]))

    def has_begun(self, on: date) -> bool:
        """Return whether units may have been assigned by a day."""
        return self.begins is not None and self.begins <= on

    def share_on(self, day: date) -> Fraction:
        """Return the share of units that are let in on a day, of 1: of the last step reached, 0 before the first."""
        if not self.ramp:
            return Fraction(1)
        return max((step.share for step in self.ramp if step.day <= day), default=Fraction(0))
