"""Enter: which occasions become journeys, and where these begin."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.flows.due import due_after
from regulars.flows.flow import Flow, OnDate, OnTrait
from regulars.flows.journey import JOURNEYS, MOMENT

OCCASIONS = pa.schema([
    pa.field("customer_id", pa.string()), pa.field("occasion", pa.string()), pa.field("anchor_day", pa.date32()),
    pa.field("anchor_at", MOMENT),           # UTC; of a day its midnight
])
"""One row an occasion of a customer."""

AGAIN = "goes through it only once"
SOON = "went into it less than {} days before"
STILL = "is still on the way"

CONSIDERED = pa.schema([*OCCASIONS, pa.field("refusal", pa.string())])
"""OCCASIONS that have no journey yet; refusal says why one begins none, null: it does."""


def consider(flow: Flow, occasions: pa.Table, known: pa.Table) -> pa.Table:
    """Return what is to become of occasions, as CONSIDERED, sorted by customer, day and occasion.

    Args:
        flow: Whose rules hold.
        occasions: Those that may begin a journey now, as OCCASIONS.
        known: customer_id, occasion, anchor_day, ended_at of every journey that these customers had in the flow.

    """
    fresh = occasions.join(
        known.select(["customer_id", "occasion"]), ["customer_id", "occasion"], join_type="left anti"
    ).select(OCCASIONS.names).cast(OCCASIONS)
    fresh = fresh.sort_by([("customer_id", "ascending"), ("anchor_day", "ascending"), ("occasion", "ascending")])
    if not fresh.num_rows:
        return CONSIDERED.empty_table()
    reasons = _refusals(flow, fresh, known)
    return fresh.append_column("refusal", reasons).cast(CONSIDERED)


def journeys_of(
    flow: Flow, occasions: pa.Table, known: pa.Table, *, held_out: NDArray[np.bool_], now: datetime, zone: str
) -> pa.Table:
    """Return the journeys that begin, as JOURNEYS.

    Args:
        flow: As it is declared.
        occasions: Those that begin one, as OCCASIONS.
        known: customer_id, anchor_day of every journey that these customers had.
        held_out: Who goes the way without messages, in order of occasions.
        now: Aware.
        zone: Of the business.

    """
    count = occasions.num_rows
    anchor = occasions["anchor_day"].to_numpy().astype("datetime64[D]")
    base = occasions["anchor_at"].to_numpy().astype("datetime64[us]")
    due = due_after(flow.first.delays, base, anchor=anchor, zone=zone)
    nothing = pa.nulls(count, pa.string())
    moment = pa.scalar(now.astimezone(UTC).replace(tzinfo=None), MOMENT)
    return pa.table({
        "customer_id": occasions["customer_id"], "occasion": occasions["occasion"],
        "occurrence": occurrences(occasions, known), "anchor_day": occasions["anchor_day"],
        "entered_at": pa.repeat(moment, count), "version": pa.repeat(flow.version, count),
        "is_held_out": pa.array(held_out), "step": pa.repeat(flow.first.to, count), "since": occasions["anchor_at"],
        "due_at": pa.array(due.astype("datetime64[us]"), MOMENT), "ended_at": pa.nulls(count, MOMENT),
        "ending": nothing, "reason": nothing,
    }, schema=JOURNEYS).sort_by([("customer_id", "ascending"), ("occasion", "ascending")])


def occurrences(occasions: pa.Table, known: pa.Table) -> pa.Array:
    """Return of which occurrence of each campaign the messages of each occasion are.

    It is the day of the occasion; of a customer's second occasion of that day `2026-02-07.2`, so that each of the two
    gets its messages and neither gets them twice. What a journey was given it keeps.
    """
    before, mine = _per_day(known), _keys(occasions)
    place = pc.index_in(mine, before["key"].combine_chunks())
    earlier = pc.fill_null(before["count"].combine_chunks().take(place), 0).to_numpy(zero_copy_only=False)
    number = pa.array(earlier + _ranks(mine) + 1)
    days = occasions["anchor_day"].combine_chunks().cast(pa.string())
    numbered = pc.binary_join_element_wise(days, number.cast(pa.string()), ".")
    return pc.if_else(pc.equal(number, 1), days, numbered)


def entry_window(flow: Flow, today: date) -> tuple[date, date]:
    """Return the first and the last day of occasions that may begin a journey today, both included.

    A date begins one from the day of the first step that is counted from it; and as long after that of the last as
    another occasion does after its day.
    """
    first, last = today - timedelta(days=flow.enters_within), today
    if isinstance(flow.trigger, OnDate | OnTrait):
        first -= timedelta(days=max(flow.offsets, default=0))
        last = today - timedelta(days=min(flow.offsets, default=0))
    return max(flow.starts, first), last if flow.ends is None else min(flow.ends, last)


def _refusals(flow: Flow, fresh: pa.Table, known: pa.Table) -> pa.Array:
    customers = fresh["customer_id"].combine_chunks()
    days = fresh["anchor_day"].to_numpy().astype("datetime64[D]")
    latest = _latest(known)
    place = pc.index_in(customers, latest["customer_id"].combine_chunks())
    was = pc.is_valid(place).to_numpy(zero_copy_only=False)
    last = latest["anchor_day"].combine_chunks().take(place).to_numpy(zero_copy_only=False).astype("datetime64[D]")
    ended = latest["ended_at"].combine_chunks().take(place).to_numpy(zero_copy_only=False).astype("datetime64[us]")
    is_open = pc.fill_null(latest["open"].combine_chunks().take(place), 0).to_numpy(zero_copy_only=False) > 0
    # Of several occasions that a run finds of somebody the first counts; the next run asks of the others again.
    is_further = _ranks(customers) > 0
    said: list[tuple[NDArray[np.bool_], str]] = []
    if flow.is_once:
        said.append((was | is_further, AGAIN))
    if flow.reenter_after is not None:
        near = (days - last) < np.timedelta64(flow.reenter_after, "D")
        said.append((near | is_further, SOON.format(flow.reenter_after)))
    if flow.is_one_at_a_time:
        # What happened while they were on the way begins nothing afterwards either.
        on_the_way = fresh["anchor_at"].to_numpy().astype("datetime64[us]") <= ended
        said.append((is_open | on_the_way | is_further, STILL))
    reasons = pa.nulls(len(days), pa.string())
    for holds, why in said:
        reasons = pc.coalesce(reasons, pc.if_else(pa.array(holds), why, pa.scalar(None, pa.string())))
    return reasons


def _latest(known: pa.Table) -> pa.Table:
    """customer_id, anchor_day and ended_at of the latest, open: how many are on the way."""
    told = known.append_column("is_open", pc.is_null(known["ended_at"]).cast(pa.int64()))
    found = told.group_by("customer_id", use_threads=False).aggregate([
        ("anchor_day", "max"), ("ended_at", "max"), ("is_open", "sum"),
    ])
    return found.rename_columns(["customer_id", "anchor_day", "ended_at", "open"])


def _per_day(known: pa.Table) -> pa.Table:
    keyed = pa.table({"key": _keys(known)})
    return keyed.group_by("key", use_threads=False).aggregate([([], "count_all")]).rename_columns(["key", "count"])


def _keys(rows: pa.Table) -> pa.Array:
    days = rows["anchor_day"].combine_chunks().cast(pa.string())
    return pc.binary_join_element_wise(rows["customer_id"].combine_chunks(), days, "\0")


def _ranks(keys: pa.Array) -> NDArray[np.int64]:
    """Return how many of the same key come before each."""
    codes = _codes(keys)
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ranks = np.arange(len(codes)) - np.repeat(starts, np.diff(np.r_[starts, len(codes)]))
    found = np.empty(len(codes), np.int64)
    found[order] = ranks
    return found


def _codes(values: pa.Array) -> NDArray[np.int64]:
    found: NDArray[np.int64] = values.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return found

