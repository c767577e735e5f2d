"""Erased: people who asked to be forgotten are known by salted hashes, and no row of theirs stays or is read."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from regulars.consent.channel import CHANNELS, canonical_all
from regulars.consent.suppression import address_hash
from regulars.events.event import EventType
from regulars.pipeline.consent import salt
from regulars.pipeline.pull import rejects_of
from regulars.pipeline.read import read_source, records_of
from regulars.pipeline.workspace import Workspace
from regulars.records import mention
from regulars.records.formula import Formula
from regulars.records.record import Stream
from regulars.runs.run import Steps
from regulars.sources.source import Source
from regulars.storage.book.erasures import Kind

Key = tuple[Kind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A path of a stream's items at which an id or an address of a person stands."""

    path: str                                # dotted, of the item itself
    profile_source: str | None               # whose ids stand there; None: an address or number
    is_owner: bool                           # says whose row it is; else the row is somebody else's who names them


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """What was taken out of a stream of the landing."""

    source: str
    stream: str
    rows: int                                # that were theirs
    mentions: int                            # rows of others, in which they were named
    segments: int                            # that were written anew


def profile_key(source: str, profile_id: str, *, key: bytes) -> Key:
    """Return the key by which a profile is kept out; the case of an id does not matter."""
    return "profile", address_hash(f"{source}\0{profile_id.lower()}", channel="profile", salt=key)  # type: ignore[arg-type]  # hashed alike, apart from addresses


def keys_of(workspace: Workspace, texts: Iterable[tuple[Kind, str]]) -> dict[tuple[Kind, str], Key]:
    """Return the key of each text: an address of a channel, or `source NUL id` of a profile. What is none has none."""
    key, wanted, rules = salt(workspace), defaultdict[Kind, set[str]](set), workspace.project.identifier_rules
    for kind, text in texts:
        wanted[kind].add(text)
    found: dict[tuple[Kind, str], Key] = {}
    for text in wanted["profile"]:
        source, _, profile = text.partition("\0")
        found["profile", text] = profile_key(source, profile, key=key)
    for channel in CHANNELS:
        raw = sorted(wanted[channel])
        for text, address in zip(raw, canonical_all(raw, channel=channel, rules=rules), strict=True):
            if address is not None:
                found[channel, text] = (channel, address_hash(address, channel=channel, salt=key))
    return found


def places_of(source: Source, stream: Stream, events: Sequence[EventType]) -> list[Place]:
    """Return where a stream's items and the lists in them name people, the owners first.

    A profile's row is its own, whoever else it names; a row without a profile is of whom its events and money are.
    """
    children = [one for one in source.streams if one.parent == stream.name]
    told = [place for one in (stream, *children) for place in _told(one, events)]
    has_profile = stream.profile is not None
    by_path: dict[tuple[str, str | None], bool] = {}
    for path, profile_source, is_profile, is_who in told:
        is_owner = is_profile if has_profile else is_who or is_profile
        by_path[path, profile_source] = by_path.get((path, profile_source), False) or is_owner
    found = [Place(path=path, profile_source=of, is_owner=own) for (path, of), own in by_path.items()]
    return sorted(found, key=lambda place: (not place.is_owner, place.path, place.profile_source or ""))


def read_unerased(workspace: Workspace, source: Source) -> Steps:
    """Read what landed since the last time, without the rows of erased people: these leave the landing first."""
    struck = strike_source(workspace, source)
    work = yield from read_source(workspace, source)
    if not struck:
        return work
    note = "; ".join(part for part in (work.note, f"{struck:,} rows of erased people dropped") if part)
    return replace(work, note=note, facts={**work.facts, "erased": struck})


def strike_source(workspace: Workspace, source: Source) -> int:
    """Take the rows of erased people out of what landed since a source was last read; returns how many were theirs."""
    keys = workspace.book.erasures.keys()
    if not keys:
        return 0
    struck = 0
    for stream in (one for one in source.streams if one.parent is None):
        group = [one for one in source.streams if stream.name in (one.name, one.parent)]
        covered = min(int(workspace.lake.meta(records_of(one)).get("seq", 0)) for one in group)
        for name in (stream.name, rejects_of(stream)):
            struck += strike(workspace, source.name, name, keys=keys, after_seq=covered).rows
    return struck


def strike(
    workspace: Workspace, source: str, stream: str, *, keys: Collection[Key], after_seq: int = 0
) -> Struck:
    """Write a stream's segments anew without the rows of erased people, and without what others' rows say of them."""
    paths, found, meant = find(workspace, source, stream, keys=keys, after_seq=after_seq)
    owned, others = [row for row in found if row["is_owned"]], [row for row in found if not row["is_owned"]]
    changed = [{**row, "payload": mention.blanked(row["payload"], paths, meant=meant)} for row in others]
    rewritten = 0
    for segment in workspace.book.pages.segments(source, stream, after_seq=after_seq):
        here = range(segment.first_seq, segment.seq + 1)
        parts = [[row for row in rows if row["seq"] in here] for rows in (owned, changed)]
        if any(parts):
            gone, new = (pa.Table.from_pylist(rows, schema=_ROWS) for rows in parts)
            workspace.landing.withdraw(segment, gone=gone, changed=new)
            rewritten += 1
    return Struck(source=source, stream=stream, rows=len(owned), mentions=len(others), segments=rewritten)


def find(
    workspace: Workspace, source: str, stream: str, *, keys: Collection[Key], after_seq: int = 0
) -> tuple[list[str], list[dict[str, Any]], dict[int, set[str]]]:
    """Return the paths that were looked at, the rows of `mention.ROW` that speak of erased people, and by which texts.

    Of a stream that nobody declares any more, and of what could not be read, every row that names them is theirs.
    """
    declared = next((one for one in workspace.project.sources if one.name == source), None)
    known = None if declared is None else next((one for one in declared.streams if one.name == stream), None)
    places = [] if declared is None or known is None else places_of(declared, known, workspace.project.events)
    paths = [place.path for place in places]
    with workspace.stores.border.bench() as bench:
        landing = workspace.landing.rows(source, stream, after_seq=after_seq)
        meant = _meant(workspace, places, mention.told(landing, paths, bench=bench), keys)
        owners = {number for number, place in enumerate(places) if place.is_owner}
        found = mention.rows_of(landing, paths, owners=owners, meant=meant, bench=bench).to_pylist()
    return paths, [{**row, "is_owned": row["is_owned"] or known is None} for row in found], meant


def rows_of_profiles(workspace: Workspace, profiles: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return what came from outside about profiles, oldest first: source, stream, recorded_at, item."""
    found: list[dict[str, Any]] = []
    for source in workspace.project.sources:
        for stream in (one for one in source.streams if one.parent is None):
            places = [one for one in places_of(source, stream, workspace.project.events) if one.is_owner]
            meant = {
                number: {profile.lower() for of, profile in profiles if of == place.profile_source}
                for number, place in enumerate(places)
            }
            paths = [place.path for place in places]
            with workspace.stores.border.bench() as bench:
                landing = workspace.landing.rows(source.name, stream.name)
                rows = mention.rows_of(landing, paths, owners=set(meant), meant=meant, bench=bench)
            found += [
                {
                    "source": source.name, "stream": stream.name, "recorded_at": row["recorded_at"],
                    "item": json.loads(row["payload"]),
                }
                for row in rows.to_pylist()
            ]
    return found


def _meant(
    workspace: Workspace, places: Sequence[Place], told: pa.Table, keys: Collection[Key]
) -> dict[int, set[str]]:
    """Return, of each place, the texts whose key is one of an erased person."""
    asked: dict[tuple[int, str], list[tuple[Kind, str]]] = {}
    for place, value in zip(told["place"].to_pylist(), told["value"].to_pylist(), strict=True):
        asked[place, value] = _asked(places, place, value)
    known = keys_of(workspace, (one for several in asked.values() for one in several))
    meant: dict[int, set[str]] = defaultdict(set)
    for (place, value), several in asked.items():
        if any(known.get(one) in keys for one in several):
            meant[place].add(value)
    return meant


def _asked(places: Sequence[Place], place: int, value: str) -> list[tuple[Kind, str]]:
    if place == mention.ADDRESS:
        return [("email", value)]
    if place == mention.NUMBER:
        return [("sms", value)]
    source = places[place].profile_source
    return [("email", value), ("sms", value)] if source is None else [("profile", f"{source}\0{value}")]


def _told(stream: Stream, events: Sequence[EventType]) -> list[tuple[str, str | None, bool, bool]]:
    """Return path, whose ids, whether a profile's own, whether of whom it is; of every formula that names a person."""
    formulas: list[tuple[Formula | str | None, str | None, bool, bool]] = []
    own, profile = stream.source, stream.profile
    if profile is not None:
        formulas += [(profile.id, own, True, True)]
        formulas += [(contact, None, True, True) for contact in (profile.email, profile.phone)]
        formulas += [(formula, other, False, False) for other, formula in (profile.same_as or {}).items()]
    formulas += [(line.who, own, False, True) for line in stream.money]
    for relation in stream.family:
        formulas += [(relation.who, own, False, True), (relation.whom, own, False, False)]
        formulas += [(relation.whom_email, None, False, False)]
    if stream.roster is not None:
        formulas += [(stream.roster.who, own, False, True), (stream.roster.owner, own, False, False)]
    mine = [one for one in events if one.stream == stream.full_name and one.who is not None]
    formulas += [(one.who, one.who_source or own, False, True) for one in mine]
    paths = {field.name: field.path for field in stream.fields}
    return [
        (path, of, is_profile, is_who)
        for formula, of, is_profile, is_who in formulas if formula is not None
        for path in _item_paths(formula, paths, is_child=stream.parent is not None)
    ]


def _item_paths(formula: Formula | str, paths: Mapping[str, str], *, is_child: bool) -> list[str]:
    """Return the paths of the item that a formula reads; of an element of its lists: those that point up to it."""
    read = Formula.parse(formula) if isinstance(formula, str) else formula
    found = [paths[name] for name in sorted(read.names) if name in paths]
    if not is_child:
        return found
    return [path.removeprefix("^").removeprefix(".") for path in found if path.startswith("^")]


_ROWS = pa.schema([("seq", pa.int64()), ("file", pa.string()), ("line", pa.int64()), ("payload", pa.string())])
