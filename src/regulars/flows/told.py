"""A flow in words: who comes into it, what is done and when, for whoever reads it before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from regulars.events.window import days
from regulars.flows.flow import (
    END,
    Await,
    Branch,
    Clock,
    DayOf,
    Delay,
    Edge,
    Flow,
    Leave,
    Length,
    Mark,
    Message,
    OnDate,
    OnEvent,
    OnSegment,
    OnTrait,
    Split,
    Step,
    Trigger,
)


def who(trigger: Trigger) -> str:
    """Return who comes into a flow: `whoever enters lapsed`."""
    match trigger:
        case OnSegment():
            return f"whoever {'enters' if trigger.change == 'entered' else 'leaves'} {trigger.segment}"
        case OnEvent():
            return f"whoever has {_event(trigger)}"
        case OnDate():
            return f"whoever has {_event(trigger)}, around its {trigger.day}"
        case OnTrait():
            return f"everybody, around their {trigger.trait}{' of every year' if trigger.is_yearly else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leading:
    """A way from one step to another, with what is asked or waited for on it, in words."""

    step: str                                # empty: the beginning
    to: str                                  # END: the end
    words: str


def leading(flow: Flow) -> list[Leading]:
    """Return every way of a flow, the first one first."""
    return [
        Leading(step=name, to=edge.to, words=", ".join(part for part in (label, *map(_delay, edge.delays)) if part))
        for name, label, edge in _edges(flow)
    ]


def way(flow: Flow) -> list[dict[str, str]]:
    """Return one row a step: step, what, and when it is taken after which other one."""
    before: dict[str, list[str]] = {}
    for name, label, edge in _edges(flow):
        origin = " ".join(part for part in (name, label and f"({label})") if part)
        before.setdefault(edge.to, []).append(_when(edge, origin))
    rows = [
        {"step": step.name, "what": _what(step), "when": "; ".join(before.get(step.name, ["never"]))}
        for step in flow.steps
    ]
    return [*rows, {"step": "end", "what": "the journey is over", "when": "; ".join(before.get(END, ["never"]))}]


def length(span: timedelta) -> str:
    """Return how long something lasts: `3 days`, `4 hours`, `90 minutes`."""
    whole, rest = divmod(span, timedelta(days=1))
    if not rest:
        return days(whole)
    hours, minutes = divmod(span, timedelta(hours=1))
    if not minutes:
        return f"{hours} hour{'' if hours == 1 else 's'}"
    return f"{int(span.total_seconds()) // 60} minutes"


def _edges(flow: Flow) -> list[tuple[str, str, Edge]]:
    return [("", "", flow.first), *((step.name, *part) for step in flow.steps for part in _ways(step))]


def _ways(step: Step) -> list[tuple[str, Edge]]:
    match step:
        case Message() | Mark():
            return [("", step.then)]
        case Branch():
            return [("yes", step.yes), ("no", step.no)]
        case Split():
            return [*step.ways.items(), ("no variant", step.then)]
        case Await():
            return [("it happened", step.then), ("it did not", step.otherwise)]
        case Leave():
            return []


def _what(step: Step) -> str:
    match step:
        case Message():
            at = "as soon as it is due" if step.at is None else f"at {step.at:%H:%M}"
            late = "however late" if step.late is None else f"skipped when {length(step.late)} late"
            return f"{step.campaign.channel} by {step.campaign.destination}, {at}, {late}"
        case Branch():
            return f"is it so: {step.question.sentence()}"
        case Split():
            return f"each variant of {step.experiment} its own way"
        case Await():
            return f"wait for {step.question.sentence()}, at most {length(step.at_most)}"
        case Mark():
            return "written on the timeline"
        case Leave():
            return "the journey is over"


def _when(edge: Edge, origin: str) -> str:
    waits = ", ".join(_delay(delay) for delay in edge.delays)
    if not origin:
        return waits or "at once"
    if any(isinstance(delay, DayOf) for delay in edge.delays):
        return f"after {origin}, {waits}"
    return f"{waits} after {origin}" if waits else f"after {origin}"


def _delay(delay: Delay) -> str:
    match delay:
        case Length():
            return length(delay.length)
        case DayOf():
            side = "before" if delay.offset < 0 else "after"
            return f"{days(abs(delay.offset))} {side} the day" if delay.offset else "on the day"
        case Clock():
            return f"at {delay.at:%H:%M}"


def _event(trigger: OnEvent | OnDate) -> str:
    tests = " and ".join(where.sentence() for where in trigger.where)
    return " or ".join(trigger.events) + (f" where {tests}" if tests else "")
