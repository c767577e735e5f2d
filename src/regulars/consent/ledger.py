"""The ledger of consent: who said what of which channel and purpose, in which words, with what proof; append-only.

A revocation goes before everything but a later, explicit grant for the same address, channel and purpose. A grant
without evidence stands in the ledger and permits nothing. Entries are chained by their hashes, so that one that was
changed or taken out later shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from regulars.consent.channel import CHANNELS, PURPOSES, Channel, Purpose

Action = Literal["grant", "revoke"]
State = Literal["granted", "revoked", "unproven", "unknown"]
Method = Literal[
    "web_form", "keyword", "in_person", "qr_code", "double_opt_in", "reply", "unsubscribe_link", "account_box",
    "import", "staff",
]

METHODS: tuple[Method, ...] = (
    "web_form", "keyword", "in_person", "qr_code", "double_opt_in", "reply", "unsubscribe_link", "account_box",
    "import", "staff",
)
EXPLICIT: frozenset[Method] = frozenset({"web_form", "keyword", "in_person", "qr_code", "double_opt_in", "reply"})
"""Ways in which a person asks for messages of that channel by themselves: only these lift a revocation.

A box that stands in an account, or a list that is brought along, does not.
"""

ANY: Literal["any"] = "any"
"""The purpose of a revocation that is of everything on its channel: that is what STOP means."""

KEYED = (
    "address_hash", "channel", "purpose", "action", "method", "wording_hash", "source", "evidence", "at", "expires_at",
)
"""What makes an entry the one it is; whose customer the address is may change."""

ENTRIES = {
    "seq": "int64", "address_hash": "string", "customer_id": "string", "channel": "string", "purpose": "string",
    "action": "string", "method": "string", "wording_hash": "string", "source": "string", "evidence": "string",
    "at": "timestamp", "expires_at": "timestamp", "recorded_at": "timestamp", "chain": "string",
}
"""One row an entry. address_hash: see `suppression`; evidence missing: none; moments UTC; chain: see `chained`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was said about being written to.

    Raises ValueError for what cannot be meant.
    """

    address_hash: str                        # see `suppression.address_hash`
    channel: Channel
    purpose: Purpose | Literal["any"]        # any: of revocations only
    action: Action
    method: Method
    at: datetime                             # when it was said, aware; of an undated one: when we learned of it
    source: str                              # "web:/join", "twilio", "import:list.csv"
    wording: str = ""                        # exactly what the person was shown, or wrote
    evidence: str | None = None              # message id, form URL and address of the browser, path of a scan
    customer_id: str | None = None
    expires_at: datetime | None = None       # of a grant that ends by itself

    def __post_init__(self) -> None:
        if self.channel not in CHANNELS or self.method not in METHODS:
            raise ValueError(f"channels are {', '.join(CHANNELS)}; methods are {', '.join(METHODS)}")
        if self.action not in ("grant", "revoke"):
            raise ValueError(f"an entry grants or revokes; {self.action!r} is neither")
        if self.purpose not in (*PURPOSES, ANY) or (self.purpose == ANY and self.action == "grant"):
            raise ValueError(f"a grant is for one of {', '.join(PURPOSES)}; only a revocation is for {ANY}")
        if self.at.tzinfo is None:
            raise ValueError("the moment of consent has no zone")

    @property
    def wording_hash(self) -> str:
        """Return the hash under which the wording is kept once."""
        return hashlib.sha256(self.wording.encode()).hexdigest()

    @property
    def has_evidence(self) -> bool:
        """Return whether something proves it."""
        return bool(self.evidence)

    @property
    def entry_id(self) -> str:
        """Return the key that makes the same entry, told twice, one."""
        return entry_key({name: getattr(self, name) for name in KEYED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the ledger says of one address, channel and purpose at a moment."""

    state: State
    since: datetime | None = None            # of the grant or revocation that counts


def standing(entries: Iterable[Entry], *, channel: Channel, purpose: Purpose, at: datetime) -> Standing:
    """Return what entries of one address come to; their order never matters.

    The bulk form is `permission.permissions`.
    """
    mine = [e for e in entries if e.channel == channel and e.purpose in (purpose, ANY) and e.at <= at]
    revoked = max((e.at for e in mine if e.action == "revoke"), default=None)
    grants = [e for e in mine if e.action == "grant" and (e.expires_at is None or e.expires_at > at)]
    proven = [e for e in grants if e.has_evidence]
    if revoked is not None:
        # At the same moment the revocation counts.
        lifting = [e.at for e in proven if e.method in EXPLICIT and e.at > revoked]
        return Standing(state="granted", since=max(lifting)) if lifting else Standing(state="revoked", since=revoked)
    if proven:
        return Standing(state="granted", since=max(e.at for e in proven))
    return Standing(state="unproven" if grants else "unknown")


def entry_key(said: Mapping[str, Any]) -> str:
    """Return the hash of what an entry says: of KEYED, moments in UTC."""
    values = [said[name] for name in KEYED]
    return hashlib.sha256(json.dumps([
        value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in values
    ]).encode()).hexdigest()


def chained(before: str, key: str, *, seq: int) -> str:
    """Return the hash of an entry in its place: of the one before it, its number and its key.

    It holds no address, so that an erased person leaves the chain whole.
    """
    return hashlib.sha256(f"{before}\n{seq}\n{key}".encode()).hexdigest()
