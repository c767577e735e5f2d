"""Send: the messages of an occurrence that are due, each checked again at its moment, each attempt written down first.

Everything that must not be lost is in the book before the next thing happens: claimed, attempted, told, settled. A
worker may be killed between any two of these, and several may work at once.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from regulars.clock import Clock
from regulars.consent.suppression import Suppression
from regulars.destinations.carry import Carrier
from regulars.destinations.hand_over import Line
from regulars.destinations.send import (
    DEAD,
    ENOUGH,
    Next,
    after_attempt,
    after_inquiry,
    brake_by_answers,
    brake_by_receipts,
    slices,
)
from regulars.destinations.sender import Deferred, Outcome, Refused
from regulars.pipeline.approve import check_approved
from regulars.pipeline.campaign import campaign_of, check_version
from regulars.pipeline.moment_of_sending import Gate, Ready
from regulars.project import Project
from regulars.runs.hold import is_gone, owner_name
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.storage.book import Book
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.messages import Attempt, Claimed, Doubtful, Settled

FEW = 20
"""Messages of a worker's first batch: the first leaves at once, and what is wrong with all of them is seen early."""

MOST = 500
"""Messages that a worker has at once; each batch is twice the one before until it has so many."""

CLAIM_LASTS = timedelta(minutes=2)
"""How long a worker may be silent before its messages are anybody's, beside the time that requests may take."""

REST_SECONDS = 5.0
"""The longest that a worker rests at once because a provider asked it to."""

LOOKS_EVERY = timedelta(seconds=2)
"""How often a worker looks for others that have ended, and at what receipts say."""

TOLD_WITHIN = timedelta(days=1)
"""The window in which bounces and complaints are counted."""

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Worker:
    """One process that sends one occurrence. It needs the project and the book, and no other store."""

    project: Project
    book: Book
    clock: Clock
    one: Occurrence
    patience: timedelta = timedelta(seconds=0)       # how long it waits for what is not due yet
    pause: Callable[[float], None] = time.sleep
    name: str = field(default_factory=lambda: owner_name(os.getpid()))
    _gate: Gate = field(init=False)
    _line: Line = field(init=False)
    _last: deque[Outcome] = field(init=False)
    _looked_at: datetime | None = None
    _asks: bool | None = None                        # whether the provider can be asked
    _share: float = 1.0                              # of the provider's rate that is ours
    _most: int = FEW                                 # messages of the next batch

    def work(self) -> Steps:
        """Send what is due until nothing is; checkpoints after each batch.

        Raises DeclarationError when the campaign says something else by now, GuardError when its words have to be
        approved and are not any more.
        """
        campaign = campaign_of(self.project, self.one.campaign)
        check_version(campaign, self.one)
        check_approved(self.project, self.book, campaign)
        self._gate = Gate.open(self.project, self.book, campaign, self.one, at=self.clock.now())
        self._last = deque(maxlen=ENOUGH)
        done = 0
        way = self._gate.destination
        with Carrier() as carrier:
            self._line = Line(provider=way.dialect, limits=way.limits, carrier=carrier)
            while True:
                self._look()
                batch = self._ask() + self._batch()
                done += batch
                if batch:
                    yield Checkpoint(done=done, note=self.one.campaign)
                elif not self._waits():
                    break
        return Work(rows_in=done, rows_out=done, facts={**self.book.campaigns.counts(self.one.campaign_id)})

    def _look(self) -> None:
        """Take over from workers that ended, and stop for what receipts say; not after every batch."""
        now = self.clock.now()
        if self._looked_at is not None and now - self._looked_at < LOOKS_EVERY:
            return
        self._looked_at = now
        # Its own claims are none of a worker that ended: it has none between two batches.
        self.book.messages.reclaim(self.one.campaign_id, now=now, is_gone=lambda w: w == self.name or is_gone(w))
        self._share = 1 / max(self.book.messages.workers(self.one.campaign_id) + 1, 1)
        told = self.book.campaigns.told(self.one.campaign_id, now=now, within=TOLD_WITHIN)
        if (why := brake_by_receipts(told, self._gate.campaign.brake)) is not None:
            self._stop(why)

    def _batch(self) -> int:
        """Send one batch of what is due; return how many messages were dealt with."""
        limits, now = self._gate.destination.limits, self.clock.now()
        size = slices(limits.per_second * self._share, batch=limits.batch, most=self._most)
        lasts = CLAIM_LASTS + 2 * limits.timeout
        claimed = self.book.messages.claim(self.one.campaign_id, self.name, now=now, lasts=lasts, limit=size)
        if not claimed:
            return 0
        self._most = min(2 * self._most, MOST)
        ready, settled = self._gate.checked(claimed, at=now)
        self._settle(settled)
        # A provider that cannot be asked gets one request at a time: so a kill leaves no more than that unknown.
        step = size if self._can_ask(ready) else limits.batch
        for start in range(0, len(ready), step):
            self._attempt(ready[start:start + step])
        return len(claimed)

    def _attempt(self, ready: Sequence[Ready]) -> None:
        """Write attempts down, carry them out, write down what came of them."""
        now = self.clock.now()
        attempts = [self._attempt_of(one, now) for one in ready]
        begun = self.book.messages.begin(self.one.campaign_id, self.name, attempts, at=now)
        going = [one for one in ready if one.claimed.customer_id in begun]
        self._settle([_released(one.claimed, now) for one in ready if one.claimed.customer_id not in begun])
        # None begins so late that it could still be under way when the claim has run out and others may ask for it.
        outcomes = self._line.hand_over(
            [one.outgoing for one in going], share=self._share, begins_within=CLAIM_LASTS / 2
        )
        self._conclude(list(zip(going, outcomes, strict=True)))

    def _conclude(self, told: Sequence[tuple[Ready, Outcome]]) -> None:
        way, now = self._gate.destination, self.clock.now()
        settled, free, dead = [], [], []
        for one, outcome in told:
            n = one.claimed.attempts + 1
            ask_at = now + way.ask_after if self._can_ask([one]) else None
            then = after_attempt(outcome, n=n, at=now, tries=way.tries, ask_at=ask_at)
            settled.append(_settled(one.claimed, n, then))
            if then.is_not_sent:
                free.append(one.claimed.message_id)
            if isinstance(outcome, Refused) and outcome.scope == "address":
                dead.append(one)
        self._settle(settled)
        self.book.seats.give_back(*free)
        self._suppress(dead, now)
        self._last.extend(outcome for _, outcome in told)
        self._rest(outcome.after for _, outcome in told if isinstance(outcome, Deferred) and outcome.after)
        if (why := brake_by_answers(list(self._last), self._gate.campaign.brake)) is not None:
            self._stop(why)

    def _rest(self, asked: Iterable[timedelta]) -> None:
        """Leave a provider alone for as long as it asked, whatever else is due."""
        longest = max(asked, default=timedelta(0))
        if longest:
            self.pause(min(longest.total_seconds(), REST_SECONDS))

    def _suppress(self, dead: Sequence[Ready], now: datetime) -> None:
        if not dead:
            return
        channel, provider = self._gate.campaign.channel, self._gate.destination.dialect.name
        self.book.consent.suppress(
            Suppression(
                channel=channel, address_hash=one.address_hash, reason=DEAD[channel], source=provider, since=now
            ) for one in dead
        )

    def _ask(self) -> int:
        """Ask the provider what became of messages that nobody knows of; return how many were settled or asked."""
        way, now = self._gate.destination, self.clock.now()
        size = slices(way.limits.per_second * self._share, batch=1, most=MOST)
        again_at = now + max(CLAIM_LASTS + way.limits.timeout, way.ask_after)
        doubtful = self.book.messages.doubtful(
            self.one.campaign_id, self.name, now=now, again_at=again_at, limit=size
        )
        ripe = [one for one in doubtful if now - one.attempt.attempted_at >= way.ask_after]
        young = [one for one in doubtful if now - one.attempt.attempted_at < way.ask_after]
        answers = self._line.ask(
            [(self._gate.outgoing_again(one), one.attempt.attempted_at) for one in ripe], share=self._share
        )
        self._settle([
            _still_unknown(one.message, "not asked yet", one.attempt.attempted_at + way.ask_after) for one in young
        ] + [self._found(one, answer) for one, answer in zip(ripe, answers, strict=True)])
        return len(ripe)

    def _found(self, one: Doubtful, answer: Outcome | None) -> Settled:
        """What an answer makes of an unknown message; None: the provider cannot be asked, and it is parked."""
        if answer is None:
            return _still_unknown(one.message, "the provider cannot be asked", None)
        way, now, attempt = self._gate.destination, self.clock.now(), one.attempt
        then = after_inquiry(
            answer, n=attempt.n, at=now, attempted_at=attempt.attempted_at, tries=way.tries, ask_after=way.ask_after
        )
        if then.is_not_sent:
            self.book.seats.give_back(one.message.message_id)
        return _settled(one.message, attempt.n, then)

    def _waits(self) -> bool:
        """Wait a little for what is not due yet; False when it is over or takes longer than our patience."""
        one, now = self.book.campaigns.get(self.one.campaign_id), self.clock.now()
        if one is not None and one.state == "scheduled" and one.starts_at <= now:
            self.book.campaigns.move(self.one.campaign_id, "sending", at=now)
            return True
        if one is None or one.state != "sending":
            return False
        due = self.book.messages.next_due(self.one.campaign_id)
        if due is None:
            # Whoever waits for the winner of a test is not done with.
            if self._gate.campaign.test is None or not self.book.winners.is_open(self.one.campaign_id):
                self.book.campaigns.move(self.one.campaign_id, "done", at=now)
            return False
        if due - now > self.patience:
            return False
        self.pause(min(max((due - now).total_seconds(), 0.01), 0.5))
        return True

    def _stop(self, why: str) -> None:
        log.warning("campaign paused", campaign=self.one.campaign, reason=why)
        self.book.campaigns.move(self.one.campaign_id, "paused", at=self.clock.now(), reason=why)

    def _settle(self, settled: Sequence[Settled]) -> None:
        if settled:
            self.book.messages.settle(self.one.campaign_id, settled, worker=self.name, at=self.clock.now())

    def _can_ask(self, ready: Sequence[Ready]) -> bool:
        if self._asks is None and ready:
            self._asks = self._line.can_ask(ready[0].outgoing, at=self.clock.now())
        return bool(self._asks)

    def _attempt_of(self, one: Ready, now: datetime) -> Attempt:
        is_text = one.outgoing.channel == "sms"
        return Attempt(
            customer_id=one.claimed.customer_id, n=one.claimed.attempts + 1,
            provider=self._gate.destination.dialect.name, sender=one.outgoing.sender,
            text=one.outgoing.text if is_text else None, attempted_at=now,
        )


def _settled(message: Claimed, n: int, then: Next) -> Settled:
    return Settled(
        customer_id=message.customer_id, n=n, state=then.state, reason=then.reason, due_at=then.due_at,
        outcome=then.outcome, provider_id=then.provider_id, code=then.code,
    )


def _released(message: Claimed, now: datetime) -> Settled:
    return Settled(customer_id=message.customer_id, n=message.attempts, state="planned", due_at=now)


def _still_unknown(message: Claimed, reason: str, due_at: datetime | None) -> Settled:
    return Settled(customer_id=message.customer_id, n=message.attempts, state="unknown", reason=reason, due_at=due_at)
