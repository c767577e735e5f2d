"""Real clients with only the host changed, over a bad line: nothing is lost, nothing comes twice."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from process import FAULTS, KEY, Taken, bad_line, door, taken

MESSAGES = 60
NODE_CLIENTS = Path(__file__).parent / "clients"


def _client(module: str, host: str) -> Any:
    found = importlib.import_module(module)
    return found.Client(KEY, host=host, upload_size=10, upload_interval=0.05, max_retries=10, timeout=20)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["segment.analytics.client", "rudderstack.analytics.client"])
def test_a_client_behind_a_bad_line_loses_nothing_and_doubles_nothing(module: str, tmp_path: Path) -> None:
    pytest.importorskip(module, reason="the clients are missing; type: scripts/setup dev")
    with door(tmp_path / "project") as opened, bad_line(opened.port, good_every=2) as port:
        client = _client(module, f"http://127.0.0.1:{port}")
        for n in range(MESSAGES):
            client.track(f"user-{n}", "Visited", {"n": n})
            time.sleep(0.002)
        client.flush()
        client.join()

    assert len(FAULTS) <= MESSAGES / 10, "each fault is met"
    _is_whole(taken(opened.folder))


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE_CLIENTS / "node_modules").exists(),
    reason="Node's clients are missing; type: scripts/node-clients",
)
@pytest.mark.parametrize("client", ["segment", "rudder"])
def test_a_client_of_node_behind_a_bad_line_loses_nothing_and_doubles_nothing(client: str, tmp_path: Path) -> None:
    with door(tmp_path / "project") as opened, bad_line(opened.port, good_every=2) as port:
        said = subprocess.run(
            ["node", NODE_CLIENTS / "send.js", client, f"http://127.0.0.1:{port}", KEY, str(MESSAGES)],
            capture_output=True, text=True, timeout=150, check=False,
        )

    assert said.returncode == 0, said.stderr
    _is_whole(taken(opened.folder))


def _is_whole(found: Taken) -> None:
    events = [json.loads(event) for event in found.events]
    assert sorted(event["properties"]["n"] for event in events) == list(range(MESSAGES)), "nothing is lost"
    assert len({event["messageId"] for event in events}) == MESSAGES, "nothing is there twice"
    assert found.counts["stored"] == MESSAGES
    assert found.counts["duplicate"] > 0, "an answer was lost, and what it answered came again"


@pytest.mark.slow
def test_all_calls_of_a_client_arrive_as_what_they_are(tmp_path: Path) -> None:
    module = "segment.analytics.client"
    pytest.importorskip(module, reason="the clients are missing; type: scripts/setup dev")
    with door(tmp_path / "project") as opened:
        client = _client(module, f"http://127.0.0.1:{opened.port}")
        client.identify("u1", {"email": "ann@example.com"}, anonymous_id="anon-1")
        client.track("u1", "Order Completed", {"total": 42.5})
        client.page("u1", "Docs", "Pricing")
        client.screen("u1", "Main", "Home")
        client.group("u1", "gym-1", {"name": "Gym One"})
        client.alias("anon-2", "u1")
        client.flush()
        client.join()

    doors = [json.loads(event)["door"] for event in taken(opened.folder).events]
    assert [(door["type"], door["user"], door.get("name"), door.get("links")) for door in doors] == [
        ("identify", "u1", None, [{"id": "anon-1"}]), ("track", "u1", "Order Completed", None),
        ("page", "u1", "Pricing", None), ("screen", "u1", "Home", None), ("group", "u1", None, None),
        ("alias", "u1", None, [{"id": "anon-2"}]),
    ]
