"""News on its way in: who reads it out of what a provider posted, and who takes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from regulars.destinations.sender import News


class ReadsNews(Protocol):
    """Reads what one provider posts: found through `plugins.reader`."""

    def __call__(self, body: bytes, content_type: str, at: datetime) -> Sequence[News]:
        """Return the news of one delivery, verified already; none for what is no news of a message.

        Args:
            body: As it came; of a list that came at once a list with one of them.
            content_type: As it came, without parameters, in lower case.
            at: When it came, aware.

        Pure. Raises RegularsError for what it cannot read, in words without names and addresses: people look for them
        in lists. One that is `retryable` is tried again.

        """
        ...


class TakesNews(Protocol):
    """Does something with news: it may come twice, and in any order."""

    def __call__(self, news: Sequence[News]) -> object:
        """Take the news of one delivery; taken twice it equals taken once.

        Raises RegularsError; one that is `retryable` is tried again.
        """
        ...
