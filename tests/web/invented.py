"""Experiments invented for the tests of how they are drawn: sums of a share, read by the real report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import numpy as np

from regulars.experiments.experiment import Analysis, Experiment, Goal, Guardrail, Method, Variant
from regulars.experiments.outcome import SUMS
from regulars.experiments.reading import Course, Plan
from regulars.experiments.report import Measured, report
from regulars.experiments.trust import Conduct
from regulars.storage.book.experiments import Decision
from regulars.web.answers import Shown

FIRST = date(2026, 1, 5)
STARTED = Decision(
    number=1, at=datetime(2026, 1, 5, tzinfo=UTC), kind="started", by="regulars", reason="its first day has come", detail="{}"
)


def shown(
    *, days: int = 28, daily: Sequence[int] = (100, 100), rates: Sequence[float] = (0.1, 0.2),
    names: Sequence[str] = ("as_it_is", "new"), method: Method = "sequential", is_over: bool = False,
    guarded: Sequence[float] | None = None, title: str = "Invented", hypothesis: str = "It helps.",
    decisions: Sequence[Decision] = (STARTED,),
) -> Shown:
    """Return an experiment in which so many units come a day, and these shares of them join; `guarded` are complaints."""
    weight = Fraction(100, len(names))
    guardrail = Guardrail(metric="complaints", must_not="rise", margin=Fraction(1, 20))
    experiment = Experiment(
        name="invented", title=title, hypothesis=hypothesis, control=names[0], begins=FIRST,
        variants=tuple(Variant(name=name, weight=weight) for name in names), primary=(Goal(metric="joined"),),
        guardrails=(guardrail,) if guarded else (),
        analysis=Analysis(method=method, looks=4 if method == "group_sequential" else None, has_cuped=False),
    )
    plan = Plan(
        method=method, alpha=0.05, planned=float(sum(daily) * 28), weights=np.full(len(names), 1 / len(names)),
        control=0, looks=experiment.analysis.looks, is_over=is_over,
    )
    measured = [Measured(
        metric="joined", role="primary", course=_course(days, daily, rates), has_denominator=False, has_covariate=False,
        is_never_negative=True,
    )]
    if guarded:
        measured.append(Measured(
            metric="complaints", role="guardrail", course=_course(days, daily, guarded), has_denominator=False,
            has_covariate=False, is_never_negative=True, guardrail=guardrail,
        ))
    last = FIRST + timedelta(days=days - 1)
    conduct = Conduct(
        units=np.array([daily], dtype=float) * days, weights=plan.weights[np.newaxis, :],
        exposed_by_day=np.tile(np.array(daily, dtype=float), (days, 1)), crossovers=0, first_day=FIRST, last_day=last,
        last_event_day=last,
    )
    return Shown(
        report=report(experiment, measured, conduct, plan=plan), experiment=experiment, decisions=tuple(decisions),
        units={"joined": "customers", "complaints": "count"},
    )


def _course(days: int, daily: Sequence[int], rates: Sequence[float]) -> Course:
    sums = np.zeros((days, len(daily), 1, len(SUMS)))
    for variant, (units, rate) in enumerate(zip(daily, rates, strict=True)):
        # Whole people, and the fractions of a day are not lost: a cumulative count is rounded.
        joined = np.diff(np.floor(rate * units * np.arange(days + 1) + 1e-9))
        sums[:, variant, 0, SUMS.index("n")] = units
        sums[:, variant, 0, SUMS.index("y")] = joined
        sums[:, variant, 0, SUMS.index("yy")] = joined
    return Course(days=tuple(FIRST + timedelta(days=n) for n in range(days)), sums=np.cumsum(sums, axis=0))
