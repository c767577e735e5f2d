"""Consent in the book: the ledger with its wordings, suppressions, and replies that a person must read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from regulars.consent.ledger import ENTRIES, Entry, chained, entry_key
from regulars.consent.suppression import SUPPRESSIONS, Suppression
from regulars.errors import NotFound
from regulars.later import pa
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import consent_entries, consent_reviews, consent_wordings, suppressions

COUNTER = "consent"
MANY = 50_000
"""Addresses of so many are no longer looked up one by one: the whole ledger is read in less time."""

Verdict = Literal["opt_out", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """Everything that is known of one address."""

    entries: tuple[Entry, ...]               # in the order in which they were written down
    suppressions: tuple[Suppression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A reply that a person must read; its sender is suppressed until then."""

    review_id: str
    channel: str
    address_hash: str
    address: str | None
    customer_id: str | None
    text: str
    reason: str                              # why no rule could tell
    asked_at: datetime
    verdict: Verdict | None = None           # None: open
    settled_at: datetime | None = None
    settled_by: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentBook:
    """Who may be written to, and the proof of it."""

    database: Database

    def append(
        self, entries: Iterable[Entry], *, addresses: Mapping[str, str], at: datetime, lifted: Sequence[str] = ()
    ) -> int:
        """Append entries to the ledger in one transaction, and return how many were new.

        Args:
            entries: An entry that is in the ledger already is not added again.
            addresses: Of each address_hash, the address itself: until it is erased.
            at: When they are written down.
            lifted: Reasons of suppressions that end with this for these addresses.

        """
        told = {entry.entry_id: entry for entry in entries}
        with self.database.writing() as connection:
            # Taken first: its row stays locked, so that of two writers the second chains to the first one's last entry.
            seq = self.database.next_number(connection, COUNTER, count=0)
            known = self._known(connection, told)
            new = {key: entry for key, entry in told.items() if key not in known}
            chain = self._last_chain(connection)
            rows = []
            for number, (key, entry) in enumerate(new.items(), seq):
                chain = chained(chain, key, seq=number)
                place = {"tenant": self.database.tenant, "seq": number, "entry_id": key, "chain": chain}
                rows.append(place | _row(entry, addresses.get(entry.address_hash), at))
            if rows:
                connection.execute(sa.insert(consent_entries), rows)
                self._keep_wordings(connection, new.values(), at)
            self.database.next_number(connection, COUNTER, count=len(new))
            for entry in new.values() if lifted else ():
                self._lift(connection, entry.address_hash, entry.channel, lifted, at=at, by=entry.source)
        return len(new)

    def of(self, address_hash: str) -> OnRecord:
        """Return what is on record of one address; empty when nothing is."""
        return self.of_all([address_hash])[address_hash]

    def of_all(self, address_hashes: Sequence[str]) -> dict[str, OnRecord]:
        """Return what is on record of each of some addresses, as of one moment; no more than a batch of them."""
        e, s = consent_entries.c, suppressions.c
        entries: defaultdict[str, list[Entry]] = defaultdict(list)
        stops: defaultdict[str, list[Suppression]] = defaultdict(list)
        wording = sa.select(consent_wordings.c.wording).where(
            consent_wordings.c.tenant == e.tenant, consent_wordings.c.wording_hash == e.wording_hash
        ).scalar_subquery().label("wording")
        with self.database.reading() as connection:
            for row in connection.execute(
                sa.select(consent_entries, wording)
                .where(e.tenant == self.database.tenant, e.address_hash.in_(address_hashes)).order_by(e.seq)
            ).mappings():
                entries[row["address_hash"]].append(_entry(row))
            for row in connection.execute(
                sa.select(suppressions)
                .where(s.tenant == self.database.tenant, s.address_hash.in_(address_hashes))
                .order_by(s.channel, s.reason)
            ).mappings():
                stop = Suppression(**{name: row[name] for name in SUPPRESSIONS})
                stops[row["address_hash"]].append(stop)
        return {
            each: OnRecord(entries=tuple(entries[each]), suppressions=tuple(stops[each])) for each in address_hashes
        }

    def entries(self, *, after: int = 0, columns: Sequence[str] = tuple(ENTRIES)) -> pa.Table:
        """Return the ledger as ENTRIES after a number, sorted by it; or what columns without it say, in any order."""
        query, schema = self._said(columns)
        with self.database.reading() as connection:
            later = query.where(consent_entries.c.seq > after)
            return bulk.read(connection, later, schema, order_by=[name for name in ("seq",) if name in columns])

    def entries_of(self, address_hashes: pa.Array, *, columns: Sequence[str]) -> pa.Table:
        """Return what columns of ENTRIES say of some addresses, in any order."""
        if len(address_hashes) > MANY:
            return self.entries(columns=columns)
        query, schema = self._said(columns)
        with self.database.reading() as connection:
            return bulk.read_some(
                connection, query, schema, column=consent_entries.c.address_hash, values=address_hashes
            )

    def last(self) -> int:
        """Return the number of the last entry; 0 when there is none. Whoever writes later gets a greater one."""
        e = consent_entries.c
        query = sa.select(sa.func.max(e.seq)).where(e.tenant == self.database.tenant)
        with self.database.reading() as connection:
            return connection.execute(query).scalar_one() or 0

    def evidence(self, *, since: datetime | None = None, until: datetime | None = None) -> list[dict[str, Any]]:
        """Return the ledger for an auditor: each entry with its address and exact wording, in order of writing."""
        e = consent_entries.c
        same = sa.and_(
            consent_wordings.c.tenant == e.tenant, consent_wordings.c.wording_hash == e.wording_hash
        )
        query = sa.select(
            *(column for column in consent_entries.columns if column.name != "tenant"), consent_wordings.c.wording
        ).join_from(consent_entries, consent_wordings, same, isouter=True).where(e.tenant == self.database.tenant)
        query = query if since is None else query.where(e.at >= since)
        query = query if until is None else query.where(e.at <= until)
        with self.database.reading() as connection:
            return [dict(row) for row in connection.execute(query.order_by(e.seq)).mappings()]

    def first_broken(self) -> int | None:
        """Return the number of the first entry that is not as it was written, or not where; None if all are."""
        e = consent_entries.c
        query = sa.select(consent_entries).where(e.tenant == self.database.tenant).order_by(e.seq)
        before, number = "", 0
        with self.database.reading() as connection:
            for row in connection.execute(query).mappings():
                number += 1
                is_true = row["address"] is None or entry_key(dict(row)) == row["entry_id"]
                if row["seq"] != number or not is_true or row["chain"] != chained(before, row["entry_id"], seq=number):
                    return number
                before = row["chain"]
        return None

    def suppress(self, stops: Iterable[Suppression]) -> int:
        """Suppress addresses, and return how many were not suppressed for that reason before.

        One that was lifted is in force again.
        """
        with self.database.writing() as connection:
            return sum(self._suppress(connection, stop) for stop in stops)

    def lift(self, address_hash: str, *, channel: str, reasons: Sequence[str], at: datetime, by: str) -> int:
        """End suppressions of an address, and return how many were in force."""
        with self.database.writing() as connection:
            return self._lift(connection, address_hash, channel, reasons, at=at, by=by)

    def suppressions(self) -> pa.Table:
        """Return all suppressions that ever were as SUPPRESSIONS, sorted."""
        query = sa.select(*(suppressions.c[name] for name in SUPPRESSIONS))
        with self.database.reading() as connection:
            mine = query.where(suppressions.c.tenant == self.database.tenant)
            schema = bulk.schema(SUPPRESSIONS)
            return bulk.read(connection, mine, schema, order_by=("channel", "address_hash", "reason"))

    def ask(self, review: Review) -> None:
        """Put a reply before a person and suppress its sender meanwhile, in one transaction; twice is once."""
        stop = Suppression(
            channel=review.channel, address_hash=review.address_hash, reason="under review",  # type: ignore[arg-type]  # a channel as it is kept
            source=f"review:{review.review_id}", since=review.asked_at,
        )
        values = {name: getattr(review, name) for name in Review.__slots__}
        with self.database.writing() as connection:
            asked = connection.execute(
                self.database.insert(consent_reviews).values(tenant=self.database.tenant, **values)
                .on_conflict_do_nothing().returning(consent_reviews.c.review_id)
            ).first()
            if asked is not None:
                self._suppress(connection, stop)

    def reviews(self, *, limit: int = 100, after: tuple[datetime, str] | None = None) -> list[Review]:
        """Return the replies that wait for a person, the oldest first; `after`: moment and id of the one before."""
        t = consent_reviews.c
        query = sa.select(consent_reviews).where(t.tenant == self.database.tenant, t.verdict.is_(None))
        if after is not None:
            at, review_id = after
            query = query.where(sa.or_(t.asked_at > at, sa.and_(t.asked_at == at, t.review_id > review_id)))
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(t.asked_at, t.review_id).limit(limit)).mappings().all()
        return [Review(**{name: row[name] for name in Review.__slots__}) for row in rows]

    def waiting(self) -> int:
        """Return how many replies wait for a person."""
        t = consent_reviews.c
        query = sa.select(sa.func.count()).where(t.tenant == self.database.tenant, t.verdict.is_(None))
        with self.database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def settle(self, review_id: str, verdict: Verdict, *, at: datetime, by: str) -> Review:
        """Write down what a person decided of a reply; the sender is no longer suppressed for want of it.

        Raises NotFound when no such reply waits. An opt-out is an entry of the ledger besides: append it first.
        """
        t = consent_reviews.c
        mine = (t.tenant == self.database.tenant, t.review_id == review_id, t.verdict.is_(None))
        with self.database.writing() as connection:
            row = connection.execute(
                sa.update(consent_reviews).where(*mine).values(verdict=verdict, settled_at=at, settled_by=by)
                .returning(consent_reviews)
            ).mappings().one_or_none()
            if row is None:
                raise NotFound(f"no reply {review_id!r} waits", hint="regulars consent show --reviews")
            review = Review(**{name: row[name] for name in Review.__slots__})
            others = sa.select(sa.func.count()).select_from(consent_reviews).where(
                t.tenant == self.database.tenant, t.address_hash == review.address_hash,
                t.channel == review.channel, t.verdict.is_(None),
            )
            if connection.execute(others).scalar_one() == 0:
                self._lift(connection, review.address_hash, review.channel, ("under review",), at=at, by=by)
        return review

    def erase(self, address_hash: str) -> None:
        """Forget whose entries and replies these are; what was said, and that nobody there is written to, stays.

        Wordings that only these entries have are the person's own words: they go too.
        """
        e, r, w = consent_entries.c, consent_reviews.c, consent_wordings.c
        mine = (e.tenant == self.database.tenant, e.address_hash == address_hash)
        others = sa.select(e.wording_hash).where(e.tenant == self.database.tenant, e.address_hash != address_hash)
        own = sa.select(e.wording_hash).where(*mine, e.wording_hash.not_in(others))
        with self.database.writing() as connection:
            connection.execute(
                sa.delete(consent_wordings).where(w.tenant == self.database.tenant, w.wording_hash.in_(own))
            )
            connection.execute(
                sa.update(consent_entries).where(*mine).values(address=None, customer_id=None, evidence="erased")
                .where(e.evidence != "")         # what proves nothing proves nothing afterwards either
            )
            connection.execute(sa.update(consent_entries).where(*mine).values(address=None, customer_id=None))
            connection.execute(
                sa.update(consent_reviews).where(r.tenant == self.database.tenant, r.address_hash == address_hash)
                .values(address=None, customer_id=None, text="erased")
            )

    def _said(self, columns: Sequence[str]) -> tuple[sa.Select[Any], pa.Schema]:
        query = sa.select(*(consent_entries.c[name] for name in columns))
        schema = bulk.schema({name: ENTRIES[name] for name in columns})
        return query.where(consent_entries.c.tenant == self.database.tenant), schema

    def _known(self, connection: sa.Connection, told: Mapping[str, Entry]) -> set[str]:
        e, keys, known = consent_entries.c, list(told), set[str]()
        for start in range(0, len(keys), bulk.BATCH):
            some = e.entry_id.in_(keys[start:start + bulk.BATCH])
            query = sa.select(e.entry_id).where(e.tenant == self.database.tenant, some)
            known.update(connection.execute(query).scalars())
        return known

    def _last_chain(self, connection: sa.Connection) -> str:
        e = consent_entries.c
        query = sa.select(e.chain).where(e.tenant == self.database.tenant).order_by(e.seq.desc()).limit(1)
        return connection.execute(query).scalar_one_or_none() or ""

    def _keep_wordings(self, connection: sa.Connection, entries: Iterable[Entry], at: datetime) -> None:
        wordings = {entry.wording: entry.wording_hash for entry in entries}
        connection.execute(self.database.insert(consent_wordings).on_conflict_do_nothing(), [
            {"tenant": self.database.tenant, "wording_hash": key, "wording": wording, "seen_at": at}
            for wording, key in wordings.items()
        ])

    def _suppress(self, connection: sa.Connection, stop: Suppression) -> bool:
        """Add a suppression; one that is in force stays as it is, since when it was."""
        t, statement = suppressions.c, self.database.insert(suppressions)
        statement = statement.on_conflict_do_update(
            index_elements=["tenant", "channel", "address_hash", "reason"],
            set_={
                "lifted_at": None, "lifted_by": None, "since": statement.excluded.since,
                "source": statement.excluded.source,
            },
            where=t.lifted_at.is_not(None),
        ).returning(t.reason)
        values = {name: getattr(stop, name) for name in SUPPRESSIONS}
        told = statement.values(tenant=self.database.tenant, lifted_by=None, **values)
        return connection.execute(told).first() is not None

    def _lift(
        self, connection: sa.Connection, address_hash: str, channel: str, reasons: Sequence[str], *, at: datetime,
        by: str,
    ) -> int:
        t = suppressions.c
        mine = (
            t.tenant == self.database.tenant, t.address_hash == address_hash, t.channel == channel,
            t.reason.in_(reasons), t.lifted_at.is_(None),
        )
        return connection.execute(sa.update(suppressions).where(*mine).values(lifted_at=at, lifted_by=by)).rowcount


def _row(entry: Entry, address: str | None, at: datetime) -> dict[str, Any]:
    same = (
        "address_hash", "customer_id", "channel", "purpose", "action", "method", "wording_hash", "source", "evidence",
        "at", "expires_at",
    )
    return {name: getattr(entry, name) for name in same} | {"address": address, "recorded_at": at}


def _entry(row: Any) -> Entry:
    names = (
        "address_hash", "customer_id", "channel", "purpose", "action", "method", "source", "evidence", "at",
        "expires_at",
    )
    return Entry(**{name: row[name] for name in names}, wording=row["wording"] or "")
