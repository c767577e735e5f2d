"""The door killed under load: what it acknowledged is there, once, and its counts add up.

`REGULARS_DOOR_KILLS=100 pytest tests/acceptance/test_door_killed.py` kills it a hundred times.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import resource
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "web" / "door"))

from process import KEY, DoorProcess, door, taken

KILLS = int(os.environ.get("REGULARS_DOOR_KILLS", "2"))
_HEADERS = {"X-Write-Key": KEY, "Content-Type": "application/json"}


def _send(port: int, path: str, body: bytes, *, timeout: float = 10) -> tuple[int, dict[str, int]]:
    """Send a request; status 0 for one that was not answered."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        line.request("POST", path, body, _HEADERS)
        found = line.getresponse()
        return found.status, json.loads(found.read())
    except (OSError, http.client.HTTPException, ValueError):
        return 0, {}
    finally:
        line.close()


class Sender(threading.Thread):
    """Sends singles and batches, good and bad, each until it is acknowledged."""

    def __init__(self, name: str, port: int, done: threading.Event) -> None:
        super().__init__(name=name)
        self.port, self.done = port, done
        self.good: list[str] = []            # ids of what was acknowledged
        self.bad = 0

    def run(self) -> None:
        chance, number = random.Random(self.name), 0
        while not self.done.is_set():
            ids = [f"{self.name}-{number + n}" for n in range(chance.choice([1, 1, 1, 25]))]
            number += len(ids)
            events = [{"type": "track", "event": "E", "userId": "u", "messageId": one} for one in ids]
            is_bad = chance.random() < 0.2
            body = json.dumps({"batch": [*events, *([{"type": "track", "bad": ids[0]}] if is_bad else [])]}).encode()
            while _send(self.port, "/v1/batch", body)[0] != 200:
                time.sleep(0.02)
            self.good += ids
            self.bad += is_bad


@pytest.mark.slow
def test_what_was_acknowledged_is_there_once_however_often_the_door_is_killed(tmp_path: Path) -> None:
    done, chance = threading.Event(), random.Random(5)
    with door(tmp_path / "project", land_every=0.2) as opened:
        senders = [Sender(f"s{n}", opened.port, done) for n in range(4)]
        for sender in senders:
            sender.start()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.1, 0.7))
            opened.kill()
            opened.start()
        done.set()
        for sender in senders:
            sender.join()
        opened.kill()

    found = taken(opened.folder)
    ids = [json.loads(event)["door"]["id"] for event in found.events]
    sent = {one for sender in senders for one in sender.good}
    assert sent, "something was sent"
    assert len(ids) == len(set(ids)), "nothing is there twice"
    assert set(ids) == sent, "nothing is lost"
    assert found.counts["stored"] == len(ids)
    assert found.counts["quarantined"] == len(found.rejects) >= sum(sender.bad for sender in senders)


@pytest.mark.slow
def test_a_full_disk_is_answered_503_and_the_door_goes_on_by_itself_once_there_is_room(tmp_path: Path) -> None:
    body = json.dumps({"batch": [
        {"type": "track", "event": "E", "userId": "u", "properties": {"text": "x" * 900}} for _ in range(100)
    ]}).encode()
    with door(tmp_path / "project", land_every=3600) as opened:
        _limit(opened, 250_000)              # no file can grow beyond it: two of three batches fit
        full = [_send(opened.port, "/v1/batch", body)[0] for _ in range(5)]
        _limit(opened, resource.RLIM_INFINITY)
        again = _send(opened.port, "/v1/batch", body)[0]

    assert full == [200, 200, 503, 503, 503]
    assert again == 200
    found = taken(opened.folder)
    assert len(found.events) == found.counts["stored"] == 300
    assert all(json.loads(event)["properties"]["text"] == "x" * 900 for event in found.events)


def test_a_disk_too_full_for_a_line_of_the_log_costs_the_line_and_nothing_else(tmp_path: Path) -> None:
    body = json.dumps({"batch": [{"type": "track", "event": "x", "userId": "u", "messageId": f"{n}"} for n in range(3)]}).encode()
    with door(tmp_path / "project", land_every=0.2) as opened:
        _limit(opened, 1)
        full = [_send(opened.port, "/v1/batch", body)[0] for _ in range(3)]
        _limit(opened, resource.RLIM_INFINITY)
        again = _send(opened.port, "/v1/batch", body)[0]

    assert (full, again) == ([503] * 3, 200)


def _limit(opened: DoorProcess, room: int) -> None:
    assert opened.process is not None
    hard = resource.prlimit(opened.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(opened.process.pid, resource.RLIMIT_FSIZE, (room, hard))
