"""Profiles: what all streams say of a person in one table; only those that were told of anew are gathered again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity import role
from regulars.identity.numbered import key_table, profile_keys
from regulars.identity.profile import (
    KEY,
    PROFILES,
    gathered,
    normalised,
    profile_keys_of,
    profile_rows,
    telling,
    telling_of,
)
from regulars.identity.seen import ASKED
from regulars.identity.today import NAMING
from regulars.pipeline.changed import changed, mark
from regulars.pipeline.read import digest, empty_records
from regulars.pipeline.workspace import Workspace
from regulars.records.record import Stream

PROFILE_TABLE = "profiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What brought the table of profiles to where it is."""

    told: pa.Table | None                    # KEY of those that came, changed or went; None: any may have
    since: int                               # the version of the table that they did since
    new: pa.Table                            # PROFILES of those of them that there are; none where any may have changed


@dataclass(frozen=True, slots=True)
class TableOfProfiles:
    """The table's half of `identity.today.Today`: to read all of it takes longer than a day's decisions."""

    workspace: Workspace
    published: Published

    @property
    def count(self) -> int:
        """Return how many profiles there are."""
        return self.workspace.lake.rows(PROFILE_TABLE)

    def everybody(self) -> pa.Table:
        """Return what is asked of all profiles."""
        return self.workspace.fetch(self._asked())

    def of(self, keys: pa.Array) -> pa.Table:
        """Return what is asked of some profiles; the table is not read for those that were published just now."""
        asked, new = self._asked(), self.published.new
        mine = new.filter(pc.is_in(profile_keys(*map(new.column, KEY)), value_set=keys))
        told = _NO_KEYS if self.published.told is None else self.published.told
        rest = keys.filter(pc.invert(pc.is_in(keys, value_set=profile_keys(*map(told.column, KEY)))))
        if len(mine) and not len(rest):
            return mine.select(asked.columns)
        some = self.workspace.stores.engine.arrow(key_table(keys))
        return self.workspace.fetch(asked.semi_join(some, list(KEY)))

    def naming(self) -> pa.Table:
        """Return the profiles whose system names another's id."""
        rows = self.workspace.table(PROFILE_TABLE)
        return self.workspace.fetch(rows.filter(rows.same_as_id.notnull()).select(*NAMING))

    def _asked(self) -> ir.Table:
        rows = self.workspace.table(PROFILE_TABLE)
        return rows.select(*(name for name in ASKED if name in rows.columns))


def publish_profiles(workspace: Workspace) -> Published:
    """Bring the table of profiles up to date with the records.

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
        found = role.without_roles(_gathered(workspace, streams, None), rules=project.identifier_rules)
        table = workspace.stores.engine.arrow(found)
        version = lake.replace(PROFILE_TABLE, table, order_by=KEY, meta=said, allow_shrink=workspace.allow_shrink)
        return Published(told=None, since=version, new=found.slice(0, 0))
    since = lake.versions(PROFILE_TABLE)[-1].number
    if meta["marks"] == now:
        return Published(told=_NO_KEYS, since=since, new=_NO_KEYS)
    keys = workspace.stores.engine.arrow(touched)
    new = _judged(workspace, _gathered(workspace, streams, keys), keys)
    rows = workspace.stores.engine.arrow(new)
    lake.merge(PROFILE_TABLE, rows, key=KEY, gone=keys, meta=said, allow_shrink=workspace.allow_shrink)
    return Published(told=pa.concat_tables([touched, new.select(list(KEY))]), since=since, new=new)


def _judged(workspace: Workspace, found: pa.Table, touched: ir.Table) -> pa.Table:
    """The profiles that were found, and the others that a desk's contact came to or went from; as they are now."""
    engine, rules, keys = workspace.stores.engine, workspace.project.identifier_rules, list(KEY)
    before = workspace.table(PROFILE_TABLE)
    judged = before.select(*role.ASKED)
    were = role.with_roles(workspace.fetch(judged.semi_join(touched, keys)), rules=rules)
    told = pa.concat_tables([were.select(role.CONTACTS), found.select(role.CONTACTS)])
    near = workspace.fetch(_near(judged.anti_join(touched, keys), [
        engine.arrow(told.select([contact]).drop_null()).distinct() for contact in role.CONTACTS
    ]))
    contacts, others = role.judged(found.select(role.ASKED), near, rules=rules)
    if len(others):
        more = workspace.fetch(before.semi_join(engine.arrow(others), keys))
        found = pa.concat_tables([found, more.select(found.column_names).cast(found.schema)])
    place = pc.index_in(profile_keys(*map(found.column, KEY)), profile_keys(*map(contacts.column, KEY)))
    for name in (*role.CONTACTS, *role.REFUSED):
        found = found.set_column(found.column_names.index(name), name, contacts[name].take(place))
    return found


def _near(others: ir.Table, told: Sequence[ir.Table]) -> ir.Table:
    """Everybody with one of the contacts told of, or with a desk's."""
    is_told = [others[contact].isin(rows[contact]) for contact, rows in zip(role.CONTACTS, told, strict=True)]
    return others.filter(ibis.or_(*is_told, *(others[refused] == role.REASON for refused in role.REFUSED)))


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
        parts += [profile_keys_of(rows, stream=stream) for rows in (change.new, change.before)]
    if not parts:
        return _NO_KEYS
    every = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return workspace.fetch(every.distinct())


_NO_KEYS = pa.Table.from_batches([], pa.schema([(name, pa.string()) for name in KEY]))  # an array would import pandas


def _gathered(workspace: Workspace, streams: Sequence[Stream], keys: ir.Table | None) -> pa.Table:
    """Return one normalised row a profile, traits as text: of all, or of those with one of the keys."""
    if not streams:
        return PROFILES.empty_table()
    rows = []
    for stream in streams:
        records = empty_records(workspace, stream)
        asked = records if keys is None else telling_of(records, keys, stream=stream)
        rows.append(profile_rows(asked, stream=stream))
    found = workspace.fetch(gathered(rows, traits=workspace.project.traits))
    return normalised(found, rules=workspace.project.identifier_rules)
