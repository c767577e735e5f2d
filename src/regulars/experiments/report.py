"""Report: everything an experiment has to say on a day, from the courses of its metrics; a value, drawn elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regulars.experiments.aging import Aging
from regulars.experiments.bandit import next_shares
from regulars.experiments.enough import Power, power_reached
from regulars.experiments.experiment import Experiment, Guardrail
from regulars.experiments.reading import Course, Plan, Reading, compared, read
from regulars.experiments.trust import Check, Conduct, failed, trust
from regulars.experiments.verdict import Answer, Guarded, Role, Verdict, verdict
from regulars.stats.multiplicity import Correction, benjamini_hochberg, e_bh

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One metric of an experiment with what was counted."""

    metric: str
    role: Role
    course: Course
    has_denominator: bool
    has_covariate: bool
    is_never_negative: bool = False          # a lift below -1 cannot be
    group: str | None = None                 # of whom, see `Answer`
    guardrail: Guardrail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One variant on the metric that decides first, with everything until a day."""

    day: date
    variant: str
    units: int
    level: float | None
    lift_low: float | None
    lift: float | None
    lift_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Trust first, then the verdict; then answers, groups and days, which are empty where trust forbids them."""

    experiment: str
    title: str
    hypothesis: str
    unit: str
    method: str
    first_day: date
    last_day: date
    is_over: bool
    variants: tuple[str, ...]
    control: str
    units: Mapping[str, int]                 # exposed, by variant
    planned: int
    checks: tuple[Check, ...]
    power: Power | None                      # of an experiment that is to stop by it
    shares: Mapping[str, float] | None       # of a bandit: of the units to come, by variant, of 1
    verdict: Verdict
    answers: tuple[Answer, ...]
    groups: tuple[Answer, ...]               # what decides first, by group; corrected for all
    days: tuple[Day, ...]
    aging: tuple[Aging, ...]                 # what decides first, by week since the exposure

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: days as ISO text; an interval's missing end is null."""
        told = asdict(self)
        told["checks"] = [asdict(check) for check in self.checks]
        return _plain(told)  # type: ignore[no-any-return]  # a mapping stays a mapping


def report(
    experiment: Experiment, measured: Sequence[Measured], conduct: Conduct, *, plan: Plan, weeks: Sequence[Aging] = ()
) -> Report:
    """Return the report as of the last day of the courses."""
    names = [variant.name for variant in experiment.variants]
    others = [names[n] for n in plan.others]
    checks = trust(conduct)
    answers: list[Answer] = []
    whole = [each for each in measured if each.group is None]
    for role in ("primary", "secondary", "guardrail"):
        answers += _answers([each for each in whole if each.role == role], plan=plan, others=others)
    groups = _answers([each for each in measured if each.group is not None], plan=plan, others=others)
    said = verdict(answers, checks, control=experiment.control, is_over=plan.is_over)
    decides = next(each for each in whole if each.role == "primary")
    is_hidden = bool(failed(checks)) or said.decision == "too_early"
    exposed = conduct.exposed_by_day.sum(axis=0)
    return Report(
        experiment=experiment.name, title=experiment.title, hypothesis=experiment.hypothesis, unit=experiment.unit,
        method=plan.method, first_day=conduct.first_day, last_day=conduct.last_day, is_over=plan.is_over,
        variants=tuple(names), control=experiment.control,
        units={name: int(exposed[n]) for n, name in enumerate(names)}, planned=round(plan.planned),
        checks=checks, power=_power(experiment, decides, plan),
        shares=_shares(experiment, decides, plan, is_learnt=not is_hidden), verdict=said,
        answers=() if is_hidden else tuple(answers),
        groups=() if is_hidden else tuple(groups),
        aging=() if is_hidden else tuple(weeks),
        days=() if is_hidden else tuple(_days(decides, plan, others)),
    )


def _power(experiment: Experiment, first: Measured, plan: Plan) -> Power | None:
    stop = experiment.stop
    if stop.power is None or stop.lift is None:
        return None
    return power_reached(
        first.course, plan=plan, lift=float(stop.lift), wanted=float(stop.power),
        has_denominator=first.has_denominator, has_covariate=first.has_covariate,
    )


def _shares(experiment: Experiment, first: Measured, plan: Plan, *, is_learnt: bool) -> Mapping[str, float] | None:
    """What a bandit gives new units: what it gave the last ones, until there is something to learn from."""
    if plan.chances is None:
        return None
    shares = plan.chances[max(plan.chances)]
    if is_learnt:
        comparison = compared(
            first.course, plan=plan, has_denominator=first.has_denominator, has_covariate=first.has_covariate
        )
        found = next_shares(comparison, control=plan.control, floor=float(experiment.floor))
        shares = shares if found is None else found
    return {variant.name: float(share) for variant, share in zip(experiment.variants, shares, strict=True)}


def _answers(measured: Sequence[Measured], *, plan: Plan, others: Sequence[str]) -> list[Answer]:
    """Answers of one role, corrected as one family; guardrails are not: a false alarm costs less than a missed one."""
    if not measured:
        return []
    found = [_read(each, plan) for each in measured]
    correction = _corrected(found, plan)
    answers = []
    for n, (each, reading) in enumerate(zip(measured, found, strict=True)):
        if plan.method == "sequential" and each.role != "guardrail":
            reading = _read(each, plan, alpha=correction.interval_alpha[n])  # noqa: PLW2901  the same, drawn anew
        for k, name in enumerate(others):
            is_significant = bool(correction.is_rejected[n, k])
            p = correction.p[n, k]
            answers.append(_answer(each, reading, k, name, plan=plan, p=p, is_significant=is_significant))
    return answers


def _corrected(found: Sequence[Reading], plan: Plan) -> Correction:
    shape = (len(found), len(plan.others))
    if plan.method in {"sequential", "bayesian"}:
        evidence = np.stack([reading.evidence[-1] for reading in found])
        family = e_bh(evidence.reshape(1, -1), alpha=plan.alpha)
    else:
        p = np.stack([np.asarray(reading.effect.p)[_newest(reading)] for reading in found])
        family = benjamini_hochberg(p.reshape(1, -1), alpha=plan.alpha)
    return Correction(
        is_rejected=family.is_rejected.reshape(shape), p=family.p.reshape(shape),
        interval_alpha=np.where(np.isnan(family.interval_alpha), plan.alpha, family.interval_alpha).reshape(shape),
    )


def _read(each: Measured, plan: Plan, *, alpha: Floats | None = None) -> Reading:
    return read(
        each.course, plan=plan, has_denominator=each.has_denominator, has_covariate=each.has_covariate, alpha=alpha,
        floor=-1.0 if each.is_never_negative else -np.inf,
    )


def _answer(
    each: Measured, reading: Reading, k: int, name: str, *, plan: Plan, p: float, is_significant: bool
) -> Answer:
    lift, day = reading.lift.inference, _newest(reading)

    def said(values: object) -> float | None:
        return _known(np.asarray(values, dtype=np.float64)[day, k])

    # Where the set of lifts falls into two, its ends are no interval; nothing is said of it.
    is_split = said(reading.lift.gap_low) is not None
    low, high = (None, None) if is_split else (said(lift.low), said(lift.high))
    return Answer(
        metric=each.metric, role=each.role, variant=name, units=int(each.course.units[-1, plan.others[k]]),
        level=_known(reading.levels[-1, plan.others[k]]), control_level=_known(reading.levels[-1, plan.control]),
        low=said(reading.effect.low), value=said(reading.effect.value), high=said(reading.effect.high),
        lift_low=low, lift=said(lift.value), lift_high=high,
        p=_known(p), is_significant=is_significant,
        guarded=None if each.guardrail is None else _guarded(each.guardrail, low, high),
        chance_to_win=_known(reading.chance_to_win[-1, k]), group=each.group,
    )


def _guarded(guardrail: Guardrail, low: float | None, high: float | None) -> Guarded:
    """Tripped where every lift that the data allow is past the margin, safe where none is."""
    margin = float(guardrail.margin)
    if low is None or high is None:
        return "open"
    fell, rose = high < -margin, low > margin
    held_up, held_down = low > -margin, high < margin
    match guardrail.must_not:
        case "fall":
            return "tripped" if fell else "safe" if held_up else "open"
        case "rise":
            return "tripped" if rose else "safe" if held_down else "open"
        case "move":
            return "tripped" if fell or rose else "safe" if held_up and held_down else "open"


def _days(each: Measured, plan: Plan, others: Sequence[str]) -> list[Day]:
    reading = _read(each, plan)
    lift = reading.lift.inference
    return [
        Day(
            day=day, variant=name, units=int(each.course.units[n, plan.others[k]]),
            level=_known(reading.levels[n, plan.others[k]]), lift_low=_known(np.asarray(lift.low)[n, k]),
            lift=_known(np.asarray(lift.value)[n, k]), lift_high=_known(np.asarray(lift.high)[n, k]),
        )
        for n, day in enumerate(each.course.days) for k, name in enumerate(others)
    ]


def _newest(reading: Reading) -> int:
    """Return the newest day on which the method says anything, which is the last but for planned looks."""
    said = np.flatnonzero(~np.isnan(np.asarray(reading.effect.p)).all(axis=-1))
    return int(said[-1]) if len(said) else -1


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case date():
            return value.isoformat()
        case float() if not np.isfinite(value):
            return None
        case _:
            return value
