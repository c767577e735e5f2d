"""Messages of which nobody knows whether they went: what a person rules, once no provider can be asked any more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from regulars.campaigns.campaign import read_message_id
from regulars.errors import GuardError, NotFound
from regulars.storage.book import Book
from regulars.storage.book.message_list import MessageLine
from regulars.storage.book.messages import Known, MessageState, Settled

MessageRuling = Literal["sent", "not_sent", "send_again"]

FOLLOWS: Mapping[MessageRuling, tuple[MessageState, Known]] = {
    "sent": ("sent", "accepted"), "not_sent": ("failed", "refused"), "send_again": ("planned", "refused"),
}
"""Of each ruling: the state of the message, and how its last attempt is taken to have ended."""


def rule_message(book: Book, message_id: str, ruling: MessageRuling, *, by: str, reason: str, at: datetime) -> None:
    """Write down what a person found out of an unknown message; one that is to be sent again is due at once.

    Raises NotFound, and GuardError for a message that is not unknown (any more), whose provider is still going to be
    asked, or that cannot be sent again because its campaign was stopped.
    """
    one = _unclear(book, message_id)
    if ruling == "send_again":
        _let_go_on(book, one, at=at)
    state, outcome = FOLLOWS[ruling]
    book.messages.settle(one.campaign_id, [Settled(
        customer_id=one.customer_id, n=one.attempts, state=state, reason=f"ruled by {by}: {reason}",
        due_at=at if ruling == "send_again" else None, outcome=outcome,
    )], worker="", at=at)
    if book.message_list.find(one.campaign_id, one.customer_id).state not in {state, "claimed"}:
        raise GuardError("somebody else settled the message meanwhile", hint="look at it again")
    if ruling != "sent":
        book.seats.give_back(message_id)


def message_of(book: Book, message_id: str) -> MessageLine:
    """Return a message by its id. Raises NotFound."""
    place = read_message_id(message_id)
    if place is None:
        raise NotFound(f"there is no message {message_id!r}")
    return book.message_list.find(*place)


def _unclear(book: Book, message_id: str) -> MessageLine:
    one = message_of(book, message_id)
    if one.state != "unknown":
        raise GuardError(f"the message is {one.state}: there is nothing to rule", hint="look at it again")
    if one.due_at is not None:
        raise GuardError(
            f"the provider is asked about it from {one.due_at:%Y-%m-%d %H:%M} UTC on", hint="wait for its answer"
        )
    return one


def _let_go_on(book: Book, one: MessageLine, *, at: datetime) -> None:
    """A campaign that was done has something to send again; one that rests sends it when it goes on."""
    campaign = book.campaigns.get(one.campaign_id)
    assert campaign is not None
    if campaign.state == "stopped":
        raise GuardError(f"{campaign.campaign} was stopped: nothing of it is sent again", hint="rule sent or not_sent")
    if campaign.state == "done":
        book.campaigns.move(one.campaign_id, "sending", at=at)
