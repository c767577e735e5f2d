"""What the lake and the book know of customers in flows: in which segments they are, what happened to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.flows.due import Moments
from regulars.flows.flow import Happened, InSegment, Question
from regulars.pipeline.assign import assigned
from regulars.pipeline.resolve import with_customer
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.workspace import Workspace

NEVER = np.datetime64("NaT", "us")


@dataclass(slots=True, kw_only=True)
class Known:
    """Answers as of a moment; see `flows.advance.Answers`."""

    workspace: Workspace
    now: datetime                            # aware
    _members: dict[str, pa.Array] = field(default_factory=dict)            # segment -> customers

    def holds(self, question: Question, customers: pa.Array, *, since: Moments) -> NDArray[np.bool_]:
        """Return for whom it is so now; of events, whether one came after the moment of each."""
        if isinstance(question, Happened):
            return ~np.isnat(self.first(question, customers, since=since))
        inside = pc.is_in(customers, self._segment(question)).to_numpy(zero_copy_only=False)
        found: NDArray[np.bool_] = inside if question.is_in else ~inside
        return found

    def first(self, question: Happened, customers: pa.Array, *, since: Moments) -> Moments:
        """Return when it happened first after the moment of each; NaT: it did not."""
        found = np.full(len(customers), NEVER)
        events = self.workspace.table("events")
        if not len(customers) or not {one.attribute for one in question.where} <= set(events.columns):
            return found
        earliest = since.min().astype("datetime64[us]").item()
        rows = events.filter(
            events.event_type.isin(list(question.events)), events.occurred_at > earliest,
            events.occurred_at <= self.now.astimezone(UTC).replace(tzinfo=None),
            *(one.test.holds(events[one.attribute]) for one in question.where),
        )
        asked = self.workspace.stores.engine.arrow(pa.table({
            "n": pa.array(np.arange(len(customers))), "customer_id": customers,
            "since": pa.array(since.astype("datetime64[us]"), pa.timestamp("us")),
        }))
        own = with_customer(self.workspace, rows.select("profile_source", "profile_id", "occurred_at"))
        both = own.inner_join(asked, "customer_id")
        told = self.workspace.fetch(
            both.filter(both.occurred_at > both.since).group_by("n").aggregate(at=ibis._["occurred_at"].min())
        )
        found[told["n"].to_numpy()] = told["at"].cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]")
        return found

    def variants(self, experiment: str, customers: pa.Array) -> pa.Array:
        """Return who has which variant, null for none."""
        one = next(each for each in self.workspace.project.experiments if each.name == experiment)
        rows = assigned(self.workspace, one).rows
        units = units_of(self.workspace, customers, unit=one.unit)
        return rows["variant"].combine_chunks().take(pc.index_in(units, rows["unit"].combine_chunks()))

    def _segment(self, question: InSegment) -> pa.Array:
        if question.segment not in self._members:
            rows = self.workspace.table("memberships")
            mine = rows.filter(rows.segment == question.segment).select("customer_id")
            self._members[question.segment] = self.workspace.fetch(mine)["customer_id"].combine_chunks()
        return self._members[question.segment]


def units_of(workspace: Workspace, customers: pa.Array, *, unit: str) -> pa.Array:
    """Return the unit of an experiment that each customer is, or lives in; null where there is none."""
    if unit == "customer":
        return customers
    asked = workspace.stores.engine.arrow(pa.table({"customer_id": pc.unique(customers)}))
    members = workspace.table(HOUSEHOLD_MEMBERS).select("customer_id", "household_id")
    found = workspace.fetch(members.semi_join(asked, "customer_id"))
    return found["household_id"].combine_chunks().take(
        pc.index_in(customers, found["customer_id"].combine_chunks())
    )
