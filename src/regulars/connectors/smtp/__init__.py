"""SMTP: e-mail out by any mail server, and what comes back into a mailbox: failures, complaints, answers.

kind: smtp
host: mail.summit.example
port: 587                            # 465 for `tls`
security: starttls                   # tls, or none for a relay on this machine
user: campaigns
password: ${SMTP_PASSWORD}
bounces: bounces@summit.example      # the mailbox where failures are reported to; left out: the sender's
hello: mail.summit.example           # how we name this machine to the server
batch: 50                            # messages over one connection
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regulars.check import did_you_mean
from regulars.connectors.secret import Secret
from regulars.connectors.smtp.folder import read_folder
from regulars.connectors.smtp.news import read
from regulars.connectors.smtp.talk import SECURITIES, Smtp
from regulars.errors import DeclarationError
from regulars.sources.declared import no_strangers
from regulars.sources.source import Surroundings

__all__ = ["Smtp", "declare", "read", "read_folder"]

_TEXTS, _NUMBERS = ("host", "user", "bounces", "hello", "security"), ("port", "batch")


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> Smtp:
    """Return the talker that a destination of `kind: smtp` means. Raises DeclarationError."""
    no_strangers(data, {"kind", "password", *_TEXTS, *_NUMBERS}, path=())
    if not data.get("host"):
        raise DeclarationError("the option 'host' is missing", hint="add `host: mail.gym.example`", path=("host",))
    for key in _NUMBERS:
        value = data.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise DeclarationError(f"{value!r} is no number above 0", hint=f"`{key}: 50`", path=(key,))
    security = str(data.get("security", "starttls"))
    if security not in SECURITIES:
        hint = did_you_mean(security, SECURITIES)
        raise DeclarationError(f"security {security!r} is unknown", hint=hint, path=("security",))
    said: dict[str, Any] = {key: str(data[key]) for key in _TEXTS if key in data}
    said |= {key: data[key] for key in _NUMBERS if key in data}
    return Smtp(**said, password=Secret(written=str(data.get("password", "")), at=at, whose=name))
