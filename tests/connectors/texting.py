"""A small sending loop in the vendors' own time: what a campaign does with a dialect, without a ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from regulars.destinations.sender import Answer, Deferred, Dialect, Outcome, Outgoing, Request, Unknown
from regulars.testing.sandbox import SandboxServer

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
OURS = "+12545550100"


def text(to: str = "+12545550111", words: str = "Bring a friend on Friday", sender: str = OURS) -> Outgoing:
    return Outgoing(message_id=f"m{to}", channel="sms", to=to, sender=sender, text=words)


@dataclass(slots=True)
class Loop:
    """Sends, waits and asks; time passes only here."""

    dialect: Dialect
    server: SandboxServer
    now: datetime = START
    pace: timedelta = timedelta(seconds=0.11)
    patience: float = 5.0                    # seconds until a request is given up
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    # One client: the certificates that a new one reads take longer than the request.
    client: httpx.Client = field(default_factory=httpx.Client)

    def sleep(self, span: timedelta) -> None:
        self.now += span
        self.server.set_clock(self.now)

    def ask(self, request: Request) -> Answer | None:
        """Return what came back; None when the answer was lost."""
        self.sleep(self.pace)
        try:
            answer = self.client.request(
                request.method, request.url, headers=dict(request.headers), content=request.body, timeout=self.patience
            )
        except httpx.HTTPError:
            return None
        return Answer(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

    def send(self, message: Outgoing) -> Outcome:
        answer = self.ask(self.dialect.request([message]))
        return Unknown(reason="no answer") if answer is None else self.dialect.outcomes([message], answer)[0]

    def inquire(self, message: Outgoing, attempted_at: datetime) -> Outcome:
        request = self.dialect.inquiry(message, attempted_at=attempted_at)
        answer = None if request is None else self.ask(request)
        if answer is None:
            return Unknown(reason="no answer")
        return self.dialect.found(message, answer, attempted_at=attempted_at)

    def run(self, messages: Iterable[Outgoing], *, is_blind: bool = False) -> None:
        """Bring every message to an end. Blind: what is unknown is sent again without asking."""
        waiting = deque(messages)
        while waiting:
            message = waiting.popleft()
            attempted_at = self.now
            outcome = self.send(message)
            while isinstance(outcome, Unknown) and not is_blind:
                assert self.now < attempted_at + timedelta(hours=1), outcome
                self.sleep(timedelta(minutes=2))
                outcome = self.inquire(message, attempted_at)
            if isinstance(outcome, Deferred | Unknown):
                self.sleep(getattr(outcome, "after", None) or timedelta(seconds=1))
                waiting.append(message)
            else:
                self.outcomes[message.to] = outcome
