"""SendGrid: e-mail out by its Web API, and what its Event Webhook tells of it.

kind: sendgrid
key: ${SENDGRID_KEY}
url: https://api.eu.sendgrid.com     # another region; left out: everywhere else
batch: 1                             # messages a request, up to 1,000: so many a lost answer leaves unknown
can_be_asked: false                  # true: the account has the Email Activity add-on
"""

from __future__ import annotations

from collections.abc import Mapping

from regulars.connectors.secret import Secret
from regulars.connectors.sendgrid.mail import Sendgrid
from regulars.connectors.sendgrid.together import LARGEST
from regulars.errors import DeclarationError
from regulars.sources.declared import no_strangers
from regulars.sources.source import Surroundings

__all__ = ["Sendgrid", "declare"]


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> Sendgrid:
    """Return the dialect that a destination of `kind: sendgrid` means. Raises DeclarationError."""
    no_strangers(data, {"kind", "key", "url", "batch", "can_be_asked"}, path=())
    if not data.get("key"):
        raise DeclarationError("the option 'key' is missing", hint="add `key: ${SENDGRID_KEY}`", path=("key",))
    batch = data.get("batch", 1)
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= LARGEST:
        raise DeclarationError(f"{batch!r} messages a request", hint="`batch: 1`, at most 1000", path=("batch",))
    return Sendgrid(
        key=Secret(written=str(data["key"]), at=at, whose=name),
        url=str(data.get("url") or "https://api.sendgrid.com"),
        batch=batch,
        can_be_asked=data.get("can_be_asked") is True,
    )
