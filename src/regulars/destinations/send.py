"""What becomes of a message after an attempt: sent, tried later, given up, asked for; when a campaign stops itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from regulars.campaigns.campaign import Brake
from regulars.consent.channel import Channel
from regulars.consent.suppression import Reason
from regulars.destinations.sender import Accepted, Deferred, Outcome, Refused, Unknown

BACKOFF = timedelta(minutes=1)
"""What a message waits after its first attempt, doubled with each further one."""

ASKED_BACKOFF = timedelta(seconds=1)
"""The same where the provider says how long: the least it waits, so that a busy provider is not run out of tries."""

LONGEST = timedelta(hours=1)
"""The longest wait between two attempts, unless the provider asks for more."""

ENOUGH = 100
"""How many messages a share is told of; fewer prove nothing."""

PATIENCE = timedelta(days=2)
"""How long a provider is asked for a message that nobody knows of."""

DEAD: dict[Channel, Reason] = {"email": "bounced", "sms": "wrong number"}
"""Why an address is suppressed that a provider will never take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What a message is after an attempt, and when it is looked at again."""

    state: Literal["sent", "failed", "deferred", "unknown", "planned"]
    outcome: Literal["accepted", "refused", "deferred", "unknown"]
    reason: str | None = None
    due_at: datetime | None = None           # None: never
    provider_id: str | None = None
    code: str | None = None

    @property
    def is_not_sent(self) -> bool:
        """Return whether the provider certainly does not have it."""
        return self.outcome in {"refused", "deferred"}


def after_attempt(
    outcome: Outcome, *, n: int, at: datetime, tries: int, ask_at: datetime | None
) -> Next:
    """Return what an attempt makes of a message.

    Args:
        outcome: What the provider answered, or that nobody can tell.
        n: Which attempt it was, from 1.
        at: When it ended.
        tries: After how many attempts that were not taken a message is given up.
        ask_at: When the provider may first be asked what became of it; None where it cannot be asked.

    """
    match outcome:
        case Accepted():
            return Next(state="sent", outcome="accepted", provider_id=outcome.provider_id)
        case Refused(scope="account"):
            # It is not about this message: it goes when the account is in order again.
            return Next(state="planned", outcome="refused", reason=outcome.reason, code=outcome.code, due_at=at)
        case Refused():
            return Next(state="failed", outcome="refused", reason=outcome.reason, code=outcome.code)
        case Deferred() if n >= tries:
            said = f"not taken in {n} attempts: {outcome.reason}"
            return Next(state="failed", outcome="deferred", reason=said)
        case Deferred():
            least = (BACKOFF if outcome.after is None else ASKED_BACKOFF) * 2 ** (n - 1)
            due = at + max(min(least, LONGEST), outcome.after or timedelta(0))
            return Next(state="deferred", outcome="deferred", reason=outcome.reason, due_at=due)
        case Unknown():
            return Next(state="unknown", outcome="unknown", reason=outcome.reason, due_at=ask_at)


def after_inquiry(
    outcome: Outcome, *, n: int, at: datetime, attempted_at: datetime, tries: int, ask_after: timedelta
) -> Next:
    """Return what the answer to an inquiry makes of an unknown message: only a certain No lets it be sent again."""
    if isinstance(outcome, Deferred):
        return after_attempt(Deferred(reason=outcome.reason, after=timedelta(0)), n=n, at=at, tries=tries, ask_at=None)
    age = at - attempted_at
    again = at + min(max(ask_after, age), LONGEST) if age < PATIENCE else None
    return after_attempt(outcome, n=n, at=at, tries=tries, ask_at=again)


def brake_by_answers(outcomes: Sequence[Outcome], brake: Brake) -> str | None:
    """Return why a campaign pauses after its last answers, the latest last; None while it may go on."""
    last = outcomes[-ENOUGH:]
    for one in last:
        if isinstance(one, Refused) and one.scope == "account":
            return f"the provider refuses the account: {one.reason}"
    refused = [one for one in last if isinstance(one, Refused)]
    if len(last) == ENOUGH and len(refused) >= brake.refused * ENOUGH:
        return f"{len(refused)} of the last {ENOUGH} messages were refused: {refused[-1].reason}"
    return None


class Told(Protocol):
    """What receipts said of a campaign lately."""

    @property
    def sent(self) -> int:
        """Return how many messages were sent."""
        ...

    @property
    def bounced(self) -> int:
        """Return how many of them bounced."""
        ...

    @property
    def complained(self) -> int:
        """Return how many people complained."""
        ...


def brake_by_receipts(told: Told, brake: Brake) -> str | None:
    """Return why a campaign pauses after what receipts said; None while it may go on."""
    if told.sent < ENOUGH:
        return None
    for what, number, share in (
        ("complained", told.complained, brake.complained), ("bounced", told.bounced, brake.bounced)
    ):
        # One complaint among a hundred is one in a hundred, and still only one.
        if number >= max(float(share) * told.sent, 2):
            return f"{number} of {told.sent:,} {what}: {number / told.sent:.1%}, and {float(share):.1%} is the most"
    return None


def slices(per_second: float, *, batch: int, most: int, seconds: float = 0.5) -> int:
    """Return how many messages a worker takes at once: no more than go out in half a second, in whole requests.

    So long a word to stop, or an opt-out, can be late for those already taken.
    """
    return max(batch, min(most, int(per_second * batch * seconds)) // batch * batch)
