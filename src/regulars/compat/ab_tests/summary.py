"""Counts of a campaign in the reference's names, and the comparison of its variants: who does better, how surely."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np

from regulars.compat.ab_tests.campaign import POSITIVE_REPLY, VARIANTS, Rules, rules_of
from regulars.compat.ab_tests.significance import Cell, Comparison, compare
from regulars.experiments.trust import Check, Conduct, trust
from regulars.storage.book.ab_tests import ABCampaign, ABCount
from regulars.storage.book.experiments import Decision, Epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything that is known of a campaign at a moment."""

    campaign: ABCampaign
    counts: Sequence[ABCount]
    epochs: Sequence[Epoch]
    decisions: Sequence[Decision]
    at: datetime                             # aware

    @property
    def rules(self) -> Rules:
        """Return what the campaign's config says."""
        return rules_of(self.campaign)

    @property
    def is_acknowledged(self) -> bool:
        """Return whether a person has looked into a sample-ratio mismatch and wants to read on."""
        return any(decision.kind == "acknowledged" for decision in self.decisions)

    @property
    def days(self) -> float:
        """Return days since the first message was sent; 0 before."""
        sent = [count.first_at for count in self.counts if count.kind == "sent"]
        return (self.at - min(sent)).total_seconds() / 86_400 if sent else 0.0

    @property
    def winner(self) -> dict[str, Any] | None:
        """Return the latest winner that was decided, as the log has it; None where none was."""
        winners = [decision for decision in self.decisions if decision.kind == "winner"]
        return dict(json.loads(winners[-1].detail)) if winners else None

    def total(self, kind: str, *, variant: str, reply: str | None = None, epoch: int | None = None) -> int:
        """Return how many different recipients something happened to."""
        return sum(
            count.units for count in self.counts
            if count.kind == kind and count.variant == variant and reply in (None, count.reply)
            and epoch in (None, count.epoch)
        )

    def conversions(self, *, variant: str, epoch: int | None = None) -> int:
        """Return how many recipients did what is wanted: the declared event in its window, else a positive reply."""
        if self.rules.conversion_event is not None:
            return self.total("converted", variant=variant, epoch=epoch)
        return self.total("replied", variant=variant, reply="positive", epoch=epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The comparisons that an answer rests on."""

    assigned: Comparison                     # conversions of all that were assigned: what decides
    delivered: Comparison                    # of those who were sent a message: how much that changes
    negative: Comparison                     # negative replies of all that were assigned: the guardrail
    split: Check                             # whether the variants were sent as assigned
    least: int                               # recipients of the smaller variant


def metrics(standing: Standing, variant: str) -> dict[str, Any]:
    """Return the reference's metrics of a variant: counts of different recipients, and shares of those sent to.

    Every number is 0 where nothing was sent. Opens of a text message are seen only where something tells of them;
    `open_tracking` says whether anything has.
    """
    sent, opened = standing.total("sent", variant=variant), standing.total("opened", variant=variant)
    clicked, replied = standing.total("clicked", variant=variant), standing.total("replied", variant=variant)
    positive = standing.total("replied", variant=variant, reply="positive")
    negative = standing.total("replied", variant=variant, reply="negative")
    conversions = standing.conversions(variant=variant)
    has_opens = any(count.kind == "opened" for count in standing.counts)
    return {
        "messages_sent": sent, "messages_opened": opened, "links_clicked": clicked, "responses_received": replied,
        "positive_responses": positive, "negative_responses": negative,
        "open_rate": _share(opened, sent), "click_rate": _share(clicked, sent), "response_rate": _share(replied, sent),
        "conversion_rate": _share(conversions, sent), "conversions": conversions,
        "conversion_metric": standing.rules.conversion_event or POSITIVE_REPLY,
        "assigned": standing.total("assigned", variant=variant),
        "open_tracking": "measured" if has_opens else "unsupported",
    }


def analyse(standing: Standing) -> Analysis:
    """Return the comparisons of a campaign."""
    assigned = compare(_cells(standing, standing.conversions, of="assigned"))
    return Analysis(
        assigned=assigned, delivered=compare(_cells(standing, standing.conversions, of="sent")),
        negative=compare(_cells(standing, partial(standing.total, "replied", reply="negative"), of="assigned")),
        split=_split(standing),
        least=min(assigned.a_units, assigned.b_units),
    )


def summary(standing: Standing, found: Analysis, *, winner: str | None, reason: str, decision: str) -> dict[str, Any]:
    """Return the reference's summary; with a broken sample ratio it tells counts, and nothing that compares."""
    is_shown = decision != "not_trusted"
    said = found.assigned
    confidence = said.confidence if is_shown else 0.0
    variants = {
        f"variant_{name.lower()}": metrics(standing, name) | {
            "statistical_confidence": 0.0 if said.leading is None or not is_shown
            else confidence if name == said.leading else 1 - confidence
        }
        for name in VARIANTS
    }
    compared: dict[str, Any] = {
        "p_value": said.p, "p_value_any_time": said.p_any_time, "difference": said.difference,
        "difference_low": said.low, "difference_high": said.high, "p_value_delivered": found.delivered.p,
        "difference_delivered": found.delivered.difference, "lift": said.lift, "lift_low": said.lift_low,
        "lift_high": said.lift_high,
    }
    return {
        "campaign_id": standing.campaign.number, **variants, "winner": winner,
        "leading_variant": said.leading if is_shown else None, "confidence_level": confidence,
        "significant_difference": said.is_significant and is_shown, "decision": decision, "reason": reason,
        "too_early": decision == "too_early",
        "sample_ratio": {"state": found.split.state, "sentence": found.split.sentence},
        **(compared if is_shown else dict.fromkeys(compared)),
    }


def _cells(standing: Standing, made: Callable[..., int], *, of: str) -> list[Cell]:
    """One cell per epoch; who did it counts among those sent to, also where sending was not told."""
    numbers = sorted({count.epoch for count in standing.counts})
    cells = [[made(variant=name, epoch=n) for name in VARIANTS] for n in numbers]
    return [
        Cell(
            a_units=max(standing.total(of, variant="A", epoch=n), a), a_conversions=a,
            b_units=max(standing.total(of, variant="B", epoch=n), b), b_conversions=b,
        )
        for n, (a, b) in zip(numbers, cells, strict=True)
    ]


def _split(standing: Standing) -> Check:
    """Whether those who were sent to are split as the epochs asked: a variant that fails to be sent is found here."""
    setups = {epoch.number: json.loads(epoch.setup) for epoch in standing.epochs}
    numbers = sorted({count.epoch for count in standing.counts if count.kind == "sent"} & set(setups))
    sent = np.array(
        [[standing.total("sent", variant=name, epoch=n) for name in VARIANTS] for n in numbers], dtype=np.float64
    ).reshape(-1, len(VARIANTS))
    weights = np.array(
        [[float(setups[n][name]) / 100 for name in VARIANTS] for n in numbers], dtype=np.float64
    ).reshape(-1, len(VARIANTS))
    today = standing.at.date()
    conduct = Conduct(
        units=sent, weights=weights, exposed_by_day=sent, crossovers=0, first_day=today, last_day=today,
        last_event_day=today,
    )
    return next(check for check in trust(conduct) if check.name == "sample_ratio")


def _share(some: int, of: int) -> float:
    return some / of if of else 0.0
