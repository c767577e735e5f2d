"""Where a request comes from and where it may go on: https or this machine, its own pages, this place and no other."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.requests import Request

START = "/"
"""Where people are led who asked for no page in particular."""

_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def next_of(said: str | None) -> str:
    """Return the page of this place that a text names, START for everything else: `next` may come from anybody."""
    text = said or ""
    is_ours = _PATH.fullmatch(text) and len(text) <= 2000 and not text.startswith(("/sign-in", "/sign-out", "/invite/"))
    return text if is_ours else START


def is_safe(request: Request) -> bool:
    """Return whether nobody on the way can read a request: https, or it never leaves the machine."""
    return request.url.scheme == "https" or is_loopback(host_of(request))


def host_of(request: Request) -> str:
    """Return the host that a request asks for, without its port; "" for what is none."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:                       # half a pair of brackets
        return ""


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_of_this_machine(request: Request) -> bool:
    """Return whether a request was made on this machine, by a page or person of it.

    The name it asks for counts too: a page of the world can have its own name lead here (DNS rebinding). Nor may
    something stand in between, which lets in whom we do not see.
    """
    client = request.client.host if request.client else ""
    is_direct = not any(name in request.headers for name in _FORWARDED)
    return is_direct and is_loopback(client) and is_loopback(host_of(request))


def is_from_here(request: Request) -> bool:
    """Return whether a form was sent by a page of this place, as far as the browser says where it was.

    Source: the Fetch standard's `Origin`, Fetch Metadata's `Sec-Fetch-Site`.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    try:
        return origin is None or urlsplit(origin).netloc == request.headers.get("host")
    except ValueError:                       # half a pair of brackets
        return False
