"""Addresses and numbers as whoever need not know them sees them."""

from __future__ import annotations


def mask(identifier: str | None) -> str | None:
    """Return an address or number with its middle hidden: `a•••@example.com`, `+1•••••1234`."""
    if not identifier:
        return identifier
    name, at, domain = identifier.partition("@")
    if at:
        return f"{name[:1]}•••@{domain}"
    return f"{identifier[:2]}•••••{identifier[-4:]}"
