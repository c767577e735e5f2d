"""Purge: messages of a door, or one property of them, leave every store and stay out, with a proof of each.

The landing is written anew without them and every table is made again from what is left, as after an erasure. What is
purged is a span that has an end: what happens under the same name afterwards is taken as ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from regulars.check import did_you_mean
from regulars.errors import NotFound, PurgeRefused
from regulars.events.event import MONEY
from regulars.pipeline.anew import drop_tables
from regulars.pipeline.derive import EVENTS
from regulars.pipeline.purged import Found, count, landed, meant, messages_of, recorded, strike, waiting
from regulars.pipeline.read import records_of
from regulars.pipeline.workspace import Workspace
from regulars.records import purged
from regulars.records.border import path_parts
from regulars.records.purged import Wanted
from regulars.sources.door import DoorSource
from regulars.storage.book.purges import Purge
from regulars.storage.door.collect import collect
from regulars.storage.door.landed import ArrivalLanding

PROPERTIES = "properties"
"""What a property is in that is named alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a purge would do."""

    source: str
    wanted: Wanted
    landing: tuple[Found, ...]
    door: int                                # messages that came and are in no table yet
    lake: Mapping[str, int]                  # rows that are made of what is meant, by table
    reads: tuple[str, ...]                   # of a property: event types that read it; theirs is missing afterwards

    @property
    def rows(self) -> int:
        """Return how many messages are meant, those that were set aside too."""
        return self.door + sum(one.rows for one in self.landing)


def wanted_of(
    workspace: Workspace, source: str, *, event: str | None = None, name: str | None = None,
    since: datetime | None = None, until: datetime | None = None,
) -> Wanted:
    """Return what is meant by what somebody says; without an end: until now.

    `name` of a property: of `properties` when it is one word, else a dotted path such as `traits.ssn`.
    Raises NotFound for a source that is none, PurgeRefused for what cannot be purged.
    """
    now = workspace.clock.now()
    if not isinstance(workspace.source(source), DoorSource):
        raise PurgeRefused(
            f"{source} is no door: what it holds would be pulled again, or was handed on",
            hint="purge what is posted with a write key (`kind: door`); take the rest out where it comes from, "
                 "or let it go in time with `keep_for`",
        )
    if event is None and name is None and since is None and until is None:
        raise PurgeRefused(
            f"nothing says what of {source} is to go", hint="narrow it: --event, --property, --from or --to"
        )
    if until is not None and until > now:
        raise PurgeRefused(
            f"{until.isoformat()} is yet to come, and only what has happened is purged",
            hint="leave --to out for until now; what is to stay out from now on is blocked by its tracking plan",
        )
    end = until or now
    if since is not None and since >= end:
        raise PurgeRefused(
            f"the span ends at {end.isoformat()}, before it begins at {since.isoformat()}",
            hint="--from is the earlier moment, --to the later",
        )
    return Wanted(event=event, path=None if name is None else _path(name), since=since, until=end)


def plan(workspace: Workspace, source: str, wanted: Wanted) -> Plan:
    """Return what a purge would do; nothing is written. Raises NotFound when nothing is meant."""
    door = workspace.source(source)
    reads = _readers(workspace, source, wanted)
    found = Plan(
        source=source, wanted=wanted, landing=tuple(landed(workspace, door, wanted)),
        door=waiting(workspace, door, wanted), lake=_made(workspace, source, wanted, reads), reads=tuple(reads),
    )
    if not found.rows:
        raise _nothing(workspace, source, wanted)
    return found


def begin(workspace: Workspace, source: str, wanted: Wanted, *, by: str) -> Purge:
    """Write a purge into the book: from now on nothing of it is read. The rest is done by the next run.

    One that was begun and not finished, and means all there is of it, is returned as it is.
    """
    known = begun(workspace, source, wanted)
    if known is not None and not _is_more(workspace, source, wanted, known):
        return known
    now = workspace.clock.now()
    told = "\0".join(map(str, (source, wanted.event, wanted.path, wanted.since, wanted.until, now)))
    purge = Purge(
        purge_id=f"p_{hashlib.blake2b(told.encode(), digest_size=10).hexdigest()}", source=source, event=wanted.event,
        path=wanted.path, since=wanted.since, until=wanted.until, asked_at=now, asked_by=by, proof={},
    )
    workspace.book.purges.begin(purge)
    return purge


def begun(workspace: Workspace, source: str, wanted: Wanted) -> Purge | None:
    """Return the purge of the same that is not finished, the one that reaches farthest; None when there is none."""
    found = [one for one in workspace.book.purges.open() if one.source == source and _is_same(one.wanted, wanted)]
    return max(found, key=lambda one: one.until, default=None)


def carry_out_purges(workspace: Workspace) -> None:
    """Do what open purges want of the landing and the book, and drop the tables made of the old rows.

    Call it while holding the project's lease, and make the tables again afterwards. Each step may be done twice.
    """
    open_ = _of_doors(workspace, is_open=True)
    if not open_:
        return
    arrivals = ArrivalLanding(files=workspace.landing.files, book=workspace.book, clock=workspace.clock)
    collect(workspace.project.config.door.folder, arrivals.land)
    for purge, source in open_:
        strike(workspace, purge, source)
    answers = workspace.book.forgetting.forget_answers()
    tables, files = drop_tables(workspace)
    for purge, _ in open_:
        workspace.book.purges.prove(purge.purge_id, "book", {"kept_answers": answers})
        workspace.book.purges.prove(purge.purge_id, "lake", {"tables": tables, "files": files})


def verify_purges(workspace: Workspace) -> None:
    """Search every store for what open purges mean, and close those of which nothing is found.

    What the door holds came after the landing was written anew, and is dropped as it is read: it keeps none open.
    """
    for purge, source in _of_doors(workspace, is_open=True):
        told = searched(workspace, source, purge.wanted)
        if any(told[store]["found"] for store in ("landing", "lake")):
            workspace.book.purges.prove(purge.purge_id, "searched", told)
        else:
            workspace.book.purges.finish(purge.purge_id, told, at=workspace.clock.now())


def searched(workspace: Workspace, source: DoorSource, wanted: Wanted) -> dict[str, Any]:
    """Look through the landing, the door and every version of the records: by store, `looked` and `found`."""
    left = landed(workspace, source, wanted)
    versions = recorded(workspace, source, wanted)
    door = waiting(workspace, source, wanted)
    return {
        "landing": {"looked": 2, "found": [f"{source.name}.{one.stream}" for one in left]},
        "door": {"looked": 1, "found": [f"{door:,} messages that came since"] if door else []},
        "lake": {"looked": len(versions), "found": [name for name, rows in versions.items() if rows]},
    }


def searched_again(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Look through all stores for everything that was ever purged of the doors there are: number -> `searched`."""
    return {one.purge_id: searched(workspace, door, one.wanted) for one, door in _of_doors(workspace, is_open=False)}


def _of_doors(workspace: Workspace, *, is_open: bool) -> list[tuple[Purge, DoorSource]]:
    """Return purges with their doors. One whose door is declared no more waits until it is again."""
    doors = {source.name: source for source in workspace.project.sources if isinstance(source, DoorSource)}
    purges = workspace.book.purges.open() if is_open else workspace.book.purges.listed()
    return [(one, doors[one.source]) for one in purges if one.source in doors]


def _path(name: str) -> str:
    parts = path_parts(name)
    if not parts or any(part.isdigit() or "[" in part for part in parts):
        raise PurgeRefused(f"{name!r} is no property", hint="write its name, or a dotted path such as traits.ssn")
    if parts[0] == "door":
        raise PurgeRefused("what the door itself notes of a message cannot be purged", hint="name a property")
    return name if len(parts) > 1 else f"{PROPERTIES}.{name}"


def _is_same(known: Wanted, wanted: Wanted) -> bool:
    return (known.event, known.path, known.since) == (wanted.event, wanted.path, wanted.since)


def _is_more(workspace: Workspace, source: str, wanted: Wanted, known: Purge) -> bool:
    """Return whether anything is meant that came after the end of a purge of the same."""
    if wanted.until <= known.until:
        return False
    rest, door = replace(wanted, since=known.until), workspace.source(source)
    return bool(waiting(workspace, door, rest) or landed(workspace, door, rest))


def _covers(known: Wanted, wanted: Wanted) -> bool:
    """Return whether a purge was of the same, from where it is wanted on; after its end nothing may have come."""
    first = wanted.since or datetime.min.replace(tzinfo=UTC)
    is_within = (known.since is None or known.since <= first) and first < known.until
    return (known.event, known.path) == (wanted.event, wanted.path) and is_within


def _readers(workspace: Workspace, source: str, wanted: Wanted) -> list[str]:
    """Return the events that read a property."""
    if wanted.path is None:
        return []
    stream = messages_of(workspace.source(source))
    fields = set(purged.touched(stream.fields, wanted.path))
    return sorted({
        one.event for one in workspace.project.events if one.stream == stream.full_name and one.names & fields
    })


def _made(workspace: Workspace, source: str, wanted: Wanted, reads: Collection[str]) -> dict[str, int]:
    """Return how many rows of each table are made of what is meant; of a property: events that read it."""
    stream, lake = messages_of(workspace.source(source)), workspace.lake.on(workspace.stores.border)
    name, found = records_of(stream), dict[str, int]()
    if not lake.exists(name):
        return found
    with workspace.stores.border.bench() as bench:
        keys = bench.keep(meant(stream, lake.table(name), wanted, bench))
        found[name] = count(keys, bench)
        for table in (EVENTS, MONEY) if wanted.path is None else (EVENTS,):
            if lake.exists(table):
                rows = lake.table(table)
                rows = rows.filter(rows.source == source, rows.stream == stream.name)
                rows = rows if wanted.path is None else rows.filter(rows.event_type.isin(sorted(reads)))
                found[table] = count(rows.semi_join(keys, "record_key"), bench)
    return {table: rows for table, rows in found.items() if rows}


def _nothing(workspace: Workspace, source: str, wanted: Wanted) -> NotFound:
    """Return the error that says why nothing is meant."""
    done = [one for one in workspace.book.purges.listed(source) if _covers(one.wanted, wanted)]
    if done:
        said, hint = f"is being purged as {done[-1].purge_id}", "regulars run finishes it"
        if done[-1].finished_at is not None:
            said, hint = f"was purged as {done[-1].purge_id}, and nothing of it came since", "regulars purge"
        return NotFound(f"nothing of {source} is left of that: it {said}", hint=hint)
    names = _names(workspace, source)
    if wanted.event is not None and wanted.event not in names:
        return NotFound(
            f"no message of {source} was ever sent as {wanted.event!r}",
            hint=did_you_mean(wanted.event, names) if names else "regulars run",
        )
    if wanted.path is not None:
        return NotFound(
            f"no message of {source} that is meant has {wanted.path!r}",
            hint=f"regulars plan infer {source} shows what they have",
        )
    told = "" if wanted.event is None else f": {wanted.event!r} came {' to '.join(names[wanted.event])}"
    return NotFound(f"nothing of {source} happened in that span{told}", hint="correct --from and --to")


def _names(workspace: Workspace, source: str) -> dict[str, tuple[str, str]]:
    """Return under which names the messages of a door were sent, and on which days (UTC) first and last."""
    name = records_of(messages_of(workspace.source(source)))
    if not workspace.has(name):
        return {}
    rows = workspace.table(name)
    days = rows.filter(rows["name"].notnull()).group_by("name").agg(first=rows["at"].min(), last=rows["at"].max())
    return {
        row["name"]: (row["first"].date().isoformat(), row["last"].date().isoformat())
        for row in workspace.rows(days.order_by("name"))
    }
