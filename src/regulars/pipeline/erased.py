"""Erased: people who asked to be forgotten are known by salted hashes, and no row of theirs stays or is read."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from regulars.consent.channel import CHANNELS, Channel, canonical_all
from regulars.consent.suppression import address_hash
from regulars.events.event import EventType
from regulars.pipeline.consent import salt
from regulars.pipeline.pull import rejects_of
from regulars.pipeline.purged import strike_late
from regulars.pipeline.read import read_source, records_of
from regulars.pipeline.workspace import Workspace
from regulars.records import mention
from regulars.records.formula import Formula
from regulars.records.record import Stream
from regulars.runs.run import Steps
from regulars.sources.source import Source
from regulars.storage.book.erasures import Kind
from regulars.storage.landing import CHANGED

Key = tuple[Kind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A path of a stream's items at which an id or an address of a person stands."""

    path: str                                # dotted, of the item itself
    profile_source: str | None               # whose ids stand there; None: an address or number
    is_owner: bool                           # says whose row it is; else the row is somebody else's who names them
    unless: tuple[str, ...] = ()             # paths: where anything stands at one, it is no owner after all


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """What was taken out of a stream of the landing."""

    source: str
    stream: str
    rows: int                                # that were theirs
    mentions: int                            # rows of others, in which they were named
    segments: int                            # that were written anew


def hashed(workspace: Workspace, kind: Kind, texts: Sequence[str], *, source: str = "") -> list[str | None]:
    """Return the hash by which each text is kept out; None for what is none of its kind.

    Of profiles, texts are the ids of a source: their case does not matter.
    """
    key, rules = salt(workspace), workspace.project.identifier_rules
    if kind == "profile":
        return [
            hmac.digest(key, f"profile\0{source}\0{text.lower()}".encode(), "sha256").hex() for text in texts
        ]
    return [
        None if address is None else address_hash(address, channel=kind, salt=key)
        for address in canonical_all(texts, channel=kind, rules=rules)
    ]


def keys_of(
    workspace: Workspace, profiles: Iterable[tuple[str, str]], contacts: Mapping[Channel, Sequence[str]]
) -> set[Key]:
    """Return the keys by which somebody's profiles and contacts are kept out."""
    found: set[tuple[Kind, str | None]] = set()
    for source, profile in profiles:
        found |= {("profile", one) for one in hashed(workspace, "profile", [profile], source=source)}
    for channel, texts in contacts.items():
        found |= {(channel, one) for one in hashed(workspace, channel, texts)}
    return {(kind, one) for kind, one in found if one is not None}


def meant_among(
    workspace: Workspace, kind: Kind, texts: Sequence[str], keys: Collection[Key], *, source: str = ""
) -> set[str]:
    """Return those of the texts that mean somebody who was erased."""
    wanted = {key for of, key in keys if of == kind}
    if not wanted or not texts:
        return set()
    return {
        text for text, one in zip(texts, hashed(workspace, kind, texts, source=source), strict=True) if one in wanted
    }


def places_of(source: Source, stream: Stream, events: Sequence[EventType]) -> list[Place]:
    """Return where a stream's items and the lists in them name people, the owners first.

    A profile's row is its own, whoever else it names; a row without a profile is of whom its events and money are, such
    as a message of somebody who was not known yet.
    """
    children = [one for one in source.streams if one.parent == stream.name]
    told = [place for one in (stream, *children) for place in _told(one, events)]
    by_path: dict[tuple[str, str | None], tuple[bool, bool]] = {}
    for path, profile_source, is_profile, is_who in told:
        before = by_path.get((path, profile_source), (False, False))
        by_path[path, profile_source] = before[0] or is_profile, before[1] or is_who
    unless = () if stream.profile is None else tuple(
        _item_paths(stream.profile.id, {field.name: field.path for field in stream.fields}, is_child=False)
    )
    found = [
        Place(path=path, profile_source=of, is_owner=is_profile or is_who, unless=() if is_profile else unless)
        for (path, of), (is_profile, is_who) in by_path.items()
    ]
    return sorted(found, key=lambda place: (not place.is_owner, place.path, place.profile_source or ""))


def read_unerased(workspace: Workspace, source: Source) -> Steps:
    """Read what landed since the last time, without rows of erased people and of what was purged.

    These leave the landing first.
    """
    told = {"erased": strike_source(workspace, source), "purged": strike_late(workspace, source)}
    work = yield from read_source(workspace, source)
    words = {"erased": "{:,} rows of erased people dropped", "purged": "{:,} rows of what was purged dropped"}
    struck = {name: rows for name, rows in told.items() if rows}
    note = "; ".join(part for part in (work.note, *(words[name].format(rows) for name, rows in struck.items())) if part)
    return replace(work, note=note, facts={**work.facts, **struck})


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
    changed = [
        {**row, "payload": None if row["is_owned"] else mention.blanked(row["payload"], paths, meant=meant)}
        for row in found
    ]
    rewritten = 0
    for segment in workspace.book.pages.segments(source, stream, after_seq=after_seq):
        here = [row for row in changed if segment.first_seq <= row["seq"] <= segment.seq]
        if here:
            rows = pa.Table.from_pylist(here, schema=CHANGED)
            workspace.landing.withdraw(segment, workspace.stores.border.arrow(rows))
            rewritten += 1
    owned = sum(row["is_owned"] for row in found)
    return Struck(source=source, stream=stream, rows=owned, mentions=len(found) - owned, segments=rewritten)


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
        owners = {number: place.unless for number, place in enumerate(places) if place.is_owner}
        found = mention.rows_of(landing, paths, owners=owners, meant=meant, bench=bench).to_pylist()
    return paths, [{**row, "is_owned": row["is_owned"] or known is None} for row in found], meant


def owned_rows(
    workspace: Workspace, profiles: Iterable[tuple[str, str]]
) -> Iterator[tuple[Stream, list[Place], pa.Table]]:
    """Yield, of each stream, where its items say whose they are, and the rows of some profiles: `mention.ROW`."""
    ids = {(source, profile.lower()) for source, profile in profiles}
    for source in workspace.project.sources:
        for stream in (one for one in source.streams if one.parent is None):
            places = [one for one in places_of(source, stream, workspace.project.events) if one.is_owner]
            meant = {
                number: {profile for of, profile in ids if of == place.profile_source}
                for number, place in enumerate(places)
            }
            with workspace.stores.border.bench() as bench:
                landing = workspace.landing.rows(source.name, stream.name)
                paths = [place.path for place in places]
                owners = {number: place.unless for number, place in enumerate(places)}
                rows = mention.rows_of(landing, paths, owners=owners, meant=meant, bench=bench)
                yield stream, places, rows.filter(rows["is_owned"])


def _meant(
    workspace: Workspace, places: Sequence[Place], told: pa.Table, keys: Collection[Key]
) -> dict[int, set[str]]:
    """Return, of each place, the texts that mean an erased person."""
    meant: dict[int, set[str]] = {}
    for place in pc.unique(told["place"]).to_pylist():
        texts = told.filter(pc.equal(told["place"], place))["value"].to_pylist()
        source = places[place].profile_source if place >= 0 else None
        if source is not None:
            meant[place] = meant_among(workspace, "profile", texts, keys, source=source)
        else:
            kinds: tuple[Channel, ...] = CHANNELS if place >= 0 else (_CHANNEL[place],)
            meant[place] = set().union(*(meant_among(workspace, kind, texts, keys) for kind in kinds))
    return meant


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


_CHANNEL: Mapping[int, Channel] = {mention.ADDRESS: "email", mention.NUMBER: "sms"}
