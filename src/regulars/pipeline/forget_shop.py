"""Forget a shop: what its pixels and webhooks brought and what was handed out of it leaves every store, with a proof.

The landing is written anew without it, and every table is made again from what is left, as after an erasure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from regulars.config import HOME
from regulars.pipeline.anew import drop_tables
from regulars.pipeline.arrivals import is_pushed
from regulars.pipeline.pull import rejects_of
from regulars.pipeline.workspace import Workspace
from regulars.records import mention
from regulars.shops.named import EXPORTS
from regulars.shops.order_events import tells_orders
from regulars.shops.shop import Shop, Shops
from regulars.sources.door import EVENTS, DoorSource
from regulars.sources.source import Source
from regulars.sources.webhook.line import delivery_ids
from regulars.storage.book.audit import Changed
from regulars.storage.book.database import TENANT
from regulars.storage.book.shop_erasures import ShopErasure
from regulars.storage.door.collect import collect
from regulars.storage.door.landed import ArrivalLanding
from regulars.storage.files import FileStore, open_files
from regulars.storage.landing import CHANGED


def forget_shops(workspace: Workspace) -> None:
    """Do what open erasures of shops want, and drop the tables that were made of the old rows.

    Call it while holding the project's lease, and make the tables again afterwards. Killed anywhere, it is done again:
    an erasure is closed last, and its audit line says what was done.
    """
    waiting = workspace.book.shop_erasures.open()
    if not waiting:
        return
    config = workspace.project.config
    exports = open_files(config.stores.exports, config.folder / HOME / "cache" / "exports")
    landing = ArrivalLanding(files=workspace.landing.files, book=workspace.book, clock=workspace.clock)
    collect(config.door.folder, landing.land)
    drop_tables(workspace)
    for one in waiting:
        _forget(workspace, one, exports)


def _forget(workspace: Workspace, one: ShopErasure, exports: FileStore) -> None:
    shop = Shops(every=workspace.project.shops).called(one.domain)
    proof, left = dict[str, int](), 0
    for source, stream, told in _streams(workspace, shop, one.domain):
        found = _found(workspace, source, stream, told)
        if not found:
            continue
        if _SHOP in told:
            # Before the landing is struck: only there it says whose a delivery is.
            queued = workspace.book.webhooks.forget_all(source, delivery_ids(row["payload"] for row in found))
            proof["deliveries in the queue"] = proof.get("deliveries in the queue", 0) + queued
        proof[f"landing {source}.{stream}"] = _struck(workspace, source, stream, found)
        left += len(_found(workspace, source, stream, told))
    proof["left in the landing"] = left
    if shop is not None:
        proof["files"] = _files_gone(exports, workspace.book.tenant, shop)
        proof["exports in the book"] = workspace.book.statistic_exports.forget(shop.name)
    now = workspace.clock.now()
    workspace.book.shop_erasures.finish(one.domain, proof, at=now)
    said = ", ".join(f"{name}: {count:,}" for name, count in proof.items())
    workspace.book.audit.add(Changed(
        at=now, by=one.asked_by, what="privacy.shop_forgotten", subject=f"{one.domain} ({said})"
    ))


Told = Mapping[str, set[str]]
"""Paths of an item -> what stands there when it is of the shop; "" for anywhere in it."""


def _streams(workspace: Workspace, shop: Shop | None, domain: str) -> Iterator[tuple[str, str, Told]]:
    """Yield the streams in which rows of a shop may be, and by what they are told."""
    domains = {domain} if shop is None else {shop.domain, *shop.domains, domain}
    names = set[str]() if shop is None else {shop.name.lower()}
    for source in workspace.project.sources:
        if not is_pushed(source):
            continue
        told = _told(source, names, domains)
        for stream in (one for one in source.streams if one.name == EVENTS and told):
            yield source.name, stream.name, told
            yield source.name, rejects_of(stream), {"": domains}


def _told(source: Source, names: set[str], domains: set[str]) -> Told:
    if isinstance(source, DoorSource):
        return {"properties.shop_id": names, "pixel.shopDomain": domains}
    return {_SHOP: domains, "said.shop_domain": domains} if tells_orders(source) else {}


_SHOP = "shop"                               # where a delivery says whose it is


def _struck(workspace: Workspace, source: str, stream: str, found: list[dict[str, Any]]) -> int:
    """Write a stream's segments anew without the rows that were found, and return how many these were."""
    for segment in workspace.book.pages.segments(source, stream):
        mine = [row for row in found if segment.first_seq <= row["seq"] <= segment.seq]
        if mine:
            rows = pa.Table.from_pylist([{**row, "payload": None} for row in mine], schema=CHANGED)
            workspace.landing.withdraw(segment, workspace.stores.border.arrow(rows))
    return len(found)


def _found(workspace: Workspace, source: str, stream: str, told: Told) -> list[dict[str, Any]]:
    paths = [path for path in told if path]
    meant = {n: told[path] for n, path in enumerate(paths)} | {mention.ADDRESS: told.get("", set[str]())}
    with workspace.stores.border.bench() as bench:
        landing = workspace.landing.rows(source, stream)
        rows = mention.rows_of(landing, paths, owners=dict.fromkeys(range(len(paths)), ()), meant=meant, bench=bench)
        return list(rows.to_pylist())


def _files_gone(exports: FileStore, tenant: str, shop: Shop) -> int:
    prefix = "" if tenant == TENANT else f"{tenant}/"
    names = exports.list(f"{prefix}{EXPORTS}/{shop.name}/")
    for name in names:
        exports.delete(name)
    return len(names)
