"""Resolve: profiles become customers whose ids last; the book keeps who is who, the lake a table of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from regulars.identity.evidence import CONFLICTS
from regulars.identity.matching import Likeness, Thresholds
from regulars.identity.model import Model
from regulars.identity.profile import KEY
from regulars.identity.resolve import RULINGS, Former, Resolution, resolve
from regulars.identity.seen import COMPARED_PROFILES
from regulars.pipeline.known_people import KnownPeople
from regulars.pipeline.profiles import PROFILE_TABLE, Published, TableOfProfiles, publish_profiles
from regulars.pipeline.read import content_of, digest, records_of
from regulars.pipeline.workspace import Workspace
from regulars.records.record import Stream
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.storage.book.identity import Conflict

COMPARED = "compared_profiles"


def resolve_people(workspace: Workspace) -> Steps:
    """Gather profiles from every stream that has any, and decide which of them are one customer."""
    streams = [s for source in workspace.project.sources for s in source.streams if s.profile is not None]
    seen = _seen(workspace, streams)
    if workspace.lake.exists("matches") and workspace.lake.meta("identity").get("made_of") == seen:
        return Work(rows_in=workspace.lake.rows("profiles"), note="no profile changed")
    yield Checkpoint(done=0, total=3, note="profiles")
    published = publish_profiles(workspace)
    profiles = TableOfProfiles(workspace, published)
    yield Checkpoint(done=1, total=3, note=f"{profiles.count:,} profiles")
    found = resolve(
        profiles,
        now=workspace.clock.now(),
        salt=workspace.project.config.business.name.encode(),
        rulings=_rulings(workspace),
        known=KnownPeople(book=workspace.book.identity),
        thresholds=_thresholds(workspace),
        former=_former(workspace),
        told=_told(workspace, published),
    )
    yield Checkpoint(done=2, total=3, note=f"{len(found.changes):,} changes")
    write_resolution(workspace, found)
    _publish_matches(workspace, found, published)
    # The table last: it says what it was made of, and a kill before it makes the same decisions again.
    made_of = {"made_of": seen, "profiles": workspace.lake.versions(PROFILE_TABLE)[-1].number}
    order = ("customer_id", *KEY)            # a customer's profiles are asked for one customer at a time
    _publish(workspace, "identity", found.identity, is_whole=found.is_whole, meta=made_of, order_by=order)
    customers = workspace.count(workspace.table("identity").select("customer_id").distinct())
    return Work(
        rows_in=profiles.count, rows_out=len(found.changes), note=f"{customers:,} customers",
        facts={"customers": customers, "conflicts": len(found.conflicts), "merged": len(found.merged),
               "weighed": found.likeness.weighed, "matches": len(found.likeness.matches),
               "decided": len(found.identity)},
    )


def write_resolution(workspace: Workspace, found: Resolution) -> None:
    """Write what changed into the book: pointers, new and merged customers, open conflicts."""
    now, book = workspace.clock.now(), workspace.book.identity
    book.write_identity(found.changes, pa.concat_tables([found.minted, found.merged]))
    book.write_conflicts(
        [
            Conflict(conflict_id=row["conflict_id"], kind=row["kind"], detail=json.dumps(row), found_at=now)
            for row in found.conflicts.to_pylist()
        ],
        at=now,
    )


def _publish_matches(workspace: Workspace, found: Resolution, published: Published) -> None:
    """Write the pairs that are likely one person and what the next run needs to weigh only what changed.

    The matches come first: killed in between, the next run finds more profiles changed than there are, never fewer.
    """
    engine, by = workspace.stores.engine, ("left_source", "left_id", "right_source", "right_id")
    thresholds = found.likeness.thresholds
    known = {
        "model": found.likeness.model.to_json(), "review_from": thresholds.review, "merge_from": thresholds.merge,
    }
    workspace.lake.replace("matches", engine.arrow(found.likeness.matches), order_by=by, meta=known, allow_shrink=True)
    seen = found.likeness.seen
    if found.is_whole or seen is None:
        _publish(workspace, COMPARED, found.likeness.compared, is_whole=True)
        return
    _publish(workspace, COMPARED, seen, is_whole=False, gone=published.told)


def _publish(
    workspace: Workspace, name: str, rows: pa.Table, *, is_whole: bool, gone: pa.Table | None = None,
    meta: Mapping[str, object] | None = None, order_by: Sequence[str] = KEY,
) -> None:
    """Write a table with one row a profile: whole, or the rows of those that were decided about."""
    lake, engine = workspace.lake, workspace.stores.engine
    if is_whole:
        lake.replace(name, engine.arrow(rows), order_by=order_by, meta=meta, allow_shrink=True)
        return
    left = None if gone is None else engine.arrow(gone)
    lake.merge(name, engine.arrow(rows), key=KEY, gone=left, meta=meta, allow_shrink=True)


def _told(workspace: Workspace, published: Published) -> pa.Table | None:
    """Return KEY of all profiles that may have changed since the last decision; None when that is not known."""
    if published.told is None or workspace.lake.meta("identity").get("profiles") != published.since:
        return None
    # Rulings are few: whoever was ever ruled on is asked about again.
    rows = workspace.book.identity.ruling_history()
    ruled = {(row[f"{side}_source"], row[f"{side}_id"]) for row in rows for side in ("left", "right")}
    keys = [dict(zip(KEY, key, strict=True)) for key in sorted(ruled)]
    return pa.concat_tables([published.told, pa.Table.from_pylist(keys, published.told.schema)])


def _former(workspace: Workspace) -> Former | None:
    """Return what the last run knew; None before the first, and when a release compares otherwise."""
    lake = workspace.lake
    if not (lake.exists("matches") and lake.exists(COMPARED)):
        return None
    known = lake.meta("matches")
    model = Model.from_json(known["model"])
    # Killed between the two tables, a new release may have written the one and not yet the other.
    if model is None or set(lake.schema(COMPARED)) != set(COMPARED_PROFILES.names):
        return None
    matches, compared = (workspace.fetch(lake.table(name)) for name in ("matches", COMPARED))
    # A table of before the tiers were kept says nothing of where they began: all pairs are weighed again.
    thresholds = Thresholds(merge=known.get("merge_from", nan), review=known["review_from"])
    open_ = [json.loads(conflict.detail) for conflict in workspace.book.identity.conflicts()]
    return Former(
        likeness=Likeness(model=model, matches=matches, compared=compared, thresholds=thresholds),
        conflicts=pa.Table.from_pylist(open_, CONFLICTS),
    )


def _thresholds(workspace: Workspace) -> Thresholds:
    choices = workspace.project.config.identity
    return Thresholds(merge=choices.merge_from, review=choices.review_from)


def _rulings(workspace: Workspace) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {
            "left_source": r.left_source, "left_id": r.left_id, "right_source": r.right_source, "right_id": r.right_id,
            "verdict": r.verdict, "ruled_at": r.ruled_at.replace(tzinfo=None),
        }
        for r in workspace.book.identity.rulings()
    ]
    return pa.Table.from_pylist(rows, schema=RULINGS)


def _seen(workspace: Workspace, streams: list[Stream]) -> str:
    """Return a fingerprint of everything the decision rests on: files of the records, declarations, rulings."""
    project = workspace.project
    versions = [content_of(workspace, records_of(stream)) for stream in streams]
    rulings = [r.ruling_id for r in workspace.book.identity.rulings()]
    said = (project.config.business.name, project.identifier_rules, _thresholds(workspace))
    return digest(versions, rulings, *said, *streams)


def with_customer(workspace: Workspace, rows: ir.Table) -> ir.Table:
    """Return rows that point at profiles with the customer_id these point at, null where there is none."""
    identity = workspace.table("identity").select("profile_source", "profile_id", "customer_id")
    joined = rows.left_join(identity, ["profile_source", "profile_id"])
    return joined.drop("profile_source_right", "profile_id_right")
