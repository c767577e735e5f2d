"""Profiles: what all streams say of a person in one table; only those that were told of anew are gathered again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.identifier import IdentifierRules
from regulars.identity.numbered import profile_keys
from regulars.identity.profile import KEY, PROFILES, gathered, normalised, profile_rows, telling
from regulars.identity.role import with_roles, without_roles
from regulars.pipeline.changed import changed, mark
from regulars.pipeline.read import digest, empty_records
from regulars.pipeline.workspace import Workspace
from regulars.records.record import Stream

PROFILE_TABLE = "profiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The table of profiles, and what brought it there."""

    profiles: pa.Table                       # all there are
    told: pa.Table | None                    # KEY of those that came, changed or went; None: any may have
    since: int                               # the version of the table that they did since


def publish_profiles(workspace: Workspace) -> Published:
    """Bring the table of profiles up to date with the records, and return it whole.

    The table says how far of each stream it reaches, in the same version as its rows: killed anywhere, the next run
    gathers the same profiles again.
    """
    lake, project = workspace.lake, workspace.project
    streams = telling(project.streams.values())
    declared = digest(*streams, project.traits, project.identifier_rules)
    meta = lake.meta(PROFILE_TABLE)
    now = {stream.full_name: mark(workspace, stream) for stream in streams}
    touched = _touched(workspace, streams, meta["marks"]) if meta.get("declared") == declared else None
    said = {"declared": declared, "marks": now}
    if touched is None:
        found = without_roles(_gathered(workspace, streams, None), rules=project.identifier_rules)
        table = workspace.stores.engine.arrow(found)
        version = lake.replace(PROFILE_TABLE, table, order_by=KEY, meta=said, allow_shrink=workspace.allow_shrink)
        return Published(profiles=found, told=None, since=version)
    before, since = workspace.fetch(lake.table(PROFILE_TABLE)), lake.versions(PROFILE_TABLE)[-1].number
    if meta["marks"] == now:
        return Published(profiles=before, told=_NO_KEYS, since=since)
    keys = workspace.stores.engine.arrow(touched)
    found, is_new = _joined(before, touched, _gathered(workspace, streams, keys), project.identifier_rules)
    new = found.filter(is_new)
    rows = workspace.stores.engine.arrow(new)
    lake.merge(PROFILE_TABLE, rows, key=KEY, gone=keys, meta=said, allow_shrink=workspace.allow_shrink)
    return Published(profiles=found, told=pa.concat_tables([touched, new.select(list(KEY))]), since=since)


def _joined(before: pa.Table, touched: pa.Table, found: pa.Table, rules: IdentifierRules) -> tuple[pa.Table, pa.Array]:
    """All profiles as they are now, and which of them are not as they were.

    Whether a contact is a desk's depends on everybody who uses it, those that nothing was told of too.
    """
    rest = before.filter(pc.invert(pc.is_in(profile_keys(*map(before.column, KEY)), profile_keys(*touched.columns))))
    whole = without_roles(pa.concat_tables([with_roles(rest, rules=rules), found]), rules=rules)
    is_new = pa.repeat(pa.scalar(False), len(rest))
    for contact in ("email", "phone"):
        one, other = (pc.fill_null(table[contact].combine_chunks(), "") for table in (whole.slice(0, len(rest)), rest))
        is_new = pc.or_(is_new, pc.not_equal(one, other))
    return whole, pa.concat_arrays([is_new, pa.repeat(pa.scalar(True), len(found))])


def _touched(
    workspace: Workspace, streams: Sequence[Stream], marks: dict[str, Sequence[object] | None]
) -> pa.Table | None:
    """Return the KEY of all profiles that records told of which came, changed or went; None: that is not known."""
    parts: list[ir.Table] = []
    for stream in streams:
        change = changed(workspace, stream, since=marks[stream.full_name])
        if change is None:
            continue
        if change.before is None:
            return None
        parts += [profile_rows(rows, stream=stream).select(*KEY) for rows in (change.new, change.before)]
    if not parts:
        return _NO_KEYS
    every = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return workspace.fetch(every.distinct())


_NO_KEYS = pa.Table.from_batches([], pa.schema([(name, pa.string()) for name in KEY]))  # an array would import pandas


def _gathered(workspace: Workspace, streams: Sequence[Stream], keys: ir.Table | None) -> pa.Table:
    """Return one normalised row a profile, traits as text: of all, or of those with one of the keys."""
    if not streams:
        return PROFILES.empty_table()
    rows = [profile_rows(empty_records(workspace, stream), stream=stream) for stream in streams]
    if keys is not None:
        rows = [row.semi_join(keys, list(KEY)) for row in rows]
    found = workspace.fetch(gathered(rows, traits=workspace.project.traits))
    return normalised(found, rules=workspace.project.identifier_rules)
