"""A shop tells of its orders itself: each line counts once, net of what was taken off and of what came back."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shop_world import BOOTS, NOW, TELLING, VARIANT, made, order, post, ran, refund, said, tell

from regulars.pipeline.find import find_customer
from regulars.pipeline.flow import rebuild
from regulars.pipeline.shops import STATISTICS
from regulars.pipeline.workspace import Workspace

DAY, SOON = timedelta(days=1), timedelta(minutes=10)
BOUGHT = ("orders/paid", order(1001, (7, 70, "30.00", 2), (8, 80, "5.50", 1), at=NOW - SOON, taken_off="10.00"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "summit", TELLING)


def seen(folder: Path, number: int = 1001, *, product: int = 7, variant: int = 70, ago: timedelta = SOON) -> list[int]:
    """Let the pixel tell of a line of an order."""
    names = {"productId": product, "variantId": variant, "revenue": 60.0, "metadata": {"orderId": f"gid://shopify/Order/{number}"}}
    return post(folder, said("PURCHASE", number, ago=ago, **names))


def counted(workspace: Workspace) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return orders, items, revenue and what was refunded by day of UTC and product."""
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    for row in workspace.rows(workspace.table(STATISTICS)):
        if row["days"] == "utc":
            key = (row["day"].isoformat(), row["product_id"].rpartition("/")[2])
            told = tuple(row[name] for name in ("orders", "items", "revenue", "refunded"))
            found[key] = tuple(a + b for a, b in zip(found.get(key, (0,) * 4), told, strict=True))
    return found


def kinds(workspace: Workspace) -> list[str]:
    return sorted(row["event_type"] for row in workspace.rows(workspace.table("events")))


def test_what_the_shop_and_its_pixel_tell_of_an_order_counts_once_as_the_shop_tells_it(folder: Path) -> None:
    assert seen(folder) == [200]
    assert tell(folder, BOUGHT) == [200]

    with ran(folder) as workspace:
        assert counted(workspace) == {("2026-02-04", "7"): (1, 2, 5000, 0), ("2026-02-04", "8"): (1, 1, 550, 0)}
        # Rules and metrics count lines too: the pixel's word is on the timeline under another name.
        assert kinds(workspace) == ["order_line", "order_line", "order_line_seen"]
        [row] = [row for row in workspace.rows(workspace.table(STATISTICS)) if row["days"] == "shop" and row["product_id"] == BOOTS]
        assert (row["shop_id"], row["variant_id"], row["experiment"], row["currency"]) == ("gear", VARIANT, "gallery", "USD")


def test_an_order_that_only_the_pixel_saw_counts_until_the_shop_tells_of_it_be_it_a_day_later(folder: Path) -> None:
    seen(folder, ago=DAY)
    with ran(folder) as workspace:
        alone = counted(workspace)
    late = ("orders/paid", order(1001, (7, 70, "30.00", 1), at=NOW - DAY + timedelta(hours=13)))
    tell(folder, late, at=NOW + DAY)

    with ran(folder, at=NOW + DAY) as workspace:
        told, content = counted(workspace), workspace.lake.content_hash(STATISTICS)
        rebuild(workspace)
        anew = workspace.lake.content_hash(STATISTICS)

    assert alone == {("2026-02-03", "7"): (1, 1, 6000, 0)}
    assert told == {("2026-02-04", "7"): (1, 1, 3000, 0)}
    assert content == anew


def test_an_order_that_is_told_again_changes_nothing(folder: Path) -> None:
    # Under another id too: a subscription of its own, or a replay by hand.
    assert tell(folder, BOUGHT, BOUGHT) == [200, 200]
    with ran(folder):
        pass
    assert tell(folder, BOUGHT, at=NOW + DAY) == [200]

    with ran(folder, at=NOW + DAY) as workspace:
        assert counted(workspace) == {("2026-02-04", "7"): (1, 2, 5000, 0), ("2026-02-04", "8"): (1, 1, 550, 0)}


def test_what_came_back_is_taken_off_the_day_on_which_it_was_sold(folder: Path) -> None:
    tell(folder, BOUGHT)
    with ran(folder):
        pass
    back = refund(9, BOUGHT[1], amount=25.0, at=NOW + 3 * DAY)
    tell(folder, ("refunds/create", back), ("refunds/create", back), at=NOW + 3 * DAY)

    with ran(folder, at=NOW + 3 * DAY) as workspace:
        told, content = counted(workspace), workspace.lake.content_hash(STATISTICS)
        rebuild(workspace)
        anew = workspace.lake.content_hash(STATISTICS)

    assert told == {("2026-02-04", "7"): (1, 2, 2500, 2500), ("2026-02-04", "8"): (1, 1, 550, 0)}
    assert content == anew


def test_a_refund_that_comes_before_its_order_waits_for_it(folder: Path) -> None:
    tell(folder, ("refunds/create", refund(9, BOUGHT[1], amount=25.0)))
    with ran(folder) as workspace:
        before = counted(workspace)
    tell(folder, BOUGHT, at=NOW + DAY)

    with ran(folder, at=NOW + DAY) as workspace:
        assert before == {}
        assert counted(workspace)["2026-02-04", "7"] == (1, 2, 2500, 2500)


@pytest.mark.parametrize(("case", "shown"), [("BASE", "base"), ("TEST", "test"), ("B", "test")])
def test_an_order_that_says_what_its_buyer_was_shown_counts_for_that(folder: Path, case: str, shown: str) -> None:
    text = json.dumps({"testId": "gallery", "variant": case, "productId": BOOTS, "sessionId": "s9"})
    attribute = [{"name": "ModelSwapAB", "value": text}]
    tell(folder, ("orders/paid", order(1001, (7, 70, "30.00", 1), (8, 80, "1.00", 1), note_attributes=attribute)))

    with ran(folder) as workspace:
        rows = {row["product_id"].rpartition("/")[2]: (row["experiment"], row["shown"]) for row in workspace.rows(workspace.table(STATISTICS))}

    assert rows == {"7": ("gallery", shown), "8": (None, None)}


@pytest.mark.parametrize("attribute", [
    "no JSON", json.dumps({"testId": "another", "variant": "TEST"}), json.dumps({"testId": "gallery", "variant": "C"}), "[" * 5000, "null",
])
def test_an_order_that_says_nothing_sound_of_it_counts_for_what_was_shown_then(folder: Path, attribute: str) -> None:
    tell(folder, ("orders/paid", order(1001, (7, 70, "30.00", 1), note_attributes=[{"name": "ModelSwapAB", "value": attribute}])))
    post(folder, said("IMPRESSION", 1))

    with ran(folder) as workspace:
        rows = [row for row in workspace.rows(workspace.table(STATISTICS)) if row["days"] == "utc"]

    # In one row with what was looked at in the same moment.
    assert [(row["experiment"], row["impressions"], row["orders"]) for row in rows] == [("gallery", 1, 1)]


def test_orders_are_on_the_timeline_of_their_buyer(folder: Path) -> None:
    tell(folder, BOUGHT)

    with ran(folder) as workspace:
        buyer = find_customer(workspace, "b555@buyers.example")
        lines = workspace.rows(workspace.table("events"))

    assert buyer is not None
    assert {(row["profile_source"], row["profile_id"]) for row in lines} == {("shopify", "555")}


def test_an_order_that_is_not_paid_is_none_under_any_topic(folder: Path) -> None:
    open_order = order(1001, (7, 70, "30.00", 1), financial_status="pending")

    assert tell(folder, ("orders/paid", open_order), ("orders/create", BOUGHT[1])) == [200, 200]
    assert tell(folder, BOUGHT) == [200]

    with ran(folder) as workspace:
        assert counted(workspace) == {("2026-02-04", "7"): (1, 2, 5000, 0), ("2026-02-04", "8"): (1, 1, 550, 0)}


def test_an_amount_in_other_money_is_an_order_and_no_revenue(folder: Path) -> None:
    tell(folder, ("orders/paid", order(1001, (7, 70, "30.00", 1), currency="EUR")))

    with ran(folder) as workspace:
        rows: list[dict[str, Any]] = [row for row in workspace.rows(workspace.table(STATISTICS)) if row["days"] == "utc"]

    assert [(row["orders"], row["revenue"], row["revenue_unknown"]) for row in rows] == [(1, 0, 1)]


def test_orders_of_another_shop_that_posts_to_the_same_source_are_its_own(folder: Path) -> None:
    (folder / "shops" / "two.yaml").write_text("domain: two.myshopify.com\nsource: site\norders: shopify\n")
    tell(folder, BOUGHT)
    tell(folder, ("orders/paid", order(1002, (7, 70, "1.00", 1))), shop="two.myshopify.com")

    with ran(folder) as workspace:
        rows = workspace.rows(workspace.table(STATISTICS))

    assert {(row["shop_id"], row["revenue"]) for row in rows if row["product_id"] == BOOTS} == {("gear", 5000), ("two", 100)}


def test_an_order_that_changed_counts_as_it_was_told_of_last_however_its_news_came(folder: Path) -> None:
    first = {**BOUGHT[1], "updated_at": (NOW - SOON).isoformat()}
    # Another piece of the first line, a line that was added, and one of the first lines taken out by hand.
    edited = order(1001, (7, 70, "30.00", 3), (9, 90, "2.00", 1), at=NOW - SOON, taken_off="10.00", updated_at=(NOW + SOON).isoformat())
    news = [("orders/paid", first), ("orders/updated", edited)]

    # Told again, and in the wrong order too: a shop's deliveries come in any.
    assert tell(folder, news[1], news[0], news[1]) == [200] * 3

    with ran(folder) as workspace:
        at_once = counted(workspace)
    tell(folder, ("orders/updated", {**first, "note": "as it was"}), at=NOW + DAY)
    with ran(folder, at=NOW + DAY) as workspace:
        later, content = counted(workspace), workspace.lake.content_hash(STATISTICS)
        rebuild(workspace)
        anew = workspace.lake.content_hash(STATISTICS)
        events = kinds(workspace)

    assert at_once == later == {("2026-02-04", "7"): (1, 3, 8000, 0), ("2026-02-04", "9"): (1, 1, 200, 0)}
    assert events == ["order_line", "order_line"]
    assert content == anew


def test_a_change_of_an_order_tells_of_refunds_that_nobody_told_and_of_an_order_that_was_missed(folder: Path) -> None:
    back = refund(9, BOUGHT[1], amount=25.0, at=NOW)
    changed = {**BOUGHT[1], "financial_status": "partially_refunded", "updated_at": NOW.isoformat(), "refunds": [back]}

    assert tell(folder, ("orders/updated", {**BOUGHT[1], "financial_status": "pending"})) == [200]
    assert tell(folder, ("orders/updated", changed), ("refunds/create", back)) == [200, 200]

    with ran(folder) as workspace:
        assert counted(workspace) == {("2026-02-04", "7"): (1, 2, 2500, 2500), ("2026-02-04", "8"): (1, 1, 550, 0)}
        assert kinds(workspace) == ["order_line", "order_line", "order_line_returned"]


@pytest.mark.parametrize("path", ["/webhooks/shopify", "/webhooks/orders-paid"])
def test_who_does_not_sign_tells_nothing(folder: Path, path: str) -> None:
    assert tell(folder, BOUGHT, secret="another", path=path) == [401]
    assert tell(folder, BOUGHT, path=path) == [200]
