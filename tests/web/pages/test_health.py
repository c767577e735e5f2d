"""Data health: streams, runs with steps, checks, what is set aside with its repair, and what came through the door."""

from __future__ import annotations

from pages_server import Shown


def test_every_stream_stands_with_what_came_and_how_fresh_it_is(pages: Shown) -> None:
    said = pages.client.get("/health.json").json()

    streams = {f"{each['source']}.{each['stream']}": each for each in said["streams"]}
    assert set(streams) == {"desk.members", "desk.doors", "shop.people", "pages.events", "pages.links"}
    assert streams["desk.doors"]["held"] == 1
    assert streams["shop.people"]["rows"] == 1
    assert {name for name, each in streams.items() if not each["last_at"]} == {"pages.events", "pages.links"}


def test_a_run_stands_with_the_seconds_of_its_steps(pages: Shown) -> None:
    said = pages.client.get(pages.path("/health/runs/{run_id}.json")).json()
    line = pages.client.get("/health.json").json()["runs"][0]

    assert len(said["steps"]) == line["steps"] > 5
    assert abs(sum(step["seconds"] for step in said["steps"]) - line["seconds"]) < 1e-6
    assert {step["outcome"] for step in said["steps"]} == {"done"}


def test_checks_stand_the_gravest_first(pages: Shown) -> None:
    order = ["failed", "warning", "ok", "skipped"]
    states = [each["status"] for each in pages.client.get("/health.json").json()["checks"]]

    assert states == sorted(states, key=order.index)
    assert len(states) > 3


def test_what_is_set_aside_says_what_is_wrong_and_how_it_comes_back(pages: Shown) -> None:
    health, held = pages.text("/health"), pages.text("/health/quarantine/not_timestamp")

    assert "/health/quarantine/not_timestamp" in health
    assert "no time" in held
    assert "regulars rebuild" in held
    assert "?repairs=KEY" in held


def test_received_is_stored_and_duplicate_and_set_aside(pages: Shown) -> None:
    (line,) = pages.client.get("/health.json").json()["door"]

    assert line == {"source": "site", "received": 8, "stored": 5, "duplicate": 1, "quarantined": 1, "blocked": 1, "purged": 0}
    assert "Through the door" in pages.text("/health")


def test_how_far_pages_are_behind_the_door_is_said(pages: Shown) -> None:
    said = pages.client.get("/health.json").json()["lag"]

    assert said == {"timeline": 0.2, "segments": 83.0}
    assert "segments 1 min 23 s" in pages.text("/health")
