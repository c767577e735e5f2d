"""Square: the till's payments, orders, tips, refunds and fees."""

from __future__ import annotations

from collections.abc import Mapping

from regulars.connectors.declared import declare_connector
from regulars.sources.source import Source, Surroundings


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> Source:
    """Return the source that `kind: square` means, or its export when the url is a folder. Raises DeclarationError."""
    return declare_connector(__name__, name, data, at=at)
