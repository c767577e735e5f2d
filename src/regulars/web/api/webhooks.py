"""Webhooks: what providers posted, how far it got, and another attempt at what could not be handed on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from regulars.pipeline.webhooks import replay
from regulars.storage.book.webhooks import Queued, State
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import ApiRoute, Ask, Change, Cursor, Limit, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Which deliveries."""

    limit: Limit = 50
    cursor: Cursor | None = None
    state: State | None = None               # waiting, done or dead
    source: str | None = None


def deliveries(ask: Ask) -> Page[Queued]:
    """Return deliveries, the newest first."""
    query: Deliveries = ask.query
    place: tuple[datetime, str] | None = place_in(query.cursor, tuple[datetime, str])
    found = ask.workspace.book.webhooks.newest(
        limit=query.limit + 1, state=query.state, source=query.source, before=place
    )
    by_id = {one.webhook_id: one for one in found}
    return page_of(
        [{"webhook_id": one.webhook_id} for one in found], limit=query.limit,
        row=lambda row: by_id[row["webhook_id"]],
        place=lambda row: (by_id[row["webhook_id"]].received_at, row["webhook_id"]),
    )


def delivery(ask: Ask) -> Queued:
    """Return one delivery, without what it says."""
    return ask.workspace.book.webhooks.find(ask.path["webhook_id"])


def replayed(ask: Ask) -> Change:
    """Hand one on now that waits or was given up; the answer says how it went."""
    webhook_id = ask.path["webhook_id"]
    before = ask.workspace.book.webhooks.find(webhook_id)
    after = replay(ask.workspace, webhook_id)
    return Change(what="webhook.replay", subject=webhook_id, before=before, after=after, answer=after)


ROUTES = (
    ApiRoute(
        name="listWebhooks", path="/webhooks", answer=deliveries, gives=Page[Queued], query=Deliveries,
        sentence="Deliveries of providers, the newest first, without what they say.",
    ),
    ApiRoute(
        name="getWebhook", path="/webhooks/{webhook_id}", answer=delivery, gives=Queued, errors=(404,),
        sentence="One delivery, without what it says.",
    ),
    ApiRoute(
        name="replayWebhook", path="/webhooks/{webhook_id}/replay", answer=replayed, gives=Queued, method="POST",
        scope="write", errors=(404,), sentence="Hand on now what waits or was given up; the answer says how it went.",
    ),
)
