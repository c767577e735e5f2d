"""Whether a rotation worked: what its slots prove, once it is over, and whether that can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import numpy as np

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.experiments.trust import LEAST_DAYS, STALE_DAYS, Check
from regulars.pipeline.derive import EVENTS
from regulars.pipeline.shop_answers import RotationNow, State, rotations_now, shop_named
from regulars.pipeline.workspace import Workspace
from regulars.shops.slots import (
    SLOT_COUNTS,
    Slot,
    SlotAnswer,
    judged,
    slot_counts,
    slots_of,
    slots_table,
)
from regulars.shops.statistics import product_lines
from regulars.stats.switchback import Refusal

MOST_SILENT = 0.5
"""Share of slots in which nobody came above which it is asked whether the pixel is heard at all."""

MOST_LOPSIDED = 0.1
"""By which share the slots of one variant that count may differ from the other's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopReport:
    """What a product under test did with either variant, slot by slot."""

    shop: str
    experiment: str
    product_id: str
    control: str
    variant: str
    state: State
    as_of: datetime | None                   # when the last run began; null: there was none
    slots: int                               # that were over by then
    counted: int                             # of them, those that count: somebody came, and the test was on throughout
    impressions: dict[str, int]              # by variant
    trust: list[Check]
    reason: str                              # why there are no answers; "": there are
    answers: list[SlotAnswer]


def shop_report(workspace: Workspace, shop: str, experiment: str) -> ShopReport:
    """Return the report of a rotation. Raises NotFound for a shop, and an experiment that is on no product of it."""
    now = _rotation(workspace, shop, experiment)
    rotated = now.rotated
    runs = [run for run in workspace.book.runs.last_runs(20) if run.outcome == "done"]
    as_of = runs[0].started_at if runs else None
    slots = [] if as_of is None else slots_of(rotated, until=as_of)
    counts = _counts(workspace, now, slots)
    control = rotated.experiment.control
    [variant] = [one.name for one in rotated.experiment.variants if one.name != control]
    is_counted = np.array([one.is_whole for one in slots], dtype=bool) & (counts["impressions"] > 0)
    trust = _trust(slots, is_counted, control=control, as_of=as_of, now=workspace.clock.now())
    reason = _reason(now, trust)
    found = None if reason else judged(
        slots, counts, control=control, alpha=float(rotated.experiment.analysis.alpha),
        seed=int.from_bytes(sha256(rotated.experiment.key.encode()).digest()[:8], "big"),
    )
    return ShopReport(
        shop=shop, experiment=experiment, product_id=rotated.rotation.product, control=control, variant=variant,
        state=now.state, as_of=as_of, slots=len(slots), counted=int(is_counted.sum()),
        impressions={
            name: int(sum(n for one, n in zip(slots, counts["impressions"], strict=True) if one.variant == name))
            for name in (control, variant)
        },
        trust=trust, reason=found.reason if isinstance(found, Refusal) else reason,
        answers=found if isinstance(found, list) else [],
    )


def _rotation(workspace: Workspace, shop: str, experiment: str) -> RotationNow:
    found = {one.rotated.experiment.name: one for one in rotations_now(workspace, shop_named(workspace, shop))}
    if experiment not in found:
        raise NotFound(f"{shop!r} has no experiment {experiment!r}", hint=did_you_mean(experiment, found))
    return found[experiment]


def _counts(workspace: Workspace, now: RotationNow, slots: Sequence[Slot]) -> Mapping[str, np.ndarray]:
    """Return SLOT_COUNTS, a number a slot."""
    counts = {name: np.zeros(len(slots)) for name in SLOT_COUNTS}
    if not slots or not workspace.has(EVENTS):
        return counts
    shop = now.rotated.shop
    events = workspace.table(EVENTS)
    own = events.filter(events.shop_id == shop.name)
    lines = product_lines(own, returned=own if shop.orders else None)
    lines = lines.filter(lines.product_id == now.rotated.rotation.product)
    rows = workspace.fetch(slot_counts(
        lines, workspace.stores.engine.arrow(slots_table(slots)), currency=shop.currency
    ))
    places = rows["slot"].to_numpy()
    for name, numbers in counts.items():
        numbers[places] = rows[name].to_numpy()
    return counts


def _trust(
    slots: Sequence[Slot], is_counted: np.ndarray, *, control: str, as_of: datetime | None, now: datetime
) -> list[Check]:
    whole = sum(one.is_whole for one in slots)
    silent = whole - int(is_counted.sum())
    kept = [
        sum(bool(ok) for one, ok in zip(slots, is_counted, strict=True) if (one.variant == control) == is_control)
        for is_control in (True, False)
    ]
    is_even = abs(kept[0] - kept[1]) <= max(MOST_LOPSIDED * sum(kept), 1)
    length = (slots[-1].ends - slots[0].begins) if slots else timedelta(0)
    is_fresh = as_of is not None and now - as_of <= timedelta(days=STALE_DAYS)
    is_heard = silent <= MOST_SILENT * whole
    return [
        Check(
            name="traffic", state="passed" if is_heard else "failed",
            sentence=f"nobody came in {silent:,} of {whole:,} slots" + ("" if is_heard else ": is the pixel heard?"),
        ),
        Check(
            name="balance", state="passed" if is_even else "failed",
            sentence=f"{kept[0]:,} slots of the control count, and {kept[1]:,} of the other; "
                     f"{len(slots) - whole:,} do not, the test was stopped in them",
        ),
        Check(
            name="freshness", state="passed" if is_fresh else "failed",
            sentence="nothing was run yet" if as_of is None else f"as of {as_of:%Y-%m-%d %H:%M} UTC",
        ),
        Check(
            name="enough", state="passed" if length >= timedelta(days=LEAST_DAYS) else "not_yet",
            sentence=f"{length.days} days of slots; days of a week are not alike, so {LEAST_DAYS} are needed",
        ),
    ]


def _reason(now: RotationNow, trust: Sequence[Check]) -> str:
    """Return why nothing is said of the variant; "" where something may be."""
    if now.state in {"draft", "waits"}:
        return "it has not begun"
    if now.state == "runs":
        ends = now.rotated.experiment.ends
        return "too early: whoever looks while it runs finds what is not there; " + (
            "it runs until it is stopped" if ends is None else f"its last day is {ends.isoformat()}"
        )
    return "; ".join(one.sentence for one in trust if one.state != "passed")
