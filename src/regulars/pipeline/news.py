"""News: what somebody wrote to us, or what became of a message, and what follows from it at once.

Who does something with news stands in `takers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from regulars.consent.channel import Channel, Purpose
from regulars.consent.ledger import ANY, Entry
from regulars.destinations.news import TakesNews
from regulars.destinations.sender import News, Receipt, Reply
from regulars.pipeline.consent import Address, hear, read_addresses, record, suppress
from regulars.pipeline.privacy_requests import take_requests
from regulars.pipeline.receipts import ENDS, take_into_ledger
from regulars.pipeline.replies import take_reply
from regulars.pipeline.workspace import Workspace


def takers(workspace: Workspace) -> tuple[TakesNews, ...]:
    """Return everybody who takes news of a project, in order: permission before anything that might send."""
    return (
        partial(take_into_consent, workspace), partial(take_into_ledger, workspace.book, clock=workspace.clock),
        partial(take_requests, workspace),
    )


def take_into_consent(workspace: Workspace, news: Sequence[News]) -> None:
    """Write down what news says about being written to; when this returns, nothing it forbids is permitted any more."""
    # A provider that took a reply as an opt-out has answered it.
    answered = {one.provider_id for one in news if isinstance(one, Receipt) and one.stage == "unsubscribed"}
    for one in news:
        match one:
            case Reply():
                _take_reply(workspace, one, is_answered=one.provider_id in answered)
            case Receipt():
                _take_receipt(workspace, one)


def _take_reply(workspace: Workspace, reply: Reply, *, is_answered: bool) -> None:
    address = _address(workspace, reply.sender)
    if address is not None:
        heard = hear(workspace, address, reply.text, source=reply.provider, evidence=reply.provider_id, at=reply.at)
        take_reply(workspace, reply, address, heard, is_answered=is_answered)


def _take_receipt(workspace: Workspace, receipt: Receipt) -> None:
    if receipt.address is None or receipt.stage not in (*ENDS, "unsubscribed"):
        return
    address = _address(workspace, receipt.address)
    if address is None or address.hashed is None:
        return
    if receipt.stage in ENDS:
        suppress(workspace, [address], reason=ENDS[receipt.stage], source=receipt.provider)
        return
    # Carriers stop every text to a number that opted out; the link in an e-mail is of what it advertises.
    purpose: Purpose | Literal["any"] = ANY if address.channel == "sms" else "marketing"
    record(workspace, address, Entry(
        address_hash=address.hashed, channel=address.channel, purpose=purpose, action="revoke",
        method="unsubscribe_link", at=receipt.at, source=receipt.provider, wording=receipt.reason,
        evidence=receipt.event_id or receipt.provider_id,
    ))


def _address(workspace: Workspace, text: str) -> Address | None:
    """Return whose news it is; None for a short code, a name or what else is no address: nobody is written to there."""
    told: list[tuple[str, Channel | None]] = [(text, None)]
    found = read_addresses(workspace, told)[0]
    return found if isinstance(found, Address) else None
