"""What is to be shown of products now, as the reference tells its pages and whoever has it rotate.

Nothing is rotated here: the schedule of a test says what is shown when, and pages that ask show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.result import Result, success
from regulars.pipeline.shop_answers import RotationNow, State, rotation_of, rotations_now
from regulars.pipeline.workspace import Workspace
from regulars.shops.named import gid
from regulars.shops.rotation import case_of
from regulars.shops.shop import Shop, Shops

STATUS: Mapping[State, str] = {"runs": "ACTIVE", "stopped": "PAUSED", "ended": "COMPLETED"}
"""What the reference calls how a test stands, of those that have begun."""

NO_TEST: Mapping[str, Any] = {"testId": None, "activeCase": None, "variantCase": None, "status": None}

Answer = tuple[int, Mapping[str, Any]]


def rotation_state(workspace: Workspace, said: Mapping[str, str], *, origin: str | None) -> Answer:
    """Return status and answer for {productId, variantId?, shop?}; of the shop named, else of the page that asks.

    A test that is stopped shows BASE; one that is decided shows what was decided, one that is over BASE.
    """
    if not said.get("productId"):
        return 400, {"error": "Missing productId"}
    product, variant = gid(said["productId"], "Product"), gid(said.get("variantId"), "ProductVariant")
    if product is None or (said.get("variantId") and variant is None):
        return 400, {"error": "Invalid productId" if product is None else "Invalid variantId"}
    shop = _shop(Shops(every=workspace.project.shops), said.get("shop") or said.get("shopDomain"), origin)
    if shop is None:
        return 404, {"error": "Unknown shop", "message": "say which: ?shop=summit-gear.myshopify.com"}
    now = rotation_of(workspace, shop, product)
    if now is None:
        return 200, NO_TEST
    case = case_of(now.rotated.experiment, now.variant)
    return 200, {
        "testId": now.rotated.experiment.name, "activeCase": case, "variantCase": case if variant else None,
        "status": STATUS[now.state], "until": now.until,
    }


def rotation(
    workspace: Workspace, _service: ABTestingService, _subject: str, _said: Mapping[str, Any]
) -> Result[dict[str, Any]]:
    """Say of every test that has begun what it shows, and that nothing had to be done for it: {ok, summary}."""
    began = workspace.clock.now()
    told = [
        one for shop in workspace.project.shops for one in rotations_now(workspace, shop) if one.state in STATUS
    ]
    took = (workspace.clock.now() - began).total_seconds()
    return success({"ok": True, "summary": {
        "processed": len(told), "successful": 0, "failed": 0, "skipped": len(told), "duration": round(took * 1000),
        "results": [_told(one) for one in told],
    }})


def _told(now: RotationNow) -> dict[str, Any]:
    one = now.rotated
    return {
        "testId": one.experiment.name, "productId": one.rotation.product, "shopId": one.shop.name,
        "status": STATUS[now.state], "activeCase": case_of(one.experiment, now.variant), "nextRotation": now.until,
        "rotated": False, "reason": "the schedule says what is shown; pages ask /api/rotation-state",
    }


def _shop(shops: Shops, named: str | None, origin: str | None) -> Shop | None:
    if named is not None:
        return shops.called(named)
    return shops.called(origin) or (shops.every[0] if len(shops.every) == 1 else None)
