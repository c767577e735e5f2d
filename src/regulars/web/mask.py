"""Addresses and numbers as whoever need not know them sees them."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^\s\"'<>,;:/|]+@[^\s\"'<>,;:/|]+\.[^\s\"'<>,;:/|]+")
# Seven digits and more, in whatever way they are grouped; days stand before them, so that none is taken for a number.
_DAY_OR_PHONE = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d|\d\d?[/.]\d\d?[/.]\d{2,4})|(?P<phone>\+?\(?\d(?:[ ().-]{0,2}\d){6,14})"
)


def mask(identifier: str | None) -> str | None:
    """Return an address or number with its middle hidden: `a•••@example.com`, `+1•••••1234`."""
    if not identifier:
        return identifier
    name, at, domain = identifier.partition("@")
    if at:
        return f"{name[:1]}•••@{domain}"
    return f"{identifier[:2]}•••••{identifier[-4:]}"


def mask_within(text: str) -> str:
    """Return a text with the middle of every address and number in it hidden; days and times stay."""
    hidden = _ADDRESS.sub(lambda found: mask(found[0]) or "", text)
    return _DAY_OR_PHONE.sub(lambda found: found["day"] or mask(found["phone"]) or "", hidden)
