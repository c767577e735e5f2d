"""What the REST API and the pages take to answer, over a project that exists: a server of its own, request by request.

The first line is of a cold start: from `regulars serve` to the first answer, that the project is open, and to the first
customers; the best of three, and what CPU the process had taken by the first answer.

    python benchmarks/api.py PROJECT [--requests 200] [--at-once 1] [--seed 1]
The project is read, and a key is made in its book: give a copy. Times are the client's: HTTP and loopback are in them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np

BUDGET = 50.0                                # ms, p99 of the API
START_BUDGET = 2.0                           # seconds from the command to the first answer
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


@contextmanager
def _serving(project: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `regulars serve` for a `with`; yield its process and the URL it says, compiled once as everywhere."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    words = _command("serve", "-p", str(project), "--port", "0", "--json", *more)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as server:
        assert server.stdout is not None
        said = ""
        while not said.rstrip().endswith("}"):
            said += server.stdout.readline()
        try:
            yield server, json.loads(said)["url"]
        finally:
            server.terminate()


def cold_start(project: Path, key: str) -> tuple[float, float, float]:
    """Start a server and ask it; return seconds to the first answer and to customers, and of CPU to the first."""
    began = time.perf_counter()
    with _serving(project, "--without-sign-in") as (server, root), httpx.Client(base_url=f"{root}/api/v1") as client:
        shown = {"Authorization": f"Bearer {key}"}
        assert client.get("/ready", timeout=60).status_code == 200
        first = time.perf_counter() - began
        words = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
        assert client.get("/customers?limit=50", headers=shown, timeout=60).status_code == 200
        return first, time.perf_counter() - began, (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


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
    first, customers, cpu = min(cold_start(given.project, key) for _ in range(3))
    over = "  over" if first > START_BUDGET else ""
    print(f"cold start: {first:.2f} s to the first answer, {customers:.2f} to customers, {cpu:.2f} of CPU{over}\n")
    with (
        _serving(given.project, "--workers", str(given.at_once), "--without-sign-in") as (_, root),
        httpx.Client(base_url=f"{root}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
    ):
        rng = random.Random(given.seed)
        _show(measure(client, root=root, requests=given.requests, at_once=given.at_once, rng=rng))


if __name__ == "__main__":
    main()
