"""Somebody left by the link of a message: from then on nothing of its purpose goes to that address."""

from __future__ import annotations

from regulars.campaigns.link import Leaving
from regulars.consent.channel import CHANNELS, PURPOSES
from regulars.consent.ledger import Entry, standing
from regulars.destinations.sender import Receipt
from regulars.pipeline.consent import Address, read_addresses, record
from regulars.pipeline.leaving import DOOR
from regulars.pipeline.workspace import Workspace


def leave(workspace: Workspace, leaving: Leaving) -> bool:
    """Write down that the recipient of a message wants no more of its purpose; returns False for no message of ours.

    When this returns, nothing that it forbids is permitted any more. Done twice it is done once.
    """
    text, now = workspace.book.links.address(leaving.message), workspace.clock.now()
    channel = next((one for one in CHANNELS if one == leaving.channel), None)
    purpose = next((one for one in PURPOSES if one == leaving.purpose), None)
    if text is None or channel is None or purpose is None:
        return False
    address = read_addresses(workspace, [(text, channel)])[0]
    if not isinstance(address, Address) or address.hashed is None:
        return False
    entries = workspace.book.consent.of(address.hashed).entries
    if standing(entries, channel=channel, purpose=purpose, at=now).state != "revoked":
        record(workspace, address, Entry(
            address_hash=address.hashed, channel=channel, purpose=purpose, action="revoke", method="unsubscribe_link",
            at=now, source=DOOR, wording="the unsubscribe link of a message", evidence=leaving.message,
        ))
    workspace.book.receipts.keep([Receipt(
        provider=DOOR, provider_id=leaving.message, stage="unsubscribed", at=now, message_id=leaving.message,
    )], at=now)
    return True
