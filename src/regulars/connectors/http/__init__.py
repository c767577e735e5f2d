"""A gateway of one's own: messages as plain JSON to a URL; the shape that sandboxes and tests speak as well.

    kind: http
    url: https://gateway.gym.example
    key: ${GATEWAY_KEY}            # sent as a bearer token
    batch: 1                       # messages a request
    can_be_asked: true             # whether GET /messages/ID says what became of one

`POST url/messages` takes `{"messages": [...]}`, each of `{"id", "channel", "to", "from", "text", "subject", "html",
"headers", "tags"}`, and answers 200 with `{"outcomes": [...]}` in the same order, each of `{"provider_id"}`,
`{"refused", "reason", "scope"}` or `{"deferred"}`. `GET url/messages/ID` answers 200 with `{"provider_id"}`, or 404.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from regulars.destinations.sender import (
    Accepted,
    Answer,
    Deferred,
    Limits,
    Outcome,
    Outgoing,
    Refused,
    Request,
    Unknown,
)
from regulars.errors import DeclarationError
from regulars.sources.declared import no_strangers, resolve_environment
from regulars.sources.source import Surroundings

BUSY = (429, 503)
"""Answers of a server that took nothing: too much, or not now."""


@dataclass(frozen=True, kw_only=True)
class HttpDialect:
    """Messages as plain JSON."""

    url: str
    key: object = field(default="", repr=False)          # as declared: a reference is put in when it is needed
    at: Surroundings
    can_be_asked: bool = True
    limits: Limits = field(default_factory=lambda: Limits(per_second=10_000, at_once=32))
    name: str = "http"

    def request(self, messages: Sequence[Outgoing]) -> Request:
        """Return the request that hands messages over."""
        told = [{
            "id": one.message_id, "channel": one.channel, "to": one.to, "from": one.sender, "text": one.text,
            "subject": one.subject, "html": one.html, "headers": dict(one.headers), "tags": dict(one.tags),
        } for one in messages]
        return Request(
            method="POST", url=f"{self.url}/messages", body=msgspec.json.encode({"messages": told}),
            headers={**self._headers(), "content-type": "application/json"},
        )

    def outcomes(self, messages: Sequence[Outgoing], answer: Answer) -> Sequence[Outcome]:
        """Return what an answer means for each message."""
        if answer.status == 200:
            try:
                told = msgspec.json.decode(answer.body)["outcomes"]
                if len(told) == len(messages):
                    return [_outcome(one) for one in told]
            except (msgspec.DecodeError, KeyError, TypeError):
                pass
            return [Unknown(reason="the answer cannot be read")] * len(messages)
        return [_by_status(answer)] * len(messages)

    def inquiry(self, message: Outgoing, *, attempted_at: datetime) -> Request | None:
        """Return the request that asks for one message."""
        del attempted_at
        if not self.can_be_asked:
            return None
        return Request(method="GET", url=f"{self.url}/messages/{message.message_id}", headers=self._headers())

    def found(self, message: Outgoing, answer: Answer, *, attempted_at: datetime) -> Outcome:
        """Return what the answer to an inquiry means."""
        del message, attempted_at
        if answer.status == 404:
            return Deferred(reason="the gateway never had it")
        if answer.status != 200:
            return Unknown(reason=f"asked, and it answered {answer.status}")
        try:
            return _outcome(msgspec.json.decode(answer.body, type=dict[str, str]))
        except msgspec.DecodeError:
            return Unknown(reason="the answer cannot be read")

    def _headers(self) -> dict[str, str]:
        key = str(resolve_environment(self.key, self.at, source="http"))
        return {"authorization": f"Bearer {key}"} if key else {}


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> HttpDialect:
    """Return the dialect that a destination of `kind: http` declares. Raises DeclarationError."""
    no_strangers(data, {"url", "key", "batch", "can_be_asked"}, path=())
    url = str(data.get("url") or "")
    if not url.startswith(("http://", "https://")):
        raise DeclarationError(f"destination {name!r} goes nowhere", hint="`url: https://gateway.gym.example`")
    batch = data.get("batch", 1)
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= 1000:
        raise DeclarationError(f"{batch!r} messages a request", hint="`batch: 1`, at most 1000", path=("batch",))
    return HttpDialect(
        url=url.rstrip("/"), key=data.get("key") or "", at=at, can_be_asked=data.get("can_be_asked", True) is True,
        limits=Limits(per_second=10_000, at_once=32, batch=batch),
    )


def _outcome(told: Mapping[str, str]) -> Outcome:
    if "provider_id" in told:
        return Accepted(provider_id=str(told["provider_id"]))
    if "refused" in told:
        scope = told.get("scope", "message")
        known = scope if scope in {"message", "address", "account"} else "message"
        return Refused(code=str(told["refused"]), reason=str(told.get("reason", "")), scope=known)  # type: ignore[arg-type]  # one of three
    if "deferred" in told:
        return Deferred(reason=str(told["deferred"]))
    return Unknown(reason="the answer says neither")


def _by_status(answer: Answer) -> Outcome:
    if answer.status in BUSY:
        wait = answer.headers.get("retry-after", "")
        after = timedelta(seconds=int(wait)) if wait.isdigit() else None
        return Deferred(reason=f"answered {answer.status}", after=after)
    if answer.status in {401, 403}:
        return Refused(code=str(answer.status), reason="the key is not accepted", scope="account")
    if 400 <= answer.status < 500:
        return Refused(code=str(answer.status), reason=f"answered {answer.status}")
    return Unknown(reason=f"answered {answer.status}")
