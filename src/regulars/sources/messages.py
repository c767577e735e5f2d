"""A source of what we sent ourselves: it comes back like anything else, and becomes events on the timeline.

    kind: messages

It has four streams. `sent` holds every message that a provider took, `receipts` everything that was told of messages
afterwards, `replies` what people answered to one, `journeys` what became of customers in flows. All name a profile of
the customer, so an event type picks those of a source:

    # events/sms_sent.yaml
    from: messages.sent
    who: {source: desk, id: profile_id}
    when: sent_at
    only_if: channel == "sms" and profile_source == "desk"
    what: {campaign: campaign, variant: variant}

    # events/message_delivered.yaml
    from: messages.receipts
    who: {source: desk, id: profile_id}
    when: told_at
    only_if: stage == "delivered" and profile_source == "desk"

    # events/opted_out.yaml
    from: messages.replies
    who: {source: desk, id: profile_id}
    when: replied_at
    only_if: status == "opted_out" and profile_source == "desk"

    # events/flow_entered.yaml; flow_exited with "exited", and flow_step with "step" and `step: step` in what
    from: messages.journeys
    who: {source: desk, id: profile_id}
    when: at
    only_if: what == "entered" and profile_source == "desk"
    what: {flow: flow, occasion: occasion}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regulars.records.record import Stream
from regulars.sources.declared import declare_within, no_strangers
from regulars.sources.pushed import Pushed
from regulars.sources.source import Surroundings

SENT, RECEIPTS, REPLIES, JOURNEYS = "sent", "receipts", "replies", "journeys"
"""The streams."""

_OF_ALL: Mapping[str, object] = {
    "message_id": {"type": "id", "required": True}, "customer_id": "id", "profile_source": "text", "profile_id": "id",
    "campaign": "text", "occurrence": "text", "variant": "text", "channel": "text", "provider": "text",
    "provider_id": "id",
}
FIELDS: Mapping[str, Mapping[str, object]] = {
    SENT: {**_OF_ALL, "sent_at": {"type": "timestamp", "required": True}, "text": "text"},
    RECEIPTS: {
        **_OF_ALL, "receipt_id": {"type": "id", "required": True}, "stage": {"type": "text", "required": True},
        "told_at": {"type": "timestamp", "required": True}, "reason": "text", "url": "text",
    },
    REPLIES: {
        **_OF_ALL, "reply_id": {"type": "id", "required": True},
        "replied_at": {"type": "timestamp", "required": True}, "text": "text", "status": "text", "mood": "text",
        "intent": "text",
    },
    JOURNEYS: {
        "journey_id": {"type": "id", "required": True}, "customer_id": "id", "profile_source": "text",
        "profile_id": "id", "flow": "text", "occasion": "text", "is_held_out": "boolean",
        "what": {"type": "text", "required": True}, "step": "text", "outcome": "text",
        "at": {"type": "timestamp", "required": True},
    },
}
"""Fields of each stream; profile_source and profile_id are of the profile that the customer's id was given for."""

_KEYS = {SENT: "message_id", RECEIPTS: "receipt_id", REPLIES: "reply_id", JOURNEYS: "journey_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesSource(Pushed):
    """What was sent, out of the book; whoever pulls it has the book."""

    name: str
    streams: tuple[Stream, ...]


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> MessagesSource:
    """Return the source that a declaration means. Raises DeclarationError."""
    del at                                   # it refers to nothing outside
    no_strangers(data, {"kind", "expect_every"}, path=())
    every = data.get("expect_every", "1 week")
    return MessagesSource(name=name, streams=tuple(
        declare_within(name, stream, {"key": _KEYS[stream], "fields": fields, "expect_every": every})
        for stream, fields in FIELDS.items()
    ))
