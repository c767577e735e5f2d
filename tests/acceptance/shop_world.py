"""A project with a shop whose pixel posts at the door, and which tells of its orders itself where a test asks for it."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from regulars.clock import FixedClock
from regulars.config import read_config
from regulars.pipeline.flow import run
from regulars.pipeline.webhooks import hand_on
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.project import Project
from regulars.web.ingest.open_door import open_commits, open_door
from regulars.web.webhooks.counts import DeliveryCounts
from regulars.web.webhooks.open_webhooks import webhooks_of, with_webhooks

NOW = datetime(2026, 2, 4, 12, tzinfo=UTC)
BOOTS, VARIANT = "gid://shopify/Product/7", "gid://shopify/ProductVariant/70"
FILES = {
    "regulars.toml": '[business]\nname = "Summit"\ntimezone = "America/Chicago"\n',
    "sources/site.yaml": "kind: door\n",
    "shops/gear.yaml": "domain: gear.myshopify.com\nsource: site\n"
                       "experiments: [{experiment: gallery, product: 7, slot: 60 minutes}]\n",
    "experiments/gallery.yaml": "unit: shop_slot\nvariants: {base: 50, test: 50}\nprimary: carts\nruns: 2026-02-02 to 2026-02-15\n",
    "metrics/carts.yaml": "title: Carts\ndescription: Products put into carts.\ncount: product_added\n",
}


SECRET = "hush"
TELLING = {
    "sources/shopify.yaml": 'kind: webhook\nprovider: shopify\nsecrets: ["${SHOPIFY_SECRET}"]\n',
    "shops/gear.yaml": FILES["shops/gear.yaml"] + "orders: shopify\n",
}
"""What is otherwise where the shop tells of its orders itself."""

Line = tuple[int, int, str, int]
"""A line of an order: product, variant, price of a piece, pieces."""


def made(folder: Path, more: Mapping[str, str] | None = None) -> Path:
    """Write the project."""
    for place, text in {**FILES, **(more or {})}.items():
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def said(kind: str, number: int, *, ago: timedelta = timedelta(0), at: datetime = NOW, **more: Any) -> dict[str, Any]:
    """Return what a pixel says of an event of some time ago."""
    return {
        "sessionId": f"s{number}", "eventType": kind, "productId": 7, "variantId": 70, "shopDomain": "gear.myshopify.com",
        "eventId": f"{kind}-{number}", "timestamp": (at - ago).isoformat(), **more,
    }


def post(folder: Path, *messages: dict[str, Any], at: datetime = NOW, agent: str = "Mozilla/5.0") -> list[int]:
    """Open the project's door, let a pixel post, and close it."""
    async def posted() -> list[int]:
        home = folder / ".regulars"
        home.mkdir(exist_ok=True)
        door = open_door(read_config(folder, environment={}), home=home, clock=FixedClock(at))
        await door.commits.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://door") as client:
            heads = {"User-Agent": agent}
            statuses = [(await client.post("/track", json=each, headers=heads)).status_code for each in messages]
        await door.commits.stop()
        return statuses

    return asyncio.run(posted())


def order(
    number: int, *lines: Line, buyer: int | None = 555, at: datetime = NOW, taken_off: str = "0.00", **more: Any
) -> dict[str, Any]:
    """Return what Shopify says of an order that was paid; something is taken off of its first line."""
    return {
        "id": number, "name": f"#{number}", "email": f"b{buyer}@buyers.example", "currency": "USD", "financial_status": "paid",
        "created_at": at.isoformat(), "processed_at": at.isoformat(), "note_attributes": [],
        "customer": None if buyer is None else {"id": buyer, "email": f"b{buyer}@buyers.example", "first_name": "Ann", "last_name": f"Lee{buyer}"},
        "line_items": [
            {
                "id": number * 10 + n, "product_id": product, "variant_id": variant, "price": price, "quantity": pieces,
                "discount_allocations": [{"amount": taken_off}] if n == 0 else [],
            }
            for n, (product, variant, price, pieces) in enumerate(lines)
        ],
        **more,
    }


def refund(number: int, of: dict[str, Any], *, line: int = 0, amount: float, at: datetime = NOW) -> dict[str, Any]:
    """Return what Shopify says of a refund of one line of an order."""
    back = of["line_items"][line]
    return {
        "id": number, "order_id": of["id"], "created_at": at.isoformat(), "processed_at": at.isoformat(),
        "refund_line_items": [{"id": number * 10, "line_item_id": back["id"], "quantity": 1, "subtotal": amount, "line_item": back}],
    }


def tell(
    folder: Path, *told: tuple[str, dict[str, Any]], at: datetime = NOW, shop: str = "gear.myshopify.com",
    path: str = "/webhooks/shopify", secret: str = SECRET, is_handed_on: bool = True,
) -> list[int]:
    """Let Shopify post deliveries, each with its topic, and return the statuses; what came is handed on unless not."""
    async def posted() -> list[int]:
        home = folder / ".regulars"
        home.mkdir(exist_ok=True)
        clock, project = FixedClock(at), Project.read(folder, environment={"SHOPIFY_SECRET": SECRET})
        commits = open_commits(project.config, home=home, clock=clock)
        door = with_webhooks(
            folder, webhooks_of(project), commits=commits, counts=DeliveryCounts(), clock=clock, behind=_nobody
        )
        await commits.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://door") as client:
            statuses = [
                (await client.post(path, content=body, headers=_signed(body, topic, shop, secret))).status_code
                for topic, body in ((topic, json.dumps(each).encode()) for topic, each in told)
            ]
        await commits.stop()
        return statuses

    statuses = asyncio.run(posted())
    if not is_handed_on:
        return statuses
    workspace = open_workspace(folder, clock=FixedClock(at), environment={})
    hand_on(workspace)
    workspace.close()
    return statuses


def _signed(body: bytes, topic: str, shop: str, secret: str) -> dict[str, str]:
    mac = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return {
        "x-shopify-hmac-sha256": mac, "x-shopify-topic": topic, "x-shopify-shop-domain": shop, "content-type": "application/json",
        "x-shopify-webhook-id": uuid4().hex,
    }


async def _nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("it is not for the app behind")


@contextmanager
def ran(folder: Path, *, at: datetime = NOW, environment: Mapping[str, str] | None = None) -> Iterator[Workspace]:
    """Run the project, and give it for a `with`."""
    workspace = open_workspace(folder, clock=FixedClock(at), environment=environment or {})
    try:
        result = run(workspace)
        assert [(step.name, step.error) for step in result.steps if step.error] == []
        yield workspace
    finally:
        workspace.close()
