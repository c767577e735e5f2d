"""What the head of a request says: how its body is read, whose it is, who sent it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs

import msgspec

from regulars.web.ingest.body import MOST_FIELDS
from regulars.web.ingest.robots import is_robot
from regulars.web.ingest.routes import Route
from regulars.web.ingest.write_keys import WriteKeys


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request without its body."""

    route: Route
    source: str | None                       # that the key of the head writes to; None: the body may bring a key
    is_robot: bool = False                   # by its own User-Agent
    repairs: str = ""                        # name of what is in quarantine and this answers


def addressed(
    route: Route, headers: Iterable[tuple[bytes, bytes]], query: bytes, *, keys: WriteKeys
) -> Envelope:
    """Return what a head says. The names of its headers are in lower case."""
    authorization, agent, others = b"", "", list[str]()
    for name, value in headers:
        if name == b"authorization":
            authorization = value
        elif name == b"user-agent":
            agent = value.decode("latin-1")
        elif name == b"x-write-key":
            others.append(value.decode("latin-1"))
    repairs = ""
    if query:
        said = _said(query)
        others += said.get("writeKey", []) + said.get("api_key", [])
        repairs = said.get("repairs", [""])[0].partition("|")[0]
    source = keys.source_of_header(authorization) if authorization else None
    return Envelope(
        route=route, source=source or keys.first(others), is_robot=bool(agent) and is_robot(agent), repairs=repairs
    )


def _said(query: bytes) -> Mapping[str, list[str]]:
    """Return what a query says; nothing of one that says more than any client does."""
    if query.count(b"&") >= MOST_FIELDS:
        return {}
    return parse_qs(query.decode("latin-1"))
