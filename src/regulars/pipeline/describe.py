"""Describe: people become customers, one row each; only those are made again of whom anything changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import ibis
import ibis.expr.types as ir

from regulars.events.event import OWN, TRANSFERS
from regulars.identity.customer import customers
from regulars.identity.profile import KEY
from regulars.pipeline.derive import EVENTS
from regulars.pipeline.households import with_household
from regulars.pipeline.read import content_of, digest
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.touched_families import MOST, are_few
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work

CUSTOMERS = "customers"
TABLES = ("profiles", "identity", HOUSEHOLD_MEMBERS)

_ONE = ibis.schema({"customer_id": "string"})
_KEYS = ibis.schema(dict.fromkeys(KEY, "string"))
_CONTACTS = ("email", "phone")
_TOLD = ibis.schema(dict.fromkeys((*KEY, *_CONTACTS), "string"))


def describe_customers(workspace: Workspace) -> Steps:
    """Bring the customers up to date with their profiles, their households and what happened to them."""
    yield Checkpoint(done=0, total=1, note="customers")
    changed = publish_customers(workspace)
    rows = workspace.lake.rows(CUSTOMERS)
    return Work(rows_in=rows, rows_out=changed, note=f"{rows:,} customers" if changed else "no customer changed")


def publish_customers(workspace: Workspace) -> int:
    """Make the customers again whose profiles, ids, household or events changed; return how many, 0 if unchanged.

    They are seen in what sources told: our own conclusions, such as that somebody used their pass, are no sightings,
    and what is concluded later in the same run need not make them again.
    """
    lake, project, events = workspace.lake, workspace.project, workspace.table(EVENTS)
    told = {**lake.meta(EVENTS)}
    told["marks"] = {name: each for name, each in told["marks"].items() if name != TRANSFERS}
    declared = digest(project.traits, [source.name for source in project.sources])
    made_of = digest(*(content_of(workspace, table) for table in TABLES), told, declared)
    meta = lake.meta(CUSTOMERS)
    if meta.get("made_of") == made_of:
        return 0
    note = {"made_of": made_of, "declared": declared, "versions": _versions(workspace)}
    profiles, identity = workspace.table("profiles"), workspace.table("identity")
    with ExitStack() as stack:
        is_known = meta.get("declared") == declared and not are_few(lake.rows(CUSTOMERS))
        among = _touched(workspace, meta["versions"], stack) if is_known else None
        mine = None if among is None else stack.enter_context(
            lake.gathered([identity.semi_join(among, "customer_id")], schema=identity.schema())
        )
        people = with_household(workspace, customers(
            profiles, identity, events.filter(events.source != OWN), mine=mine,
            source_priority=[source.name for source in project.sources], traits=project.traits,
        ))
        if among is None:
            lake.replace(CUSTOMERS, people, order_by=("customer_id",), meta=note, allow_shrink=True)
            return lake.rows(CUSTOMERS)
        lake.merge(CUSTOMERS, people, key=("customer_id",), gone=among, meta=note, allow_shrink=True)
        return workspace.count(among)


def _versions(workspace: Workspace) -> dict[str, int]:
    """Return the version of each table that customers are made of."""
    return {table: workspace.lake.versions(table)[-1].number for table in (*TABLES, EVENTS)}


def _touched(workspace: Workspace, since: Mapping[str, int], stack: ExitStack) -> ir.Table | None:
    """Return the customer_id of everybody whose row may come out otherwise; None: that is not known, or they are many.

    Whether a contact is shared is said in the rows of all who use it, so they are touched by whoever had it or has it
    now. A profile that is as it was, but another customer's, touches these two alone: for all others its contacts are
    used by somebody else as before.
    """
    lake, profiles, identity = workspace.lake, workspace.table("profiles"), workspace.table("identity")
    changes = {table: _changes(workspace, table, version) for table, version in since.items()}
    if any(change is None for change in changes.values()):
        return None
    known = {table: change or () for table, change in changes.items()}

    def kept(parts: Sequence[ir.Table], schema: ibis.Schema) -> ir.Table:
        return stack.enter_context(lake.gathered([part.select(*schema.names) for part in parts], schema=schema))

    told = kept(known["profiles"], _TOLD)
    moved = kept([identity.semi_join(told, list(KEY)), *known["identity"]], _ONE)
    keys = [profiles.semi_join(told.filter(told[name].notnull()), name) for name in _CONTACTS]
    keys += [rows.filter(rows.source != OWN, rows.profile_id.notnull()) for rows in known[EVENTS]]
    met = kept(keys, _KEYS)
    among = kept([moved, identity.semi_join(met, list(KEY)), *_rehoused(known[HOUSEHOLD_MEMBERS])], _ONE)
    among = kept([among.distinct()], _ONE)
    return None if workspace.count(among) > MOST * lake.rows(CUSTOMERS) else among


def _changes(workspace: Workspace, table: str, since: int) -> tuple[ir.Table, ...] | None:
    """What came to a table and what went, nothing where it is as it was; None when that is not known."""
    moved = workspace.lake.moved(table, since=since)
    return () if moved == (0, 0) else workspace.lake.changes(table, since=since)


def _rehoused(changes: Sequence[ir.Table]) -> list[ir.Table]:
    """The customers whose household is another one, or who have a parent on file now or no more."""
    said = [rows.select("customer_id", "household_id", "has_parent") for rows in changes]
    return [one.difference(other) for one, other in zip(said, reversed(said), strict=True)]
