"""Capitan: the gym's members, their visits, memberships, families and calendar."""

from __future__ import annotations

from collections.abc import Mapping

from regulars.connectors.declared import declare_connector
from regulars.sources.source import Source, Surroundings


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> Source:
    """Return the source that `kind: capitan` means, or its export when the url is a folder. Raises DeclarationError."""
    return declare_connector(__name__, name, data, at=at)
