"""What is known of each recipient, in the fields of the reference's table `ab_test_results`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from regulars.compat.ab_tests.campaign import told_id
from regulars.storage.book.experiments import Assignment

FIELDS = (
    "campaign_id", "contact_id", "variant", "assigned_at", "message_sent", "sent_at", "sent_activity_id",
    "message_opened", "opened_at", "link_clicked", "clicked_at", "clicked_link_url", "response_received",
    "responded_at", "response_type", "response_activity_id", "conversion_achieved",
)
"""Flags, and the first time of each thing with what was told then; what did not happen is None."""


def states(campaign: int, assigned: pa.Table, touches: pa.Table) -> list[dict[str, Any]]:
    """Return one row per assigned recipient: ASSIGNMENTS and EVENTS of the book in the reference's fields."""
    first: dict[str, list[dict[str, Any]]] = {}
    for touch in touches.to_pylist():
        first.setdefault(touch["unit"], []).append(touch)
    return [
        _state(campaign, row["unit"], row["variant"], row["assigned_at"], first.get(row["unit"], []))
        for row in assigned.to_pylist()
    ]


def state(campaign: int, assignment: Assignment, touches: pa.Table) -> dict[str, Any]:
    """Return the row of one recipient, from its own EVENTS."""
    return _state(campaign, assignment.unit, assignment.variant, assignment.assigned_at, touches.to_pylist())


def aware(at: datetime) -> datetime:
    """Return a moment with its zone; without one it is in UTC, as the book's and the reference's are."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _state(
    campaign: int, unit: str, variant: str, assigned_at: datetime, touches: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    first = {touch["kind"]: touch for touch in touches}
    sent, opened, clicked, replied = (first.get(kind) or {} for kind in ("sent", "opened", "clicked", "replied"))
    reply = replied.get("reply")
    return dict(zip(FIELDS, (
        campaign, told_id(unit), variant, _moment(assigned_at),
        bool(sent), _moment(sent.get("at")), _told(sent.get("activity")),
        bool(opened), _moment(opened.get("at")), bool(clicked), _moment(clicked.get("at")), clicked.get("link"),
        bool(replied), _moment(replied.get("at")), reply, _told(replied.get("activity")),
        reply == "positive" or "converted" in first,
    ), strict=True))


def _moment(at: datetime | None) -> datetime | None:
    return None if at is None else aware(at)


def _told(activity: str | None) -> int | str | None:
    return None if activity is None else told_id(activity)
