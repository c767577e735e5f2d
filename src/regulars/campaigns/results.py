"""What came of a campaign: how far people came by variant, how variants differ, and whether one of them is better.

A variant is better by what people did, never by what their mail program opened: by agreeing replies on a channel that
has them, else by clicks. And never one that drives people away: more opt-outs than the control's take the word from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.stats.tables import Shares, compare_shares, wilson

Measure = Literal["clicked", "replied", "agreed", "left", "complained"]
MEASURES: tuple[Measure, ...] = ("clicked", "replied", "agreed", "left", "complained")
DECIDES: tuple[Measure, ...] = ("agreed", "clicked")
"""What a winner is told by: the first that anybody did; together they share alpha."""

GUARDRAIL: Measure = "left"
ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many did something, of those who were sent to: with Wilson's 95 % interval, of 1; null without anybody."""

    people: int
    of: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a variant differs from the control: share less share, Newcombe's interval, p of one look; see ALPHA."""

    measure: Measure
    variant: str
    control: str
    value: float | None
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Better:
    """Which variant is better, or why none is said to be."""

    winner: str | None
    measure: Measure | None
    reason: str


def counted(ways: pa.Table) -> dict[str, dict[str, int]]:
    """Count by variant who was sent to and did what: variant -> sent and each of MEASURES, in people.

    `ways` has variant, customer and <stage>_at as `storage.book.ways.WAYS`. What somebody did who was sent nothing is
    not counted.
    """
    sent = ways.filter(pc.is_valid(ways["sent_at"]))
    columns = {name: pc.is_valid(sent[f"{name}_at"]).cast(pa.int64()) for name in ("sent", *MEASURES)}
    told = pa.table({"variant": sent["variant"]} | columns).group_by("variant").aggregate(
        [(name, "sum") for name in columns]
    )
    return {row["variant"]: {name: row[f"{name}_sum"] for name in columns} for row in told.to_pylist()}


def share(people: int, *, of: int) -> Share:
    """Return a share with its interval."""
    if not of:
        return Share(people=people, of=of, share=None, low=None, high=None)
    low, high = wilson(np.array(float(people)), trials=np.array(float(of)))
    return Share(people=people, of=of, share=people / of, low=float(low), high=float(high))


def differences(counts: Mapping[str, Mapping[str, int]], *, control: str) -> list[Difference]:
    """Return how each variant differs from the control, by measure; `counts`: variant -> sent and MEASURES."""
    return [
        _difference(measure, variant, counts, control) for measure in MEASURES for variant in sorted(counts)
        if variant != control and control in counts
    ]


def better(
    counts: Mapping[str, Mapping[str, int]], found: Sequence[Difference], *, control: str, is_over: bool
) -> Better:
    """Say which variant is better, once everybody was sent to: by the first of DECIDES that anybody did.

    Each comparison is held to ALPHA shared among all that could decide; who loses more people than the control does, by
    the same measure of chance, cannot win.
    """
    others = [variant for variant in sorted(counts) if variant != control]
    if not others or control not in counts:
        return Better(winner=None, measure=None, reason="there is nothing to compare")
    if not is_over:
        return Better(winner=None, measure=None, reason="it is still being sent")
    measure = next((each for each in DECIDES if any(one[each] for one in counts.values())), None)
    if measure is None:
        return Better(winner=None, measure=None, reason="nobody agreed or clicked")
    return _winner(measure, found, others, control=control)


def _winner(measure: Measure, found: Sequence[Difference], others: Sequence[str], *, control: str) -> Better:
    alpha = ALPHA / (len(others) * len(DECIDES))
    sure = [one for one in found if one.p is not None and one.p < alpha]
    harmful = {one.variant for one in sure if one.measure == GUARDRAIL and _value(one) > 0}
    ahead = [one for one in sure if one.measure == measure and _value(one) > 0]
    up = [one for one in ahead if one.variant not in harmful]
    if up:
        best = max(up, key=lambda one: (_value(one), one.variant))
        return Better(winner=best.variant, measure=measure, reason=f"more people {measure}")
    if ahead:
        return Better(winner=None, measure=measure, reason="it drives people away")
    if len([one for one in sure if one.measure == measure and _value(one) < 0]) == len(others):
        return Better(winner=control, measure=measure, reason=f"more people {measure}")
    return Better(winner=None, measure=measure, reason="the difference may be chance")


def _difference(
    measure: Measure, variant: str, counts: Mapping[str, Mapping[str, int]], control: str
) -> Difference:
    mine, theirs = counts[variant], counts[control]
    numbers = (theirs[measure], theirs["sent"], mine[measure], mine["sent"])
    successes, trials, own, of = (np.array(each, np.float64) for each in numbers)
    told = compare_shares(Shares(
        control_successes=successes, control_trials=trials, variant_successes=own, variant_trials=of
    ))
    value, low, high, p = (_number(each) for each in (told.value, told.low, told.high, told.p))
    return Difference(measure=measure, variant=variant, control=control, value=value, low=low, high=high, p=p)


def _number(value: object) -> float | None:
    number = float(value)  # type: ignore[arg-type]  # an array of one number
    return number if number == number else None  # noqa: PLR0124  NaN is the one that is not itself


def _value(one: Difference) -> float:
    return one.value or 0.0
