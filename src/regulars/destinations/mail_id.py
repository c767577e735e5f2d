"""Our message id inside an e-mail's Message-ID: what comes back about a mail says which one it was."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

_OURS = re.compile(r"regulars\.([A-Za-z0-9%_~-]+)")


def mail_mark(message_id: str) -> str:
    """Return a message id as it may stand left of an @, and as an envelope id (RFC 3461)."""
    return "regulars." + quote(message_id, safe="").replace(".", "%2E")


def mail_id(message_id: str, *, domain: str) -> str:
    """Return the Message-ID of a mail that leaves from a domain, with its brackets. Source: RFC 5322, 3.6.4."""
    return f"<{mail_mark(message_id)}@{domain}>"


def message_id_in(text: str) -> str | None:
    """Return our message id out of a Message-ID or an envelope id; None where it is not ours."""
    found = _OURS.search(text)
    return unquote(found[1]) if found else None
