"""What the REST API and the pages take to answer, over a project that exists: a server of its own, request by request.

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

BUDGET = 50.0                                # ms, p99 of the API
PAGE_BUDGET = 100.0                          # ms, p95 of a page
ROUTES = {
    "customers": "/customers?limit=50", "customers after": "/customers?limit=50&cursor={cursor}",
    "customers by name": "/customers?q={name}", "customer": "/customers/{id}", "timeline": "/customers/{id}/timeline",
    "connections": "/customers/{id}/connections", "consent": "/customers/{id}/consent",
    "members": "/segments/{segment}/members", "metric days": "/metrics/{metric}/days", "segments": "/segments",
    "explain": "/segments/{segment}/explain/{id}", "runs": "/runs", "checks": "/checks", "quarantine": "/quarantine",
}
PAGES = {
    "page overview": "{root}/?metric={metric}", "page customers": "{root}/customers",
    "page customers found": "{root}/customers?q={name}", "page customer": "{root}/customers/{id}",
    "page people": "{root}/customers/{id}/people", "page why": "{root}/customers/{id}/why/{segment}",
    "page experiments": "{root}/experiments", "page health": "{root}/health",
}


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "regulars", *words]


def _key(project: str) -> str:
    words = _command("key", "new", f"benchmark-{time.time_ns()}", "-p", project, "--days", "1", "--json")
    return str(json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["key"])


def measure(
    client: httpx.Client, *, root: str, requests: int, at_once: int, rng: random.Random
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

    for name, template in (ROUTES | PAGES).items():
        paths = []
        for _ in range(requests + 8):
            who = rng.choice(people)
            paths.append(template.format(
                root=root, id=who["customer_id"], name=who["name"] or "nobody", cursor=cursor.removeprefix("&cursor="),
                segment=rng.choice(segments), metric=rng.choice(metrics),
            ))
        with ThreadPoolExecutor(at_once) as threads:
            yield name, list(threads.map(asked, paths))[8:]               # the first open files and fill caches


def _show(rows: Iterable[tuple[str, list[float]]]) -> None:
    print(f"{'route':<20} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    for name, times in rows:
        p50, p95, p99 = np.percentile(times, [50, 95, 99])
        is_over = p95 > PAGE_BUDGET if name in PAGES else p99 > BUDGET
        print(f"{name:<20} {p50:8.1f} {p95:8.1f} {p99:8.1f}{'  over' if is_over else ''}", flush=True)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("project", type=Path)
    options.add_argument("--requests", type=int, default=200)
    options.add_argument("--at-once", type=int, default=1)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    key = _key(str(given.project))
    words = _command("serve", "-p", str(given.project), "--port", "0", "--workers", str(given.at_once), "--json",
                     "--without-sign-in")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        said = ""
        while not said.rstrip().endswith("}"):
            said += server.stdout.readline()
        try:
            root, shown = json.loads(said)["url"], {"Authorization": f"Bearer {key}"}
            with httpx.Client(base_url=f"{root}/api/v1", headers=shown, timeout=60) as client:
                rng = random.Random(given.seed)
                _show(measure(client, root=root, requests=given.requests, at_once=given.at_once, rng=rng))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
