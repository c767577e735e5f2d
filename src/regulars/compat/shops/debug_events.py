"""What pixels told last, as the reference shows it to its administrators: is anything heard, and of which product."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.result import Result, failure, success
from regulars.events.currency import minor_digits
from regulars.pipeline.pixel_tail import newest_of_pixels
from regulars.pipeline.shops import rotated_of
from regulars.pipeline.workspace import Workspace
from regulars.shops.named import gid
from regulars.shops.pixel import SPOKEN
from regulars.shops.rotation import Rotated, case_of, showing_at
from regulars.shops.shop import Shops

MOST = 100
"""Events that are shown at once."""

_USUAL = 50
_TOLD = {spoken: told for told, spoken in SPOKEN.items()}


class _Properties(msgspec.Struct):
    shop_id: str
    session_id: str | None = None
    product_id: str | None = None
    variant_id: str | None = None
    order_id: str | None = None
    quantity: int | None = None
    revenue_minor: int | None = None
    currency: str | None = None


class _Door(msgspec.Struct):
    id: str
    received_at: datetime


class _Event(msgspec.Struct):
    door: _Door
    properties: _Properties
    event: str = ""


def debug_events(
    workspace: Workspace, _service: ABTestingService, _subject: str, said: Mapping[str, Any]
) -> Result[dict[str, Any]]:
    """Show what pixels told last, the newest first: {count, events}; of a `shop` or `productId`, at most `limit`."""
    limit = str(said.get("limit", _USUAL))
    if not limit.isdecimal() or not 1 <= int(limit) <= MOST:
        return failure(f"limit is 1 to {MOST}", code="INVALID_LIMIT")
    shop = None if said.get("shop") is None else Shops(every=workspace.project.shops).called(said["shop"])
    if said.get("shop") is not None and shop is None:
        return failure("Unknown shop", code="SHOP_NOT_FOUND")
    product = None if said.get("productId") is None else gid(said["productId"], "Product")
    if said.get("productId") is not None and product is None:
        return failure("Invalid productId", code="INVALID_PRODUCT")
    wanted = {name: value for name, value in (
        ("properties.shop_id", None if shop is None else shop.name), ("properties.product_id", product),
    ) if value is not None}
    lines = newest_of_pixels(workspace, wanted=wanted, limit=int(limit))
    rotated = rotated_of(workspace)
    events = [_shown(msgspec.json.decode(line, type=_Event), rotated) for line in lines]
    return success({"count": len(events), "events": events})


def _shown(event: _Event, rotated: list[Rotated]) -> dict[str, Any]:
    told, at = event.properties, event.door.received_at
    showing = next((
        found for one in rotated if (one.shop.name, one.rotation.product) == (told.shop_id, told.product_id)
        if (found := showing_at(one, at)) is not None
    ), None)
    experiment = None if showing is None else showing.rotated.experiment
    return {
        "id": event.door.id, "sessionId": told.session_id, "eventType": _TOLD.get(event.event, event.event),
        "testId": None if experiment is None else experiment.name,
        "activeCase": None if experiment is None or showing is None else case_of(experiment, showing.variant),
        "productId": told.product_id, "variantId": told.variant_id, "revenue": _revenue(told),
        "currency": told.currency, "quantity": told.quantity, "orderId": told.order_id, "shopId": told.shop_id,
        "createdAt": at,
    }


def _revenue(told: _Properties) -> Decimal | None:
    if told.revenue_minor is None or told.currency is None:
        return None
    return Decimal(told.revenue_minor).scaleb(-minor_digits(told.currency))
