"""Messages: what became of each, with its address hidden in the middle; and what people answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from regulars.storage.book.message_list import MessageLine, Wanted
from regulars.storage.book.messages import MessageState
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import ApiRoute, Ask, Cursor, Limit, Page
from regulars.web.mask import mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which messages; what is left out is not asked."""

    limit: Limit = 50
    cursor: Cursor | None = None
    campaign: str | None = None
    occurrence: str | None = None
    state: MessageState | None = None
    variant: str | None = None
    customer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One message and its last attempt."""

    message_id: str
    campaign: str
    occurrence: str
    customer_id: str
    variant: str
    channel: str
    address: str | None                      # its middle is hidden
    state: MessageState
    reason: str | None
    due_at: datetime | None                  # when it is sent or asked for
    attempts: int
    provider: str | None
    provider_id: str | None
    attempted_at: datetime | None
    changed_at: datetime


def messages(ask: Ask) -> Page[MessageRow]:
    """Return messages in the order of their ids."""
    query: Which = ask.query
    wanted = Wanted(**{name: getattr(query, name) for name in Wanted.__slots__ if name != "address"})
    found = ask.workspace.book.message_list.page(
        wanted, limit=query.limit + 1, after=place_in(query.cursor, tuple[str, str])
    )
    return page_of(
        [{"it": one} for one in found], limit=query.limit, row=lambda row: _row(row["it"]),
        place=lambda row: (row["it"].campaign_id, row["it"].customer_id),
    )


def _row(one: MessageLine) -> MessageRow:
    same = {name: getattr(one, name) for name in MessageRow.__slots__ if name != "address"}
    return MessageRow(address=mask(one.address), **same)


ROUTES = (
    ApiRoute(
        name="listMessages", path="/messages", answer=messages, gives=Page[MessageRow], query=Which,
        sentence="Messages of campaigns and what became of each, in the order of their ids.",
    ),
)
