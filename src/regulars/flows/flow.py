"""A flow: what is said to whoever comes into it, step after step; one file `flows/<name>.yaml` each.

A customer goes through a flow once for each occasion: an entry into a segment, an event, a date. That is a journey. It
rests at a step until the step is due, and a step that was taken is never taken again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Literal

from regulars.campaigns.campaign import Campaign
from regulars.events.value import Where
from regulars.experiments.experiment import Experiment

END = ""
"""Where an edge leads that leads to no step."""


# --- what begins a journey ---------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True, kw_only=True)
class OnSegment:
    """Somebody enters or leaves a segment; the occasion is the business day."""

    segment: str
    change: Literal["entered", "left"] = "entered"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnEvent:
    """Something happens; the occasion is the event, or what one of its attributes says."""

    events: tuple[str, ...]
    where: tuple[Where, ...] = ()
    occasion: str | None = None              # an attribute: one journey for each of its values


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDate:
    """A day comes near that an attribute of an event names; the occasion is what one attribute says, and the day."""

    day: str                                 # an attribute
    events: tuple[str, ...]
    where: tuple[Where, ...] = ()
    occasion: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTrait:
    """A day comes near that customers have, every year when it is an anniversary; the occasion is the day."""

    trait: str
    is_yearly: bool = False


Trigger = OnSegment | OnEvent | OnDate | OnTrait


# --- how long it rests ------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Length:
    """So long after the step before was due; whole days are business days, and end at their midnight."""

    length: timedelta

    @property
    def days(self) -> int | None:
        """Return how many days it is; None when it is no whole number of them."""
        days, rest = divmod(self.length, timedelta(days=1))
        return None if rest else days


@dataclass(frozen=True, slots=True)
class DayOf:
    """The day so many days after the day of the occasion, before it when negative."""

    offset: int


@dataclass(frozen=True, slots=True)
class Clock:
    """The next time that the clock of the business shows this."""

    at: time


Delay = Length | DayOf | Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The way to the next step, with what has to pass first."""

    to: str = END
    delays: tuple[Delay, ...] = ()


# --- what is asked ------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True, kw_only=True)
class InSegment:
    """Whether somebody is in a segment, or is not."""

    segment: str
    is_in: bool = True

    def sentence(self) -> str:
        """Return `in active_member`."""
        return f"{'in' if self.is_in else 'not in'} {self.segment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Whether something happened to somebody after a moment."""

    events: tuple[str, ...]
    where: tuple[Where, ...] = ()

    def sentence(self) -> str:
        """Return `check_in where kind is day_pass`."""
        tests = " and ".join(where.sentence() for where in self.where)
        return " or ".join(self.events) + (f" where {tests}" if tests else "")


Question = InSegment | Happened


# --- steps --------------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something is sent, through the ledger that campaigns are sent through."""

    name: str
    campaign: Campaign                       # called `FLOW.STEP`
    at: time | None                          # by the clock of the business; None: as soon as it is due
    late: timedelta | None                   # after which it is skipped; None: it goes however late
    then: Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Those for whom it is so go one way, the others another."""

    name: str
    question: Question
    yes: Edge
    no: Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Each variant of an experiment goes its own way; who has none goes on with the others."""

    name: str
    experiment: str
    ways: Mapping[str, Edge]
    then: Edge                               # of whoever has no variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """It rests until something happens, or for so long."""

    name: str
    question: Happened
    at_most: timedelta
    then: Edge
    otherwise: Edge                          # when it did not happen


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something is written on the timeline, for segments and those who look after people."""

    name: str
    then: Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """The journey ends here."""

    name: str


Step = Message | Branch | Split | Await | Mark | Leave


# --- the whole ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A number that messages may say: how many events of whoever name the same as the occasion's event does."""

    events: tuple[str, ...]
    same: str                                # an attribute of both
    where: tuple[Where, ...] = ()
    of: str | None = None                    # an attribute that is summed; None: events are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One flow as it is declared. Steps stand in an order in which no way leads back."""

    name: str
    title: str
    trigger: Trigger
    starts: date                             # business day; what was before begins no journey
    steps: tuple[Step, ...]
    first: Edge
    description: str = ""
    ends: date | None = None                 # the last day on which journeys begin
    goal: Happened | None = None
    leaves: tuple[Question, ...] = ()        # when one of these is so, the journey ends
    is_left_by_opt_out: bool = True
    is_once: bool = False                    # nobody goes through it a second time
    reenter_after: int | None = None         # days from the day of the last beginning
    is_one_at_a_time: bool = True            # nobody begins while still on the way
    enters_within: int = 7                   # days after its occasion that a journey may still begin
    holdout: Experiment | None = None        # who of those that come stays without messages, to compare with
    totals: Mapping[str, Total] = field(default_factory=dict)

    @property
    def messages(self) -> tuple[Message, ...]:
        """Return its messages, in order."""
        return tuple(step for step in self.steps if isinstance(step, Message))

    @property
    def offsets(self) -> tuple[int, ...]:
        """Return the days of steps that are counted from the day of the occasion, sorted."""
        found = {d.offset for edge in edges(self) for d in edge.delays if isinstance(d, DayOf)}
        return tuple(sorted(found))

    @property
    def occasion_events(self) -> frozenset[str]:
        """Return the types of events that begin journeys or are counted in its totals."""
        begins = self.trigger.events if isinstance(self.trigger, OnEvent | OnDate) else ()
        return frozenset(begins).union(*(total.events for total in self.totals.values()))

    @property
    def version(self) -> str:
        """Return the name of its way: another step, wait or question is another version; words are not."""
        said = (self.trigger, self.first, [_shape(step) for step in self.steps], self.goal, self.leaves)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:12]

    def step(self, name: str) -> Step | None:
        """Return a step by its name; None when there is none."""
        return next((step for step in self.steps if step.name == name), None)


def ways(step: Step) -> tuple[Edge, ...]:
    """Return the edges that lead away from a step."""
    match step:
        case Message() | Mark():
            return (step.then,)
        case Branch():
            return (step.yes, step.no)
        case Split():
            return (*step.ways.values(), step.then)
        case Await():
            return (step.then, step.otherwise)
        case Leave():
            return ()


def edges(flow: Flow) -> tuple[Edge, ...]:
    """Return every edge of a flow, the first one first."""
    return (flow.first, *(edge for step in flow.steps for edge in ways(step)))


def _shape(step: Step) -> object:
    return (step.name, step.at, step.late, step.then) if isinstance(step, Message) else step
