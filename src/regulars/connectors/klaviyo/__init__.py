"""Klaviyo: profiles, events and campaigns, in and out, by its JSON:API of one fixed revision."""

from __future__ import annotations

from collections.abc import Mapping

from regulars.connectors.declared import declare_connector
from regulars.connectors.klaviyo.push import Agreement, Event, Klaviyo, Person, outcome
from regulars.sources.source import Source, Surroundings

__all__ = ["Agreement", "Event", "Klaviyo", "Person", "declare", "outcome"]


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> Source:
    """Return the source that `kind: klaviyo` means, or its export when the url is a folder.

    Raises DeclarationError.
    """
    return declare_connector(__name__, name, data, at=at)
