"""Households: who lives with whom, who is whose guardian and how everybody is reached, as of the business day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.age import next_change_of_age
from regulars.identity.customer_id import heirs
from regulars.identity.guardian import refused_relations
from regulars.identity.household import household_members, households, settle
from regulars.identity.reach import Channel, Recipients, contacts, recipients
from regulars.pipeline.families import Evidence, Told, evidence, families_told
from regulars.pipeline.read import content_of, digest, quarantine_rows, records_of, refused_at
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.touched_families import are_few, touched_families
from regulars.pipeline.workspace import Workspace
from regulars.records.record import Stream
from regulars.runs.run import Checkpoint, Steps, Work

LINKS = "family_links"
CONTACTS = "contacts"
HOUSEHOLDS = "households"


def form_households(workspace: Workspace) -> Steps:
    """Decide households and guardians when people or what is said of their families changed, or somebody's age.

    Only those are decided about who hang together with somebody of whom anything changed. The book is written before
    the lake, and the table that says what everything was made of comes last: killed anywhere, the next run decides the
    same.
    """
    streams = [stream for stream in workspace.project.streams.values() if stream.family or stream.roster]
    made_of, day = _made_of(workspace, streams), as_of_now(workspace).day
    if _still_holds(workspace, made_of, day):
        return Work(rows_in=workspace.lake.rows(HOUSEHOLD_MEMBERS), note="no family changed")
    yield Checkpoint(done=0, total=3, note="families")
    told = families_told(workspace, streams)
    among = _touched(workspace, streams, told, day)
    with _identity(workspace, among) as identity, evidence(workspace, told, identity, on=day) as found:
        _refuse(workspace, told, found, identity, is_whole=among is None)
        yield Checkpoint(done=1, total=3, note="households")
        lived = _settled(workspace, found.ties, among)
        yield Checkpoint(done=2, total=3, note="contacts")
        until = next_change_of_age(workspace.fetch(workspace.table("profiles").select("birthday"))["birthday"], day)
        meta = {
            "made_of": made_of, "day": day.isoformat(), "until": until.isoformat() if until else None,
            "declared": _declared(workspace, streams), "versions": _versions(workspace, streams),
        }
        _publish(workspace, found, lived, day, among=among, meta=meta)
        decided = workspace.count(found.persons)
    count, people_ = workspace.lake.rows(HOUSEHOLDS), workspace.lake.rows(HOUSEHOLD_MEMBERS)
    links = workspace.lake.rows(LINKS)
    return Work(
        rows_in=people_, rows_out=count, note=f"{count:,} households, {links:,} family links",
        facts={"households": count, "family_links": links, "decided": decided},
    )


def one_message_each(workspace: Workspace, customer_ids: pa.Array, *, channel: Channel) -> Recipients:
    """Return who gets one message about which of these customers; see `identity.reach.recipients`."""
    asked = workspace.stores.engine.arrow(pa.table({"customer_id": customer_ids}))
    return recipients(workspace.table(CONTACTS), asked, channel=channel)


def with_household(workspace: Workspace, customers_: ir.Table) -> ir.Table:
    """Return rows of customers with household_id and has_parent (a parent or guardian is on file)."""
    own = workspace.table(HOUSEHOLD_MEMBERS).select("customer_id", "household_id", "has_parent")
    return customers_.left_join(own, "customer_id").drop("customer_id_right")


def _touched(workspace: Workspace, streams: Sequence[Stream], told: Told, day: date) -> ir.Table | None:
    """Return the customer_id of everybody to decide about; None: of all there are."""
    meta = workspace.lake.meta(HOUSEHOLD_MEMBERS)
    if meta.get("declared") != _declared(workspace, streams) or meta["day"] > day.isoformat():
        return None
    since: Mapping[str, int] = meta["versions"]
    if since.keys() != _versions(workspace, streams).keys() or are_few(workspace.lake.rows(HOUSEHOLD_MEMBERS)):
        return None
    found = touched_families(workspace, streams, told, since=since, after=date.fromisoformat(meta["day"]), until=day)
    return None if found is None else workspace.stores.engine.arrow(pa.table({"customer_id": found}))


@contextmanager
def _identity(workspace: Workspace, among: ir.Table | None) -> Iterator[ir.Table]:
    """Give which profiles are whose, of those who are decided about, for a `with`."""
    everybody = workspace.table("identity")
    if among is None:
        yield everybody
        return
    # Of the same columns as the whole: what is asked of them is compiled once for both.
    with workspace.lake.gathered([everybody.semi_join(among, "customer_id")], schema=everybody.schema()) as identity:
        yield identity


def _refuse(workspace: Workspace, told: Told, found: Evidence, identity: ir.Table, *, is_whole: bool) -> None:
    """Put relations that cannot be meant into the quarantine, in the place of those of the last time."""
    border, before = workspace.stores.border, refused_at(workspace, "families")
    is_refused = found.judged["reason"].null_count < len(found.judged)
    if not is_refused and (before is None or not len(border.fetch(before))):
        return
    if before is not None and not is_whole:
        before = _answered(workspace, told, identity, before)
    quarantine_rows(workspace, refused_relations(border.arrow(found.judged)) if is_refused else None, answered=before)


def _answered(workspace: Workspace, told: Told, identity: ir.Table, held: ir.Table) -> ir.Table:
    """Return the refused relations that are judged anew or told no more: all but those of people who are left alone."""
    left = told.relations.anti_join(identity, [("source", "profile_source"), ("who", "profile_id")])
    rows = workspace.fetch(left.select("source", "stream", "record_key").distinct())
    return held.anti_join(workspace.stores.border.arrow(rows), ("source", "stream", "record_key"))


def _settled(workspace: Workspace, ties: ir.Table, among: ir.Table | None) -> ir.Table:
    """Settle households, write what changed into the book, and return where everybody lives who was decided about."""
    identity, book = workspace.book.identity, workspace.book.households
    if among is None:
        customers, homes, register = identity.customers(), book.homes(), book.register()
    else:
        retired, living = identity.merged(), workspace.fetch(among)["customer_id"].combine_chunks()
        theirs = pc.is_in(heirs(retired["customer_id"], retired), value_set=living)
        ids = pa.concat_arrays([living, retired["customer_id"].combine_chunks().filter(theirs)])
        customers, homes = identity.customers_of(pc.unique(ids)), book.homes_of(pc.unique(ids))
        register = book.register_of(pc.unique(homes["household_id"]), founders=pc.unique(ids))
    found = settle(
        customers, workspace.fetch(ties.select("left", "right", "confidence")), now=workspace.clock.now(),
        salt=workspace.project.config.business.name.encode(), homes=homes, register=register,
    )
    book.write(found.changes, pa.concat_tables([found.minted, found.merged]), at=workspace.clock.now())
    return workspace.stores.engine.arrow(found.homes)


def _publish(
    workspace: Workspace, found: Evidence, homes: ir.Table, day: date, *, among: ir.Table | None,
    meta: Mapping[str, object],
) -> None:
    """The members last: they say what everything was made of."""
    lake, persons, links = workspace.lake, found.persons, found.links
    members = household_members(homes, found.ties, links, persons, on=day)
    with lake.gathered([members], schema=members.schema()) as own:
        if among is None:
            lake.replace(LINKS, links, order_by=("guardian_customer_id", "child_customer_id"), allow_shrink=True)
            lake.replace(HOUSEHOLDS, households(own, persons), order_by=("household_id",), allow_shrink=True)
            lake.replace(CONTACTS, contacts(own, links, persons), order_by=("customer_id",), allow_shrink=True)
            lake.replace(HOUSEHOLD_MEMBERS, own, order_by=("customer_id",), meta=meta, allow_shrink=True)
            return
        children = among.select(child_customer_id="customer_id")
        lake.merge(LINKS, links, key=("child_customer_id",), gone=children, allow_shrink=True)
        # Killed before the members were written, they still say where everybody lived, and the homes where it was last.
        lived = lake.table(HOUSEHOLD_MEMBERS).semi_join(among, "customer_id").select("household_id")
        former = lived.union(homes.select("household_id"), distinct=True)
        lake.merge(HOUSEHOLDS, households(own, persons), key=("household_id",), gone=former, allow_shrink=True)
        lake.merge(CONTACTS, contacts(own, links, persons), key=("customer_id",), gone=among, allow_shrink=True)
        lake.merge(HOUSEHOLD_MEMBERS, own, key=("customer_id",), gone=among, meta=meta, allow_shrink=True)


def _made_of(workspace: Workspace, streams: Sequence[Stream]) -> str:
    """Return a fingerprint of everything that families are decided by, the day aside."""
    tables = [content_of(workspace, name) for name in _tables(streams)]
    return digest(tables, _declared(workspace, streams))


def _declared(workspace: Workspace, streams: Sequence[Stream]) -> str:
    """Return a fingerprint of all declarations that families are decided by."""
    project = workspace.project
    said = [[s.full_name, [asdict(f) for f in s.family], asdict(s.roster) if s.roster else None] for s in streams]
    return digest(said, [source.name for source in project.sources], asdict(project.identifier_rules))


def _tables(streams: Sequence[Stream]) -> list[str]:
    return ["profiles", "identity", *map(records_of, streams)]


def _versions(workspace: Workspace, streams: Sequence[Stream]) -> dict[str, int]:
    """Return the version of each table that families are decided by, as far as there are any."""
    found = {name: workspace.book.versions.current_version(name) for name in _tables(streams)}
    return {name: version.number for name, version in found.items() if version is not None}


def _still_holds(workspace: Workspace, made_of: str, day: date) -> bool:
    """Return whether the tables are of the same things, and nobody's age has changed a role since."""
    meta = workspace.lake.meta(HOUSEHOLD_MEMBERS)
    if meta.get("made_of") != made_of:
        return False
    return meta["day"] <= day.isoformat() and (meta["until"] is None or day.isoformat() < meta["until"])
