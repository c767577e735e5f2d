"""What nobody knows of messages, and what was posted and not handed on: looked at again, and how whole the book is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.result import Result, failure, success
from regulars.pipeline.account import account
from regulars.pipeline.webhooks import replay
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.message_list import Wanted

Said = Mapping[str, Any]
Told = dict[str, Any]

LONGEST = 24 * 30
"""Hours back at most: deliveries are kept for about a month."""

MOST = 500


def run(workspace: Workspace, _: ABTestingService, __: str, said: Said) -> Result[Told]:
    """Hand on again what was posted in the last {hours_back=24} and given up; count what is still not known."""
    hours = said.get("hours_back", 24)
    if not isinstance(hours, int | float) or isinstance(hours, bool) or not 0 < hours <= LONGEST:
        return failure(f"hours_back must be between 1 and {LONGEST}", code="VALIDATION_ERROR")
    since = workspace.clock.now() - timedelta(hours=hours)
    dead = [
        one for one in workspace.book.webhooks.newest(limit=MOST, state="dead") if one.received_at >= since
    ]
    after = [replay(workspace, one.webhook_id) for one in dead]
    return success({
        "hours_back": hours, "webhooks_replayed": len(after),
        "webhooks_recovered": sum(one.state == "done" for one in after), **_unknown(workspace),
    })


def status(workspace: Workspace, _: ABTestingService, __: str, ___: Said) -> Result[Told]:
    """Return what waits, what was given up and what nobody knows of."""
    counts: dict[str, int] = {}
    for (_source, state), number in workspace.book.webhooks.counts().items():
        counts[state] = counts.get(state, 0) + number
    return success({
        "webhooks_waiting": counts.get("waiting", 0), "webhooks_given_up": counts.get("dead", 0), **_unknown(workspace),
    })


def validate(workspace: Workspace, _: ABTestingService, __: str, ___: Said) -> Result[Told]:
    """Return whether every message is in exactly one place and the ledger of consent is as it was written."""
    ones = workspace.book.campaigns.occurrences()
    broken = [f"{one.campaign}/{one.occurrence}" for one in ones if not account(workspace.book, one).is_balanced]
    entry = workspace.book.consent.first_broken()
    issues = [f"the account of {name} is not whole" for name in broken]
    issues += [] if entry is None else [f"entry {entry} of the ledger of consent is not as it was written"]
    return success({"is_valid": not issues, "campaigns_checked": len(ones), "issues": issues})


def health(workspace: Workspace, _: ABTestingService, __: str, ___: Said) -> Result[Told]:
    """Return that the book answers, and when the last run was."""
    last = workspace.book.runs.last_runs(1)
    return success({
        "status": "healthy", "database": "connected",
        "last_run_at": last[0].started_at.isoformat() if last else None, "timestamp": workspace.clock.now().isoformat(),
    })


def redis(*_: object) -> Result[Told]:
    """Return that nothing here needs Redis: what it queued there, the book does here."""
    return success({"status": "healthy", "redis": "not used"})


def _unknown(workspace: Workspace) -> Told:
    found = parked = 0
    place = None
    while rows := workspace.book.message_list.page(Wanted(state="unknown"), limit=MOST, after=place):
        found, parked = found + len(rows), parked + sum(one.due_at is None for one in rows)
        place = rows[-1].campaign_id, rows[-1].customer_id
    return {"messages_unknown": found, "messages_for_a_person": parked}
