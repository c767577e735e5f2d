"""A text to one's own number, and news of it back through the webhook: is the way there and back open."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from regulars.check import Finding, did_you_mean
from regulars.clock import Clock
from regulars.destinations.carry import Carrier
from regulars.destinations.destination import Destination
from regulars.destinations.hand_over import Line
from regulars.destinations.sender import Accepted, Outgoing
from regulars.errors import DeclarationError, NotFound
from regulars.project import Project
from regulars.storage.book import Book
from regulars.storage.book.receipts import News

PATIENCE = timedelta(minutes=2)
"""How long news of the text may take."""

EVERY = timedelta(seconds=2)
"""How often it is looked for."""

NAME = "texts-arrive"
_ENDED_BADLY = frozenset({"undelivered", "failed", "bounced", "unsubscribed", "complained"})
_WEBHOOK = "does the provider's webhook point here, and is `regulars serve` running? regulars webhook list"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCheck:
    """What came of it."""

    state: Literal["healthy", "timeout", "failed"]
    reason: str = ""
    after: timedelta | None = None           # until news of it was in the book; None: there was none

    def finding(self, destination: str) -> Finding:
        """Return it as one of the findings of `regulars doctor`."""
        where = f"destinations/{destination}.yaml"
        if self.after is None or self.state != "healthy":
            hint = _WEBHOOK if self.state == "timeout" else "check key, number and account at the provider"
            return Finding(name=NAME, status="failed", message=f"{self.state}: {self.reason}", hint=hint, where=where)
        seconds = self.after.total_seconds()
        said = f"healthy: news of a text was here after {seconds:.1f} s"
        return Finding(name=NAME, status="ok", message=said, where=where, numbers={"seconds": seconds})


def way_of(project: Project, name: str) -> tuple[Destination, str]:
    """Return a destination of texts, and the number of one's own that a check goes to: not the one it comes from.

    Raises NotFound for no such destination, DeclarationError where there is no text or no number of one's own.
    """
    ways = {one.name: one for one in project.destinations}
    if name not in ways:
        raise NotFound(f"there is no destination {name!r}", hint=did_you_mean(name, ways))
    if ways[name].channel != "sms":
        raise DeclarationError(f"{name} sends no texts", hint="name a destination that sends from a number")
    own = sorted(project.identifier_rules.own_numbers - {ways[name].sender})
    if not own:
        hint = 'own_phones = ["+12545550142"] in [business] of regulars.toml'
        raise DeclarationError("there is no number of your own to write to", hint=hint)
    return ways[name], own[0]


def check_texts(
    project: Project, book: Book, *, destination: str, clock: Clock, pause: Callable[[float], None] = time.sleep
) -> TextCheck:
    """Send one text to a number of one's own and wait for what the provider tells of it, PATIENCE at most."""
    way, to = way_of(project, destination)
    sent_at = clock.now()
    number = hashlib.sha256(f"{destination} {sent_at.isoformat()}".encode()).hexdigest()[:16]
    text = Outgoing(
        message_id=f"check_{number}", channel="sms", to=to, sender=way.sender,
        text=f"{project.config.business.name}: a check that texts arrive. {number}",
    )
    with Carrier() as carrier:
        line = Line(provider=way.dialect, limits=way.limits, carrier=carrier)
        (outcome,) = line.hand_over([text], share=1.0, begins_within=PATIENCE)
    if not isinstance(outcome, Accepted):
        return TextCheck(state="failed", reason=outcome.reason)
    told: list[News] = []
    for _ in range(PATIENCE // EVERY):
        told = book.receipts.of_provider(way.dialect.name, outcome.provider_id)
        for one in told:
            after = one.recorded_at - sent_at
            if one.stage in _ENDED_BADLY:
                return TextCheck(state="failed", reason=f"{one.stage}: {one.reason}", after=after)
            if one.stage == "delivered":
                return TextCheck(state="healthy", after=after)
        pause(EVERY.total_seconds())
    if told:                                 # not every carrier says that a text arrived; the webhook works
        return TextCheck(state="healthy", after=told[0].recorded_at - sent_at)
    return TextCheck(state="timeout", reason=f"no news of the text within {PATIENCE.total_seconds():.0f} s")
