"""Answers as rows: one per metric and variant, with the words for each number; as CSV too."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from regulars.experiments.aging import Aging
from regulars.experiments.experiment import Experiment, Guardrail
from regulars.experiments.report import Report
from regulars.experiments.verdict import Answer, Role
from regulars.metrics.metric import Unit
from regulars.storage.book.experiments import Decision
from regulars.web.experiment_words import SILENT, hidden, instead
from regulars.web.number import MISSING, THIN, money, percent, quantity

COLUMNS = (
    "experiment", "as_of", "decision", "metric", "role", "variant", "control", "units", "control_level", "level",
    "difference_low", "difference", "difference_high", "lift_low", "lift", "lift_high", "p", "is_significant",
    "chance_to_win", "guardrail", "group",
)
"""Of the CSV: levels and differences a unit of the experiment (money in minor units), lifts relative to the control
with `-inf` and `inf` where there is no end; a cell is empty where nothing may, or can, be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A report with what it takes to draw it."""

    report: Report
    experiment: Experiment
    decisions: tuple[Decision, ...] = ()
    units: Mapping[str, Unit] = field(default_factory=dict)    # what each metric is counted in; left out: a number
    currency: str = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric of one variant, as people read it; `answer` is None where it may not be shown."""

    metric: str
    role: Role
    variant: str
    answer: Answer | None
    guardrail: Guardrail | None
    control_level: str
    level: str
    effect: str                              # the lift with its interval, the difference, or why there is none
    p: str
    ends: tuple[float, float, float] | None  # low, estimate, high: what is drawn
    axis: str                                # "lift", or the metric whose difference is drawn

    @property
    def is_significant(self) -> bool:
        """Return whether the variant differs from the control for sure."""
        return self.answer is not None and self.answer.is_significant


def rows(shown: Shown) -> tuple[Row, ...]:
    """Return a row for each metric and each variant but the control: what decides, what is watched, guardrails."""
    answers = {(each.role, each.metric, each.variant): each for each in shown.report.answers}
    others = [name for name in shown.report.variants if name != shown.report.control]
    return tuple(
        _row(
            shown, metric, variant, role=role, guardrail=guardrail, answer=answers.get((role, metric, variant))
        )
        for role, metric, guardrail in _asked(shown.experiment) for variant in others
    )


def group_rows(shown: Shown) -> tuple[Row, ...]:
    """Return a row for each group that is told apart and each variant; the group stands beside the variant's name."""
    return tuple(
        _row(shown, each.metric, f"{each.variant}, {each.group}", role=each.role, guardrail=None, answer=each)
        for each in shown.report.groups
    )


def aged(aging: Aging) -> str:
    """Return what becomes of an effect with the time since exposure, in words."""
    words = {
        "wears off": "wears off with the weeks: do not count on the whole of it",
        "grows": "grows with the weeks: the whole of it is not seen yet",
        "steady": "no trend over the weeks can be told",
    }
    return f"{words[aging.course]} (p {'< 0.001' if aging.p < 0.001 else f'= {aging.p:.3f}'}, one look)"


def week_rows(aging: Aging) -> list[tuple[str, str]]:
    """Return each week since exposure with the difference to the control a unit."""
    return [
        (str(each.week), f"{quantity(each.value, sign='+')} [{quantity(each.low)}, {quantity(each.high)}]")
        for each in aging.weeks
    ]


def to_csv(shown: Shown) -> str:
    """Return COLUMNS and a line for each metric and variant, also where nothing may be shown."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    report = shown.report
    for row in rows(shown):
        head = (report.experiment, report.last_day.isoformat(), report.verdict.decision, row.metric, row.role)
        writer.writerow((*head, row.variant, report.control, *_cells(row.answer)))
    for each in report.groups:
        head = (report.experiment, report.last_day.isoformat(), report.verdict.decision, each.metric, each.role)
        writer.writerow((*head, each.variant, report.control, *_cells(each)))
    return out.getvalue()


def level(value: float | None, metric: str, shown: Shown) -> str:
    """Return a metric's level a unit: money with its currency, how many did it and shares in percent."""
    if value is None:
        return MISSING
    match shown.units.get(metric, "number"):
        case "money":
            return money(round(value), shown.currency)
        case "customers" | "share":
            return f"{percent(value, sign='')}{THIN}%"
        case _:
            return quantity(value)


def lift(low: float, value: float, high: float) -> str:
    """Return a lift with its interval: `+4.2 % [0.3, 8.1]`."""
    return f"{percent(value)}{THIN}% [{percent(low, sign='')}, {percent(high, sign='')}]"


def _row(
    shown: Shown, metric: str, variant: str, *, role: Role, guardrail: Guardrail | None, answer: Answer | None
) -> Row:
    effect, ends, axis = _effect(shown, metric, answer)
    p = None if answer is None else answer.p
    return Row(
        metric=metric, role=role, variant=variant, answer=answer, guardrail=guardrail,
        control_level=level(answer.control_level, metric, shown) if answer else MISSING,
        level=level(answer.level, metric, shown) if answer else MISSING,
        effect=effect, p=MISSING if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}", ends=ends, axis=axis,
    )


def _effect(
    shown: Shown, metric: str, answer: Answer | None
) -> tuple[str, tuple[float, float, float] | None, str]:
    """Return the words, what is drawn and on which axis: the lift, or the difference where no lift has ends."""
    if answer is None:
        return instead(shown.report) if hidden(shown.report) else SILENT[shown.experiment.analysis.method], None, "lift"
    if answer.lift is not None and answer.lift_low is not None and answer.lift_high is not None:
        ends = (answer.lift_low, answer.lift, answer.lift_high)
        return lift(*ends), ends, "lift"
    if answer.value is not None and answer.low is not None and answer.high is not None:
        return _difference(shown, metric, answer.low, answer.value, answer.high)
    return SILENT[shown.experiment.analysis.method], None, "lift"


def _difference(
    shown: Shown, metric: str, low: float, value: float, high: float
) -> tuple[str, tuple[float, float, float], str]:
    is_money = shown.units.get(metric) == "money"
    scale, unit = (100, shown.currency) if is_money else (1, "a unit")
    ends = (low / scale, value / scale, high / scale)
    return f"{quantity(ends[1], sign='+')} {unit} [{quantity(ends[0])}, {quantity(ends[2])}]", ends, metric


def _asked(experiment: Experiment) -> Iterator[tuple[Role, str, Guardrail | None]]:
    yield from (("primary", goal.metric, None) for goal in experiment.primary)
    yield from (("secondary", goal.metric, None) for goal in experiment.secondary)
    yield from (("guardrail", guardrail.metric, guardrail) for guardrail in experiment.guardrails)


def _cells(answer: Answer | None) -> tuple[object, ...]:
    if answer is None:
        return ("",) * 14
    return (
        answer.units, answer.control_level, answer.level, answer.low, answer.value, answer.high, answer.lift_low,
        answer.lift, answer.lift_high, answer.p, answer.is_significant, answer.chance_to_win, answer.guarded,
        answer.group,
    )
