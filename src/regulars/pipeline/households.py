"""Households: who lives with whom, who is whose guardian and how everybody is reached, as of the business day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.identity.age import next_change_of_age
from regulars.identity.customer import facts
from regulars.identity.family import RELATIONS, relation_rows, roster_rows
from regulars.identity.guardian import family_links, family_ties, refused_relations, told_relations
from regulars.identity.home import TOLD, homes
from regulars.identity.household import TIES, household_members, households, settle
from regulars.identity.identifier import normalise_emails
from regulars.identity.kin import (
    GROUPS,
    contact_groups,
    contact_uses,
    group_ties,
    home_uses,
    people,
    roster_groups,
    shared_contacts,
    with_surnames,
)
from regulars.identity.profile import KEY
from regulars.identity.reach import Channel, Recipients, contacts, recipients
from regulars.pipeline.read import content_of, digest, empty_records, quarantine_rows, records_of, refused_at
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.records.record import Stream
from regulars.runs.run import Checkpoint, Steps, Work

MEMBERS = "household_members"
LINKS = "family_links"
CONTACTS = "contacts"
HOUSEHOLDS = "households"


def form_households(workspace: Workspace) -> Steps:
    """Decide households and guardians anew when people or what is said of their families changed, or somebody's age.

    The book is written before the lake, and the table that says what everything was made of comes last: killed
    anywhere, the next run decides the same.
    """
    streams = [stream for stream in workspace.project.streams.values() if stream.family or stream.roster]
    made_of, day = _made_of(workspace, streams), as_of_now(workspace).day
    if _still_holds(workspace, made_of, day):
        return Work(rows_in=workspace.lake.rows(MEMBERS), note="no family changed")
    yield Checkpoint(done=0, total=3, note="families")
    with _gathered(workspace, streams, day) as (persons, ties):
        yield Checkpoint(done=1, total=3, note="households")
        lived = _settled(workspace, ties)
        yield Checkpoint(done=2, total=3, note="contacts")
        until = next_change_of_age(workspace.fetch(persons.select("birthday"))["birthday"], day)
        meta = {"made_of": made_of, "day": day.isoformat(), "until": until.isoformat() if until else None}
        _publish(workspace, persons, ties, lived, day, meta=meta)
    count, people_ = workspace.lake.rows(HOUSEHOLDS), workspace.lake.rows(MEMBERS)
    links = workspace.lake.rows(LINKS)
    return Work(
        rows_in=people_, rows_out=count, note=f"{count:,} households, {links:,} family links",
        facts={"households": count, "family_links": links},
    )


def one_message_each(workspace: Workspace, customer_ids: pa.Array, *, channel: Channel) -> Recipients:
    """Return who gets one message about which of these customers; see `identity.reach.recipients`."""
    asked = workspace.stores.engine.arrow(pa.table({"customer_id": customer_ids}))
    return recipients(workspace.table(CONTACTS), asked, channel=channel)


def with_household(workspace: Workspace, customers_: ir.Table) -> ir.Table:
    """Return rows of customers with household_id and has_parent (a parent or guardian is on file)."""
    own = workspace.table(MEMBERS).select("customer_id", "household_id", "has_parent")
    return customers_.left_join(own, "customer_id").drop("customer_id_right")


def _refuse(workspace: Workspace, told: pa.Table) -> None:
    """Put relations that cannot be meant into the quarantine, in the place of those of the last time."""
    border, before = workspace.stores.border, refused_at(workspace, "families")
    is_refused = told["reason"].null_count < len(told)
    if not is_refused and (before is None or not len(border.fetch(before))):
        return
    quarantine_rows(workspace, refused_relations(border.arrow(told)) if is_refused else None, answered=before)


@contextmanager
def _gathered(workspace: Workspace, streams: list[Stream], day: date) -> Iterator[tuple[ir.Table, ir.Table]]:
    """People and what ties them, each carried out once, for a `with`; links and refusals are published on the way."""
    lake, project = workspace.lake, workspace.project
    profiles, identity = workspace.table("profiles"), workspace.table("identity")
    every = people(facts(profiles, identity, source_priority=[source.name for source in project.sources]))
    known, relations = contact_uses(profiles, identity), _relations(workspace, streams)
    with ExitStack() as stack:
        persons = stack.enter_context(lake.gathered([every], schema=every.schema()))
        uses = stack.enter_context(lake.gathered([known], schema=known.schema()))
        groups = stack.enter_context(
            lake.gathered(_groups(workspace, streams, uses, persons, identity), schema=GROUPS)
        )
        judged = workspace.fetch(told_relations(relations, persons, identity=identity, on=day))
        _refuse(workspace, judged)
        told = workspace.stores.engine.arrow(judged)
        links = family_links(told, relations, groups, persons, identity=identity, uses=uses, on=day)
        lake.replace(LINKS, links, order_by=("guardian_customer_id", "child_customer_id"), allow_shrink=True)
        # One home and one surname make a household. Whose children live there they do not say.
        lived = contact_groups(_surnamed(workspace, home_uses(_homes(workspace), identity), persons))
        reasons = [family_ties(workspace.table(LINKS), told), group_ties(groups), group_ties(lived)]
        yield persons, stack.enter_context(lake.gathered(reasons, schema=TIES))


def _groups(
    workspace: Workspace, streams: list[Stream], uses: ir.Table, persons: ir.Table, identity: ir.Table
) -> list[ir.Table]:
    """GROUPS of those who share a contact and of those on one contract."""
    shared = _surnamed(workspace, uses, persons)
    rosters = [roster_rows(empty_records(workspace, stream), stream=stream) for stream in streams if stream.roster]
    return [contact_groups(shared), *(roster_groups(rows, identity) for rows in rosters)]


def _surnamed(workspace: Workspace, uses: ir.Table, persons: ir.Table) -> ir.Table:
    return workspace.stores.engine.arrow(with_surnames(workspace.fetch(shared_contacts(uses, persons))))


def _homes(workspace: Workspace) -> ir.Table:
    """HOMES of all profiles, where any source tells of postal addresses."""
    profiles = workspace.table("profiles")
    told = profiles.select(*KEY, *(name for name in TOLD if name in profiles.columns))
    known = told.filter(told.address.notnull() if "address" in told.columns else ibis.literal(False))
    return workspace.stores.engine.arrow(homes(workspace.fetch(known)))


def _relations(workspace: Workspace, streams: list[Stream]) -> ir.Table:
    """RELATIONS of all streams, addresses made comparable."""
    rows = [
        each for stream in streams if stream.family
        for each in relation_rows(empty_records(workspace, stream), stream=stream)
    ]
    told = [workspace.fetch(each).cast(RELATIONS.to_pyarrow()) for each in rows]
    whole = pa.concat_tables(told) if told else RELATIONS.to_pyarrow().empty_table()
    emails = normalise_emails(whole["whom_email"], rules=workspace.project.identifier_rules)
    whole = whole.set_column(whole.column_names.index("whom_email"), "whom_email", emails.values)
    return workspace.stores.engine.arrow(whole)


def _settled(workspace: Workspace, ties: ir.Table) -> ir.Table:
    """Settle households, write what changed into the book, and return where everybody lives."""
    book = workspace.book
    found = settle(
        book.identity.customers(), workspace.fetch(ties.select("left", "right", "confidence")),
        now=workspace.clock.now(), salt=workspace.project.config.business.name.encode(),
        homes=book.households.homes(), register=book.households.register(),
    )
    book.households.write(found.changes, pa.concat_tables([found.minted, found.merged]), at=workspace.clock.now())
    return workspace.stores.engine.arrow(found.homes)


def _publish(
    workspace: Workspace, persons: ir.Table, ties: ir.Table, homes: ir.Table, day: date, *, meta: Mapping[str, object]
) -> None:
    """The members last: they say what everything was made of."""
    lake, links = workspace.lake, workspace.table(LINKS)
    members = household_members(homes, ties, links, persons, on=day)
    with lake.gathered([members], schema=members.schema()) as own:
        lake.replace(HOUSEHOLDS, households(own, persons), order_by=("household_id",), allow_shrink=True)
        lake.replace(CONTACTS, contacts(own, links, persons), order_by=("customer_id",), allow_shrink=True)
        lake.replace(MEMBERS, own, order_by=("customer_id",), meta=meta, allow_shrink=True)


def _made_of(workspace: Workspace, streams: list[Stream]) -> str:
    """Return a fingerprint of everything that families are decided by, the day aside."""
    project = workspace.project
    tables = [content_of(workspace, name) for name in ("profiles", "identity", *map(records_of, streams))]
    said = [[s.full_name, [asdict(f) for f in s.family], asdict(s.roster) if s.roster else None] for s in streams]
    return digest(tables, said, [source.name for source in project.sources], asdict(project.identifier_rules))


def _still_holds(workspace: Workspace, made_of: str, day: date) -> bool:
    """Return whether the tables are of the same things, and nobody's age has changed a role since."""
    meta = workspace.lake.meta(MEMBERS)
    if meta.get("made_of") != made_of:
        return False
    return meta["day"] <= day.isoformat() and (meta["until"] is None or day.isoformat() < meta["until"])
