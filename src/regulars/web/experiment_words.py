"""What is said of an experiment in words: its checks, its verdict, how it is analysed, and why numbers are missing."""

from __future__ import annotations

import json
from collections.abc import Mapping

from regulars.experiments.enough import Power
from regulars.experiments.experiment import Experiment, Guardrail, Method
from regulars.experiments.report import Report
from regulars.experiments.trust import State, failed
from regulars.experiments.verdict import Decision as Verdict
from regulars.experiments.verdict import Guarded, Role
from regulars.storage.book.experiments import Decision
from regulars.web.number import THIN, percent

CHECKS = {
    "sample_ratio": "Sample ratio", "crossovers": "Crossovers", "exposure_timing": "Exposure timing",
    "freshness": "Data fresh", "enough": "Enough data",
}
STATES: Mapping[State, tuple[str, str]] = {
    "passed": ("✓", "passed"), "failed": ("▲", "failed"), "not_yet": ("○", "not yet"),
}
VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    "not_trusted": ("▲", "not trusted"), "stop": ("▲", "stop"), "too_early": ("○", "too early"),
    "ship": ("✓", "ship"), "keep_control": ("✓", "keep the control"), "go_on": ("●", "goes on"),
    "no_difference": ("○", "no difference"),
}
GUARDED: Mapping[Guarded, tuple[str, str]] = {
    "tripped": ("▲", "tripped: past the margin"), "safe": ("✓", "safe: the margin is out of reach"),
    "open": ("○", "open: the interval reaches past the margin"),
}
ROLES: Mapping[Role, str] = {"primary": "decides", "secondary": "also watched", "guardrail": "guardrail"}

LOOKING: Mapping[Method, str] = {
    "sequential": (
        "Its intervals hold at all looks at once: looking again, and stopping because of what is seen, adds nothing to "
        "the error. The price is their width."
    ),
    "group_sequential": (
        "It speaks at its planned looks and is silent between them: looking more often shows nothing new, and adds "
        "nothing to the error."
    ),
    "fixed": (
        "It speaks once, at its end. Nothing is shown before: a test made for one look that is looked at every day "
        "would name a winner far more often than it should."
    ),
    "bayesian": (
        "The chance to win is a belief and not safe to stop by: looked at daily it errs far more often than it says. "
        "The p beside it is safe at any time, and the verdict goes by that."
    ),
}
SILENT: Mapping[Method, str] = {
    "sequential": "nothing can be said yet", "group_sequential": "nothing before the next planned look",
    "fixed": "nothing before the end", "bayesian": "nothing can be said yet",
}


def hidden(report: Report) -> str | None:
    """Return why no lift is shown; None where they are."""
    if wrong := failed(report.checks):
        names = " and ".join(CHECKS.get(check.name, check.name).lower() for check in wrong)
        return f"The lifts are hidden: {names} failed, and what went wrong there moves every number here too."
    if report.verdict.decision == "too_early":
        return "No lift is shown yet: with so little behind it, it would mislead more than tell."
    return None


def instead(report: Report) -> str:
    """Return the words that stand where a hidden number would."""
    return "hidden" if failed(report.checks) else "too early"


def analysis(experiment: Experiment, report: Report) -> tuple[str, ...]:
    """Return how the answer is computed, a sentence each: first the method, then what looking again does."""
    chosen = experiment.analysis
    error = f"{100 * float(chosen.alpha):.3g}{THIN}%"
    methods = {
        "sequential": f"Confidence sequences, tuned to {report.planned:,} units, with an error of {error} at most.",
        "group_sequential": f"{chosen.looks} planned looks until {report.planned:,} units, with an error of {error}.",
        "fixed": f"One test, at the end of {report.planned:,} units, with an error of {error}.",
        "bayesian": f"Beliefs, from a prior in which most changes move a metric by little; decided at {error}.",
    }
    return (
        methods[chosen.method], LOOKING[chosen.method],
        "What each unit did in the six weeks before its exposure is adjusted for." if experiment.is_adjusted
        else "Nothing from before the exposure is adjusted for.",
        *([] if report.shares is None else [_bandit(experiment)]),
        *([f"Values above the quantile {float(chosen.winsor):.3g} are cut."] if chosen.winsor is not None else []),
        "Lifts are relative to the control, and leave out zero exactly where the difference does.",
        "Metrics of one role are corrected for being several.",
        *([] if report.power is None else [_power(report.power)]),
    )


def _bandit(experiment: Experiment) -> str:
    return (
        f"New units follow what was learnt, {100 * float(experiment.floor):.3g}{THIN}% at least to each variant; "
        "levels and differences are weighed by the chances that were logged (AIPW), never raw means."
    )


def _power(power: Power) -> str:
    reached = "not known yet" if power.reached is None else f"{percent(power.reached, sign='')}{THIN}%"
    return (
        f"It stops at a power of {percent(power.wanted, sign='')}{THIN}% for a lift of {percent(power.lift)}{THIN}%; "
        f"so far the power is {reached}. That follows from variance and units alone, never from the lift seen."
    )


def must_not(guardrail: Guardrail) -> str:
    """Return a guardrail's claim: `must not fall by more than 2.0 %`."""
    margin = percent(float(guardrail.margin), sign="")
    return f"must not {guardrail.must_not}" + (f" by more than {margin}{THIN}%" if guardrail.margin else "")


def decided(decision: Decision) -> str:
    """Return what a line of the log did: its kind, and the winner it names."""
    try:
        detail = json.loads(decision.detail)
    except json.JSONDecodeError:
        detail = {}
    variant = detail.get("variant") if isinstance(detail, dict) else None
    return f"{decision.kind}: {variant}" if variant else decision.kind
