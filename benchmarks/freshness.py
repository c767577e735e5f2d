"""How soon an acknowledged event is seen: on its person's timeline, and in a segment it leads to, while others come.

    python benchmarks/freshness.py [--people 100000] [--events 1000000] [--segments 50] [--rate 1000] [--seconds 60]
A project of its own is made and run once; `regulars serve` then takes events while single people are watched over the
REST API. Times are the client's, from the acknowledgement to the answer that shows the event.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np

from regulars.pipeline.workspace import open_workspace
from regulars.storage.door.landed import STREAM

KEY = "wk_benchmark"
PAUSE = 0.02
"""Seconds between two looks, which the times are too long by at most: asking without a pause would take a core."""
PATIENCE = 60.0
"""Seconds after which what is not seen is not waited for, nor a server that is not ready."""
LOOKED_AT = 10
"""Newest events of a person among which the order is looked for: the crowd views in their name, too."""
BUDGETS = {"on the timeline": 500.0, "in the segment": 1000.0}      # ms, p99


def main() -> None:
    """Make the project, watch it, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--segments", type=int, default=50)
    options.add_argument("--rate", type=int, default=1_000)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--folder", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as work:
        folder = Path(work) / "project"
        _project(folder, segments=given.segments)
        began = time.monotonic()
        _history(folder, people=given.people, events=given.events)
        _regulars("run", "-p", str(folder))
        took = time.monotonic() - began
        print(f"{given.people:,} people with {given.events:,} events made in {took:.0f} s", flush=True)
        key = json.loads(_regulars("key", "new", "benchmark", "-p", str(folder), "--days", "1", "--json"))["key"]
        _watched(folder, key, people=given.people, rate=given.rate, seconds=given.seconds)


def _project(folder: Path, *, segments: int) -> None:
    """Declare a shop with a door, and segments that count orders, views and spending of different windows."""
    for name in ("sources", "events", "segments"):
        (folder / name).mkdir(parents=True)
    hashed = hashlib.sha256(KEY.encode()).hexdigest()
    (folder / "regulars.toml").write_text(
        f'[business]\nname = "Shop"\ntimezone = "America/Denver"\n\n[door]\nkeys.site = ["{hashed}"]\n'
    )
    (folder / "sources" / "site.yaml").write_text(
        "kind: door\nfields:\n  total: {from: properties.total, type: money}\n"
    )
    for name, kind in (("order", 'type == "track" and name == "Order Completed"'), ("view", 'type == "page"')):
        what = "what: {total: total}\n" if name == "order" else "what: {page: name}\n"
        (folder / "events" / f"{name}.yaml").write_text(
            f"from: site.events\nwho: coalesce(user_id, anonymous_id)\nwhen: at\nonly_if: {kind}\n{what}"
        )
    rules = ["{count: order, within: 0 days, at_least: 1}"]
    for n in range(1, segments):
        counted, days = ("order", "view")[n % 2], 5 * n
        rules.append(f"{{all: [{{count: {counted}, within: {days} days, at_least: {1 + n % 4}}}, "
                     f"{{count: view, within: {days + 30} days, less_than: {50 + n}}}]}}")
    for n, rule in enumerate(rules):
        (folder / "segments" / f"segment_{n}.yaml").write_text(f"title: Segment {n}\nwhen: {rule}\n")


def _history(folder: Path, *, people: int, events: int) -> None:
    """Land what people said and did before, as the door lands it."""
    rng, now = random.Random(1), datetime.now(UTC)
    stamp = now.isoformat()
    said = [
        {"door": {"id": f"i{n}", "type": "identify", "at": stamp, "received_at": stamp, "user": f"u{n}"},
         "traits": {"email": f"person{n}@example.com", "name": f"Person {n}"}}
        for n in range(people)
    ]
    for n in range(events):
        at = (now - timedelta(seconds=rng.randrange(86_400, 86_400 * 360))).isoformat()
        kind, name = ("track", "Order Completed") if n % 5 == 0 else ("page", "Pricing")
        known = {"id": f"e{n}", "type": kind, "at": at, "received_at": at, "user": f"u{rng.randrange(people)}"}
        said.append({"door": known | {"name": name}, "properties": {"total": 20}})
    workspace = open_workspace(folder, environment={})
    items = [msgspec.json.encode(one) for one in said]
    workspace.landing.stage("history", source="site", stream=STREAM, page=0, items=items)
    workspace.landing.commit("history", is_complete=False)
    workspace.close()


def _regulars(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "regulars", *words], check=True, capture_output=True, text=True)
    return done.stdout


def _watched(folder: Path, key: str, *, people: int, rate: int, seconds: int) -> None:
    """Take events at a rate, and watch one person after the other meanwhile."""
    words = [sys.executable, "-m", "regulars", "serve", "-p", str(folder), "--port", "0", "--json"]
    log = folder.parent / "serve.log"
    with log.open("w") as errors, subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True) as server:
        try:
            times = _seen(_url_of(server, log), key, people=people, rate=rate, seconds=seconds)
        finally:
            server.terminate()
    print(f"{'seen':<18} {'n':>5} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    for name, found in times.items():
        p50, p95, p99 = np.percentile(found, [50, 95, 99])
        over = "  over" if p99 > BUDGETS[name] else ""
        print(f"{name:<18} {len(found):5} {p50:8.0f} {p95:8.0f} {p99:8.0f}{over}")


def _url_of(server: subprocess.Popen[str], log: Path) -> str:
    """Return where a server answers, once it says so. Raises SystemExit for one that ends before, or takes too long."""
    assert server.stdout is not None
    late, said = threading.Timer(PATIENCE, server.terminate), ""
    late.start()
    try:
        for line in server.stdout:
            said += line
            if said.rstrip().endswith("}"):
                return str(json.loads(said)["url"])
    finally:
        late.cancel()
    why = f"ended with {server.wait()}, or was ended after {PATIENCE:.0f} s, before it was ready"
    raise SystemExit(f"the server {why}: {said}{log.read_text()}")


def _crowd(url: str, people: int, rate: int, ended: threading.Event) -> None:
    """Post views of everybody, ten a request, at a rate."""
    rng, number, begun = random.Random(2), 0, time.monotonic()
    with httpx.Client(base_url=url, timeout=PATIENCE) as client:
        while not ended.is_set():
            batch = [{"type": "page", "name": "Pricing", "userId": f"u{rng.randrange(people)}",
                      "messageId": f"crowd-{number + n}"} for n in range(10)]
            client.post("/v1/batch", json={"batch": batch, "writeKey": KEY}).raise_for_status()
            number += 10
            time.sleep(max(0.0, begun + number / rate - time.monotonic()))
        print(f"{number / (time.monotonic() - begun):,.0f} events a second were taken")


def _seen(url: str, key: str, *, people: int, rate: int, seconds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in BUDGETS}
    api = httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE)
    door, ended = httpx.Client(base_url=url, timeout=PATIENCE), threading.Event()
    crowd = threading.Thread(target=_crowd, args=(url, people, rate, ended))
    with api, door:
        _ordered(door, api, "u0", "first")                  # until the tail is read for the first time
        crowd.start()
        try:
            time.sleep(3)
            until = time.monotonic() + seconds
            # Nobody twice: who has ordered before is in the segment already.
            for number, n in enumerate(random.Random(3).sample(range(1, people), people - 1)):
                if time.monotonic() > until:
                    break
                for name, found in _ordered(door, api, f"u{n}", f"watched-{number}").items():
                    times[name].append(found)
        finally:
            ended.set()
            crowd.join()
    return times


def _ordered(door: httpx.Client, api: httpx.Client, user: str, message: str) -> dict[str, float]:
    """Let a user order, and return after how many ms that was seen. Raises SystemExit when it is not, in PATIENCE."""
    who = _asked(api, "/customers", q=f"site/{user}")["items"][0]["customer_id"]
    order = {"userId": user, "event": "Order Completed", "messageId": message, "properties": {"total": 20}}
    door.post("/v1/track", json=order, auth=(KEY, "")).raise_for_status()
    began, found = time.perf_counter(), dict[str, float]()
    while len(found) < len(BUDGETS):
        time.sleep(PAUSE)
        newest = _asked(api, f"/customers/{who}/timeline", limit=LOOKED_AT)["items"]
        if "on the timeline" not in found and _has_ordered(newest):
            found["on the timeline"] = (time.perf_counter() - began) * 1000
        inside = {stay["segment"] for stay in _asked(api, f"/customers/{who}")["segments"]}
        if "in the segment" not in found and "segment_0" in inside:
            found["in the segment"] = (time.perf_counter() - began) * 1000
        if time.perf_counter() - began > PATIENCE:
            raise SystemExit(f"the order of {user} is not seen everywhere after {PATIENCE:.0f} s, only: {found}")
    return found


def _asked(api: httpx.Client, path: str, **params: str | int) -> dict[str, Any]:
    answer = api.get(path, params=params)
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def _has_ordered(newest: Iterable[Mapping[str, str]]) -> bool:
    return any(event["event_type"] == "order" and _is_today(event) for event in newest)


def _is_today(event: Mapping[str, str]) -> bool:
    return datetime.fromisoformat(event["occurred_at"]) > datetime.now(UTC) - timedelta(minutes=10)


if __name__ == "__main__":
    main()
