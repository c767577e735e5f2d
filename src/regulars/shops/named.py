"""Names of what shops sell and of the shops themselves, in one form each: ids as GIDs, domains in lower case."""

from __future__ import annotations

import re
from typing import Literal

Sort = Literal["Product", "ProductVariant"]
"""What a Shopify id is of."""

SHOPIFY = "myshopify.com"

EXPORTS = "statistic-exports"
"""Where files of statistics lie in the store of exports, a folder a shop."""

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_LONGEST = 253                               # characters of a host name, RFC 1035
_NUMBER = re.compile(r"[0-9]{1,20}")
_ROOT = "gid://shopify/"


def gid(value: object, sort: Sort) -> str | None:
    """Return an id as `gid://shopify/Product/7809670938693`, of a number or of a GID; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        value = str(value)
    text = value.strip().removeprefix(f"{_ROOT}{sort}/") if isinstance(value, str) else ""
    return f"{_ROOT}{sort}/{text}" if _NUMBER.fullmatch(text) else None


def tail(name: str) -> str:
    """Return the number of a GID, `7809670938693`; any other id as it is."""
    return name.rpartition("/")[2] if name.startswith(_ROOT) else name


def host_of(value: object) -> str | None:
    """Return the host that a URL or a host name says, in lower case; None for what is neither."""
    if not isinstance(value, str):
        return None
    text = value.strip().lower()
    text = text.partition("://")[2] if "://" in text else text
    host = re.split(r"[/?#:]", text, maxsplit=1)[0]
    return host if len(host) <= _LONGEST and _HOST.fullmatch(host) else None


def shopify_domain(value: object) -> str | None:
    """Return a shop's own domain at Shopify, of a URL, a domain or its first word; None for any other domain."""
    host = host_of(value)
    if host is None:
        return None
    if "." not in host:
        return f"{host}.{SHOPIFY}"
    return host if host.endswith(f".{SHOPIFY}") and host.count(".") == SHOPIFY.count(".") + 1 else None
