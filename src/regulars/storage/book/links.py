"""Short links and what was opened of them: every click is noted, and taken into the receipts once it can be judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa

from regulars.campaigns.campaign import message_id, read_message_id
from regulars.campaigns.link import Click, ShortLink
from regulars.later import pa
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import attempts, clicks, messages, short_links

CLICKS = {
    "click_id": "string", "campaign_id": "string", "customer_id": "string", "position": "int64", "url": "string",
    "at": "timestamp", "method": "string", "agent": "string", "sent_at": "timestamp", "taken_at": "timestamp",
}
"""One row a click, in the order of ids; moments UTC. sent_at: of the message; taken_at is null until it is taken."""


@dataclass(frozen=True, slots=True)
class LinkBook:
    """Short links by code, and clicks."""

    database: Database

    def add(self, links: Iterable[ShortLink]) -> None:
        """Keep where short links lead; one that is kept stays as it is."""
        rows = [
            {"tenant": self.database.tenant, "code": one.code, "campaign_id": ids[0], "customer_id": ids[1],
             "position": one.position, "url": one.url}
            for one in links for ids in [_ids(one.message)]
        ]
        if rows:
            with self.database.writing() as connection:
                connection.execute(self.database.insert(short_links).on_conflict_do_nothing(), rows)

    def find(self, code: str) -> Click | None:
        """Return what a short link says; None for one that we did not make."""
        t = short_links.c
        query = sa.select(t.campaign_id, t.customer_id, t.position, t.url).where(
            t.tenant == self.database.tenant, t.code == code
        )
        with self.database.reading() as connection:
            found = connection.execute(query).first()
        if found is None:
            return None
        return Click(message=message_id(found[0], found[1]), position=found[2], url=found[3])

    def note(self, click: Click, *, at: datetime, method: str, agent: str | None) -> None:
        """Write down that a link was opened."""
        ids = _ids(click.message)
        with self.database.writing() as connection:
            connection.execute(sa.insert(clicks).values(
                tenant=self.database.tenant, click_id=uuid4().hex, campaign_id=ids[0], customer_id=ids[1],
                position=click.position, url=click.url, at=at, method=method, agent=agent,
            ))

    def address(self, message: str) -> str | None:
        """Return where a message went; None for one that is not there."""
        ids, m = _ids(message), messages.c
        query = sa.select(m.address).where(
            m.tenant == self.database.tenant, m.campaign_id == ids[0], m.customer_id == ids[1]
        )
        with self.database.reading() as connection:
            found: str | None = connection.execute(query).scalar()
        return found

    def untaken(self, *, before: datetime, limit: int) -> pa.Table:
        """Return CLICKS that were noted before a moment and are not taken, with all others of their messages."""
        k, m, a = clicks.c, messages.c, attempts.c
        mine = (k.tenant == self.database.tenant,)
        waiting = sa.select(k.campaign_id, k.customer_id).where(*mine, k.taken_at.is_(None), k.at < before)
        some = waiting.order_by(k.at).limit(limit).subquery()
        of = sa.exists(sa.select(some.c.campaign_id).where(
            some.c.campaign_id == k.campaign_id, some.c.customer_id == k.customer_id
        ))
        columns = [a.attempted_at if name == "sent_at" else k[name] for name in CLICKS]
        query = sa.select(*columns).select_from(clicks)
        query = query.outerjoin(messages, sa.and_(
            m.tenant == k.tenant, m.campaign_id == k.campaign_id, m.customer_id == k.customer_id
        ))
        query = query.outerjoin(attempts, sa.and_(
            a.tenant == m.tenant, a.campaign_id == m.campaign_id, a.customer_id == m.customer_id, a.n == m.attempts
        ))
        with self.database.reading() as connection:
            return bulk.read(connection, query.where(*mine, of), bulk.schema(CLICKS), order_by=["click_id"])

    def taken(self, click_ids: Sequence[str], *, at: datetime) -> None:
        """Write down that clicks are among the receipts."""
        k = clicks.c
        statement = sa.update(clicks).where(k.tenant == self.database.tenant, k.click_id == sa.bindparam("of"))
        if click_ids:
            with self.database.writing() as connection:
                connection.execute(statement.values(taken_at=at), [{"of": one} for one in click_ids])


def _ids(message: str) -> tuple[str, str]:
    """Return the campaign's id and the customer's of a message; of what is no message's id those of nobody's."""
    return read_message_id(message) or ("", message)
