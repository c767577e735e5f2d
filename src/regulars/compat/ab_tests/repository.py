"""The reference's repository: rows of recipients, many at once, and what happened day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from regulars.clock import Clock, SystemClock
from regulars.compat.ab_tests import campaign as campaigns
from regulars.compat.ab_tests.assignment import Known, by_hand, units_with
from regulars.compat.ab_tests.campaign import VARIANTS, experiment_of, invalid_variant
from regulars.compat.ab_tests.state import aware, states
from regulars.compat.ab_tests.store import ABTestStore
from regulars.compat.result import Result, answering, failure, success
from regulars.storage.book import Book
from regulars.storage.book.ab_tests import ABEvent
from regulars.storage.book.experiments import ExperimentBook

Told = dict[str, Any]
DAILY = {"sent": "sent", "opened": "opened", "clicked": "clicked", "replied": "responded"}
ENDED = {"complete", "archived"}
FLAGS = {
    "message_sent": ("sent", "sent_at"), "message_opened": ("opened", "opened_at"),
    "link_clicked": ("clicked", "clicked_at"), "response_received": ("replied", "responded_at"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ABTestRepository:
    """Rows of A/B tests under the reference's names; every answer is a Result."""

    store: ABTestStore
    experiments: ExperimentBook
    clock: Clock = field(default_factory=SystemClock)
    known: Known | None = None               # which contact ids there are; None: all

    @classmethod
    def of(cls, book: Book, *, clock: Clock | None = None, known: Known | None = None) -> ABTestRepository:
        """Return the repository over a book."""
        return cls(store=book.ab_tests, experiments=book.experiments, clock=clock or SystemClock(), known=known)

    @answering("DB_ERROR")
    def get_campaign_assignments(self, campaign_id: int) -> Result[list[Told]]:
        """Return one row per assigned contact in the fields of `state.FIELDS`, sorted by id as text."""
        return self._rows(campaign_id, None)

    @answering("DB_ERROR")
    def get_variant_assignments(self, campaign_id: int, variant: str) -> Result[list[Told]]:
        """Return the rows of one variant."""
        return invalid_variant(variant) or self._rows(campaign_id, variant)

    @answering("BULK_OPERATION_ERROR")
    def bulk_assign_variants(self, assignments: Sequence[Mapping[str, Any]]) -> Result[int]:
        """Keep variants that somebody chose, of {campaign_id, contact_id, variant}; returns how many are new.

        A row that is wrong refuses them all. A variant that is stored wins. Chosen ones are no experiment: a lopsided
        choice breaks the sample ratio.
        """
        chosen: dict[int, dict[str, str]] = defaultdict(dict)
        for row in assignments:
            number = campaigns.numbered(row.get("campaign_id"))
            if row.get("variant") not in VARIANTS or row.get("contact_id") is None or number is None:
                return failure(f"{dict(row)} is no assignment: nothing was kept", code="BULK_OPERATION_ERROR")
            if self.store.campaign(number) is None:
                return failure(f"Campaign not found: {number}; nothing was kept", code="BULK_OPERATION_ERROR")
            chosen[number].setdefault(str(row["contact_id"]), str(row["variant"]))
        at, new = self.clock.now(), 0
        for number, variants in chosen.items():
            name = experiment_of(number)
            epoch = self.experiments.epochs(name)[-1].number
            new += self.experiments.assign(name, by_hand(variants.items(), epoch=epoch, at=at))
        return success(new)

    @answering("BULK_OPERATION_ERROR")
    def bulk_update_metrics(self, updates: Sequence[Mapping[str, Any]]) -> Result[int]:
        """Keep what happened to many contacts of one or more campaigns; returns of how many contacts.

        Rows are of `state.FIELDS`: campaign_id, contact_id and the flags that became true, with their times. A row that
        is wrong refuses them all.
        """
        events: dict[int, list[ABEvent]] = defaultdict(list)
        told = set()
        for row in updates:
            number, unit = campaigns.numbered(row.get("campaign_id")), str(row.get("contact_id"))
            found = None if number is None else self.experiments.assigned(experiment_of(number), unit)
            if number is None or found is None or row.get("variant", found.variant) != found.variant:
                return failure(f"{dict(row)} is of no assignment: nothing was kept", code="BULK_OPERATION_ERROR")
            if row.get("response_received") and row.get("response_type") not in {"positive", "negative", "neutral"}:
                return failure(f"{dict(row)} has no response_type: nothing was kept", code="BULK_OPERATION_ERROR")
            events[number] += self._events(row, unit, epoch=found.epoch, variant=found.variant)
            told.add((number, unit))
        for number, mine in events.items():
            self.store.record(experiment_of(number), mine)
        return success(len(told))

    @answering("CLEANUP_ERROR")
    def cleanup_orphaned_assignments(self) -> Result[int]:
        """Delete variants of contacts that are gone, and return how many; those of a test that may go on stay."""
        removed = 0
        for campaign in self.store.campaigns():
            if campaign.status not in ENDED or self.known is None:
                continue
            name = experiment_of(campaign.number)
            units = set(units_with(self.experiments, name)["unit"].to_pylist())
            removed += self.store.forget_assignments(name, units - set(self.known(units)))
        return success(removed)

    @answering("STATS_ERROR")
    def get_time_series_metrics(
        self, campaign_id: int, variant: str, start_date: date | datetime, end_date: date | datetime
    ) -> Result[Told]:
        """Return a variant's days from the first to the last, empty ones too, each thing on the day it happened.

        A day is one of the campaign's zone; what counts is each contact's first time. `cumulative_metrics` are totals,
        `running_totals` those until the end of each day.
        """
        campaign = self.store.campaign(campaigns.numbered(campaign_id) or 0)
        if campaign is None:
            return failure(f"Campaign not found: {campaign_id}", code="CAMPAIGN_NOT_FOUND")
        if refusal := invalid_variant(variant):
            return refusal
        first, last = _day(start_date, campaign.zone), _day(end_date, campaign.zone)
        touches = self.store.touches(experiment_of(campaign.number))
        counted = _by_day(touches.filter(pc.equal(touches["variant"], variant)), zone=campaign.zone)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        daily = {str(day): {told: counted.get((day, kind), 0) for kind, told in DAILY.items()} for day in days}
        totals = dict.fromkeys(DAILY.values(), 0)
        running = {}
        for day, found in daily.items():
            totals = {name: totals[name] + found[name] for name in totals}
            running[day] = totals
        return success({"daily_metrics": daily, "cumulative_metrics": totals, "running_totals": running})

    def _rows(self, campaign_id: int, variant: str | None) -> Result[list[Told]]:
        campaign = self.store.campaign(campaigns.numbered(campaign_id) or 0)
        if campaign is None:
            return failure(f"Campaign not found: {campaign_id}", code="CAMPAIGN_NOT_FOUND")
        name = experiment_of(campaign.number)
        rows = units_with(self.experiments, name, variant=variant)
        return success(states(campaign.number, rows, self.store.touches(name)))

    def _events(self, row: Mapping[str, Any], unit: str, *, epoch: int, variant: str) -> list[ABEvent]:
        activities = {"sent": row.get("sent_activity_id"), "replied": row.get("response_activity_id")}
        return [
            ABEvent(
                unit=unit, epoch=epoch, variant=variant, kind=kind, at=aware(row.get(moment) or self.clock.now()),
                activity=None if activities.get(kind) is None else str(activities[kind]),
                link=row.get("clicked_link_url") if kind == "clicked" else None,
                reply=row.get("response_type") if kind == "replied" else None,
            )
            for flag, (kind, moment) in FLAGS.items() if row.get(flag)
        ]


def _by_day(touches: pa.Table, *, zone: str) -> dict[tuple[date, str], int]:
    moments = pc.assume_timezone(touches["at"], "UTC").cast(pa.timestamp("us", tz=zone))
    days = pa.table({"day": pc.local_timestamp(moments).cast(pa.date32(), safe=False), "kind": touches["kind"]})
    counted = days.group_by(["day", "kind"]).aggregate([([], "count_all")]).to_pylist()
    return {(row["day"], row["kind"]): row["count_all"] for row in counted}


def _day(moment: date | datetime, zone: str) -> date:
    if not isinstance(moment, datetime):
        return moment
    return aware(moment).astimezone(ZoneInfo(zone)).date()
