"""Connect: check-ins, passes and families become interactions, connections, companions and communities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.connections import interaction as kinds
from regulars.connections.co_presence import (
    CHECK_IN,
    TOGETHER,
    Arrivals,
    arrivals,
    is_among,
    together,
    together_expression,
)
from regulars.connections.companion import ZERO, companions, least_days, tallies, ties
from regulars.connections.connection import connections
from regulars.connections.interaction import INTERACTION, TRANSFER
from regulars.pipeline.derive import EVENTS
from regulars.pipeline.read import content_of, digest
from regulars.pipeline.resolve import with_customer
from regulars.pipeline.tables import COMMUNITIES, COMPANIONS, CONNECTIONS, INTERACTIONS, TALLIES
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work

TABLES = (INTERACTIONS, CONNECTIONS, TALLIES, COMPANIONS, COMMUNITIES)
TRANSFERS, IDENTITY = "transfers", "identity"

CHECK_INS, MEMBERSHIPS, FAMILY_LINKS = "check_in", "membership", "family_link"
"""The event types that are looked at: visits (attribute `location`), people on a membership (`membership_id`, `name`),
and two people whom a source calls family (`related_id`, the id of the other's profile in that source)."""

PAIR = ("customer_id_1", "customer_id_2")

RULES = 2
"""Number of the rules by which interactions are made; another one makes all of them anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """What connections are made of."""

    visits: Arrivals
    check_ins: pa.Table                      # CHECK_IN
    transfers: pa.Table                      # TRANSFER
    families: ir.Table                       # INTERACTION: all of them, of any day

    @property
    def at_least(self) -> int:
        """Return on how many days two people must have been together to be written down."""
        return least_days(self.visits.co_occurrences)


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
    meta = {"made_of": made_of}
    for table, rule in ((CONNECTIONS, connections), (TALLIES, tallies)):
        _publish_counted(workspace, table, rule, found, made_of=made_of)
    yield Checkpoint(done=2, total=3, note="companions")
    measured = _companions(workspace, material)
    lake.replace(COMPANIONS, workspace.stores.engine.arrow(measured), order_by=PAIR, meta=meta, allow_shrink=True)
    from regulars.connections.community import communities  # noqa: PLC0415  slow to import, and most runs meet nobody

    grouped = workspace.stores.engine.arrow(communities(measured))
    lake.replace(COMMUNITIES, grouped, order_by=("community", "customer_id"), meta=meta, allow_shrink=True)
    return Work(
        rows_in=len(material.check_ins), rows_out=changed,
        note=f"{lake.rows(CONNECTIONS):,} connections, {pc.sum(measured['is_companion']).as_py() or 0:,} companions",
    )


def _made_of(workspace: Workspace) -> str:
    """Return what changes exactly when connections may have."""
    tables = (EVENTS, IDENTITY, TRANSFERS)
    return digest(RULES, workspace.project.plans, *(content_of(workspace, table) for table in tables))


def _material(workspace: Workspace) -> _Material:
    check_ins = workspace.fetch(_check_ins(workspace))
    return _Material(
        visits=arrivals(check_ins), check_ins=check_ins, transfers=workspace.fetch(_transfers(workspace)),
        families=kinds.families(_rosters(workspace), _family_links(workspace), plans=workspace.project.plans),
    )


def _publish_interactions(workspace: Workspace, material: _Material, *, made_of: str) -> int:
    """Look anew at the days together of everybody whose check-ins are others; return at how many customers.

    The table says from which versions of events and people it was made. Passes and families are few and made whole.
    """
    lake = workspace.lake
    meta, rules = lake.meta(INTERACTIONS), [RULES, material.at_least]
    if meta.get("made_of") == made_of:
        return 0
    marks = {name: _version(workspace, name) for name in (EVENTS, IDENTITY)}
    note = {"made_of": made_of, "rules": rules, "marks": marks}
    asked = _changed_customers(workspace, meta["marks"]) if meta.get("rules") == rules else None
    if asked is None or _check_ins_of(material, asked) * 2 > len(material.check_ins):
        whole = ibis.union(kinds.same_day_checkins(_met(workspace, material, None)), *_others(workspace, material))
        lake.replace(INTERACTIONS, whole, order_by=PAIR, meta=note, allow_shrink=True)
        return len(material.visits.customers)
    met, before = _met(workspace, material, asked), _met_before(workspace, asked)
    found = lake.table(INTERACTIONS)
    parts = [kinds.same_day_checkins(met.difference(before)), *_others(workspace, material)]
    old = [kinds.same_day_checkins(before.difference(met)),
           found.filter(found.interaction_type != kinds.SAME_DAY_CHECKIN).select(*INTERACTION.names)]
    key = ibis.schema({"interaction_id": "string"})
    with (
        lake.gathered(parts, schema=INTERACTION) as made, lake.gathered(old, schema=INTERACTION) as was,
        lake.gathered([made.intersect(was).select(*key.names)], schema=key) as same,
    ):
        lake.merge(
            INTERACTIONS, made.anti_join(same, "interaction_id"), key=("interaction_id",),
            gone=was.anti_join(same, "interaction_id").select("interaction_id"), meta=note, allow_shrink=True,
        )
    return len(asked)


def _publish_counted(
    workspace: Workspace, table: str, rule: Callable[[ir.Table], ir.Table], found: ir.Table, *, made_of: str
) -> None:
    """Count anew, by a rule, the interactions of those pairs of which any came or went.

    The table says which version of the interactions it counts, so that a run that was killed misses none of them.
    """
    lake, since = workspace.lake, workspace.lake.meta(table).get("interactions")
    meta = {"made_of": made_of, "interactions": _version(workspace, INTERACTIONS)}
    moved = None if since is None else lake.moved(INTERACTIONS, since=since)
    changes = None if since is None else lake.changes(INTERACTIONS, since=since)
    if moved is None or changes is None or sum(moved) * 2 > lake.rows(INTERACTIONS):
        lake.replace(table, rule(found), order_by=PAIR, meta=meta, allow_shrink=True)
        return
    key = ibis.schema(dict.fromkeys(PAIR, "string"))
    with lake.gathered([each.select(*PAIR) for each in changes], schema=key) as told:
        pairs = told.distinct()
        lake.merge(table, rule(found.semi_join(pairs, PAIR)), key=PAIR, gone=pairs, meta=meta, allow_shrink=True)


def _changed_customers(workspace: Workspace, marks: Mapping[str, int]) -> pa.Array | None:
    """Return who has other check-ins than at some versions of events and people; None when these are not kept.

    Who took over somebody's profile is among them, and who gave it away.
    """
    events, people = (workspace.lake.changes(name, since=marks[name]) for name in (EVENTS, IDENTITY))
    if events is None or people is None:
        return None
    moved = _differing(*(each.select("profile_source", "profile_id", "customer_id") for each in people))
    visits = _differing(*(_visits(each.filter(each.event_type == CHECK_INS)) for each in events))
    visitors = with_customer(workspace, visits.select("profile_source", "profile_id").distinct())
    found = ibis.union(moved.select("customer_id"), visitors.select("customer_id"), distinct=True)
    return workspace.fetch(found.drop_null("customer_id"))["customer_id"].combine_chunks()


def _differing(came: ir.Table, went: ir.Table) -> ir.Table:
    """Return the rows of one table that the other lacks: of files that were rewritten, most rows are in both."""
    return ibis.union(came.difference(went), went.difference(came))


def _check_ins_of(material: _Material, customers: pa.Array) -> int:
    return pc.sum(pc.is_in(material.check_ins["customer_id"], value_set=customers)).as_py() or 0


def _met(workspace: Workspace, material: _Material, asked: pa.Array | None) -> ir.Table:
    """Return who was together (TOGETHER): some customers with anybody, or everybody."""
    engine = workspace.stores.engine
    if engine.name != "spark":
        return engine.arrow(together(material.visits, at_least=material.at_least, of=asked))
    of = None if asked is None else _named(workspace, asked)
    return together_expression(engine.arrow(material.check_ins), at_least=material.at_least, of=of)


def _met_before(workspace: Workspace, asked: pa.Array) -> ir.Table:
    """Return who of some customers was together with anybody (TOGETHER) by the interactions there are."""
    found = workspace.table(INTERACTIONS)
    rows = found.filter(found.interaction_type == kinds.SAME_DAY_CHECKIN, is_among(found, _named(workspace, asked)))
    rows = rows.mutate(came_first=rows.leader_id).select(*TOGETHER.names)
    return workspace.stores.engine.arrow(workspace.fetch(rows))


def _named(workspace: Workspace, customers: pa.Array) -> ir.Table:
    return workspace.stores.engine.arrow(pa.table({"customer_id": customers}))


def _others(workspace: Workspace, material: _Material) -> list[ir.Table]:
    """Return all interactions but days together, type by type."""
    if not len(material.transfers):
        return [material.families]
    passes = workspace.stores.engine.arrow(material.transfers)
    rules = (kinds.shared_passes, kinds.purchase_groups, kinds.frequent_guests)
    return [material.families, *(rule(passes) for rule in rules)]


def _version(workspace: Workspace, table: str) -> int:
    current = workspace.book.versions.current_version(table)
    return 0 if current is None else current.number


def _companions(workspace: Workspace, material: _Material) -> pa.Table:
    tallied = workspace.table(TALLIES)
    newest = pc.max(material.check_ins["business_day"]).as_py() or workspace.value(tallied.last_day.max())
    return companions(workspace.fetch(ties(tallied, newest=newest or ZERO)), material.visits)


def _of_type(workspace: Workspace, event_type: str) -> ir.Table:
    """Return the events of a type with their customers."""
    events = workspace.table(EVENTS)
    return with_customer(workspace, events.filter(events.event_type == event_type))


def _attribute(rows: ir.Table, name: str) -> ir.Value:
    return rows[name].cast("string") if name in rows.columns else ibis.null("string")


def _check_ins(workspace: Workspace) -> ir.Table:
    rows = _visits(_of_type(workspace, CHECK_INS))
    return rows.filter(rows.customer_id.notnull()).select(*CHECK_IN.names)


def _visits(events: ir.Table) -> ir.Table:
    """Return check-ins with `at` and `location`, whatever the events have."""
    return events.select(
        *(name for name in ("profile_source", "profile_id", "customer_id", "business_day") if name in events.columns),
        at=events.occurred_at, location=_attribute(events, "location"),
    )


def _rosters(workspace: Workspace) -> ir.Table:
    rows = _of_type(workspace, MEMBERSHIPS)
    return rows.select(
        "customer_id", membership_id=_attribute(rows, "membership_id"), start_day=rows.business_day,
        name=_attribute(rows, "name"),
    )


def _family_links(workspace: Workspace) -> ir.Table:
    rows = _of_type(workspace, FAMILY_LINKS)
    rows = rows.select("customer_id", "profile_source", "business_day", related=_attribute(rows, "related_id"))
    others = workspace.table(IDENTITY)
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
