"""Hands messages over and asks for them, whatever a provider speaks: HTTP by a dialect, anything else by a talker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from regulars.destinations.carry import LATE, Carrier
from regulars.destinations.sender import Answer, Dialect, Limits, Outcome, Outgoing, Talker, Unknown


def dialect_of(provider: Dialect | Talker) -> Dialect | None:
    """Return a provider that speaks HTTP as its dialect; None for a talker, which carries messages out itself."""
    return None if hasattr(provider, "send") else provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The way to one provider while a worker has it open."""

    provider: Dialect | Talker
    limits: Limits                           # the provider's, or tighter ones
    carrier: Carrier

    def can_ask(self, message: Outgoing, *, at: datetime) -> bool:
        """Return whether the provider can be asked what became of a message."""
        dialect = dialect_of(self.provider)
        return dialect is not None and dialect.inquiry(message, attempted_at=at) is not None

    def hand_over(self, messages: Sequence[Outgoing], *, share: float, begins_within: timedelta) -> list[Outcome]:
        """Hand messages over in whole requests and return what became of each, in order.

        Args:
            messages: As they leave.
            share: Which part of the provider's rate is ours.
            begins_within: What has not begun by then is Deferred.

        """
        size = self.limits.batch
        groups = [messages[start:start + size] for start in range(0, len(messages), size)]
        dialect = dialect_of(self.provider)
        if dialect is None:
            return self._talk(cast("Talker", self.provider), groups, share, begins_within)
        requests = [dialect.request(group) for group in groups]
        carried = self.carrier.carry(requests, self.limits, share=share, begins_within=begins_within)
        found: list[Outcome] = []
        for group, came in zip(groups, carried, strict=True):
            found += dialect.outcomes(group, came) if isinstance(came, Answer) else [came] * len(group)
        return found

    def ask(self, told: Sequence[tuple[Outgoing, datetime]], *, share: float) -> list[Outcome | None]:
        """Ask for messages, each attempted at a moment; None of one that cannot be asked for."""
        dialect = dialect_of(self.provider)
        if dialect is None:
            return [None] * len(told)
        requests = [dialect.inquiry(message, attempted_at=at) for message, at in told]
        carried = iter(self.carrier.carry([one for one in requests if one is not None], self.limits, share=share))
        found: list[Outcome | None] = []
        for (message, at), request in zip(told, requests, strict=True):
            came = None if request is None else next(carried)
            if isinstance(came, Answer):
                found.append(dialect.found(message, came, attempted_at=at))
            else:
                # An inquiry that was not even received says nothing of the message.
                found.append(None if came is None else Unknown(reason=came.reason))
        return found

    def _talk(
        self, talker: Talker, groups: Sequence[Sequence[Outgoing]], share: float, begins_within: timedelta
    ) -> list[Outcome]:
        latest = time.time() + begins_within.total_seconds()
        found: list[Outcome] = []
        for group in groups:
            began = time.time()
            found += talker.send(group) if began <= latest else [LATE] * len(group)
            time.sleep(max(1 / (self.limits.per_second * share) - (time.time() - began), 0))
        return found
