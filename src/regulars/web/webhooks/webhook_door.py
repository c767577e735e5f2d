"""The webhook door: an ASGI callable that answers a delivery when it is on disk, and only if it is genuine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from regulars.clock import Clock
from regulars.errors import StoreError
from regulars.sources.webhook.declare import ROOT, WebhookSource
from regulars.sources.webhook.delivery import Delivery, Verdict
from regulars.sources.webhook.line import read_delivery
from regulars.sources.webhook.scheme import line_of
from regulars.storage.door.arrival_store import Arrivals
from regulars.storage.door.generation import prefix_of
from regulars.storage.door.message_ids import message_hashes
from regulars.web.ingest.asgi import App, Receive, Scope, Send, whole_body
from regulars.web.ingest.body import LARGEST_BODY
from regulars.web.ingest.group_commit import Busy, GroupCommit
from regulars.web.webhooks.counts import DeliveryCounts
from regulars.web.webhooks.courier import Courier

log = structlog.get_logger()

OF_REFERENCE: Mapping[str, str] = {
    "/api/webhooks/openphone": "quo",
    **dict.fromkeys((
        "/webhooks/orders-paid", "/webhooks/app/uninstalled", "/webhooks/app/scopes_update",
        "/webhooks/app/subscriptions_update", "/webhooks/compliance",
    ), "shopify"),
}
"""Where the reference systems have providers post: each leads to the provider's source that knows the signature."""

PATIENCE = 8.0
"""Seconds for a body to come and to be written: the strictest sender waits ten for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A source that is posted to, ready to judge."""

    source: WebhookSource
    secrets: tuple[str, ...]                 # empty: nothing is believed


@dataclass(slots=True, kw_only=True)
class WebhookDoor:
    """Takes `/webhooks/<source>` of each hook; every other request goes to the app behind."""

    hooks: Mapping[str, Hook]
    commits: GroupCommit
    courier: Courier
    counts: DeliveryCounts
    clock: Clock
    behind: App
    patience: float = PATIENCE               # seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through the server's lifetime."""
        if scope["type"] == "http":
            hooks = self._hooks(scope["path"].rstrip("/"))
            if hooks:
                await self._asked(hooks, scope, receive, send)
                return
        if scope["type"] != "lifespan":
            await self.behind(scope, receive, send)
            return
        self.courier.start()
        try:
            await self.behind(scope, receive, send)
        finally:
            await asyncio.to_thread(self.courier.stop)

    def _hooks(self, path: str) -> Sequence[Hook]:
        """Return whose a path may be: one source's own, or any of a provider's."""
        own = self.hooks.get(path.removeprefix(ROOT)) if path.startswith(ROOT) else None
        if own is not None:
            return [own]
        return [one for one in self.hooks.values() if one.source.provider == OF_REFERENCE.get(path)]

    async def _asked(self, hooks: Sequence[Hook], scope: Scope, receive: Receive, send: Send) -> None:
        hook = hooks[0]
        if scope["method"] in hook.source.scheme.probes:
            await _say(send, 200)
        elif scope["method"] != "POST":
            await _say(send, 405, (b"allow", ", ".join(["POST", *sorted(hook.source.scheme.probes)]).encode()))
        else:
            try:
                async with asyncio.timeout(self.patience):
                    status = await self._delivered(hooks, scope, receive)
            except TimeoutError:
                status = self._refused(hook, 503, "slow")
            if status is not None:
                await _say(send, status, *([(b"retry-after", b"5")] if status == 503 else []))

    async def _delivered(self, hooks: Sequence[Hook], scope: Scope, receive: Receive) -> int | None:
        """Return the status for a delivery; None for a sender that went away before it had said everything."""
        body = await whole_body(receive)
        if body is None:
            return None
        if len(body) > LARGEST_BODY:
            return self._refused(hooks[0], 413, "too_large")
        now = self.clock.now()
        judged = [_judged(hook, scope, body, now) for hook in hooks]
        hook, delivery, verdict = next((one for one in judged if one[2] == "genuine"), judged[0])
        source = hook.source
        if verdict != "genuine":
            return self._refused(hook, source.scheme.refused, verdict)
        pieces = source.scheme.split(delivery)
        if not pieces:                       # a trial that says nothing
            return 200
        lines = [line_of(one, delivery, provider=source.provider, scheme=source.scheme, at=now) for one in pieces]
        hashes = message_hashes(prefix_of(source.name), [one.known_by for one in pieces])
        try:
            receipt = await self.commits.take(Arrivals(source=source.name, hashes=hashes, text=b"".join(lines)))
        except (Busy, StoreError):
            return self._refused(hook, 503, "unwritten")
        self.counts.take(source.name, stored=receipt.stored, duplicate=receipt.duplicate)
        if receipt.stored:
            self.courier.bring(source.name, [one for one in map(read_delivery, lines) if one is not None])
        return 200

    def _refused(self, hook: Hook, status: int, why: str) -> int:
        """Count what is not taken and say so in the log: nothing of what it said, which may be anybody's."""
        self.counts.refuse(hook.source.name, why)
        log.warning("delivery refused", source=hook.source.name, why=why, status=status)
        return status


def _judged(hook: Hook, scope: Scope, body: bytes, at: datetime) -> tuple[Hook, Delivery, Verdict]:
    delivery = _delivery(hook.source, scope, body)
    verdict = hook.source.scheme.verify(delivery, secrets=hook.secrets, at=at, window=hook.source.window)
    return hook, delivery, verdict


def _delivery(source: WebhookSource, scope: Scope, body: bytes) -> Delivery:
    query = scope["query_string"].decode("latin-1")
    return Delivery(
        # What the sender calls us, never what a request's Host says.
        url=f"{source.url}?{query}" if query else source.url,
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )


async def _say(send: Send, status: int, *headers: tuple[bytes, bytes]) -> None:
    # Nothing is said: some senders take words for an answer to a person.
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0"), *headers]})
    await send({"type": "http.response.body", "body": b""})
