"""What takes a message to a person: a provider is told, answers or does not, and reports later.

Four things can become of an attempt, and the difference decides whether it may be tried again: the provider took it
(`Accepted`), will never take it (`Refused`), did not take it now (`Deferred`), or nobody can tell (`Unknown`). What is
unknown is asked for and shown, and never sent again blindly.

A provider over HTTP is a `Dialect`: pure functions between messages and requests. Who carries requests out, how many at
once, and what is written down before and after, is the business of `send`. Where there is no HTTP a `Talker` does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from regulars.consent.channel import Channel

Scope = Literal["message", "address", "account"]
"""What a refusal is about: this message, this address for ever, or everything that this account sends."""

Stage = Literal[
    "queued", "sent", "delivered", "undelivered", "failed", "opened", "clicked", "bounced", "complained",
    "unsubscribed",
]
"""What a provider tells of a message afterwards; `bounced` is for good, `undelivered` may be for now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message as it leaves: to one address, with every gap filled in."""

    message_id: str                          # ours; goes along wherever the provider has a place for it
    channel: Channel
    to: str                                  # E.164, or an e-mail address
    sender: str                              # number or address that we send from
    text: str
    subject: str = ""                        # of an e-mail
    html: str = ""                           # of an e-mail; empty: text only
    headers: Mapping[str, str] = field(default_factory=dict)     # of an e-mail: List-Unsubscribe and the like
    tags: Mapping[str, str] = field(default_factory=dict)        # campaign, variant: come back with receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider has it."""

    provider_id: str
    stage: Stage = "queued"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The provider said no, and would again."""

    code: str                                # the provider's own
    reason: str                              # in words, without the address
    scope: Scope = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """The provider certainly does not have it, and may take it later."""

    reason: str
    after: timedelta | None = None           # what it asked us to wait, if it said


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The provider may have it: the answer was lost, or says neither."""

    reason: str


Outcome = Accepted | Refused | Deferred | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, whole."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)     # names in lower case
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How a provider wants to be spoken to."""

    per_second: float                        # requests
    at_once: int = 10                        # connections
    batch: int = 1                           # messages a request
    timeout: timedelta = timedelta(seconds=30)


class Dialect(Protocol):
    """How one provider over HTTP is told of messages. Everything here is pure: nothing is sent by it."""

    @property
    def name(self) -> str:
        """Return the name of the connector: `twilio`."""
        ...

    @property
    def limits(self) -> Limits:
        """Return how it wants to be spoken to."""
        ...

    def request(self, messages: Sequence[Outgoing]) -> Request:
        """Return the request that hands over at most `limits.batch` messages."""
        ...

    def outcomes(self, messages: Sequence[Outgoing], answer: Answer) -> Sequence[Outcome]:
        """Return what an answer means for each message, in order; a 5xx that may have acted is Unknown."""
        ...

    def inquiry(self, message: Outgoing, *, attempted_at: datetime) -> Request | None:
        """Return the request that asks what became of an unknown message; None where a provider cannot be asked."""
        ...

    def found(self, message: Outgoing, answer: Answer, *, attempted_at: datetime) -> Outcome:
        """Return what the answer to an inquiry means.

        Accepted: it has the message. Deferred: it certainly has not, so it may be sent. Unknown: still nobody can tell.
        """
        ...


class Talker(Protocol):
    """A provider that is not spoken to over HTTP: it carries a batch out itself, and nothing it does raises."""

    @property
    def name(self) -> str:
        """Return the name of the connector: `smtp`."""
        ...

    @property
    def limits(self) -> Limits:
        """Return how it wants to be spoken to."""
        ...

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """Hand over at most `limits.batch` messages and return what became of each, in order. Blocks meanwhile."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a provider told of one message, in a webhook or when it was asked.

    Known by provider, provider_id, stage and `event_id`; may come twice and in any order.
    """

    provider: str
    provider_id: str
    stage: Stage
    at: datetime                             # aware
    event_id: str = ""                       # the provider's own id of this news, where it has one
    message_id: str | None = None            # ours, where the provider gives it back
    address: str | None = None
    code: str = ""
    reason: str = ""
    url: str = ""                            # of a click
    agent: str = ""                          # of an open or click: bots are told by it


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What somebody wrote to us."""

    provider: str
    provider_id: str
    sender: str                              # who wrote: E.164 or e-mail
    to: str                                  # which of our numbers or addresses
    text: str
    at: datetime                             # aware


Wanted = Literal["tell", "forget", "forget_shop"]
"""To be told what is known, to be forgotten, and a shop that is to be forgotten with all its buyers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyRequest:
    """What somebody asks for through a provider, which has to see that it is done."""

    provider: str
    wanted: Wanted
    shop: str                                # its domain
    at: datetime                             # aware
    customer: str | None = None              # the provider's id; None: somebody who is no customer there, or the shop
    orders: tuple[str, ...] = ()             # the provider's ids of what they bought


News = Receipt | Reply | PrivacyRequest
