"""Touched families: the customers whose families a day can have changed; all others' stand as they were decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.identity.age import changes_role
from regulars.identity.family import relation_rows, roster_rows
from regulars.identity.profile import KEY
from regulars.identity.reached import (
    contact_shares,
    contract_of,
    home_shares,
    household_shares,
    reached,
    relation_shares,
    roster_shares,
)
from regulars.pipeline.families import Told, comparable, homes_told
from regulars.pipeline.read import records_of
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.workspace import Workspace
from regulars.records.record import Stream

MOST = 0.25
"""Share of all customers above which everybody is decided about anew: it takes no longer."""

FEW = 30_000
"""Customers below which everybody is decided anew: to find out whom a day touches takes longer."""

Changes = tuple[ir.Table, ir.Table]
"""The rows of a table that came and those that went."""

_KEYS = ibis.schema(dict.fromkeys(KEY, "string"))


def are_few(customers: int) -> bool:
    """Return whether a business has so few customers that all of them are decided about every day."""
    return customers < FEW


def touched_families(
    workspace: Workspace, streams: Sequence[Stream], told: Told, *, since: Mapping[str, int], after: date, until: date,
) -> pa.Array | None:
    """Return the customer ids of all who hang together with anybody that something was told of since.

    Args:
        workspace: whose families.
        streams: those that tell of families.
        told: what they tell now.
        since: the versions of the tables that families were last decided by; None is returned when one of them is no
            longer kept, or when most of all people are touched.
        after: the business day of that.
        until: the business day of now.

    """
    with ExitStack() as stack:
        known = _changes(workspace, since, stack)
        if known is None:
            return None
        profiles, identity = workspace.table("profiles"), workspace.table("identity")
        aged = profiles.filter(changes_role(profiles.birthday, after=after, until=until)).select(*KEY)
        things = _things(workspace, streams, known)
        keys = stack.enter_context(workspace.lake.gathered([aged, *_keys(streams, known)], schema=_KEYS))
        parts = [identity.semi_join(keys, list(KEY)), *known.get("identity", ())]
        customers = workspace.fetch(ibis.union(*(part.select("customer_id") for part in parts), distinct=True))
    shares = [workspace.fetch(each) for each in _shares(workspace, told)]
    found = reached(shares, customers=customers["customer_id"].combine_chunks(), things=things)
    return None if len(found) > MOST * workspace.lake.rows(HOUSEHOLD_MEMBERS) else found


def _changes(workspace: Workspace, since: Mapping[str, int], stack: ExitStack) -> Mapping[str, Changes] | None:
    """What came to each table that is not as it was, and what went; None when that is not known of one."""
    lake, found = workspace.lake, dict[str, Changes]()
    for name, version in since.items():
        change = lake.changes(name, since=version)
        if change is None:
            return None
        if lake.moved(name, since=version) == (0, 0):
            continue
        # A file that was rewritten holds mostly the rows it held before.
        came, went = (stack.enter_context(lake.gathered([rows], schema=lake.schema(name))) for rows in change)
        found[name] = came.difference(went), went.difference(came)
    return found


def _shares(workspace: Workspace, told: Told) -> list[ir.Table]:
    """What everybody has that others may have too, now and, as far as households go, before."""
    profiles, identity = workspace.table("profiles"), workspace.table("identity")
    return [
        contact_shares(profiles, identity), home_shares(told.homes, identity),
        *relation_shares(told.relations, identity), household_shares(workspace.table(HOUSEHOLD_MEMBERS)),
        *(roster_shares(rows, identity) for rows in told.rosters),
    ]


def _keys(streams: Sequence[Stream], known: Mapping[str, Changes]) -> Iterator[ir.Table]:
    """The KEY of all profiles of whom something came, changed or went."""
    for rows in known.get("profiles", ()):
        yield rows.select(*KEY)
    for stream in streams:
        for records in known.get(records_of(stream), ()):
            told = relation_rows(records, stream=stream) if stream.family else []
            named = [rows.select("source", who=rows[name]) for rows in told for name in ("who", "whom")]
            if stream.roster:
                named.append(roster_rows(records, stream=stream).select("source", "who"))
            for rows in named:
                yield rows.filter(rows.who.notnull()).select(profile_source="source", profile_id="who")


def _things(
    workspace: Workspace, streams: Sequence[Stream], known: Mapping[str, Changes]
) -> dict[str, pa.Array]:
    """What those had before of whom something changed or went: others have it too, and may now be fewer."""
    had: dict[str, list[pa.ChunkedArray]] = {"email": [], "phone": [], "home": [], "contract": []}
    if "profiles" in known:
        _, went = known["profiles"]
        contacts = workspace.fetch(went.select("email", "phone"))
        for kind in ("email", "phone"):
            had[kind].append(contacts[kind])
        had["home"].append(homes_told(workspace, went)["home"])
    for stream in streams:
        if records_of(stream) not in known:
            continue
        _, went = known[records_of(stream)]
        if stream.family:
            told = [workspace.fetch(rows) for rows in relation_rows(went, stream=stream)]
            had["email"].append(comparable(workspace, told)["whom_email"])
        if stream.roster:
            rows = roster_rows(went, stream=stream)
            had["contract"].append(workspace.fetch(rows.select(contract=contract_of(rows)))["contract"])
    return {
        kind: pa.chunked_array([chunk for each in values for chunk in each.chunks], pa.string()).drop_null().unique()
        for kind, values in had.items()
    }
