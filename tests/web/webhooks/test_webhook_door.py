"""The webhook door without a network: what it says to a sender that is slow, or goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from posting import signed

from regulars.clock import FixedClock
from regulars.plugins import declare_source
from regulars.sources.source import Surroundings
from regulars.sources.webhook.declare import WebhookSource
from regulars.storage.door.arrival_store import ArrivalStore
from regulars.web.ingest.group_commit import GroupCommit
from regulars.web.webhooks.counts import DeliveryCounts
from regulars.web.webhooks.courier import Courier
from regulars.web.webhooks.webhook_door import Hook, WebhookDoor

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "b3VycyBhbG9uZQ=="
BODY = b'{"id": "EV1"}'


async def _nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("it is not for the app behind")


def _opened() -> Any:
    raise AssertionError("no courier was started")


def door(folder: Path) -> WebhookDoor:
    source = declare_source(
        "texts", {"kind": "webhook", "provider": "quo", "secrets": ["${KEY}"]}, at=Surroundings(folder=folder)
    )
    assert isinstance(source, WebhookSource)
    commits = GroupCommit(store=ArrivalStore.open(folder / "door"), land=lambda _: None, every=3600, most=10**9)
    return WebhookDoor(
        hooks={"texts": Hook(source=source, secrets=(KEY,))}, commits=commits, courier=Courier(_opened),
        counts=DeliveryCounts(), clock=FixedClock(NOW), behind=_nobody, patience=0.2,
    )


def said(opened: WebhookDoor, parts: Sequence[dict[str, Any] | float]) -> list[dict[str, Any]]:
    """Return what the door answers to a body that comes in parts, with seconds of silence between them."""
    headers = [(name.encode(), value.encode()) for name, value in signed(BODY, KEY, at=NOW.timestamp()).items()]
    scope = {"type": "http", "method": "POST", "path": "/webhooks/texts", "query_string": b"", "headers": headers}
    answers: list[dict[str, Any]] = []
    rest = list(parts)

    async def receive() -> dict[str, Any]:
        part = rest.pop(0)
        if isinstance(part, float):
            await asyncio.sleep(part)
            part = rest.pop(0)
        assert isinstance(part, dict)
        return part

    async def send(message: Any) -> None:
        answers.append(message)

    async def asked() -> None:
        await opened.commits.start()
        await opened(scope, receive, send)
        await opened.commits.stop()

    asyncio.run(asked())
    return answers


def part(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_that_comes_in_parts_is_taken_whole(tmp_path: Path) -> None:
    answers = said(opened := door(tmp_path), [part(BODY[:3], more=True), part(BODY[3:], more=False)])

    assert [answer.get("status") for answer in answers] == [200, None]
    assert 'source="texts",what="stored"} 1' in opened.counts.text()


def test_a_sender_that_takes_too_long_is_told_to_come_again(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        answers = said(door(tmp_path), [part(BODY[:3], more=True), 5.0, part(BODY[3:], more=False)])

    assert answers[0]["status"] == 503
    assert dict(answers[0]["headers"])[b"retry-after"] == b"5"
    assert [(line["event"], line["why"]) for line in logs] == [("delivery refused", "slow")]


def test_a_sender_that_goes_away_is_not_answered_and_nothing_is_taken(tmp_path: Path) -> None:
    opened = door(tmp_path)

    answers = said(opened, [part(BODY, more=True), {"type": "http.disconnect"}])

    assert answers == []
    assert "stored" not in opened.counts.text()
