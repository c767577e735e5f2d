"""Requests that real clients made, replayed byte for byte, give the events they meant."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

RECORDED = Path(__file__).parents[3].parent / "shared" / "data" / "ingest" / "segment_requests.jsonl"
REQUESTS = [json.loads(line) for line in RECORDED.read_text("utf-8").splitlines()] if RECORDED.exists() else []
pytestmark = pytest.mark.skipif(not REQUESTS, reason=f"{RECORDED} is not here: it lies beside the project, not in it")


def _bytes(request: dict[str, Any]) -> bytes:
    """Return the body as it was sent; its recorded length tells how the client writes JSON."""
    body = request["body"]
    if isinstance(body, str):
        return body.encode()
    ways = [json.dumps(body).encode(), json.dumps(body, separators=(",", ":")).encode()]
    if request["headers"].get("Content-Encoding") == "gzip":
        return gzip.compress(ways[0])
    return next(way for way in ways if len(way) == request["raw_bytes"])


def _said(event: dict[str, Any]) -> tuple[Any, ...]:
    """Return what an event of the tracking API says: type, who, and what."""
    return event["type"], event.get("userId"), event.get("anonymousId"), event.get("event") or event.get("name")


MEANT = {
    "posthog": {
        "Order Completed": ("track", "u1", None, "Order Completed"), "$set": ("identify", "u1", None, "$set"),
        "$identify": ("identify", "u1", None, "$identify"),
    },
    "jitsu": {}, "snowplow": {"pv": ("page", None, None, "P"), "ue": ("track", None, None, "order")},
    "mixpanel": {"/track": ("track", "u1", None, "Order"), "/engage": ("identify", "u1", None, None)},
}


def _meant(request: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return what the events of a request mean, in their order."""
    client, body = request["client"], request["body"]
    if client.startswith("mixpanel"):
        return [MEANT["mixpanel"][request["path"]]]
    if client.startswith("snowplow"):
        return [MEANT["snowplow"][one["e"]] for one in body["data"]]
    if client.startswith("posthog"):
        return [_posthog(one) for one in body["batch"]]
    return [_said(one) for one in body.get("batch", [body])]


def _posthog(one: dict[str, Any]) -> tuple[Any, ...]:
    person, name = one["distinct_id"], one["event"]
    # Whoever groups is somebody the client made up.
    others = {"$groupidentify": ("group", None, person, name), "$create_alias": ("alias", person, None, name)}
    return others.get(name) or MEANT["posthog"][name]


def _is_id(request: dict[str, Any]) -> str:
    return f"{request['client']} {request['path']}"


@pytest.mark.parametrize("request_", REQUESTS, ids=_is_id)
def test_a_recorded_request_gives_the_events_it_meant(request_: dict[str, Any], opened: Any) -> None:
    headers = {k: v for k, v in request_["headers"].items() if k.lower() not in {"host", "content-length"}}

    answer = opened.post(request_["path"], _bytes(request_), headers=headers)

    assert answer.status_code == 200
    doors = [line["door"] for line in opened.lines()]
    assert [(d["type"], d.get("user"), d.get("anonymous"), d.get("name")) for d in doors] == _meant(request_)


@pytest.mark.parametrize("request_", REQUESTS, ids=_is_id)
def test_a_request_sent_again_stores_nothing_again(request_: dict[str, Any], opened: Any) -> None:
    headers = {k: v for k, v in request_["headers"].items() if k.lower() not in {"host", "content-length"}}
    first = opened.post(request_["path"], _bytes(request_), headers=headers).json()

    again = opened.post(request_["path"], _bytes(request_), headers=headers).json()

    assert (again["stored"], again["duplicate"]) == (0, first["stored"])


@pytest.mark.parametrize("request_", [r for r in REQUESTS if "sentAt" in r["body"]], ids=_is_id)
def test_an_event_of_the_past_is_dated_by_our_clock(request_: dict[str, Any], opened: Any) -> None:
    headers = {k: v for k, v in request_["headers"].items() if k.lower() not in {"host", "content-length"}}

    opened.post(request_["path"], _bytes(request_), headers=headers)

    body = request_["body"]
    for line, event in zip(opened.lines(), body.get("batch", [body]), strict=True):
        received = datetime.fromisoformat(line["door"]["received_at"])
        sent = datetime.fromisoformat(event.get("sentAt") or body["sentAt"])
        said = datetime.fromisoformat(event.get("originalTimestamp") or event["timestamp"])
        assert datetime.fromisoformat(line["door"]["at"]) == received - (sent - said)


@pytest.mark.parametrize("request_", [r for r in REQUESTS if "segment" in r["client"] or "rudder" in r["client"]],
                         ids=_is_id)
def test_what_a_client_said_is_kept_unchanged(request_: dict[str, Any], opened: Any) -> None:
    headers = {k: v for k, v in request_["headers"].items() if k.lower() not in {"host", "content-length"}}

    opened.post(request_["path"], _bytes(request_), headers=headers)

    body = request_["body"]
    kept = [{name: value for name, value in line.items() if name != "door"} for line in opened.lines()]
    assert kept == body.get("batch", [body])
