"""What Shopify passes on: a buyer is forgotten with orders and sessions, a shop as a whole, each with a proof."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent))

from shop_world import NOW, TELLING, made, order, post, ran, refund, said, tell

from regulars.clock import FixedClock
from regulars.compat.shops.statistic_export import due_files, write_files
from regulars.pipeline.shops import STATISTICS
from regulars.pipeline.webhooks import hand_on
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.tables import webhook_queue

SOON, MORNING = timedelta(minutes=10), NOW + timedelta(days=1)
TODAY = NOW.date()
OTHER = "domain: two.myshopify.com\nsource: site\norders: shopify\n"
ANN, BO = order(1001, (7, 70, "30.00", 1), buyer=555, at=NOW - SOON), order(1002, (7, 70, "20.00", 1), buyer=556, at=NOW - SOON)
REDACT = {
    "shop_id": 1, "shop_domain": "gear.myshopify.com", "customer": {"id": 555, "email": "b555@buyers.example", "phone": None},
    "orders_to_redact": [1001],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = made(tmp_path / "summit", {**TELLING, "shops/two.yaml": OTHER})
    ann = {"sessionId": "ann", "shopDomain": "gear.myshopify.com"}
    post(
        folder, said("IMPRESSION", 1, ago=SOON, sessionId="ann"), said("PURCHASE", 2, ago=SOON, **{**ann, "metadata": {"orderId": 1001}}),
        said("IMPRESSION", 3, ago=SOON, sessionId="bo"), said("PURCHASE", 4, ago=SOON, sessionId="bo", metadata={"orderId": 1002}),
        said("IMPRESSION", 5, ago=SOON, sessionId="kiosk"), said("IMPRESSION", 6, ago=SOON, sessionId="two", shopDomain="two.myshopify.com"),
        said("PURCHASE", 7, ago=SOON, sessionId="kiosk", metadata={"orderId": 1001, "lineItemId": 8}),
        said("PURCHASE", 8, ago=SOON, sessionId="kiosk", metadata={"orderId": 1002, "lineItemId": 9}),
    )
    tell(folder, ("orders/paid", ANN), ("orders/paid", BO), ("refunds/create", refund(9, ANN, amount=30)))
    tell(folder, ("orders/paid", order(2001, (8, 80, "9.00", 1), buyer=557, at=NOW - SOON)), shop="two.myshopify.com")
    return folder


def people(workspace: Workspace) -> set[str]:
    """Return whose events there are."""
    return {row["profile_id"] for row in workspace.rows(workspace.table("events"))}


def landed(folder: Path) -> bytes:
    """Return everything that lies in the landing."""
    import duckdb  # noqa: PLC0415  only here

    found = b""
    for file in (folder / "data" / "landing").rglob("*"):
        if file.suffix == ".parquet":
            rows = duckdb.sql(f"select payload from read_parquet('{file}')").fetchall()
            found += "\n".join(str(row[0]) for row in rows).encode()
        elif file.is_file():
            found += file.read_bytes()
    return found


def audited(workspace: Workspace) -> list[tuple[str, str]]:
    return [(line.what, line.subject) for line in workspace.book.audit.lines(limit=50)]


def test_a_buyer_who_is_to_be_forgotten_leaves_with_their_orders_and_the_sessions_in_which_they_bought(folder: Path) -> None:
    with ran(folder) as workspace:
        before = people(workspace)
    assert tell(folder, ("customers/redact", REDACT), path="/webhooks/compliance") == [200]

    with ran(folder, at=MORNING) as workspace:
        after = people(workspace)
        [erasure] = workspace.book.erasures.listed()
        mapped = workspace.book.identity.identity_map().to_pylist()
        told = audited(workspace)

    assert before == {"ann", "bo", "kiosk", "two", "555", "556", "557", "order/1001"}
    # Somebody else bought in the session of the kiosk too.
    assert after == {"bo", "kiosk", "two", "556", "557"}
    assert erasure.finished_at is not None
    assert {store: found["found"] for store, found in erasure.proof["verified"].items()} == {
        "landing": [], "lake": [], "book": [], "files": [],
    }
    assert ("shopify", "555") not in {(row["profile_source"], row["profile_id"]) for row in mapped}
    assert ("privacy.forget", erasure.erasure_id) in told
    text = landed(folder)
    assert b"b555@buyers.example" not in text
    assert b"b556@buyers.example" in text


def test_who_was_forgotten_is_not_brought_back_by_what_comes_later(folder: Path) -> None:
    tell(folder, ("customers/redact", REDACT))
    with ran(folder):
        pass
    tell(folder, ("orders/paid", order(1009, (7, 70, "30.00", 1), buyer=555, at=MORNING)), at=MORNING)

    with ran(folder, at=MORNING) as workspace:
        assert "555" not in people(workspace)


def test_who_asks_what_is_known_of_them_stands_in_the_audit(folder: Path) -> None:
    asked: dict[str, Any] = {
        "shop_id": 1, "shop_domain": "gear.myshopify.com", "orders_requested": [1001], "customer": {"id": 555}, "data_request": {"id": 3},
    }

    assert tell(folder, ("customers/data_request", asked), path="/webhooks/compliance") == [200]

    with ran(folder) as workspace:
        assert ("privacy.tell", "gear.myshopify.com: customer 555") in audited(workspace)
        assert "555" in people(workspace)


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_shop_that_left_is_forgotten_with_all_its_rows_and_files(folder: Path, *, is_declared: bool) -> None:
    with ran(folder, at=MORNING) as workspace:
        write_files(workspace, due_files(workspace, first=TODAY, last=TODAY))
    shop = {"id": 1, "myshopify_domain": "gear.myshopify.com", "domain": "gear.myshopify.com"}
    assert tell(folder, ("app/uninstalled", shop), path="/webhooks/app/uninstalled", at=MORNING) == [200]
    if not is_declared:
        for name in ("shops/gear.yaml", "experiments/gallery.yaml"):
            (folder / name).unlink()
    later = MORNING + timedelta(hours=48)
    asked = ("shop/redact", {"shop_id": 1, "shop_domain": "gear.myshopify.com"})
    assert tell(folder, asked, asked, path="/webhooks/compliance", at=later) == [200, 200]

    with ran(folder, at=later) as workspace:
        kept = {row["shop_id"] for row in workspace.rows(workspace.table(STATISTICS))}
        left = people(workspace)
        [erasure] = workspace.book.shop_erasures.listed()
        exports = workspace.book.statistic_exports.between(TODAY, TODAY, shop="gear")
        told = [what for what, _ in audited(workspace)]

    assert (kept, left) == ({"two"}, {"two", "557"})
    text = landed(folder)
    assert b"gear.myshopify.com" not in text
    assert b"two.myshopify.com" in text
    assert erasure.finished_at is not None
    assert erasure.proof["left in the landing"] == 0
    assert erasure.proof["landing site.events"] == 7
    assert (told.count("privacy.forget_shop"), told.count("privacy.shop_forgotten")) == (1, 1)
    files = {file.name for file in (folder / "data" / "exports" / "statistic-exports").rglob("gear/**/*") if file.is_file()}
    if is_declared:
        assert (files, exports, erasure.proof["files"]) == (set(), [], 2)


def test_a_shop_that_is_forgotten_leaves_the_queue_of_deliveries_too_whatever_became_of_them(folder: Path) -> None:
    def fails(news: object) -> None:
        raise ValueError("a taker of news with a mistake")

    asked = {"shop_id": 1, "shop_domain": "gear.myshopify.com", "customer": {"id": 555}, "orders_requested": [], "data_request": {"id": 3}}
    others = {**asked, "shop_domain": "two.myshopify.com"}
    tell(folder, ("customers/data_request", asked), is_handed_on=False)
    tell(folder, ("customers/data_request", others), shop="two.myshopify.com", is_handed_on=False)
    workspace = open_workspace(folder, clock=FixedClock(NOW), environment={})
    hand_on(workspace, takes=[fails])
    [dead] = [one for one in workspace.book.webhooks.newest(limit=50, state="waiting") if b"gear" in (workspace.book.webhooks.opened(one.webhook_id).body or b"")]
    with workspace.book.database.writing() as connection:
        connection.execute(sa.update(webhook_queue).where(webhook_queue.c.webhook_id == dead.webhook_id).values(state="dead", due_at=None))
    tell(folder, ("customers/data_request", {**asked, "data_request": {"id": 4}}), is_handed_on=False)
    before = [one.state for one in workspace.book.webhooks.newest(limit=50)]
    workspace.book.shop_erasures.begin("gear.myshopify.com", at=NOW, by="test")
    workspace.close()

    with ran(folder, at=MORNING) as workspace:
        left = [workspace.book.webhooks.opened(one.webhook_id) for one in workspace.book.webhooks.newest(limit=50)]
        [erasure] = workspace.book.shop_erasures.listed()

    assert {"dead", "waiting"} <= set(before)
    # Of the shop that stays: its order, which was handed on, and what it asks, which still waits.
    assert sorted((one.state, one.delivery_id.startswith("orders/paid/2001"), one.body is not None and b"two" in one.body) for one in left) == [
        ("done", True, False), ("waiting", False, True),
    ]
    assert erasure.proof["deliveries in the queue"] == len(before) - len(left)
