"""Numbers as people read them: thin, signed, with their unit, and a dash when missing."""

from __future__ import annotations


def money(minor: int | None, currency: str) -> str:
    """Return an amount in minor units as people read it: `1,204.50 USD`; — when missing."""
    if minor is None:
        return "—"
    sign = "\u2212" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100:,}.{abs(minor) % 100:02d} {currency}"
