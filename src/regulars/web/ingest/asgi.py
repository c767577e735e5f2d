"""What a server says to a plain ASGI callable, and a request's body whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from regulars.web.ingest.body import LARGEST_BODY

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def whole_body(receive: Receive) -> bytes | None:
    """Return a body; one byte more than the limit stands for all that is longer. None: it was never whole."""
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body
    parts, size = [body], len(body)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        size += len(message.get("body", b""))
        # The rest is read and forgotten, so that the client hears the answer.
        if size <= LARGEST_BODY + 1:
            parts.append(message.get("body", b""))
    return b"".join(parts) if size <= LARGEST_BODY else bytes(LARGEST_BODY + 1)
