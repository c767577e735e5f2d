"""Schemes: of each outside system how its deliveries are known, taken apart and answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from regulars.sources.webhook.delivery import Delivery, Verifies
from regulars.sources.webhook.klaviyo import verify_klaviyo
from regulars.sources.webhook.line import delivery_line
from regulars.sources.webhook.mandrill import verify_mandrill
from regulars.sources.webhook.pieces import (
    Piece,
    Splits,
    by_header,
    by_member,
    klaviyo_pieces,
    mandrill_pieces,
    quo_pieces,
    sendgrid_pieces,
    shopify_pieces,
    twilio_pieces,
)
from regulars.sources.webhook.quo import verify_quo
from regulars.sources.webhook.sendgrid import verify_sendgrid
from regulars.sources.webhook.shopify import verify_shopify
from regulars.sources.webhook.shopify_orders import order_lines
from regulars.sources.webhook.stamped import Stamped
from regulars.sources.webhook.twilio import verify_twilio


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How one outside system posts."""

    verify: Verifies
    split: Splits
    secret: str                              # what it calls what signatures are known by, for hints
    window: timedelta | None = timedelta(minutes=5)    # how old a signature may be; None: it signs no time
    has_public_key: bool = False             # what signatures are known by is no secret
    needs_url: bool = False                  # it signs our public url
    probes: frozenset[str] = frozenset()     # methods by which it looks whether somebody is there
    refused: Literal[401, 403] = 403         # the status that it wants to see for what is not genuine
    keeps: Mapping[str, str] = field(default_factory=dict)     # member of a record -> the header it comes from
    lines: Callable[[str, bytes | None], Sequence[Mapping[str, object]]] | None = None
    # of a topic and what is said: lines of orders; they are a list in the record, `lines`


SCHEMES: Mapping[str, Scheme] = {
    "klaviyo": Scheme(verify=verify_klaviyo, split=klaviyo_pieces, secret="the webhook's secret key"),  # noqa: S106  a name
    "mailchimp": Scheme(
        verify=Stamped(header="x-mailchimp-signature"), split=by_header(), probes=frozenset({"GET", "HEAD"}),
        secret="the webhook's signing secret",  # noqa: S106
    ),
    "mandrill": Scheme(
        verify=verify_mandrill, split=mandrill_pieces, window=None, needs_url=True, probes=frozenset({"HEAD"}),
        secret="the webhook's key",  # noqa: S106
    ),
    "quo": Scheme(verify=verify_quo, split=quo_pieces, secret="the webhook's key, whsec_… or base 64"),  # noqa: S106
    # It tries again for a day; each event is known by its own id, so that one that comes again counts once.
    "sendgrid": Scheme(
        verify=verify_sendgrid, split=sendgrid_pieces, window=timedelta(hours=28), has_public_key=True,
        secret="the verification key",  # noqa: S106
    ),
    "shopify": Scheme(
        verify=verify_shopify, split=shopify_pieces, lines=order_lines, window=None, refused=401,
        secret="the app's client secret",  # noqa: S106
        keeps={"topic": "x-shopify-topic", "shop": "x-shopify-shop-domain", "triggered_at": "x-shopify-triggered-at"},
    ),
    "stripe": Scheme(
        verify=Stamped(header="stripe-signature"), split=by_member(["id"]), secret="the endpoint's secret, whsec_…",  # noqa: S106
    ),
    "twilio": Scheme(
        verify=verify_twilio, split=twilio_pieces, window=None, needs_url=True, secret="the account's auth token",  # noqa: S106
    ),
}
"""Name in a declaration -> how it posts."""


def line_of(piece: Piece, delivery: Delivery, *, provider: str, scheme: Scheme, at: datetime) -> bytes:
    """Return the line by which a piece of a delivery is landed, ending in a line break."""
    kept: dict[str, object] = {
        member: delivery.headers[header] for member, header in scheme.keeps.items() if header in delivery.headers
    }
    if piece.topic is not None:
        kept["topic"] = piece.topic
    if scheme.lines is not None and (told := scheme.lines(str(kept.get("topic", "")), piece.said)):
        kept["lines"] = told
    return delivery_line(piece, provider=provider, content_type=delivery.content_type, kept=kept, at=at)
