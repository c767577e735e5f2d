"""Mailchimp Transactional (Mandrill): e-mail out by its API, and what its webhooks tell of it.

kind: mandrill
key: ${MANDRILL_KEY}
"""

from __future__ import annotations

from collections.abc import Mapping

from regulars.connectors.mandrill.mail import URL, Mandrill
from regulars.connectors.secret import Secret
from regulars.errors import DeclarationError
from regulars.sources.declared import no_strangers
from regulars.sources.source import Surroundings

__all__ = ["Mandrill", "declare"]


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> Mandrill:
    """Return the dialect that a destination of `kind: mandrill` means. Raises DeclarationError."""
    no_strangers(data, {"kind", "key", "url"}, path=())
    if not data.get("key"):
        raise DeclarationError("the option 'key' is missing", hint="add `key: ${MANDRILL_KEY}`", path=("key",))
    return Mandrill(key=Secret(written=str(data["key"]), at=at, whose=name), url=str(data.get("url") or URL))
