"""How many requests came and how long they took, in the text that Prometheus reads."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds up to which requests are counted together."""

MEDIA = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class _Took:
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0


class Counts:
    """Requests of this process since it began, by route: never by path, which names people."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, int], int] = defaultdict(int)
        self._took: dict[str, _Took] = defaultdict(_Took)

    def add(self, route: str, *, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        with self._lock:
            self._requests[route, status] += 1
            took = self._took[route]
            took.buckets[bisect_left(BOUNDS, seconds)] += 1
            took.total += seconds

    def text(self) -> str:
        """Return everything in the text format, version 0.0.4."""
        with self._lock:
            requests = sorted(self._requests.items())
            took = sorted((name, list(each.buckets), each.total) for name, each in self._took.items())
        lines = ["# HELP regulars_api_requests_total Requests answered.", "# TYPE regulars_api_requests_total counter"]
        lines += [f'regulars_api_requests_total{{route="{n}",status="{s}"}} {count}' for (n, s), count in requests]
        name = "regulars_api_request_seconds"
        lines += [f"# HELP {name} Seconds until the answer.", f"# TYPE {name} histogram"]
        for route, buckets, total in took:
            so_far = 0
            for bound, count in zip([*map(str, BOUNDS), "+Inf"], buckets, strict=True):
                so_far += count
                lines.append(f'{name}_bucket{{route="{route}",le="{bound}"}} {so_far}')
            lines += [f'{name}_sum{{route="{route}"}} {total:.6f}', f'{name}_count{{route="{route}"}} {so_far}']
        return "\n".join(lines) + "\n"
