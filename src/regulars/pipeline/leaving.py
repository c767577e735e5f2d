"""How somebody leaves out of an e-mail: the signed link of each message, and the headers for one click."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime

from regulars.campaigns.link import Door
from regulars.storage.book import Book

KEY = "links.key"
"""The sealed secret that our own links are signed with; made once, and never changed."""

DOOR = "door"
"""The provider of what our own door tells: clicks, and who left."""


def door_of(book: Book, origin: str, *, at: datetime) -> Door:
    """Return the door that links of a destination lead to; its key is made when first asked for."""
    made = book.sealed.seal_once(KEY, secrets.token_hex(32), at=at)
    return Door(origin=origin, keys=(bytes.fromhex(made),))


def one_click(url: str) -> Mapping[str, str]:
    """Return the headers of an e-mail that can be left with one click.

    Source: RFC 8058, 3.1; both must be covered by the DKIM signature, which is the provider's work.
    """
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
