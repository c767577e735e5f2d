"""Trust: whether an experiment was carried out as it was meant; where it was not, no lift means anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from regulars.stats import sample_ratio

Floats = NDArray[np.float64]
State = Literal["passed", "failed", "not_yet"]

ALARM = 0.001
"""Chance of a false alarm over an experiment's whole life, for each check that is a test."""
MOST_CROSSOVERS = 0.05
"""Share of units that may have met two variants before the comparison is worth nothing."""
LEAST_UNITS = 100
"""In each variant, before anything is said."""
LEAST_DAYS = 7
"""A business's week: its days are not alike, so part of one speaks of that part only."""
STALE_DAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition for reading the results at all."""

    name: str
    state: State
    sentence: str                            # what was seen, and what to do where it failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How an experiment was carried out so far."""

    units: Floats                            # (epochs, variants): assigned, by the epoch they were assigned in
    weights: Floats                          # (epochs, variants): each row adds up to 1
    exposed_by_day: Floats                   # (days, variants): new each day
    crossovers: int                          # units that met two variants, or whose merged parts had two
    first_day: date
    last_day: date                           # of what is read
    last_event_day: date | None              # of anything the sources told; None: of nothing
    is_bandit: bool = False                  # the weights follow what was learnt


def trust(conduct: Conduct) -> tuple[Check, ...]:
    """Return every check, the ones that matter most first."""
    return (
        _sample_ratio(conduct), _crossovers(conduct), _timing(conduct), _freshness(conduct), _enough(conduct),
    )


def failed(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Return the checks that forbid reading the results."""
    return tuple(check for check in checks if check.state == "failed")


def is_early(checks: Sequence[Check]) -> bool:
    """Return whether there is too little to say anything yet."""
    return any(check.state == "not_yet" for check in checks)


def _sample_ratio(conduct: Conduct) -> Check:
    """Each epoch has its own split; evidence of independent epochs multiplies, and may be looked at at any time."""
    taken = conduct.units.sum(axis=-1) > 0
    if not taken.any():
        return Check(name="sample_ratio", state="not_yet", sentence="Nobody has been assigned yet.")
    tests = sample_ratio.any_time(conduct.units[taken], conduct.weights[taken])
    p = float(np.min([1.0, np.exp(-np.sum(np.log(np.maximum(tests.evidence, 1e-300))))]))
    got, meant = conduct.units[taken].sum(axis=0), tests.expected.sum(axis=0)
    split = " / ".join(f"{each:,.0f}" for each in got)
    if p >= ALARM:
        sentence = f"Units by variant are {split}, as the weights ask."
        return Check(name="sample_ratio", state="passed", sentence=sentence)
    wanted = " / ".join(f"{each:,.0f}" for each in meant)
    return Check(
        name="sample_ratio", state="failed",
        sentence=f"Units by variant are {split} where the weights ask for {wanted} (p = {p:.1g}): somebody is lost or "
        "doubled in one of them. Find out who before reading on.",
    )


def _crossovers(conduct: Conduct) -> Check:
    total = conduct.units.sum()
    share = conduct.crossovers / total if total else 0.0
    told = f"{conduct.crossovers:,} of {total:,.0f} units met two variants ({share:.1%})"
    if share <= MOST_CROSSOVERS:
        return Check(name="crossovers", state="passed", sentence=f"{told}; their first one counts.")
    return Check(
        name="crossovers", state="failed",
        sentence=f"{told}, more than {MOST_CROSSOVERS:.0%}: what separates the variants leaks. Look at how variants "
        "reach people who share an account or sign in late.",
    )


def _timing(conduct: Conduct) -> Check:
    """Pearson's test that variants were exposed on the same days (1900), with days of fewer than ten joined."""
    if conduct.is_bandit:
        sentence = "Shares moved with what was learnt; each stretch is weighed by its own."
        return Check(name="exposure_timing", state="passed", sentence=sentence)
    table = _joined_days(conduct.exposed_by_day)
    if len(table) < 2:
        return Check(name="exposure_timing", state="passed", sentence="Exposures are of one day, or few.")
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    used = expected > 0
    statistic = float(np.sum((table[used] - expected[used]) ** 2 / expected[used]))
    degrees = (table.shape[0] - 1) * (int((table.sum(axis=0) > 0).sum()) - 1)
    p = float(chdtrc(degrees, statistic)) if degrees > 0 else 1.0
    # Looked at daily: a tenth of the alarm keeps a few dozen looks under it.
    if p >= ALARM / 10:
        return Check(name="exposure_timing", state="passed", sentence="Variants were exposed on the same days.")
    return Check(
        name="exposure_timing", state="failed",
        sentence=f"Variants were exposed on different days (p = {p:.1g}): days differ, and so would their results. "
        "See which variant began late or stopped.",
    )


def _freshness(conduct: Conduct) -> Check:
    if conduct.last_event_day is None:
        return Check(name="freshness", state="not_yet", sentence="No source has told of anything since the start.")
    late = (conduct.last_day - conduct.last_event_day).days
    if late <= STALE_DAYS:
        sentence = f"Sources have told of {conduct.last_event_day}."
        return Check(name="freshness", state="passed", sentence=sentence)
    return Check(
        name="freshness", state="failed",
        sentence=f"Nothing is known after {conduct.last_event_day}, {late} days ago: type `regulars run`.",
    )


def _enough(conduct: Conduct) -> Check:
    # A variant that never had a weight is waited for by nobody.
    taken = conduct.exposed_by_day.sum(axis=0)[(conduct.weights > 0).any(axis=0)]
    least = float(taken.min()) if len(taken) else 0.0
    days = (conduct.last_day - conduct.first_day).days + 1
    if least >= LEAST_UNITS and days >= LEAST_DAYS:
        return Check(name="enough", state="passed", sentence=f"{days} days, {least:,.0f} units or more a variant.")
    missing = []
    if least < LEAST_UNITS:
        missing.append(f"{LEAST_UNITS} units in each variant (the smallest has {least:,.0f})")
    if days < LEAST_DAYS:
        missing.append(f"{LEAST_DAYS} days (it has run for {days})")
    return Check(name="enough", state="not_yet", sentence=f"Too early: it needs {' and '.join(missing)}.")


def _joined_days(table: Floats) -> Floats:
    rows: list[Floats] = []
    waiting = np.zeros(table.shape[1]) if table.ndim == 2 else np.zeros(0)
    for row in table:
        waiting = waiting + row
        if waiting.sum() >= 10 * len(waiting):
            rows.append(waiting)
            waiting = np.zeros_like(waiting)
    if rows and waiting.any():
        rows[-1] = rows[-1] + waiting
    return np.array(rows)
