"""A vendor of text messages as its sandbox keeps it: what it was given, who opted out, which numbers go wrong.

Some numbers always do the same, like the vendors' own test numbers do:

| number | what it is |
|---|---|
| to +15005550001 | no telephone number |
| to +15005550003 | a telephone that is off |
| to +15005550004 | somebody who opted out |
| to +15005550009 | a landline |
| from +15005550007 | not ours |
| from +15005550008 | its queue is full |
| from +15005550034 | not registered for the United States |
| from +15005550402 | of an account without credit |
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from regulars.connectors.sandbox import Shelf

NOBODY, OFF, OPTED_OUT, LANDLINE = "+15005550001", "+15005550003", "+15005550004", "+15005550009"
NOT_OURS, FULL, NOT_REGISTERED, NO_CREDIT = "+15005550007", "+15005550008", "+15005550034", "+15005550402"

OUT = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
IN = frozenset({"start", "unstop", "yes"})
HELP = frozenset({"help", "info"})


@dataclass(slots=True, kw_only=True)
class Text:
    """One text message that a vendor has."""

    number: int                              # from 1, in the order they came
    sender: str
    to: str
    text: str
    at: datetime
    direction: Literal["outgoing", "incoming"] = "outgoing"
    status: str = "queued"
    code: str = ""                           # why it did not arrive
    callback: str = ""                       # where Twilio tells of it
    updated_at: datetime | None = None

    @property
    def changed_at(self) -> datetime:
        """Return when its status was last another."""
        return self.updated_at or self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Where a vendor's webhooks go."""

    url: str
    events: frozenset[str]
    key: str                                 # they are signed with
    is_new_scheme: bool = False              # of Quo's two


@dataclass(slots=True, kw_only=True)
class Exchange:
    """Everything a vendor knows."""

    texts: list[Text] = field(default_factory=list)
    by_person: defaultdict[str, list[Text]] = field(default_factory=lambda: defaultdict(list))
    opted_out: set[tuple[str, str]] = field(default_factory=set)      # who, of which of our numbers
    subscriptions: list[Subscription] = field(default_factory=list)
    recent: deque[datetime] = field(default_factory=deque)            # requests of the last second
    most_per_second: int | None = None       # None: as many as come
    token: str = "sandbox"                   # noqa: S105  # what requests were last known by: Twilio signs with it

    def put(self, shelf: Shelf, *, sender: str, to: str, text: str, callback: str = "") -> Text:
        """Take a text that we send."""
        one = Text(
            number=len(self.texts) + 1, sender=sender, to=to, text=text, at=shelf.now, callback=callback
        )
        self.texts.append(one)
        self.by_person[to].append(one)
        shelf.keep("messages", {"from": sender, "to": to, "text": text})
        return one

    def came(self, shelf: Shelf, *, sender: str, to: str, text: str) -> Text:
        """Take what somebody wrote to us; a keyword opts them out or in."""
        one = Text(
            number=len(self.texts) + 1, sender=sender, to=to, text=text, at=shelf.now, direction="incoming",
            status="received",
        )
        self.texts.append(one)
        self.by_person[sender].append(one)
        if keyword(text) == "STOP":
            self.opted_out.add((sender, to))
        if keyword(text) == "START":
            self.opted_out.discard((sender, to))
        return one

    def has_opted_out(self, person: str, *, of: str) -> bool:
        """Return whether a person wants nothing more from one of our numbers, or from a messaging service."""
        is_service = of.startswith("MG")
        return person == OPTED_OUT or any(
            who == person and (is_service or number == of) for who, number in self.opted_out
        )

    def is_too_fast(self, now: datetime) -> bool:
        """Return whether this request is one more than a second takes; it is not counted then."""
        while self.recent and self.recent[0] <= now - timedelta(seconds=1):
            self.recent.popleft()
        if self.most_per_second is not None and len(self.recent) >= self.most_per_second:
            return True
        self.recent.append(now)
        return False

    def settle(self, now: datetime) -> Sequence[Text]:
        """Let every text that waits come to its end, and return them."""
        waiting = [one for one in self.texts if one.status == "queued"]
        for one in waiting:
            one.code = self._goes_wrong(one)
            one.status = "undelivered" if one.code else "delivered"
            one.updated_at = now
        return waiting

    def _goes_wrong(self, one: Text) -> str:
        if self.has_opted_out(one.to, of=one.sender):
            return "21610"
        if one.sender == NOT_REGISTERED:
            return "30034"
        return {LANDLINE: "30006", OFF: "30003"}.get(one.to, "")


def exchange(shelf: Shelf, *, most_per_second: int | None = None) -> Exchange:
    """Return what the vendor behind a shelf knows: made once."""
    if not shelf.kept("exchange"):
        shelf.keep("exchange", {"it": Exchange(most_per_second=most_per_second)})
    found = shelf.kept("exchange")[0]["it"]
    assert isinstance(found, Exchange)
    return found


def keyword(text: str) -> str:
    """Return which of the three keywords that a carrier knows a text is; empty for none."""
    word = text.strip().lower()
    return next((name for name, words in {"STOP": OUT, "START": IN, "HELP": HELP}.items() if word in words), "")


def word(words: Mapping[str, object], name: str) -> str:
    """Return one of the words that came with what happens at a vendor."""
    return str(words.get(name, ""))
