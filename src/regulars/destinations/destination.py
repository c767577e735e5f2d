"""A destination: by which provider, from which number or address, and how fast; `destinations/<name>.yaml` each.

kind: twilio                   # any connector that sends
from: "+12545550100"           # or an e-mail address; more keys are the connector's own
per_second: 1                  # slower than the provider allows
at_once: 4
daily_limit: 125               # messages from this number a business day
tries: 5                       # how often a message is tried that the provider does not take now
ask_after: 1 minute            # how long an unknown message is left alone before the provider is asked
links: https://go.summit.example       # where links in e-mails begin; marketing by e-mail needs it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from regulars.campaigns.pace import DAY, Cap
from regulars.consent.channel import Channel
from regulars.destinations.sender import Dialect, Limits, Talker
from regulars.errors import DeclarationError
from regulars.records.record import duration
from regulars.sources.source import Surroundings

_NUMBER = r"\+\d{8,15}|\d{3,8}"              # E.164, or a short code
_MAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"

OWN = ("kind", "from", "per_second", "at_once", "daily_limit", "tries", "ask_after", "links")
"""Keys of a declaration that every kind has; a connector is given the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One way out."""

    name: str
    dialect: Dialect | Talker
    sender: str                              # E.164, a short code, or an e-mail address
    limits: Limits                           # the provider's, or tighter ones
    caps: tuple[Cap, ...] = ()               # of this number or address, whatever campaign it is
    tries: int = 8                           # of a message that is not taken now
    ask_after: timedelta = timedelta(minutes=1)
    links: str = ""                          # origin of our own links; empty: messages have none

    @property
    def channel(self) -> Channel:
        """Return which channel it serves: that of the address it sends from."""
        return "email" if "@" in self.sender else "sms"


class SenderFactory(Protocol):
    """What a plug-in gives for one `kind:` of destination."""

    def __call__(self, name: str, data: Mapping[str, object], *, at: Surroundings) -> Dialect | Talker:
        """Return what the connector's own keys mean. Raises DeclarationError; touches nothing outside."""
        ...


def declare(
    name: str, data: Mapping[str, object], *, at: Surroundings, factory: Callable[[str], SenderFactory]
) -> Destination:
    """Return the destination that a file declares; `factory` finds the connector of a kind.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    dialect = factory(str(data.get("kind")))(name, {k: v for k, v in data.items() if k not in OWN}, at=at)
    sender = _sender(data.get("from"))
    limits = dialect.limits
    limits = replace(
        limits, per_second=min(limits.per_second, _number(data, "per_second", limits.per_second)),
        at_once=min(limits.at_once, int(_number(data, "at_once", limits.at_once))),
    )
    caps: tuple[Cap, ...] = ()
    if "daily_limit" in data:
        most = int(_number(data, "daily_limit", 1))
        caps = (Cap(name="daily_limit", of="sender", limit=most, window=DAY, is_of_all=True),)
    return Destination(
        name=name, dialect=dialect, sender=sender, limits=limits, caps=caps,
        tries=int(_number(data, "tries", 8)), links=_origin(data.get("links") or ""),
        ask_after=duration(data["ask_after"], ("ask_after",)) if "ask_after" in data else timedelta(minutes=1),
    )


def _sender(value: object) -> str:
    text = str(value or "").strip()
    if re.fullmatch(_NUMBER, text):
        return text
    if re.fullmatch(_MAIL, text):
        return text.lower()
    raise DeclarationError(
        f"{value!r} is nothing to send from", hint='`from: "+12545550100"` or `from: hello@gym.example`',
        path=("from",) if value else (),
    )


def _origin(value: object) -> str:
    text = str(value).rstrip("/")
    if text and not text.startswith(("https://", "http://")):
        raise DeclarationError(f"{text!r} is no origin", hint="`links: https://go.gym.example`", path=("links",))
    return text


def _number(data: Mapping[str, object], key: str, default: float) -> float:
    value = data.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise DeclarationError(f"{value!r} is no number above 0", hint=f"`{key}: 10`", path=(key,))
    return value
