"""Messages: what became of each, with its address hidden in the middle; and what people answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec

from regulars.campaigns.sentiment import Mood
from regulars.pipeline.unclear import MessageRuling, message_of, rule_message
from regulars.storage.book.message_list import MessageLine, Wanted
from regulars.storage.book.messages import MessageState
from regulars.storage.book.replies import ReplyLine
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import ApiRoute, Ask, Change, Cursor, Limit, Page
from regulars.web.mask import mask, mask_within


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
    reason: str | None = None                # exactly as it stands there


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessageRuling:
    """What somebody found out of a message of which nobody knew whether it went."""

    ruling: MessageRuling
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhichReplies:
    """Which replies; what is left out is not asked."""

    limit: Limit = 50
    cursor: Cursor | None = None
    campaign: str | None = None
    mood: Mood | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRow:
    """What somebody answered; addresses and numbers with their middle hidden, in the text too."""

    provider: str
    provider_id: str
    at: datetime
    address: str | None
    text: str
    status: str                              # what followed
    mood: str                                # how it is meant
    intent: str
    campaign: str | None                     # whose message it answers; null: none that we know of
    occurrence: str | None
    customer_id: str | None


def messages(ask: Ask) -> Page[MessageRow]:
    """Return messages in the order of their ids."""
    query: Which = ask.query
    wanted = Wanted(**{name: getattr(query, name) for name in Wanted.__slots__ if name != "address"})
    found = ask.workspace.book.message_list.page(
        wanted, limit=query.limit + 1, after=place_in(query.cursor, tuple[str, str])
    )
    return page_of(
        [{"it": one} for one in found], limit=query.limit, row=lambda row: message_row(row["it"]),
        place=lambda row: (row["it"].campaign_id, row["it"].customer_id),
    )


def ruled(ask: Ask) -> Change:
    """Rule what became of an unknown message."""
    book, message_id, said = ask.workspace.book, ask.path["message_id"], ask.body
    before = message_of(book, message_id)
    rule_message(
        book, message_id, said.ruling, by=f"key:{ask.key.name}", reason=said.reason, at=ask.workspace.clock.now()
    )
    after = message_of(book, message_id)
    return Change(
        what=f"message.{said.ruling}", subject=message_id, before=before, after=after, answer=message_row(after)
    )


def replies(ask: Ask) -> Page[ReplyRow]:
    """Return replies, the newest first."""
    query: WhichReplies = ask.query
    found = ask.workspace.book.replies.page(
        limit=query.limit + 1, campaign=query.campaign, mood=query.mood,
        before=place_in(query.cursor, tuple[datetime, str, str]),
    )
    return page_of(
        [{"it": one} for one in found], limit=query.limit, row=lambda row: reply_row(row["it"]),
        place=lambda row: (row["it"].reply.at, row["it"].reply.provider, row["it"].reply.provider_id),
    )


def reply_row(one: ReplyLine) -> ReplyRow:
    """Return a reply as it is shown."""
    reply = one.reply
    return ReplyRow(
        provider=reply.provider, provider_id=reply.provider_id, at=reply.at, address=mask(reply.address),
        text=mask_within(reply.text), status=reply.status, mood=reply.mood, intent=reply.intent,
        campaign=one.campaign, occurrence=one.occurrence, customer_id=reply.customer_id,
    )


def message_row(one: MessageLine) -> MessageRow:
    """Return a message as it is shown."""
    same = {name: getattr(one, name) for name in MessageRow.__slots__ if name != "address"}
    return MessageRow(address=mask(one.address), **same)


ROUTES = (
    ApiRoute(
        name="listMessages", path="/messages", answer=messages, gives=Page[MessageRow], query=Which,
        sentence="Messages of campaigns and what became of each, in the order of their ids.",
    ),
    ApiRoute(
        name="ruleMessage", path="/messages/{message_id}/ruling", answer=ruled, gives=MessageRow, method="POST",
        scope="write", body=NewMessageRuling, errors=(404,),
        sentence="Say what became of an unknown message whose provider cannot be asked: nothing is sent again blindly.",
    ),
    ApiRoute(
        name="listReplies", path="/replies", answer=replies, gives=Page[ReplyRow], query=WhichReplies,
        sentence="What people answered and how it was read, the newest first.",
    ),
)
