"""Forget: one person leaves every store, with a proof of each; killed anywhere, the next run goes on.

What came from outside is rewritten without them, the book forgets them, and every derived table is made again from what
is left: so no table can hold what nothing says any more. Only hashes stay, by which they are kept out.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from regulars.consent.channel import CHANNELS, CONTACTS, Channel, canonical_all
from regulars.consent.suppression import Suppression, address_hash
from regulars.pipeline.anew import drop_tables
from regulars.pipeline.arrivals import is_pushed
from regulars.pipeline.consent import salt
from regulars.pipeline.erased import Key, Struck, find, keys_of, meant_among, owned_rows, strike
from regulars.pipeline.merged import merged_into
from regulars.pipeline.own import of_profiles, profile_keys
from regulars.pipeline.pull import rejects_of
from regulars.pipeline.searched import proof_of, search
from regulars.pipeline.workspace import Workspace
from regulars.records import mention
from regulars.storage.book.erasures import Erasure
from regulars.storage.door.collect import collect
from regulars.storage.door.landed import ArrivalLanding


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is to be forgotten, and by what they are known."""

    customer_ids: tuple[str, ...]            # the customer first, then those merged into it
    profiles: tuple[tuple[str, str], ...]    # source, id
    contacts: Mapping[Channel, tuple[str, ...]]  # that are nobody else's: they are kept out and not written to
    shared: int                              # contacts that somebody else uses too: they stay theirs
    keys: frozenset[Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What forgetting somebody would do."""

    person: Person
    landing: tuple[Struck, ...]              # streams with rows of theirs or that name them
    lake: Mapping[str, int]                  # rows about them, of tables by profile or customer


def person_of(workspace: Workspace, customer_id: str) -> Person:
    """Return by what a customer is known, in all that ever came."""
    profiles = profile_keys(workspace, customer_id)
    contacts, shared = _contacts(workspace, profiles)
    return Person(
        customer_ids=(customer_id, *merged_into(workspace, customer_id)), profiles=tuple(profiles), contacts=contacts,
        shared=shared, keys=frozenset(keys_of(workspace, profiles, contacts)),
    )


def plan(workspace: Workspace, customer_id: str) -> Plan:
    """Return what forgetting a customer would do; nothing is written."""
    person = person_of(workspace, customer_id)
    return Plan(
        person=person, landing=tuple(_landed(workspace, person.keys)),
        lake=_lake_rows(workspace, customer_id, list(person.profiles)),
    )


def begin(workspace: Workspace, customer_id: str, *, by: str) -> Erasure:
    """Write an erasure into the book: from now on nobody writes to the person, and nothing of them is read.

    The rest is done by the next run, or by `forget`. One that is begun already is returned as it is.
    """
    key, now, asked = salt(workspace), workspace.clock.now(), customer_key(workspace, customer_id)
    known = workspace.book.erasures.of(asked)
    if known is not None and known.finished_at is None:
        return known
    person = person_of(workspace, customer_id)
    number = hmac.digest(key, f"erasure\0{customer_id}\0{now.isoformat()}".encode(), "sha256").hex()
    erasure = Erasure(
        erasure_id=f"e_{number[:20]}", customer_hash=asked, customer_ids=person.customer_ids, asked_at=now, asked_by=by,
        proof={},
    )
    workspace.book.consent.suppress(
        Suppression(
            channel=channel, address_hash=address_hash(text, channel=channel, salt=key), reason="erased",
            source=f"erasure:{erasure.erasure_id}", since=now,
        )
        for channel, texts in person.contacts.items() for text in texts
    )
    workspace.book.erasures.begin(erasure, person.keys)
    return erasure


def begin_profiles(workspace: Workspace, profiles: Sequence[tuple[str, str]], *, by: str) -> Erasure:
    """Write an erasure of some profiles alone into the book; whatever else is known of whose they are stays.

    They are kept out at once, and the next run does the rest.
    """
    key, now = salt(workspace), workspace.clock.now()
    told = "\0".join(sorted(f"{source}/{profile}" for source, profile in profiles))
    number = hmac.digest(key, f"erasure\0{told}".encode(), "sha256").hex()
    erasure = Erasure(
        erasure_id=f"e_{number[:20]}", customer_hash=customer_key(workspace, told), customer_ids=(), asked_at=now,
        asked_by=by, proof={},
    )
    workspace.book.erasures.begin(erasure, keys_of(workspace, profiles, {}))
    return erasure


def customer_key(workspace: Workspace, customer_id: str) -> str:
    """Return the hash by which the erasure of a customer is found again."""
    return address_hash(customer_id, channel="customer", salt=salt(workspace))  # type: ignore[arg-type]  # hashed alike, apart from addresses


def erasure_of(workspace: Workspace, who: str) -> Erasure | None:
    """Return the erasure that a text means: its own id, or the id of the customer who was forgotten."""
    known = [one for one in workspace.book.erasures.listed() if one.erasure_id == who]
    return known[0] if known else workspace.book.erasures.of(customer_key(workspace, who))


def carry_out(workspace: Workspace) -> None:
    """Do what open erasures want of the landing, the book and the files, and drop the tables made of the old ones.

    Call it while holding the project's lease, and make the tables again afterwards. Each step may be done twice.
    """
    waiting = workspace.book.erasures.open()
    for erasure in waiting:
        keys = workspace.book.erasures.keys(erasure.erasure_id)
        _forget_landed(workspace, erasure, keys)
        addresses = [key for kind, key in keys if kind != "profile"]
        ids = erasure.customer_ids or ()
        forgotten = workspace.book.forgetting.forget(
            ids, known_as=erasure.erasure_id, addresses=sorted(addresses),
            profiles=() if ids else _mapped(workspace, keys),
        )
        workspace.book.erasures.prove(erasure.erasure_id, "book", forgotten)
    if waiting:
        _make_lake_anew(workspace, waiting)


def verify(workspace: Workspace) -> bool:
    """Search every store for the people of open erasures, and close those of whom nothing is found; say if all are."""
    is_clean = True
    for erasure in workspace.book.erasures.open():
        searches = search(workspace, workspace.book.erasures.keys(erasure.erasure_id))
        if any(one.found for one in searches):
            is_clean = False
            workspace.book.erasures.prove(erasure.erasure_id, "searched", proof_of(searches))
        else:
            workspace.book.erasures.finish(erasure.erasure_id, proof_of(searches), at=workspace.clock.now())
    return is_clean


def _forget_landed(workspace: Workspace, erasure: Erasure, keys: set[Key]) -> None:
    landing = ArrivalLanding(files=workspace.landing.files, book=workspace.book, clock=workspace.clock)
    collect(workspace.project.config.door.folder, landing.land)
    for source in (one for one in workspace.project.sources if not is_pushed(one)):
        for stream in source.streams:
            for name in (stream.name, rejects_of(stream)):
                while (staged := workspace.landing.staged(source.name, name)) is not None:
                    workspace.landing.discard(staged.set_id)
    for source_name, name in workspace.book.pages.streams():
        struck = strike(workspace, source_name, name, keys=keys)
        if struck.segments:
            told = {"rows": struck.rows, "mentions": struck.mentions, "segments": struck.segments}
            workspace.book.erasures.prove(erasure.erasure_id, f"landing {source_name}.{name}", told)


def _mapped(workspace: Workspace, keys: Collection[Key]) -> list[tuple[str, str]]:
    """Return the profiles of the identity map that have one of the keys."""
    mapped = workspace.book.identity.identity_map()
    found: list[tuple[str, str]] = []
    for source in mapped["profile_source"].unique().to_pylist():
        ids = mapped.filter(pc.equal(mapped["profile_source"], source))["profile_id"].to_pylist()
        found += [(source, one) for one in meant_among(workspace, "profile", ids, keys, source=source)]
    return sorted(found)


def _make_lake_anew(workspace: Workspace, waiting: Sequence[Erasure]) -> None:
    tables, files = drop_tables(workspace)
    for erasure in waiting:
        workspace.book.erasures.prove(erasure.erasure_id, "lake", {"tables": tables, "files": files})


def _contacts(
    workspace: Workspace, profiles: list[tuple[str, str]]
) -> tuple[dict[Channel, tuple[str, ...]], int]:
    """Return a customer's contacts that no other customer has, and how many others have too."""
    landed = _landed_contacts(workspace, profiles)
    table, shared = workspace.table("profiles"), 0
    contacts: dict[Channel, tuple[str, ...]] = {}
    mine = workspace.fetch(of_profiles(table, profiles).select("email", "phone"))
    others = table.anti_join(
        workspace.stores.engine.arrow(pa.Table.from_pylist(
            [{"profile_source": source, "profile_id": profile} for source, profile in profiles],
            schema=pa.schema([("profile_source", pa.string()), ("profile_id", pa.string())]),
        )), ["profile_source", "profile_id"],
    )
    for channel in CHANNELS:
        column = CONTACTS[channel]
        every = landed[channel] | {text for text in mine[column].to_pylist() if text is not None}
        used = others.filter(others[column].isin(sorted(every))).select(column).distinct()
        taken = {row[column] for row in workspace.rows(used)} if every else set()
        contacts[channel] = tuple(sorted(every - taken))
        shared += len(taken)
    return contacts, shared


def _landed_contacts(workspace: Workspace, profiles: list[tuple[str, str]]) -> dict[Channel, set[str]]:
    """Return every contact that a person's own rows ever told of, last year's too, in its canonical spelling."""
    raw: set[str] = set()
    for _, places, rows in owned_rows(workspace, profiles):
        paths = [place.path for place in places if place.profile_source is None]
        if len(rows) and paths:
            with workspace.stores.border.bench() as bench:
                told = mention.told(workspace.stores.border.arrow(rows), paths, bench=bench)
            raw |= {row["value"] for row in told.to_pylist() if row["place"] >= 0}
    rules = workspace.project.identifier_rules
    found: dict[Channel, set[str]] = {}
    for channel in CHANNELS:
        read = canonical_all(sorted(raw), channel=channel, rules=rules)
        found[channel] = {text for text in read if text is not None}
    return found


def _landed(workspace: Workspace, keys: Collection[Key]) -> Iterable[Struck]:
    for source, stream in workspace.book.pages.streams():
        _, rows, _ = find(workspace, source, stream, keys=keys)
        if rows:
            owned = sum(bool(row["is_owned"]) for row in rows)
            seqs = {row["seq"] for row in rows}
            held = workspace.book.pages.segments(source, stream)
            segments = sum(any(seq in range(one.first_seq, one.seq + 1) for seq in seqs) for one in held)
            yield Struck(source=source, stream=stream, rows=owned, mentions=len(rows) - owned, segments=segments)


def _lake_rows(workspace: Workspace, customer_id: str, profiles: list[tuple[str, str]]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for name in workspace.lake.tables():
        table = workspace.table(name)
        if "customer_id" in table.columns:
            found[name] = workspace.count(table.filter(table.customer_id == customer_id))
        elif {"profile_source", "profile_id"} <= set(table.columns):
            found[name] = workspace.count(of_profiles(table, profiles))
    return {name: count for name, count in found.items() if count}
