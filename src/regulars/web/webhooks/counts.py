"""What came of deliveries, in the text that Prometheus reads."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from regulars.sources.webhook.delivery import Verdict

_NAME = "regulars_webhook_deliveries_total"


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """Deliveries of this process since it began, by source and what became of them.

    `stored` and `duplicate` count pieces of news, every other word requests that were refused.
    """

    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, source: str, *, stored: int, duplicate: int) -> None:
        """Count a delivery that was taken."""
        with self._lock:
            self._counts[source, "stored"] += stored
            self._counts[source, "duplicate"] += duplicate

    def refuse(self, source: str, why: Verdict | str) -> None:
        """Count one that was not."""
        with self._lock:
            self._counts[source, why] += 1

    def text(self) -> str:
        """Return everything in the text format, version 0.0.4."""
        with self._lock:
            counts = sorted(self._counts.items())
        lines = [f"# HELP {_NAME} What came of deliveries.", f"# TYPE {_NAME} counter"]
        lines += [f'{_NAME}{{source="{source}",what="{what}"}} {count}' for (source, what), count in counts]
        return "\n".join(lines) + "\n"
