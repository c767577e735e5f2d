"""Clicks on our own links: where each leads, which of them a person made, and their receipts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pyarrow.compute as pc

from regulars.campaigns.bot import marked
from regulars.campaigns.campaign import message_id
from regulars.campaigns.link import Click, Door, read_click
from regulars.destinations.sender import Receipt
from regulars.pipeline.leaving import DOOR
from regulars.pipeline.workspace import Workspace
from regulars.storage.book import Book
from regulars.storage.book.receipts import BOT

JUDGED_AFTER = timedelta(seconds=6)
"""How long a click waits for others: a scanner is known by the links that it opens together."""

_AT_ONCE = 1_000


def target_of(book: Book, target: str, *, door: Door) -> Click | None:
    """Return what a link of ours says; None for one that is not ours, or leads where nobody should be sent.

    `target`: path and query of a short link (`/l/…`) or a signed one (`/c/…`).
    """
    path = urlsplit(target).path
    found = book.links.find(path.removeprefix("/l/")) if path.startswith("/l/") else read_click(target, door=door)
    return found if found is not None and leads_on(found.url) else None


def leads_on(url: str) -> bool:
    """Return whether a link may lead to an address: a web page, by a name or number that is what it seems."""
    if any(character.isspace() or character == "\\" or not character.isprintable() for character in url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host) and "@" not in parts.netloc


def take_clicks(workspace: Workspace) -> int:
    """Take clicks that can be judged into the receipts, those of machines marked; return how many.

    Killed in the middle, they are taken again: a receipt is kept once.
    """
    book, now = workspace.book, workspace.clock.now()
    found = book.links.untaken(before=now - JUDGED_AFTER, limit=_AT_ONCE)
    if not found.num_rows:
        return 0
    message = pc.binary_join_element_wise(found["campaign_id"], found["customer_id"], ".")
    clicks = workspace.stores.engine.arrow(
        found.append_column("message", message).rename_columns({"agent": "user_agent"})
    )
    rows = [row for row in workspace.rows(marked(clicks)) if row["taken_at"] is None]
    book.receipts.keep((
        Receipt(
            provider=DOOR, provider_id=row["message"], stage="clicked", at=_aware(row["at"]), event_id=row["click_id"],
            message_id=message_id(row["campaign_id"], row["customer_id"]), url=row["url"],
            agent=row["user_agent"] or "", code=BOT if row["bot_reason"] else "", reason=row["bot_reason"] or "",
        )
        for row in sorted(rows, key=lambda row: str(row["click_id"]))
    ), at=now)
    book.links.taken([row["click_id"] for row in rows], at=now)
    return len(rows)


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)
