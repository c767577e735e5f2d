"""Advance: every journey whose step is due goes on, as far as it can, all of them at once.

Steps stand in an order in which no way leads back, so one look at each takes everybody there: a journey that missed
days takes what it missed in order, each step once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.flows.due import Days, Moments, due_after, next_at
from regulars.flows.flow import Await, Branch, Edge, Flow, Happened, Leave, Length, Mark, Message, Question, Split, Step
from regulars.flows.journey import JOURNEYS, MOMENT, SENDS, TAKEN

Rows = NDArray[np.int64]

APART = np.timedelta64(timedelta(hours=1))
"""Between two messages of a journey that become due in one run."""

NEVER = np.datetime64("NaT", "us")


class Answers(Protocol):
    """What is known of customers, in the order in which they are asked about."""

    def holds(self, question: Question, customers: pa.Array, *, since: Moments) -> NDArray[np.bool_]:
        """Return for whom it is so now; of events, whether one came after the moment of each."""
        ...

    def first(self, question: Happened, customers: pa.Array, *, since: Moments) -> Moments:
        """Return when it happened first after the moment of each; NaT: it did not."""
        ...

    def variants(self, experiment: str, customers: pa.Array) -> pa.Array:
        """Return who has which variant, null for none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """What a run makes of the journeys of one flow."""

    journeys: pa.Table                       # JOURNEYS: those that moved, as they are now
    taken: pa.Table                          # TAKEN
    sends: pa.Table                          # SENDS: messages to be planned


def advance(flow: Flow, journeys: pa.Table, answers: Answers, *, now: datetime, zone: str) -> Advanced:
    """Take every step that is due.

    Args:
        flow: As it is declared now.
        journeys: Those on the way, as JOURNEYS, resting at steps that the flow has.
        answers: What is known of their customers.
        now: Aware.
        zone: Of the business.

    """
    walk = _Walk.of(flow, journeys, answers, now=now, zone=zone)
    for place, step in enumerate(flow.steps):
        walk.take(step, walk.at(place))
    walk.finish()
    return walk.result()


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Where everybody is while the steps are gone through."""

    flow: Flow
    rows: pa.Table
    answers: Answers
    now: np.datetime64
    zone: str
    customers: pa.Array
    anchor: Days
    place: NDArray[np.int64]
    since: Moments
    due: Moments
    ended: NDArray[np.bool_]
    last_send: Moments
    moved: NDArray[np.bool_]
    taken: list[pa.Table] = field(default_factory=list)
    sends: list[pa.Table] = field(default_factory=list)

    @classmethod
    def of(cls, flow: Flow, rows: pa.Table, answers: Answers, *, now: datetime, zone: str) -> _Walk:
        count, names = rows.num_rows, pa.array([step.name for step in flow.steps], pa.string())
        place = pc.fill_null(pc.index_in(rows["step"].combine_chunks(), names), len(names))
        return cls(
            flow=flow, rows=rows, answers=answers, zone=zone,
            now=np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "us"),
            customers=rows["customer_id"].combine_chunks(),
            anchor=rows["anchor_day"].to_numpy().astype("datetime64[D]"),
            place=place.to_numpy(zero_copy_only=False).astype(np.int64),
            since=_moments(rows["since"]), due=_moments(rows["due_at"]), ended=np.zeros(count, np.bool_),
            last_send=np.full(count, NEVER), moved=np.zeros(count, np.bool_),
        )

    def at(self, place: int) -> Rows:
        """Return who is at a place and due."""
        return np.flatnonzero((self.place == place) & (self.due <= self.now) & ~self.ended)

    def take(self, step: Step, here: Rows) -> None:
        if not len(here):
            return
        match step:
            case Message():
                self._send(step, here)
                self._go(here, step.then, base=self.due[here])
            case Mark():
                self._log(here, step, "marked")
                self._go(here, step.then, base=self.due[here])
            case Branch():
                begun = _moments(self.rows["entered_at"])[here]
                holds = self.answers.holds(step.question, self.customers.take(here), since=begun)
                self._part(step, here, [(holds, "yes", step.yes), (~holds, "no", step.no)])
            case Split():
                self._split(step, here)
            case Await():
                self._await(step, here)
            case Leave():
                self._log(here, step, "left")
                self.ended[here] = self.moved[here] = True

    def finish(self) -> None:
        """End the journeys that have nothing left to wait for."""
        here = self.at(len(self.flow.steps))
        self.ended[here] = self.moved[here] = True

    def result(self) -> Advanced:
        which = np.flatnonzero(self.moved)
        ended = pa.array(self.ended[which])
        nothing = pa.scalar(None, pa.string())
        names = pa.array([*(step.name for step in self.flow.steps), ""], pa.string())
        now = pa.scalar(self.now.astype("datetime64[us]").item(), MOMENT)
        changed = {
            "step": names.take(pa.array(self.place[which])), "since": _column(self.since[which]),
            "due_at": pc.if_else(ended, pa.scalar(None, MOMENT), _column(self.due[which])),
            "ended_at": pc.if_else(ended, now, pa.scalar(None, MOMENT)),
            "ending": pc.if_else(ended, "finished", nothing),
            "reason": pc.if_else(ended, "went the whole way", nothing),
        }
        kept = self.rows.take(which)
        return Advanced(
            journeys=pa.table({name: changed.get(name, kept[name]) for name in JOURNEYS.names}, schema=JOURNEYS),
            taken=pa.concat_tables([TAKEN.empty_table(), *self.taken]),
            sends=pa.concat_tables([SENDS.empty_table(), *self.sends]),
        )

    def _send(self, step: Message, here: Rows) -> None:
        due = self.due[here]
        target = due if step.at is None else next_at(step.at, due, zone=self.zone)
        goes = np.maximum(due, self.now)
        goes = goes if step.at is None else next_at(step.at, goes, zone=self.zone)
        goes = np.fmax(goes, self.last_send[here] + APART)
        expires = np.full(len(here), NEVER) if step.late is None else target + np.timedelta64(step.late)
        is_late = goes >= expires                                            # never, where there is none
        is_held = self.rows["is_held_out"].to_numpy()[here]
        going = ~is_held & ~is_late
        self.last_send[here[going]] = goes[going]
        self._log(here[is_held], step, "held out")
        self._log(here[~is_held & is_late], step, "late")
        self._log(here[going], step, "planned")
        told = self.rows.take(here[going])
        self.sends.append(pa.table({
            "customer_id": told["customer_id"], "occasion": told["occasion"], "occurrence": told["occurrence"],
            "step": pa.repeat(step.name, told.num_rows), "target": _column(target[going]),
            "due_at": _column(goes[going]), "expires_at": _column(expires[going]),
        }, schema=SENDS))

    def _split(self, step: Split, here: Rows) -> None:
        found = self.answers.variants(step.experiment, self.customers.take(here))
        ways: list[tuple[NDArray[np.bool_], str, Edge]] = []
        has_way = np.zeros(len(here), np.bool_)
        for variant, edge in step.ways.items():
            mine = pc.fill_null(pc.equal(found, variant), fill_value=False).to_numpy(zero_copy_only=False)
            ways.append((mine, variant, edge))
            has_way |= mine
        self._part(step, here, [*ways, (~has_way, "no", step.then)])

    def _await(self, step: Await, here: Rows) -> None:
        since = self.since[here]
        first = self.answers.first(step.question, self.customers.take(here), since=since)
        deadline = due_after([Length(step.at_most)], since, anchor=self.anchor[here], zone=self.zone)
        came = first <= deadline                                             # never, where it did not happen
        is_over = ~came & (deadline <= self.now)
        self._log(here[came], step, "came")
        self._go(here[came], step.then, base=first[came])
        self._log(here[is_over], step, "did not come")
        self._go(here[is_over], step.otherwise, base=deadline[is_over])

    def _part(self, step: Step, here: Rows, parts: Sequence[tuple[NDArray[np.bool_], str, Edge]]) -> None:
        for mine, outcome, edge in parts:
            self._log(here[mine], step, outcome)
            self._go(here[mine], edge, base=self.due[here[mine]])

    def _go(self, here: Rows, edge: Edge, *, base: Moments) -> None:
        names = [step.name for step in self.flow.steps]
        self.place[here] = names.index(edge.to) if edge.to in names else len(names)
        self.since[here] = base
        self.due[here] = due_after(edge.delays, base, anchor=self.anchor[here], zone=self.zone)
        self.moved[here] = True

    def _log(self, here: Rows, step: Step, outcome: str) -> None:
        told = self.rows.take(here)
        count = told.num_rows
        self.taken.append(pa.table({
            "customer_id": told["customer_id"], "occasion": told["occasion"], "step": pa.repeat(step.name, count),
            "kind": pa.repeat(type(step).__name__.lower(), count), "outcome": pa.repeat(outcome, count),
            "due_at": _column(self.due[here]), "at": _column(np.full(count, self.now)),
        }, schema=TAKEN))


def _moments(column: pa.ChunkedArray) -> Moments:
    found: Moments = column.to_numpy().astype("datetime64[us]").copy()
    return found


def _column(moments: Moments) -> pa.Array:
    return pa.array(moments.astype("datetime64[us]"), MOMENT)
