"""Pixels of shops post to /track: what they say is stored once, or set aside, and answered in words they know."""

from __future__ import annotations

import itertools
import sys
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from full_disk import full_disk
from regulars.experiments.experiment import Experiment, Variant
from regulars.shops.rotation import Rotated, Showing, dealt, showing_at
from regulars.shops.shop import Rotation, Shop, Shops
from regulars.sources.tracking.judge import Judge
from regulars.sources.tracking.plan import declare
from regulars.storage.door.arrival_store import Arrivals, Receipt
from regulars.storage.door.generation import prefix_of
from regulars.storage.door.message_ids import message_hash
from regulars.web.ingest.group_commit import MOST_WAITING
from regulars.web.ingest.shop_pixels import PixelDoor

Opened = Any                                 # as conftest of this folder makes it

GEAR = Shop(
    name="gear", domain="gear.myshopify.com", domains=("gear.example",), source="site", timezone="UTC", currency="USD",
    experiments=(Rotation(experiment="gallery", product="gid://shopify/Product/7", slot=timedelta(hours=1)),),
)
CLOSED = Shop(name="closed", domain="closed.myshopify.com", source="browser", timezone="UTC", currency="USD", needs_key=True)
GALLERY = Experiment(
    name="gallery", variants=tuple(Variant(name=name, weight=Fraction(50)) for name in ("as_it_is", "new")), control="as_it_is",
    primary=(), unit="shop_slot", begins=date(2026, 11, 20), ends=date(2026, 11, 30),
)
ROTATED = Rotated(shop=GEAR, rotation=GEAR.experiments[0], experiment=GALLERY)
VIEW = {"sessionId": "s1", "eventType": "IMPRESSION", "productId": 7, "variantId": 70, "shopDomain": "gear.myshopify.com", "eventId": "e1"}
LINE = {**VIEW, "eventType": "PURCHASE", "revenue": 29.99, "metadata": {"orderId": 1001, "lineItemId": 5}}


def shown(shop: Shop, product: str, at: datetime) -> Showing | None:
    return showing_at(ROTATED, at) if (shop, product) == (GEAR, ROTATED.rotation.product) else None


def pixels(opened: Opened, *shops: Shop, **more: Any) -> Opened:
    numbers = itertools.count(1)
    opened.door.pixels = PixelDoor(**{
        "shops": Shops(every=shops or (GEAR, CLOSED)), "keys": opened.door.keys, "judges": {}, "shown": shown,
        "mint": lambda: f"minted-{next(numbers)}", **more,
    })
    return opened


@pytest.fixture
def door(opened: Opened) -> Opened:
    return pixels(opened)


def say(door: Opened, said: object, **more: Any) -> tuple[int, dict[str, Any]]:
    answer = door.post("/track", said, headers=more.pop("headers", {}), **more)
    return answer.status_code, answer.json()


def test_an_event_is_stored_and_answered_with_its_id_and_what_is_shown(door: Opened) -> None:
    status, told = say(door, VIEW)

    case = {"as_it_is": "BASE", "new": "TEST"}[dealt(ROTATED, 5 * 24 + 12)]
    assert (status, told) == (200, {
        "success": True, "eventId": "gear/e1", "testId": "gallery", "activeCase": case, "message": "Event tracked",
    })
    [line] = door.lines()
    assert line["door"] | {"received_at": None} == {
        "id": "gear/e1", "type": "track", "at": "2026-11-25T12:00:00Z", "received_at": None, "anonymous": "s1", "name": "Product Viewed",
    }
    assert line["properties"]["product_id"] == "gid://shopify/Product/7"


def test_an_event_of_a_product_without_a_test_is_stored_and_says_so(door: Opened) -> None:
    status, told = say(door, {**VIEW, "productId": 8, "activeCase": "sideways", "testId": "forged"})

    assert (status, told["testId"], told["activeCase"]) == (200, None, None)
    assert len(door.lines()) == 1


def test_a_line_of_an_order_is_stored_once_and_its_other_lines_too(door: Opened) -> None:
    first, again = say(door, LINE), say(door, {**LINE, "eventId": "e2", "sessionId": "s2"})
    other = say(door, {**LINE, "metadata": {"orderId": 1001, "lineItemId": 6}})

    assert again == (200, {"success": True, "deduplicated": True, "eventId": first[1]["eventId"]})
    assert "deduplicated" not in other[1]
    assert len(door.lines()) == 2


def test_lines_that_come_at_the_same_time_are_stored_once(door: Opened) -> None:
    request = {"method": "POST", "url": "/track", "json": LINE}

    answers = [each.json() for each in door.ask_all([request] * 5)]

    assert sorted(answer.get("deduplicated", False) for answer in answers) == [False, True, True, True, True]
    assert len({answer["eventId"] for answer in answers}) == 1


def test_the_same_id_in_another_shop_is_another_event(opened: Opened) -> None:
    door = pixels(opened, GEAR, Shop(name="two", domain="two.myshopify.com", source="site", timezone="UTC", currency="USD"))

    answers = [say(door, {**LINE, "shopDomain": domain})[1] for domain in ("gear.myshopify.com", "two.myshopify.com")]

    assert ["deduplicated" in answer for answer in answers] == [False, False]


def test_a_shop_is_known_by_its_own_domain_too(door: Opened) -> None:
    assert say(door, {**VIEW, "shopDomain": "https://Gear.Example/"})[1]["eventId"] == "gear/e1"


def test_what_is_received_is_stored_or_a_duplicate_or_in_quarantine(door: Opened) -> None:
    said: list[object] = [
        VIEW, VIEW, LINE, b"{", b'"text"', {}, {**VIEW, "eventType": "view"}, {**VIEW, "shopDomain": "strange.myshopify.com"},
        {**VIEW, "productId": "boots"}, {**VIEW, "metadata": {"long": "x" * 40_000}},
    ]

    statuses = [say(door, each)[0] for each in said]

    assert statuses == [200, 200, 200, 400, 400, 400, 400, 404, 422, 413]
    counts = door.counts()
    assert (counts["received"], counts["stored"], counts["duplicate"], counts["quarantined"]) == (10, 2, 1, 7)
    assert [line["reason"] for line in door.lines("quarantined")] == [
        "bad-json", "wrong_type", "missing_member", "unknown_event", "unknown_shop", "wrong_type", "too_large",
    ]


def test_what_a_strange_shop_says_is_kept_whole(door: Opened) -> None:
    say(door, {**VIEW, "shopDomain": "strange.myshopify.com"})

    [line] = door.lines("quarantined")
    assert '"shopDomain": "strange.myshopify.com"' in line["raw"]


def test_a_corrected_event_answers_what_is_in_quarantine(door: Opened) -> None:
    say(door, {**VIEW, "shopDomain": "strange.myshopify.com"})
    [line] = door.lines("quarantined")

    say(door, VIEW, params={"repairs": line["file"]})

    assert [one["file"] for one in door.lines("answered")] == [line["file"]]


def test_a_browser_may_ask_first_and_nobody_may_get(door: Opened) -> None:
    asked, got = door.ask("OPTIONS", "/track"), door.ask("GET", "/track")

    assert (asked.status_code, asked.headers["access-control-allow-origin"], asked.headers["access-control-max-age"]) == (204, "*", "86400")
    assert (got.status_code, got.headers["allow"]) == (405, "POST, OPTIONS")


def test_a_shop_that_needs_a_key_hears_nobody_without_one(door: Opened) -> None:
    said = {**VIEW, "shopDomain": "closed.myshopify.com"}

    statuses = [
        say(door, said)[0], say(door, said, headers={"X-Write-Key": "WK"})[0], say(door, {**said, "writeKey": "WK_BROWSER"})[0],
        say(door, {**said, "eventId": "e2"}, headers={"X-Write-Key": "WK_BROWSER"})[0],
    ]

    assert statuses == [401, 401, 200, 200]
    assert len(door.lines()) == 2


def test_a_shop_that_needs_a_key_keeps_nothing_of_strangers(opened: Opened) -> None:
    door = pixels(opened, CLOSED)

    assert [say(door, said)[0] for said in (b"{", {}, {**VIEW, "shopDomain": "x.myshopify.com"})] == [401] * 3
    assert door.lines("quarantined") == []


def test_other_clients_of_the_path_are_heard_as_before(door: Opened) -> None:
    body = {"event": "Order", "properties": {"token": "TOK", "distinct_id": "u1", "$insert_id": "i1"}}

    answer = door.post("/track", body, headers={})

    assert answer.json() == {"success": True, "stored": 1, "duplicate": 0, "quarantined": 0, "blocked": 0}


def test_a_tracking_plan_holds_for_pixels_too(opened: Opened) -> None:
    plan = declare("site", {"source": "site", "on_unplanned": "block", "on_violation": "quarantine", "track": {
        "Product Viewed": {"properties": {"required": ["variant_id"]}},
    }})
    door = pixels(opened, judges={"site": Judge.of(plan)})

    bare = say(door, {name: value for name, value in VIEW.items() if name != "variantId"})
    unplanned = say(door, LINE)

    assert (bare[0], bare[1]["error"]) == (422, "Off plan")
    assert (unplanned[0], unplanned[1]["message"]) == (200, "Not kept: the tracking plan keeps it out")
    assert (len(door.lines("quarantined")), len(door.lines("blocked")), len(door.lines())) == (1, 1, 0)


def test_while_too_much_waits_for_a_slow_disk_a_pixel_is_told_to_come_again(door: Opened) -> None:
    commits, count, heard = door.door.commits, MOST_WAITING + 1, list[Receipt | Exception]()
    prefix = prefix_of("site")
    many = Arrivals(source="site", hashes=[message_hash(prefix + b"%d" % n) for n in range(count)], text=b"{}\n" * count)

    async def slow() -> None:
        await commits.writing.acquire()      # nothing comes back from the disk
        commits.put(many, heard.append)

    async def over() -> None:
        commits.writing.release()

    door.do(slow())
    refused = door.post("/track", VIEW, headers={})
    door.do(over())
    taken = door.post("/track", VIEW, headers={})

    assert (refused.status_code, refused.headers["retry-after"], refused.json()["error"]) == (429, "1", "Too many requests")
    assert taken.status_code == 200
    assert heard == [Receipt(stored=count, duplicate=0, quarantined=0)]


def test_a_pixel_hears_of_a_full_disk_and_is_taken_when_there_is_room(door: Opened) -> None:
    with full_disk(room=16):
        full = door.post("/track", VIEW, headers={})
    taken = door.post("/track", VIEW, headers={})

    assert (full.status_code, full.headers["retry-after"], full.json()["success"]) == (503, "1", False)
    assert (taken.status_code, taken.json().get("deduplicated")) == (200, None)
    assert len(door.lines()) == 1


def test_robots_are_marked(door: Opened) -> None:
    say(door, VIEW, headers={"User-Agent": "Googlebot/2.1"})

    assert door.lines()[0]["door"]["bot"] is True


def test_a_purchase_is_dated_by_its_own_time(door: Opened) -> None:
    said = {**LINE, "metadata": {**LINE["metadata"], "timestamp": "2026-11-25T11:30:00Z"}}

    say(door, said)

    assert door.lines()[0]["door"]["at"] == "2026-11-25T11:30:00Z"


LINES = [
    {"id": str(n), "quantity": 1, "variant": {"id": 70 + n, "product": {"id": 7}}, "finalLinePrice": {"amount": 9.5, "currencyCode": "USD"}}
    for n in (1, 2)
]
COMPLETED = {
    "id": "sh-1", "name": "checkout_completed", "clientId": "c1", "shopDomain": "gear.myshopify.com", "timestamp": "2026-11-25T11:59:00Z",
    "data": {"checkout": {"token": "t1", "order": {"id": "1001"}, "currencyCode": "USD", "lineItems": LINES}},
}


def test_an_order_that_shopify_tells_of_is_stored_once_with_its_lines(door: Opened) -> None:
    first, again = say(door, COMPLETED), say(door, {**COMPLETED, "id": "sh-2"})

    assert first == (200, {"success": True, "eventId": "gear/order/1001", "testId": None, "activeCase": None, "message": "Event tracked"})
    assert again == (200, {"success": True, "deduplicated": True, "eventId": "gear/order/1001"})
    assert [(line["door"]["name"], line["door"]["anonymous"]) for line in door.lines()] == [
        ("Order Completed", "c1"), ("Order Line", "c1"), ("Order Line", "c1"),
    ]


def test_a_line_that_became_known_later_is_stored_though_its_order_is_known(door: Opened) -> None:
    early = {**COMPLETED, "data": {"checkout": {**COMPLETED["data"]["checkout"], "lineItems": LINES[:1]}}}  # type: ignore[index]  # it has them

    answers = [say(door, said)[1] for said in (early, COMPLETED)]

    assert ["deduplicated" in answer for answer in answers] == [False, False]
    assert [line["door"]["id"] for line in door.lines()] == ["gear/order/1001", "gear/order/1001/1", "gear/order/1001/2"]


def test_what_of_an_order_is_off_plan_is_set_aside_and_its_rest_is_stored(opened: Opened) -> None:
    plan = {"track": {"Order Line": {"on_violation": "quarantine", "properties": {"required": ["line_item_id", "coupon"]}}}}
    door = pixels(opened, judges={"site": Judge.of(declare("site", plan))})

    status, told = say(door, COMPLETED)

    assert (status, told["error"]) == (422, "Off plan")
    assert [line["door"]["name"] for line in door.lines()] == ["Order Completed"]
