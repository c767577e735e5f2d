"""Families: what sources tell of them today, gathered from the records and the profiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.identity.customer import facts
from regulars.identity.family import RELATIONS, relation_rows, roster_rows
from regulars.identity.guardian import FAMILY_LINKS, family_links, family_ties, told_relations
from regulars.identity.home import TOLD, homes
from regulars.identity.household import TIES
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
from regulars.pipeline.read import empty_records
from regulars.pipeline.workspace import Workspace
from regulars.records.record import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What sources say of families, of everybody."""

    relations: ir.Table                      # RELATIONS
    rosters: Sequence[ir.Table]              # ROSTERS, one a stream
    homes: ir.Table                          # home.HOMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What families are decided by, of everybody or of all that hang together with some."""

    persons: ir.Table                        # kin.people
    judged: pa.Table                         # guardian.TOLD
    links: ir.Table                          # FAMILY_LINKS
    ties: ir.Table                           # TIES


def families_told(workspace: Workspace, streams: Sequence[Stream]) -> Told:
    """Return what the streams and the profiles tell of families now."""
    relations = [workspace.fetch(rows) for stream in streams for rows in told_by(workspace, stream)]
    return Told(
        relations=workspace.stores.engine.arrow(comparable(workspace, relations)),
        rosters=[roster_rows(empty_records(workspace, stream), stream=stream) for stream in streams if stream.roster],
        homes=workspace.stores.engine.arrow(homes_told(workspace, workspace.table("profiles"))),
    )


def told_by(workspace: Workspace, stream: Stream) -> list[ir.Table]:
    """Return RELATIONS of a stream's records as they are, one table a mapping."""
    return relation_rows(empty_records(workspace, stream), stream=stream) if stream.family else []


def comparable(workspace: Workspace, relations: Sequence[pa.Table]) -> pa.Table:
    """Return RELATIONS of all tables, addresses made comparable."""
    kinds = RELATIONS.to_pyarrow()
    whole = pa.concat_tables([each.cast(kinds) for each in relations]) if relations else kinds.empty_table()
    emails = normalise_emails(whole["whom_email"], rules=workspace.project.identifier_rules)
    return whole.set_column(whole.column_names.index("whom_email"), "whom_email", emails.values)


def homes_told(workspace: Workspace, profiles: ir.Table) -> pa.Table:
    """Return HOMES of profiles, where any source tells of postal addresses."""
    told = profiles.select(*KEY, *(name for name in TOLD if name in profiles.columns))
    known = told.filter(told.address.notnull() if "address" in told.columns else ibis.literal(False))
    return homes(workspace.fetch(known))


@contextmanager
def evidence(workspace: Workspace, told: Told, identity: ir.Table, *, on: date) -> Iterator[Evidence]:
    """Give what the families of the customers in `identity` are decided by, each carried out once, for a `with`."""
    lake, project, profiles = workspace.lake, workspace.project, workspace.table("profiles")
    every = people(facts(profiles, identity, source_priority=[source.name for source in project.sources]))
    known = contact_uses(profiles, identity)
    with ExitStack() as stack:
        persons = stack.enter_context(lake.gathered([every], schema=every.schema()))
        uses = stack.enter_context(lake.gathered([known], schema=known.schema()))
        together = [contact_groups(_surnamed(workspace, uses, persons))]
        together += [roster_groups(rows, identity) for rows in told.rosters]
        groups = stack.enter_context(lake.gathered(together, schema=GROUPS))
        judged = workspace.fetch(told_relations(told.relations, persons, identity=identity, on=on))
        held = workspace.stores.engine.arrow(judged)
        found = family_links(held, told.relations, groups, persons, identity=identity, uses=uses, on=on)
        links = stack.enter_context(lake.gathered([found], schema=FAMILY_LINKS))
        # One home and one surname make a household. Whose children live there they do not say.
        lived = contact_groups(_surnamed(workspace, home_uses(told.homes, identity), persons))
        reasons = [family_ties(links, held), group_ties(groups), group_ties(lived)]
        ties = stack.enter_context(lake.gathered(reasons, schema=TIES))
        yield Evidence(persons=persons, judged=judged, links=links, ties=ties)


def _surnamed(workspace: Workspace, uses: ir.Table, persons: ir.Table) -> ir.Table:
    return workspace.stores.engine.arrow(with_surnames(workspace.fetch(shared_contacts(uses, persons))))
