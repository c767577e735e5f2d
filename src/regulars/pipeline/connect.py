"""Connect: check-ins, passes and families become interactions, connections, companions and communities."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.connections import interaction as kinds
from regulars.connections.co_presence import Arrivals, arrivals, together, together_expression
from regulars.connections.community import communities
from regulars.connections.companion import LEAST_DAYS, companions, ties
from regulars.connections.connection import connections
from regulars.connections.interaction import INTERACTION, TRANSFER
from regulars.pipeline.derive import EVENTS
from regulars.pipeline.read import content_of, digest
from regulars.pipeline.resolve import with_customer
from regulars.pipeline.tables import COMMUNITIES, COMPANIONS, CONNECTIONS, INTERACTIONS
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work

TABLES = (INTERACTIONS, CONNECTIONS, COMPANIONS, COMMUNITIES)
TRANSFERS = "transfers"

CHECK_INS, MEMBERSHIPS, FAMILY_LINKS = "check_in", "membership", "family_link"
"""The event types that are looked at: visits (attribute `location`), people on a membership (`membership_id`, `name`),
and two people whom a source calls family (`related_id`, the id of the other's profile in that source)."""

MANY = 4_000_000
"""Co-occurrences above which only those of pairs who were together on LEAST_DAYS days are written down: the others are
nine in ten, say nothing, and would be most of the lake."""

RULES = 1
"""Number of the rules by which interactions are made; another one makes all of them anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """What connections are made of."""

    visits: Arrivals
    check_ins: pa.Table                      # CHECK_IN
    transfers: pa.Table                      # TRANSFER
    families: ir.Table                       # INTERACTION: all of them, of any day


def connect_customers(workspace: Workspace) -> Steps:
    """Bring interactions, connections, companions and communities up to date with events, people and transfers.

    Every table says what it was made of, in the same version as its rows: killed anywhere, the next run makes the rest.
    """
    made_of = _made_of(workspace)
    if all(workspace.lake.meta(table).get("made_of") == made_of for table in TABLES):
        return Work(note="nothing changed")
    if not {each.event for each in workspace.project.events} & {CHECK_INS, MEMBERSHIPS, FAMILY_LINKS}:
        return Work(note=f"no event is a {CHECK_INS}")
    yield Checkpoint(done=0, total=3, note="interactions")
    material = _material(workspace)
    changed = _publish_interactions(workspace, material, made_of=made_of)
    yield Checkpoint(done=1, total=3, note="connections")
    lake, found = workspace.lake, workspace.table(INTERACTIONS)
    meta, pair = {"made_of": made_of}, ("customer_id_1", "customer_id_2")
    lake.replace(CONNECTIONS, connections(found), order_by=pair, meta=meta, allow_shrink=True)
    yield Checkpoint(done=2, total=3, note="companions")
    measured = _companions(workspace, material, found)
    lake.replace(COMPANIONS, workspace.stores.engine.arrow(measured), order_by=pair, meta=meta, allow_shrink=True)
    grouped = workspace.stores.engine.arrow(communities(measured))
    lake.replace(COMMUNITIES, grouped, order_by=("community", "customer_id"), meta=meta, allow_shrink=True)
    return Work(
        rows_in=len(material.check_ins), rows_out=changed,
        note=f"{lake.rows(CONNECTIONS):,} connections, {pc.sum(measured['is_companion']).as_py() or 0:,} companions",
    )


def _made_of(workspace: Workspace) -> str:
    """Return what changes exactly when connections may have."""
    tables = (EVENTS, "identity", TRANSFERS)
    return digest(RULES, workspace.project.plans, *(content_of(workspace, table) for table in tables))


def _material(workspace: Workspace) -> _Material:
    check_ins = workspace.fetch(_check_ins(workspace))
    return _Material(
        visits=arrivals(check_ins), check_ins=check_ins, transfers=workspace.fetch(_transfers(workspace)),
        families=kinds.families(_rosters(workspace), _family_links(workspace), plans=workspace.project.plans),
    )


def _publish_interactions(workspace: Workspace, material: _Material, *, made_of: str) -> int:
    """Make the interactions of those days anew on which anything changed, however long ago; return how many days.

    The table keeps a fingerprint of what each day was made of. Families are of no day and always looked at whole.
    """
    lake = workspace.lake
    meta = lake.meta(INTERACTIONS)
    if meta.get("made_of") == made_of:
        return 0
    days = _fingerprints(material) if material.visits.co_occurrences <= MANY else {}
    note = {"made_of": made_of, "rules": RULES, "days": days}
    before = meta.get("days") if meta.get("rules") == RULES else None
    changed = sorted(day for day in {*days, *(before or {})} if not before or before.get(day) != days.get(day))
    if not before or not days or len(changed) * 2 > len(days):
        whole = _with_year(ibis.union(*_made(workspace, material, None)))
        lake.replace(
            INTERACTIONS, whole, partition_by="year", order_by=("customer_id_1", "customer_id_2"), meta=note,
            allow_shrink=True,
        )
        return len(days)
    parts = _made(workspace, material, [date.fromisoformat(day) for day in changed])
    found = lake.table(INTERACTIONS)
    is_old = (found.interaction_type == kinds.FAMILY_MEMBERSHIP) | found.business_day.cast("string").isin(changed)
    old = found.filter(is_old).select(*INTERACTION.names)
    with lake.gathered(parts, schema=INTERACTION) as made, lake.gathered([old], schema=INTERACTION) as was:
        same = made.intersect(was).select("interaction_id")
        lake.merge(
            INTERACTIONS, _with_year(made.anti_join(same, "interaction_id")), key=("interaction_id",),
            gone=was.anti_join(same, "interaction_id").select("interaction_id"), meta=note, allow_shrink=True,
        )
    return len(changed)


def _made(workspace: Workspace, material: _Material, days: Sequence[date] | None) -> list[ir.Table]:
    """Return the interactions of some days, or of all, type by type; families of any day."""
    engine = workspace.stores.engine
    check_ins, transfers = (_of_days(table, days) for table in (material.check_ins, material.transfers))
    visits = material.visits if days is None else arrivals(check_ins)
    at_least = 1 if material.visits.co_occurrences <= MANY else LEAST_DAYS
    if engine.name == "spark":
        met = together_expression(engine.arrow(check_ins), at_least=at_least)
    else:
        met = engine.arrow(together(visits, at_least=at_least))
    parts = [kinds.same_day_checkins(met), material.families]
    if len(transfers):
        passes = engine.arrow(transfers)
        parts += [rule(passes) for rule in (kinds.shared_passes, kinds.purchase_groups, kinds.frequent_guests)]
    return parts


def _companions(workspace: Workspace, material: _Material, found: ir.Table) -> pa.Table:
    newest = pc.max(material.check_ins["business_day"]).as_py() or workspace.value(found.business_day.max())
    return companions(workspace.fetch(ties(found, newest=newest or date.min)), material.visits)


def _with_year(table: ir.Table) -> ir.Table:
    """Add `year` of the business day: what a day changes lies in one file, and there are few files."""
    return table.mutate(year=table.business_day.cast("string").substr(0, 4))


def _of_days(table: pa.Table, days: Sequence[date] | None) -> pa.Table:
    if days is None:
        return table
    return table.filter(pc.is_in(table["business_day"], value_set=pa.array(days, pa.date32())))


def _fingerprints(material: _Material) -> dict[str, str]:
    """Return a fingerprint by business day of the check-ins and transfers of that day."""
    visits, passes = _by_day(material.check_ins), _by_day(material.transfers)
    return {day: visits.get(day, "") + passes.get(day, "") for day in sorted({*visits, *passes})}


def _by_day(table: pa.Table) -> dict[str, str]:
    """Return a fingerprint of each day's rows, whatever their order: one pass over the text of all of them."""
    table = table.filter(pc.is_valid(table["business_day"]))
    if not len(table):
        return {}
    told = [pc.fill_null(table[name].cast(pa.string()), "") for name in table.column_names]
    rows = pa.table({"day": table["business_day"], "text": pc.binary_join_element_wise(*told, "\t")})
    rows = rows.sort_by([("day", "ascending"), ("text", "ascending")]).combine_chunks()
    text, days = rows["text"].chunk(0), rows["day"].chunk(0)
    ends, whole = np.frombuffer(text.buffers()[1], dtype=np.int32)[: len(text) + 1], memoryview(text.buffers()[2])
    ran = pc.run_end_encode(days)
    stretches = zip(ran.values.to_pylist(), [0, *ran.run_ends.to_pylist()], ran.run_ends.to_pylist(), strict=False)
    return {
        day.isoformat(): hashlib.md5(whole[ends[first] : ends[end]], usedforsecurity=False).hexdigest()[:16]
        for day, first, end in stretches
    }


def _of_type(workspace: Workspace, event_type: str) -> ir.Table:
    """Return the events of a type with their customers."""
    events = workspace.table(EVENTS)
    return with_customer(workspace, events.filter(events.event_type == event_type))


def _attribute(rows: ir.Table, name: str) -> ir.Value:
    return rows[name].cast("string") if name in rows.columns else ibis.null("string")


def _check_ins(workspace: Workspace) -> ir.Table:
    rows = _of_type(workspace, CHECK_INS)
    rows = rows.filter(rows.customer_id.notnull())
    return rows.select("customer_id", "business_day", at=rows.occurred_at, location=_attribute(rows, "location"))


def _rosters(workspace: Workspace) -> ir.Table:
    rows = _of_type(workspace, MEMBERSHIPS)
    return rows.select(
        "customer_id", membership_id=_attribute(rows, "membership_id"), start_day=rows.business_day,
        name=_attribute(rows, "name"),
    )


def _family_links(workspace: Workspace) -> ir.Table:
    rows = _of_type(workspace, FAMILY_LINKS)
    rows = rows.select("customer_id", "profile_source", "business_day", related=_attribute(rows, "related_id"))
    others = workspace.table("identity")
    others = others.select(source="profile_source", related="profile_id", related_id="customer_id")
    joined = rows.inner_join(others, (rows.profile_source == others.source, rows.related == others.related))
    return joined.select("customer_id", "related_id", since_day=joined.business_day)


def _transfers(workspace: Workspace) -> ir.Table:
    if not workspace.lake.exists(TRANSFERS):
        return workspace.stores.engine.arrow(TRANSFER.to_pyarrow().empty_table())
    rows = workspace.table(TRANSFERS)
    return rows.select(
        "transfer_type", "pass_type", "purchaser_name", check_in_id=rows.checkin_id,
        business_day=rows.checkin_datetime_day, user_id=rows.user_customer_id, purchaser_id=rows.purchaser_customer_id,
        remaining_count=rows.remaining_count.cast("int64"), location=rows.location_name,
    )
