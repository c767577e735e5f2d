"""How often somebody may ask: so many a second, and as many at once."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Whether a request is taken, and how many more would be."""

    limit: int                               # at once
    left: int
    wait_seconds: float                      # until a request is taken; 0: this one was

    def headers(self) -> dict[str, str]:
        """Return it as clients read it."""
        said = {"RateLimit-Limit": str(self.limit), "RateLimit-Remaining": str(self.left)}
        wait = math.ceil(self.wait_seconds)
        return {**said, "RateLimit-Reset": str(wait)} | ({"Retry-After": str(wait)} if wait else {})


@dataclass(slots=True, kw_only=True)
class Rates:
    """What each key has left.

    Args:
        rate: Requests a second that a key may make, and as many at once.
        clock: Seconds that only go forward.

    """

    rate: float
    clock: Callable[[], float]
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)     # key -> requests left, as of when
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: str) -> Allowance:
        """Take a request if one is left."""
        most = max(self.rate, 1.0)
        with self._lock:
            now = self.clock()
            left, before = self._left.get(key, (most, now))
            left = min(left + (now - before) * self.rate, most)
            is_taken = left >= 1
            left = left - 1 if is_taken else left
            self._left[key] = (left, now)
        wait = 0.0 if is_taken else (1 - left) / self.rate
        return Allowance(limit=int(most), left=int(left), wait_seconds=wait)
