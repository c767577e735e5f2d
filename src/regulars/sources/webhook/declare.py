"""A source that is never asked: what an outside system posts at `/webhooks/<source>`, known by its signature.

    kind: webhook
    provider: twilio               # klaviyo, mailchimp, mandrill, quo, sendgrid, shopify, stripe, twilio
    secrets: ["${TWILIO_AUTH_TOKEN}"]      # one, or several while it is changed
    url: https://hooks.example.com/webhooks/texts      # where twilio and mandrill post: they sign it
    replay_window: 5 minutes       # how old a signature may be, of those that say when they were made
    fields:                        # beside those that every delivery has: see FIELDS
      status: {from: said.MessageStatus, type: text}
    profile: ...                   # as for any stream
    money: ...
    expect_every: 1 day            # a run warns when nothing came for longer; left out: it may be quiet
    keep_for: 400 days             # after which deliveries are forgotten; left out: they are kept for ever

It has one stream, `events`, with one record a piece of news: a list of events that comes at once is taken apart. What
it said is under `said`; of a form `data[email]` is `said.data.email`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.records.record import Stream, duration
from regulars.sources.declared import as_mapping, declare_within, no_strangers, resolve_environment
from regulars.sources.door import EVENTS
from regulars.sources.pushed import Pushed
from regulars.sources.reference import references
from regulars.sources.source import Surroundings
from regulars.sources.webhook.scheme import SCHEMES, Scheme

ROOT = "/webhooks/"
"""Where deliveries are posted: behind it stands the source."""

FIELDS: Mapping[str, object] = {
    "delivery_id": {"from": "door.id", "type": "id", "required": True},
    "received_at": {"from": "door.received_at", "type": "timestamp", "required": True},
    "provider": {"from": "provider", "type": "text", "required": True},
    "topic": {"from": "topic", "type": "text"},
    "shop": {"from": "shop", "type": "text"},
}
"""Fields of every delivery; `topic` and `shop` come from Shopify's headers."""

_KNOWN = {
    "kind", "provider", "secrets", "url", "replay_window", "fields", "profile", "money", "expect_every",
    "keep_for",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSource(Pushed):
    """What one outside system posts."""

    name: str
    streams: tuple[Stream, ...]
    provider: str
    window: timedelta                        # how far the time of a signature may lie from now
    url: str                                 # the public one, without a query; "" where nobody signs it
    declared_secrets: tuple[str, ...]        # as written: `${NAME}`
    at: Surroundings
    expect_every: timedelta | None = None    # how often something comes when all is well; None: nobody knows

    @property
    def scheme(self) -> Scheme:
        """Return how it posts."""
        return SCHEMES[self.provider]

    def secrets(self) -> tuple[str, ...]:
        """Return what its signatures are known by. Raises SourceRefused when a variable is not set."""
        found = [resolve_environment(secret, self.at, source=self.name) for secret in self.declared_secrets]
        return tuple(str(secret) for secret in found if secret)


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> WebhookSource:
    """Return the source that a declaration means. Raises DeclarationError."""
    no_strangers(data, _KNOWN, path=())
    provider = data.get("provider")
    if not isinstance(provider, str) or provider not in SCHEMES:
        hint = did_you_mean(str(provider), SCHEMES)
        raise DeclarationError(f"provider {provider!r} is unknown", hint=hint, path=("provider",))
    scheme = SCHEMES[provider]
    events = {
        "fields": {**FIELDS, **as_mapping(data.get("fields", {}), path=("fields",))}, "key": "delivery_id",
        **{part: data[part] for part in ("profile", "money", "expect_every", "keep_for") if part in data},
    }
    stream = replace(declare_within(name, EVENTS, events), is_pushed=True)
    return WebhookSource(
        name=name, streams=(stream,), provider=provider,
        expect_every=stream.expect_every if "expect_every" in data else None,
        window=_window(data, scheme, provider), url=_url(data, scheme, name, provider),
        declared_secrets=_secrets(data, scheme, provider), at=at,
    )


def _secrets(data: Mapping[str, object], scheme: Scheme, provider: str) -> tuple[str, ...]:
    said, example = data.get("secrets"), f'secrets: ["${{{provider.upper()}_SECRET}}"]'
    hint = f"{scheme.secret}: {example}"
    texts: Sequence[object] = said if isinstance(said, list) else [said]
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise DeclarationError("a webhook without secrets believes everybody", hint=hint, path=("secrets",))
    for number, text in enumerate(texts):
        if not references(text) and not scheme.has_public_key:
            raise DeclarationError(
                "a secret stands in the environment, not in a file", hint=example, path=("secrets", number)
            )
    return tuple(str(text).strip() for text in texts)


def _url(data: Mapping[str, object], scheme: Scheme, name: str, provider: str) -> str:
    said, hint = data.get("url", ""), f"url: https://hooks.example.com{ROOT}{name}"
    if not said:
        if scheme.needs_url:
            raise DeclarationError(f"{provider} signs the address it posts to", hint=hint, path=("url",))
        return ""
    parts = urlsplit(str(said))
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise DeclarationError(f"{said!r} is not where deliveries are posted", hint=hint, path=("url",))
    return str(said)


def _window(data: Mapping[str, object], scheme: Scheme, provider: str) -> timedelta:
    if "replay_window" not in data:
        return scheme.window or timedelta(0)
    if scheme.window is None:
        hint = "leave it out: each delivery counts once, whenever it comes"
        raise DeclarationError(f"{provider} does not sign the time", hint=hint, path=("replay_window",))
    return duration(data["replay_window"], ("replay_window",))
