"""How shops are, as the reference tells it, but to nobody without a key: is it up, which shops, what is under test."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.result import Result, success
from regulars.compat.shops.rotation import STATUS
from regulars.pipeline.shop_answers import rotations_now
from regulars.pipeline.workspace import Workspace
from regulars.shops.shop import Shop


def health(
    workspace: Workspace, _service: ABTestingService, _subject: str, _said: Mapping[str, Any]
) -> Result[dict[str, Any]]:
    """Say that the project is open and answers: {status, version, timestamp}."""
    now = workspace.clock.now()
    return success({"status": "ok", "version": version("regulars"), "timestamp": now.isoformat()})


def status(
    workspace: Workspace, _service: ABTestingService, _subject: str, _said: Mapping[str, Any]
) -> Result[dict[str, Any]]:
    """Say of each shop what is under test and how its deliveries are: {status, lastRun, shops}."""
    runs = workspace.book.runs.last_runs(1)
    return success({
        "status": "ok", "lastRun": runs[0].started_at.isoformat() if runs else None,
        "shops": [_told(workspace, shop) for shop in workspace.project.shops],
    })


def _told(workspace: Workspace, shop: Shop) -> dict[str, Any]:
    counts = workspace.book.webhooks.counts()
    states = [one.state for one in rotations_now(workspace, shop)]
    return {
        "shopId": shop.name, "shopDomain": shop.domain,
        "tests": {name: states.count(state) for state, name in STATUS.items()},
        "webhooks": None if shop.orders is None else {
            "waiting": counts.get((shop.orders, "waiting"), 0), "failed": counts.get((shop.orders, "dead"), 0),
        },
    }
