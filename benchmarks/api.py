"""What the REST API takes to answer, over a project that exists: a server of its own, one request after the other.

    python benchmarks/api.py PROJECT [--requests 200] [--at-once 1] [--seed 1]
The project is read, and a key is made in its book: give a copy. Times are the client's: HTTP and loopback are in them.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

BUDGET = 50.0                                # ms, p99
ROUTES = {
    "customers": "/customers?limit=50", "customers after": "/customers?limit=50&cursor={cursor}",
    "customers by name": "/customers?q={name}", "customer": "/customers/{id}", "timeline": "/customers/{id}/timeline",
    "connections": "/customers/{id}/connections", "consent": "/customers/{id}/consent",
    "members": "/segments/{segment}/members", "metric days": "/metrics/{metric}/days", "segments": "/segments",
    "explain": "/segments/{segment}/explain/{id}", "runs": "/runs", "checks": "/checks", "quarantine": "/quarantine",
}


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "regulars", *words]


def _key(project: str) -> str:
    words = _command("key", "new", f"benchmark-{time.time_ns()}", "-p", project, "--days", "1", "--json")
    return str(json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["key"])


def measure(
    client: httpx.Client, *, requests: int, at_once: int, rng: random.Random
) -> Iterator[tuple[str, list[float]]]:
    """Every route with its times in ms, over customers from all over the project."""
    people: list[dict[str, str]] = []
    cursor = ""
    for _ in range(8):
        page = client.get(f"/customers?limit=500{cursor}").json()
        people += page["items"]
        cursor = f"&cursor={page['next']}"
    segments = [row["segment"] for row in client.get("/segments").json()["items"]]
    metrics = [row["metric"] for row in client.get("/metrics").json()["items"]]

    def asked(path: str) -> float:
        began = time.perf_counter()
        answer = client.get(path)
        took = (time.perf_counter() - began) * 1000
        assert answer.status_code == 200, answer.text
        return took

    for name, template in ROUTES.items():
        paths = []
        for _ in range(requests + 8):
            who = rng.choice(people)
            paths.append(template.format(
                id=who["customer_id"], name=who["name"] or "nobody", cursor=cursor.removeprefix("&cursor="),
                segment=rng.choice(segments), metric=rng.choice(metrics),
            ))
        with ThreadPoolExecutor(at_once) as threads:
            yield name, list(threads.map(asked, paths))[8:]               # the first open files and fill caches


def _show(rows: Iterable[tuple[str, list[float]]]) -> None:
    print(f"{'route':<20} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    for name, times in rows:
        p50, p95, p99 = np.percentile(times, [50, 95, 99])
        print(f"{name:<20} {p50:8.1f} {p95:8.1f} {p99:8.1f}{'  over' if p99 > BUDGET else ''}", flush=True)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("project", type=Path)
    options.add_argument("--requests", type=int, default=200)
    options.add_argument("--at-once", type=int, default=1)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    key = _key(str(given.project))
    words = _command("serve", "-p", str(given.project), "--port", "0", "--workers", str(given.at_once), "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        said = ""
        while not said.rstrip().endswith("}"):
            said += server.stdout.readline()
        try:
            url = f"{json.loads(said)['url']}/api/v1"
            with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
                _show(measure(client, requests=given.requests, at_once=given.at_once, rng=random.Random(given.seed)))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
