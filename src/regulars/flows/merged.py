"""Merged: whose journeys are whose after two ids turned out to be one customer; and where they go on in a changed flow.

Of several journeys that one person is on by two ids, the one that is farthest goes on: what it sent is not sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.experiments.merged import in_force
from regulars.flows.due import Moments, at_local, due_after
from regulars.flows.flow import Await, Branch, Edge, Flow, Leave, Split, Step, ways
from regulars.flows.journey import JOURNEYS, MOMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Journeys by the ids that are in force."""

    ended: pa.Table                          # JOURNEYS under ids that were given up, or beside one that is farther
    begun: pa.Table                          # JOURNEYS that go on under the id in force
    going: pa.Table                          # JOURNEYS as they are on the way now


def followed(flow: Flow, journeys: pa.Table, register: pa.Table, *, over: pa.Table, at: datetime) -> Followed:
    """Return what merges of customers make of journeys that are on the way.

    Args:
        flow: Whose.
        journeys: On the way, as JOURNEYS.
        register: Ids that were given up: customer_id, and in `merged_into` the one that goes on.
        over: customer_id, occasion of journeys of merged customers that have ended: by them the person went that way.
        at: When they are followed; aware.

    """
    customers = journeys["customer_id"].combine_chunks()
    owners = in_force(customers, register, id_column="customer_id")
    # A journey that has ended under an id that was given up is one of the person's as well.
    former = over["customer_id"].combine_chunks()
    ended_by = in_force(former, register, id_column="customer_id")
    concerned = pc.unique(pa.concat_arrays([
        owners.filter(pc.not_equal(owners, customers)), ended_by.filter(pc.not_equal(ended_by, former)),
    ]))
    if not pc.any(pc.is_in(owners, concerned)).as_py():
        nothing = JOURNEYS.empty_table()
        return Followed(ended=nothing, begun=nothing, going=journeys)
    names = pa.array([*(step.name for step in flow.steps), ""], pa.string())
    told = journeys.append_column("owner", owners).append_column("place", pa.array(
        pc.fill_null(pc.index_in(journeys["step"].combine_chunks(), names), -1)
    )).append_column("row", pa.array(np.arange(journeys.num_rows)))
    keys = ["owner"] if flow.is_one_at_a_time else ["owner", "occasion"]
    ordered = told.sort_by([
        *((key, "ascending") for key in keys), ("place", "descending"), ("entered_at", "ascending"),
        ("customer_id", "ascending"), ("occasion", "ascending"),
    ])
    # Several at once of somebody who was never merged are there on purpose, or of a flow that allowed it before.
    touched = pc.is_in(ordered["owner"], concerned)
    first = ordered.group_by(keys, use_threads=False).aggregate([("row", "first")])["row_first"]
    went = pc.binary_join_element_wise(ended_by, over["occasion"].combine_chunks(), "\0")
    mine = pc.binary_join_element_wise(ordered["owner"], ordered["occasion"], "\0")
    is_first = pc.and_(pc.is_in(ordered["row"], first.combine_chunks()), pc.invert(pc.is_in(mine, went)))
    stays = pc.or_(is_first, pc.invert(touched))
    is_other = pc.not_equal(ordered["owner"], ordered["customer_id"])
    goes_on, ends = ordered.filter(stays), ordered.filter(pc.or_(pc.invert(stays), is_other))
    moved = goes_on.filter(pc.not_equal(goes_on["owner"], goes_on["customer_id"]))
    begun = moved.set_column(0, "customer_id", moved["owner"]).select(JOURNEYS.names).cast(JOURNEYS)
    kept = goes_on.filter(pc.equal(goes_on["owner"], goes_on["customer_id"])).select(JOURNEYS.names).cast(JOURNEYS)
    return Followed(
        ended=_ended(ends, at=at), begun=begun,
        going=pa.concat_tables([kept, begun]).sort_by([("customer_id", "ascending"), ("occasion", "ascending")]),
    )


def placed(flow: Flow, lost: pa.Table, taken: pa.Table, *, zone: str) -> pa.Table:
    """Return journeys that rest at a step which the flow no longer has, at the one they go on with.

    That is what follows the last step they took of those that are still there, else the first one of all.

    Args:
        flow: As it is declared now.
        lost: JOURNEYS.
        taken: TAKEN of their customers.
        zone: Of the business.

    """
    anchor = lost["anchor_day"].to_numpy().astype("datetime64[D]")
    place = np.full(lost.num_rows, flow.first.to, dtype=object)
    since: Moments = at_local(anchor, zone=zone).copy()
    due = due_after(flow.first.delays, since, anchor=anchor, zone=zone).copy()
    keys = _keys(lost)
    for step in flow.steps:                                                  # the last one that was taken wins
        for edge, outcomes in _edges(step):
            rows = taken.filter(pc.and_(pc.equal(taken["step"], step.name), _is_one_of(taken, outcomes)))
            where = pc.index_in(keys, _keys(rows))
            mine = np.flatnonzero(pc.is_valid(where).to_numpy(zero_copy_only=False))
            when = rows["due_at"].combine_chunks().take(where.take(pa.array(mine)))
            base = when.to_numpy(zero_copy_only=False).astype("datetime64[us]")
            place[mine], since[mine] = edge.to, base
            due[mine] = due_after(edge.delays, base, anchor=anchor[mine], zone=zone)
    changed = {
        "step": pa.array(place, pa.string()), "since": pa.array(since, MOMENT),
        "due_at": pa.array(due.astype("datetime64[us]"), MOMENT),
    }
    return pa.table({name: changed.get(name, lost[name]) for name in JOURNEYS.names}, schema=JOURNEYS)


def _edges(step: Step) -> list[tuple[Edge, tuple[str, ...]]]:
    """Return the ways from a step with the outcomes that lead there; none named: every one."""
    match step:
        case Branch():
            return [(step.yes, ("yes",)), (step.no, ("no",))]
        case Await():
            return [(step.then, ("came",)), (step.otherwise, ("did not come",))]
        case Split():
            return [(step.then, ("no",)), *((edge, (name,)) for name, edge in step.ways.items())]
        case Leave():
            return []
        case _:
            return [(ways(step)[0], ())]


def _is_one_of(taken: pa.Table, outcomes: tuple[str, ...]) -> pa.Array:
    if not outcomes:
        return pc.is_valid(taken["step"])
    return pc.is_in(taken["outcome"], pa.array(outcomes, pa.string()))


def _keys(rows: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(
        rows["customer_id"].combine_chunks(), rows["occasion"].combine_chunks(), "\0"
    )


def _ended(rows: pa.Table, *, at: datetime) -> pa.Table:
    count, moment = rows.num_rows, pa.scalar(at.astimezone(UTC).replace(tzinfo=None), MOMENT)
    changed = {
        "due_at": pa.nulls(count, MOMENT), "ended_at": pa.repeat(moment, count),
        "ending": pa.repeat("merged", count),
        "reason": pc.binary_join_element_wise("is one customer with", rows["owner"], " "),
    }
    return pa.table({name: changed.get(name, rows[name]) for name in JOURNEYS.names}, schema=JOURNEYS)
