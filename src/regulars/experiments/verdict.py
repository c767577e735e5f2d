"""Verdict: what an experiment says in plain words, and what to do now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from regulars.experiments.trust import Check, failed, is_early

Decision = Literal["not_trusted", "stop", "too_early", "ship", "keep_control", "go_on", "no_difference"]
Role = Literal["primary", "secondary", "guardrail"]
Guarded = Literal["tripped", "safe", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one variant did to one metric; a number is None where the method has nothing to say yet."""

    metric: str
    role: Role
    variant: str
    units: int
    level: float | None
    control_level: float | None
    low: float | None                        # of the difference to the control
    value: float | None
    high: float | None
    lift_low: float | None                   # relative to the control; -inf and inf where it has no end
    lift: float | None
    lift_high: float | None
    p: float | None                          # adjusted for all answers of the role
    is_significant: bool
    guarded: Guarded | None = None           # of a guardrail
    chance_to_win: float | None = None       # of a bayesian analysis
    group: str | None = None                 # of whom, `in SEGMENT` or `not in SEGMENT`; None: of everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision with its reason, and the words for it."""

    decision: Decision
    reason: str                              # significant, no_responses, tied_results, insufficient_confidence, ...
    winner: str | None                       # named only where the decision is one
    leading: str | None                      # the best so far, which is not a winner
    sentence: str
    advice: str


def verdict(answers: Sequence[Answer], checks: Sequence[Check], *, control: str, is_over: bool) -> Verdict:
    """Return what to do: trust first, then harm, then patience, then the metrics that decide."""
    primary = [answer for answer in answers if answer.role == "primary"]
    leading = _leading(primary, control)
    if wrong := failed(checks):
        return Verdict(
            decision="not_trusted", reason=wrong[0].name, winner=None, leading=None,
            sentence="The experiment cannot be read.", advice=wrong[0].sentence,
        )
    if tripped := [answer for answer in answers if answer.guarded == "tripped"]:
        worst = tripped[0]
        return Verdict(
            decision="stop", reason=f"guardrail:{worst.metric}", winner=None, leading=leading,
            sentence=f"{worst.variant} harms {worst.metric}: {_lift(worst)}.",
            advice=f"Return everybody to {control}; the experiment has its answer.",
        )
    if is_early(checks):
        early = next(check for check in checks if check.state == "not_yet")
        return Verdict(
            decision="too_early", reason="insufficient_data", winner=None, leading=None,
            sentence="Too early to say anything.", advice=early.sentence,
        )
    if all(not answer.level and not answer.control_level for answer in primary):
        return _undecided("no_responses", None, "Nobody in any variant did what decides this experiment.", is_over)
    if leading is None:
        return _undecided("tied_results", None, "All variants did exactly alike.", is_over)
    return _decided(primary, control=control, leading=leading, is_over=is_over)


def _decided(primary: Sequence[Answer], *, control: str, leading: str, is_over: bool) -> Verdict:
    better = {answer.variant for answer in primary if answer.is_significant and (answer.value or 0) > 0}
    worse = {answer.variant for answer in primary if answer.is_significant and (answer.value or 0) < 0}
    winners = [answer for answer in _first_metric(primary) if answer.variant in better - worse]
    if winners:
        best = max(winners, key=lambda answer: answer.level or 0.0)
        told = next(a for a in primary if a.variant == best.variant and a.is_significant)
        return Verdict(
            decision="ship", reason="significant", winner=best.variant, leading=leading,
            sentence=f"{best.variant} raises {told.metric}: {_lift(told)}.",
            advice=f"Give everybody {best.variant}, unless a cost that no metric here counts speaks against it.",
        )
    variants = {answer.variant for answer in primary}
    if variants <= worse:
        told = next(answer for answer in primary if answer.is_significant)
        return Verdict(
            decision="keep_control", reason="significant", winner=control, leading=leading,
            sentence=f"{told.variant} lowers {told.metric}: {_lift(told)}.", advice=f"Keep {control}.",
        )
    first = next((a for a in _first_metric(primary) if a.variant == leading), None) or _first_metric(primary)[0]
    what = f"No variant differs for sure; {first.variant} on {first.metric}: {_lift(first)}."
    return _undecided("insufficient_confidence", leading, what, is_over)


def _undecided(reason: str, leading: str | None, sentence: str, is_over: bool) -> Verdict:  # noqa: FBT001  a state
    return Verdict(
        decision="no_difference" if is_over else "go_on", reason=reason, winner=None, leading=leading,
        sentence=sentence,
        advice="It ended without an answer: whatever there is lies inside the interval. Keep what costs less."
        if is_over else "Let it run: the interval narrows with every unit.",
    )


def _leading(primary: Sequence[Answer], control: str) -> str | None:
    """The variant with the highest level of the metric that decides first; None where they are all alike."""
    first = _first_metric(primary)
    levels = {answer.variant: answer.level for answer in first if answer.level is not None}
    if first and first[0].control_level is not None:
        levels[control] = first[0].control_level
    if len(set(levels.values())) < 2:
        return None
    return max(levels, key=lambda name: levels[name] or 0.0)


def _first_metric(primary: Sequence[Answer]) -> list[Answer]:
    return [answer for answer in primary if answer.metric == primary[0].metric]


def _lift(answer: Answer) -> str:
    """Return a lift with its interval, or the difference where the control is too near 0 to divide by."""
    if answer.lift is not None and answer.lift_low is not None and answer.lift_high is not None:
        return f"{answer.lift:+.1%} ({_end(answer.lift_low)} to {_end(answer.lift_high)})"
    if answer.value is not None and answer.low is not None and answer.high is not None:
        return f"{answer.value:+.3g} a unit ({answer.low:+.3g} to {answer.high:+.3g})"
    return "nothing can be said yet"


def _end(value: float) -> str:
    return f"{value:+.1%}" if abs(value) < float("inf") else "no end"
