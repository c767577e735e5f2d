"""What the book forgets of a person, table by table: what names them goes, what only counts them stays nameless."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from regulars.storage.book import tables as t
from regulars.storage.book.consent import ConsentBook
from regulars.storage.book.database import Database

NOTHING = "holds nothing of a person"
RENAMED = "kept for its counts, under the erasure's id instead of the customer's"
COLLEAGUE = "of those who work here, who are no customers by it"

FATE: Mapping[str, str] = {
    "ab_campaigns": NOTHING,
    "ab_events": f"{RENAMED}; what was done, linked or replied is emptied",
    "ab_recipients": RENAMED,
    "ab_schedules": NOTHING,
    "api_answers": "answers that name the customer are deleted",
    "api_keys": NOTHING,
    "assignments": RENAMED,
    "attempts": f"{RENAMED}; without the words",
    "audit": "lines about the customer: under the erasure's id, without their digests",
    "campaign_offers": NOTHING,
    "campaigns": NOTHING,
    "clicks": f"{RENAMED}; without link and program",
    "conflicts": "those of the person's profiles are deleted",
    "consent_entries": "without address, customer and evidence; the chain of what was said stays whole",
    "consent_reviews": "without address, customer and text",
    "consent_wordings": "those that only the person's entries have are deleted",
    "contact_seats": "deleted",
    "counters": NOTHING,
    "cursors": NOTHING,
    "customers": "deleted",
    "erased_keys": "the salted hashes that keep the person out",
    "erasures": "the erasure itself, without the customer's id once it is finished",
    "experiment_decisions": NOTHING,
    "experiment_epochs": NOTHING,
    "exposures": RENAMED,
    "flow_journeys": "deleted",
    "flow_states": NOTHING,
    "flow_steps": "deleted",
    "household_map": "deleted",
    "fresh_transitions": f"{RENAMED}; without reasons",
    "households": "the founder's id gives way to the erasure's",
    "identity_map": "deleted",
    "invites": COLLEAGUE,
    "kept_answers": "all are deleted; the next run works them out again",
    "lake_current": NOTHING,
    "lake_tags": "all are dropped: what they keep holds the person",
    "lake_versions": "all but the new ones are dropped: what they keep holds the person",
    "leases": NOTHING,
    "memberships": f"{RENAMED}; the stay has ended",
    "messages": f"{RENAMED}; without address and what the template said; what was not sent yet is skipped",
    "number_answers": "those about numbers that are nobody else's are deleted",
    "page_sets": NOTHING,
    "people": COLLEAGUE,
    "purges": NOTHING,
    "readings": NOTHING,
    "receipts": f"{RENAMED}; without link and program",
    "replies": f"{RENAMED}; without address and words",
    "rulings": "those of the person's profiles are deleted",
    "run_steps": NOTHING,
    "runs": NOTHING,
    "sealed": NOTHING,
    "segments": "those that held the person are replaced",
    "sessions": COLLEAGUE,
    "shop_erasures": NOTHING,
    "short_links": RENAMED,
    "sign_in_attempts": COLLEAGUE,
    "staged_pages": "all are discarded; the next pull asks again",
    "stream_facts": NOTHING,
    "statistic_exports": NOTHING,
    "suppressions": "the address's salted hash, which keeps it from being written to",
    "template_decisions": NOTHING,
    "text_templates": NOTHING,
    "todos": "those that name the customer by id are deleted; others that name the person are found by the proof",
    "transitions": f"{RENAMED}; without reasons",
    "webhook_queue": "bodies of deliveries that were given up are emptied: nobody can tell whose they are",
    "winners": NOTHING,
}
"""Every table of the book and what an erasure does with it; a test holds it against the tables there are."""

_UNSENT = t.messages.c.state.in_(("planned", "deferred", "claimed"))
_UNADDRESSED: Mapping[str, Any] = {
    "address": None, "household_id": None, "region": None, "gaps": "{}",
    "state": sa.case((_UNSENT, "skipped"), else_=t.messages.c.state),
    "reason": sa.case((_UNSENT, "forgotten"), else_=t.messages.c.reason),
    "due_at": sa.case((_UNSENT, None), else_=t.messages.c.due_at),
}


@dataclass(frozen=True, slots=True)
class ForgettingBook:
    """One transaction over all tables that name people."""

    database: Database

    def forget(
        self, customer_ids: Sequence[str], *, known_as: str, addresses: Sequence[str],
        profiles: Sequence[tuple[str, str]] = (),
    ) -> dict[str, int]:
        """Forget a customer; returns how many rows of each table were deleted or emptied. Twice is once.

        Args:
            customer_ids: The customer first, then those merged into it.
            known_as: What stands for the customer in rows that are kept.
            addresses: Hashes of the addresses that are nobody else's.
            profiles: Source and id of those that go though their customer stays.

        """
        with self.database.writing() as connection:
            found = self._profiles_forgotten(connection, customer_ids, profiles)
            found |= self._deleted(connection, customer_ids, addresses)
            found["identity_map"] += self._unmapped(connection, profiles)
            found |= self._renamed(connection, customer_ids, known_as)
            found["consent_entries"] = self._consent(connection, customer_ids)
            found["webhook_queue"] = self._given_up(connection)
            found["kept_answers"] = self._unkept(connection)
        for address in addresses:
            ConsentBook(self.database).erase(address)
        return {name: count for name, count in found.items() if count}

    def forget_answers(self) -> int:
        """Forget every answer that a run worked out ahead, and return how many there were; the next run finds them."""
        with self.database.writing() as connection:
            return self._unkept(connection)

    def compact(self) -> None:
        """Have the database give up what was deleted: the bytes of a file, or on PostgreSQL the rows nobody sees."""
        engine = self.database.engine
        if engine.dialect.name != "sqlite":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("vacuum")
            return
        raw = engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("vacuum")
            cursor.execute("pragma wal_checkpoint(truncate)").fetchall()
        finally:
            raw.close()

    def files(self) -> list[Path]:
        """Return the database's own files on this machine; none when it is elsewhere, or holds another tenant's too."""
        if self.database.engine.dialect.name != "sqlite":
            return []
        tenant = t.counters.c.tenant
        with self.database.reading() as connection:
            others = connection.execute(sa.select(sa.literal(1)).where(tenant != self.database.tenant).limit(1)).first()
        if others is not None:
            return []
        file = Path(str(self.database.engine.url.database))
        return [path for path in file.parent.glob(f"{file.name}*") if path.is_file()]

    def texts(self) -> Mapping[str, list[str]]:
        """Return every text of every table of this tenant, each once: what a search for a person looks through."""
        found = {}
        with self.database.reading() as connection:
            for table in t.metadata.sorted_tables:
                columns = [c for c in table.columns if isinstance(c.type, sa.Text) and c.name != "tenant"]
                texts: set[str] = set()
                for column in columns:
                    query = sa.select(column).where(table.c.tenant == self.database.tenant, column.is_not(None))
                    texts.update(connection.execute(query.distinct()).scalars())
                found[table.name] = sorted(texts)
        return found

    def _profiles_forgotten(
        self, connection: sa.Connection, ids: Sequence[str], more: Sequence[tuple[str, str]]
    ) -> dict[str, int]:
        """Delete what names the person's profiles, then the profiles: killed in between, nothing is done yet."""
        m = t.identity_map.c
        found = connection.execute(
            sa.select(m.profile_source, m.profile_id).where(*self._of(t.identity_map, m.customer_id, ids))
        ).all()
        profiles = [*((source, profile) for source, profile in found), *more]
        counts = {"rulings": 0}
        for source, profile in profiles:
            r = t.rulings.c
            either = sa.or_(
                sa.and_(r.left_source == source, r.left_id == profile),
                sa.and_(r.right_source == source, r.right_id == profile),
            )
            counts["rulings"] += self._count(connection, sa.delete(t.rulings).where(self._mine(t.rulings), either))
        mine = set(profiles)
        k = t.conflicts.c
        held = connection.execute(sa.select(k.conflict_id, k.detail).where(self._mine(t.conflicts))).all()
        told = [number for number, detail in held if _profiles_in(detail) & mine]
        conflicts = sa.delete(t.conflicts).where(*self._of(t.conflicts, k.conflict_id, told))
        return {**counts, "conflicts": self._count(connection, conflicts)}

    def _unmapped(self, connection: sa.Connection, profiles: Sequence[tuple[str, str]]) -> int:
        m = t.identity_map.c
        return sum(
            self._count(connection, sa.delete(t.identity_map).where(
                self._mine(t.identity_map), m.profile_source == source, m.profile_id == profile
            )) for source, profile in profiles
        )

    def _deleted(
        self, connection: sa.Connection, ids: Sequence[str], addresses: Sequence[str]
    ) -> dict[str, int]:
        named = {
            "identity_map": (t.identity_map, t.identity_map.c.customer_id, ids),
            "customers": (t.customers, t.customers.c.customer_id, ids),
            "household_map": (t.household_map, t.household_map.c.customer_id, ids),
            "flow_journeys": (t.flow_journeys, t.flow_journeys.c.customer_id, ids),
            "flow_steps": (t.flow_steps, t.flow_steps.c.customer_id, ids),
            "contact_seats": (t.contact_seats, t.contact_seats.c.subject, [f"customer:{one}" for one in ids]),
            "number_answers": (t.number_answers, t.number_answers.c.address_hash, addresses),
        }
        found = {
            name: self._count(connection, sa.delete(table).where(*self._of(table, column, values)))
            for name, (table, column, values) in named.items()
        }
        for table, columns in ((t.api_answers, ("body",)), (t.todos, ("title", "description"))):
            names = (table.c[column].contains(one, autoescape=True) for one in ids for column in columns)
            told = sa.or_(sa.false(), *names)
            found[table.name] = self._count(connection, sa.delete(table).where(self._mine(table), told))
        return found

    def _renamed(self, connection: sa.Connection, ids: Sequence[str], known_as: str) -> dict[str, int]:
        """Put the erasure's id in the place of the customer's; rows of those merged into it would double its counts."""
        empty: dict[str, Any] = {}
        named = {
            "transitions": (t.transitions, "customer_id", {"reason": None}),
            "fresh_transitions": (t.fresh_transitions, "customer_id", {"reason": None}),
            "messages": (t.messages, "customer_id", _UNADDRESSED),
            "attempts": (t.attempts, "customer_id", {"text": None}),
            "receipts": (t.receipts, "customer_id", {"url": "", "agent": ""}),
            "replies": (t.replies, "customer_id", {"address": "", "text": ""}),
            "short_links": (t.short_links, "customer_id", empty),
            "clicks": (t.clicks, "customer_id", {"url": "", "agent": None}),
            "memberships": (t.memberships, "customer_id", empty),
            "assignments": (t.assignments, "unit", empty),
            "exposures": (t.exposures, "unit", empty),
            "ab_recipients": (t.ab_recipients, "unit", empty),
            "ab_events": (t.ab_events, "unit", {"activity": None, "link": None, "reply": None}),
        }
        found = {}
        for name, (table, column, emptied) in named.items():
            mine = self._of(table, table.c[column], ids[:1])
            others = self._of(table, table.c[column], ids[1:])
            found[name] = self._count(connection, sa.delete(table).where(*others))
            renamed = sa.update(table).where(*mine).values(**{column: known_as}, **emptied)
            found[name] += self._count(connection, renamed)
        h, a = t.households, t.audit
        founder = self._of(h, h.c.founder_customer_id, ids)
        found["households"] = self._count(connection, sa.update(h).where(*founder).values(founder_customer_id=known_as))
        lines = self._of(a, a.c.subject, ids)
        found["audit"] = self._count(connection, sa.update(a).where(*lines).values(
            subject=known_as, before=None, after=None
        ))
        return found

    def _consent(self, connection: sa.Connection, ids: Sequence[str]) -> int:
        """Take the customer out of entries of every address, those that others share too."""
        e, r = t.consent_entries, t.consent_reviews
        reviews = sa.update(r).where(*self._of(r, r.c.customer_id, ids)).values(customer_id=None)
        entries = sa.update(e).where(*self._of(e, e.c.customer_id, ids)).values(customer_id=None)
        return self._count(connection, entries) + self._count(connection, reviews)

    def _unkept(self, connection: sa.Connection) -> int:
        return self._count(connection, sa.delete(t.kept_answers).where(self._mine(t.kept_answers)))

    def _given_up(self, connection: sa.Connection) -> int:
        q = t.webhook_queue
        held = sa.update(q).where(self._mine(q), q.c.state == "dead", q.c.body.is_not(None)).values(body=None)
        return self._count(connection, held)

    def _of(
        self, table: sa.Table, column: sa.ColumnElement[str], values: Sequence[str]
    ) -> tuple[sa.ColumnElement[bool], ...]:
        return (self._mine(table), column.in_(values))

    def _mine(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return table.c.tenant == self.database.tenant

    def _count(self, connection: sa.Connection, statement: Any) -> int:
        return int(connection.execute(statement).rowcount)


def _profiles_in(detail: str) -> set[tuple[str, str]]:
    """Return the profiles that a conflict is about."""
    told = json.loads(detail)
    return {(told.get(f"{side}_source"), told.get(f"{side}_id")) for side in ("profile", "left", "right")}
