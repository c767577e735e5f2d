"""Households: who belongs together, under an id that lasts.

Ids follow the rules of customers': the household with most of its former people keeps the id, in a tie the oldest; an
id that nobody keeps leads to the one that took its people; a new one is a keyed hash of the eldest customer id in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.component import components
from regulars.identity.customer_id import call, entries, formers
from regulars.identity.guardian import guardians, with_minors
from regulars.identity.kin import RANKS, rank_of
from regulars.identity.numbered import whole_numbers
from regulars.identity.separation import Ints

ID_PREFIX = "h_"
MOST_AT_HOME = 12
"""People beyond whom a household is held together by its surer links alone."""

MOMENT = pa.timestamp("us")
HOMES = pa.schema([("customer_id", pa.string()), ("household_id", pa.string())])
"""The household map of the book: which household every customer id ever given is in."""

REGISTER = pa.schema([
    ("household_id", pa.string()), ("founder_customer_id", pa.string()), ("minted_at", MOMENT),
    ("merged_into", pa.string()),
])
"""Every household id ever given: for whom, when, and, once it is retired, the household that goes on."""

TIES = ibis.schema({"left": "string", "right": "string", "confidence": "string", "evidence": "string"})
"""One row for each reason why two customers belong together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Who lives with whom, and what that changes in the book."""

    homes: pa.Table                          # HOMES
    changes: pa.Table                        # HOMES: only rows that differ from what the book holds
    minted: pa.Table                         # REGISTER: households that are new
    merged: pa.Table                         # REGISTER: households that are now part of another


def settle(
    customers: pa.Table,
    ties: pa.Table,
    *,
    now: datetime,
    salt: bytes,
    homes: pa.Table | None = None,
    register: pa.Table | None = None,
) -> Settled:
    """Decide who is one household and which id each household has.

    Args:
        customers: customer_id, minted_at, merged_into of every id ever given; who was merged lives with the heir.
        ties: left, right, confidence.
        now: When ids made or merged now were made or merged.
        salt: The project's key for new ids.
        homes: HOMES as the book has it.
        register: REGISTER as the book has it; knows every id of `homes`.

    """
    homes = HOMES.empty_table() if homes is None else homes
    register = REGISTER.empty_table() if register is None else register
    everyone = customers.sort_by([("minted_at", "ascending"), ("customer_id", "ascending")]).combine_chunks()
    ids = everyone["customer_id"].combine_chunks()
    is_living = pc.is_null(everyone["merged_into"]).to_numpy(zero_copy_only=False)
    _, home = _together(everyone, ids, ties, is_living)
    before = pc.index_in(ids, homes["customer_id"])
    register = register.select(REGISTER.names).cast(REGISTER)
    register = register.sort_by([("minted_at", "ascending"), ("household_id", "ascending")]).combine_chunks()
    known, merged_into = register["household_id"].combine_chunks(), register["merged_into"]
    founders = pa.table({"founder_customer_id": ids.take(pa.array(np.unique(home, return_index=True)[1]))})
    called = call(
        home, formers(before, homes["household_id"], ids=known, merged_into=merged_into),
        founder=whole_numbers(pc.index_in(register["founder_customer_id"], ids).fill_null(-1)), is_strong=is_living,
        founders=founders, ids=known, merged_into=merged_into, salt=salt, prefix=ID_PREFIX,
    )
    minted, merged = entries(called, register, founders, now=now)
    found = pa.table({"customer_id": ids, "household_id": called.ids.take(pa.array(home))})
    is_same = pc.equal(found["household_id"], homes["household_id"].take(before)).fill_null(False)
    return Settled(homes=found, changes=found.filter(pc.invert(is_same)), minted=minted, merged=merged)


def _together(everyone: pa.Table, ids: pa.Array, ties: pa.Table, is_living: np.ndarray) -> tuple[int, Ints]:
    """Return how many households there are and each customer's, numbered by the eldest id."""
    heir = pc.index_in(everyone["merged_into"], ids).fill_null(-1).to_numpy().astype(np.int64)
    retired = np.flatnonzero(heir >= 0)
    ends = [pc.index_in(ties[side], ids) for side in ("left", "right")]
    is_known = pc.and_(*map(pc.is_valid, ends))
    left, right = (end.filter(is_known).to_numpy().astype(np.int64) for end in ends)
    rank = pc.index_in(ties["confidence"].filter(is_known), pa.array(RANKS)).fill_null(len(RANKS)).to_numpy()
    left, right = np.concatenate([left, retired]), np.concatenate([right, heir[retired]])
    # A merge is no matter of confidence.
    rank = np.concatenate([rank.astype(np.int64), np.full(len(retired), -1)])
    count, home = components(left, right, count=len(ids))
    for surest in range(len(RANKS) - 2, -1, -1):
        size = np.bincount(home, weights=is_living, minlength=count)
        is_kept = (size[home[left]] <= MOST_AT_HOME) | (rank <= surest)
        left, right, rank = left[is_kept], right[is_kept], rank[is_kept]
        count, home = components(left, right, count=len(ids))
    return count, home


def household_members(homes: ir.Table, ties: ir.Table, links: ir.Table, people: ir.Table, *, on: date) -> ir.Table:
    """One row a customer.

    household_id, customer_id; role (`adult` or `minor` on the day); is_guardian (of a minor, on the day); has_parent (a
    parent or guardian is on file, whatever the age); confidence and evidence of the surest link to somebody else of the
    household: missing and `alone` where there is none.
    """
    aged = with_minors(people, links, on=on)
    acting = guardians(links, aged).select(customer_id="guardian_customer_id").distinct()
    acting = acting.mutate(is_guardian=ibis.literal(True))
    found = homes.inner_join(aged, "customer_id").left_join(acting, "customer_id").drop("customer_id_right")
    found = found.left_join(_reasons(homes, ties), "customer_id").drop("customer_id_right")
    return found.select(
        "household_id", "customer_id", role=found.is_minor.ifelse("minor", "adult"),
        is_guardian=found.is_guardian.fill_null(False), has_parent=found.has_parent,
        confidence=found.confidence, evidence=found.reason.fill_null("alone"),
    )


def households(members: ir.Table, people: ir.Table) -> ir.Table:
    """One row a household: household_id, name (the most frequent surname), people, adults, minors, evidence.

    evidence is the surest that holds anybody there; `alone` for a household of one.
    """
    named = members.inner_join(people.select("customer_id", "last_name"), "customer_id")
    named = named.filter(named.last_name.notnull())
    counted = named.group_by("household_id", "last_name").aggregate(n=named.count())
    order = [counted.n.desc(), counted.last_name]
    placed = counted.mutate(place=ibis.row_number().over(group_by="household_id", order_by=order))
    names = placed.filter(placed.place == 0).select("household_id", name="last_name")
    is_minor = members.role == "minor"
    # The rank in front, so that the least text is the surest.
    surest = (rank_of(members.confidence).cast("string") + members.evidence).min().substr(1)
    found = members.group_by("household_id").aggregate(
        people=members.count(), adults=(~is_minor).sum(), minors=is_minor.sum(), evidence=surest
    )
    found = found.left_join(names, "household_id").drop("household_id_right")
    return found.select("household_id", "name", "people", "adults", "minors", "evidence")


def _reasons(homes: ir.Table, ties: ir.Table) -> ir.Table:
    """customer_id and reason: the surest tie to somebody of the same household."""
    both = ibis.union(
        ties.select("confidence", "evidence", customer_id="left", other="right"),
        ties.select("confidence", "evidence", customer_id="right", other="left"),
    )
    found = both.inner_join(homes, "customer_id")
    theirs = homes.select(other="customer_id", household_id="household_id")
    found = found.inner_join(theirs, ["other", "household_id"])
    order = [rank_of(found.confidence), found.evidence, found.other]
    placed = found.mutate(place=ibis.row_number().over(group_by="customer_id", order_by=order))
    first = placed.filter(placed.place == 0)
    return first.select("customer_id", "confidence", reason=first.evidence + ", with " + first.other)
