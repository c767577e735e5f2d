"""A project with a shop whose pixel posts at the door."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from regulars.clock import FixedClock
from regulars.config import read_config
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.web.ingest.open_door import open_door

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


def made(folder: Path) -> Path:
    """Write the project."""
    for place, text in FILES.items():
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


@contextmanager
def ran(folder: Path, *, at: datetime = NOW) -> Iterator[Workspace]:
    """Run the project, and give it for a `with`."""
    workspace = open_workspace(folder, clock=FixedClock(at), environment={})
    try:
        result = run(workspace)
        assert [(step.name, step.error) for step in result.steps if step.error] == []
        yield workspace
    finally:
        workspace.close()
