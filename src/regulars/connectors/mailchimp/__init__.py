"""Mailchimp Marketing: audiences, campaigns and what each recipient did, in; people and their tags, out."""

from __future__ import annotations

from collections.abc import Mapping

from regulars.connectors.declared import declare_connector
from regulars.connectors.mailchimp.audience import Audience, Person
from regulars.connectors.mailchimp.batch import Batch, batch_state, results, together
from regulars.sources.source import Source, Surroundings

__all__ = ["Audience", "Batch", "Person", "batch_state", "declare", "results", "together"]


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> Source:
    """Return the source that `kind: mailchimp` means, or its export when the url is a folder.

    Raises DeclarationError.
    """
    return declare_connector(__name__, name, data, at=at)
