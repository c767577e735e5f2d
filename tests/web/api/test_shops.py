"""Shops over HTTP: what they show and what was counted, and the reference's paths for pages and for daily files."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import running

sys.path.insert(0, str(Path(__file__).parents[2] / "acceptance"))

from shop_world import BOOTS, NOW, TELLING, VARIANT, made, post, ran, said

from regulars.clock import FixedClock
from regulars.pipeline.access import new_key
from regulars.pipeline.experiment import decide
from regulars.pipeline.workspace import open_workspace
from regulars.testing.sandbox import SandboxServer
from regulars.web.reference import reference_routes
from regulars.web.reference_route import PAGES

MORNING = NOW + timedelta(days=1)
OTHER = "domain: two.myshopify.com\nsource: site\ndomains: [two.example]\n"


@dataclass(frozen=True, kw_only=True)
class Served:
    folder: Path
    client: httpx.Client
    keys: dict[str, str]

    def get(self, path: str, *, key: str = "read", **query: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[key]}"} if key else {}
        return self.client.get(path, params=query, headers=headers)

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(f"/api/v1/{path}", **query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = made(tmp_path_factory.mktemp("shops") / "summit")
    (folder / "shops" / "two.yaml").write_text(OTHER)
    two = {"shopDomain": "two.myshopify.com", "productId": 8, "variantId": None}
    post(
        folder, *(said("IMPRESSION", n, ago=timedelta(minutes=n)) for n in range(4)), said("ADD_TO_CART", 1), said("PURCHASE", 1, revenue="29.99"),
        *(said("IMPRESSION", n, ago=timedelta(days=1)) for n in range(10, 12)), said("IMPRESSION", 20, **two), said("IMPRESSION", 21, **two),
    )
    with ran(folder, at=MORNING) as workspace:
        keys = {scope: new_key(workspace.book, scope, scope=scope, by="test", at=NOW)[1] for scope in ("read", "write", "admin")}  # type: ignore[arg-type]  # scopes
    with running(lambda: open_workspace(folder, clock=FixedClock(MORNING), environment={}), folder, more=reference_routes) as client:
        yield Served(folder=folder, client=client, keys=keys)


def test_shops_say_what_they_show_of_each_product_under_test(served: Served) -> None:
    gear, two = served.items("shops")

    [rotation] = gear["experiments"]
    assert (gear["shop"], gear["domain"], gear["timezone"], two["experiments"]) == ("gear", "gear.myshopify.com", "America/Chicago", [])
    assert (rotation["experiment"], rotation["product_id"], rotation["slot_minutes"], rotation["state"]) == ("gallery", BOOTS, 60, "runs")
    assert (rotation["shown"] in {"base", "test"}, rotation["until"]) == (True, "2026-02-05T13:00:00Z")
    assert served.get("/api/v1/shops/gear").json() == gear
    assert served.get("/api/v1/shops/gaer").status_code == 404


def test_statistics_are_told_by_day(served: Served) -> None:
    rows = served.items("statistics", shop="gear", days="utc")

    days: dict[str, int] = {}
    for row in rows:
        days[row["day"]] = days.get(row["day"], 0) + row["impressions"]
    assert days == {"2026-02-03": 2, "2026-02-04": 4}
    assert sum(row["revenue"] for row in rows) == 2999
    assert {row["experiment"] for row in rows} == {"gallery"}


@pytest.mark.parametrize(("query", "shops"), [
    ({"product": 8}, {"two"}), ({"product": BOOTS}, {"gear"}), ({"variant": VARIANT}, {"gear"}), ({"variant": "99"}, set()),
    ({"first": "2026-02-05", "days": "utc"}, set()), ({"last": "2026-02-03", "days": "utc"}, {"gear"}),
])
def test_statistics_are_of_what_is_asked_for(served: Served, query: dict[str, Any], shops: set[str]) -> None:
    assert {row["shop"] for row in served.items("statistics", **query)} == shops


def test_what_is_no_product_and_a_shop_that_there_is_not_are_refused(served: Served) -> None:
    statuses = [served.get("/api/v1/statistics", **query).status_code for query in ({"product": "boots"}, {"shop": "gaer"}, {"days": "lunar"})]

    assert statuses == [422, 404, 422]


def test_pages_follow_each_other_without_a_gap(served: Served) -> None:
    whole, found, cursor = served.items("statistics"), list[dict[str, Any]](), None
    while True:
        page = served.get("/api/v1/statistics", limit=2, **({"cursor": cursor} if cursor else {})).json()
        found += page["items"]
        if (cursor := page["next"]) is None:
            break

    assert found == whole
    assert len(found) > 2


def test_statistics_have_a_twin_for_spreadsheets(served: Served) -> None:
    text = served.get("/api/v1/statistics.csv", shop="gear").text

    assert len(list(csv.DictReader(io.StringIO(text)))) == len(served.items("statistics", shop="gear"))


def test_products_are_summed_over_days(served: Served) -> None:
    [boots] = served.items("shops/gear/products")
    [late] = served.items("shops/gear/products", first="2026-02-04", days="utc")

    assert (boots["product_id"], boots["impressions"], boots["add_to_carts"], boots["orders"], boots["revenue"], boots["variants"]) == (
        BOOTS, 6, 1, 1, 2999, 1,
    )
    assert (late["impressions"], late["first_day"]) == (4, "2026-02-04")
    assert served.get("/api/v1/shops/gaer/products").status_code == 404


def state(served: Served, **more: Any) -> tuple[int, dict[str, Any]]:
    answer = served.client.get("/api/rotation-state", **more)
    assert answer.headers["access-control-allow-origin"] == "*"
    return answer.status_code, answer.json()


def test_a_page_asks_what_to_show_without_a_key(served: Served) -> None:
    gear = {"shop": "gear.myshopify.com"}

    by_number = state(served, params={**gear, "productId": "7", "variantId": "70"})
    by_gid = state(served, params={**gear, "productId": BOOTS})
    other = state(served, params={**gear, "productId": "9"})

    assert (by_number[0], by_number[1]["testId"], by_number[1]["status"]) == (200, "gallery", "ACTIVE")
    assert by_number[1]["activeCase"] == by_number[1]["variantCase"] == by_gid[1]["activeCase"]
    assert by_gid[1]["variantCase"] is None
    assert other == (200, {"testId": None, "activeCase": None, "variantCase": None, "status": None})


def test_what_a_shop_shows_is_its_own_matter(served: Served) -> None:
    params = {"productId": "7"}

    assert state(served, params={**params, "shop": "two"})[1]["testId"] is None
    assert state(served, params=params, headers={"Origin": "https://two.example"})[1]["testId"] is None
    assert state(served, params=params, headers={"Origin": "https://gear.myshopify.com"})[1]["testId"] == "gallery"
    assert state(served, params=params)[0] == 404


def test_a_page_that_does_not_say_which_product_is_told_so(served: Served) -> None:
    assert state(served, params={"shop": "gear"}) == (400, {"error": "Missing productId"})
    assert state(served, params={"shop": "gear", "productId": "boots"})[0] == 400
    assert served.client.options("/api/rotation-state").status_code == 204


def test_daily_files_are_written_for_a_key_that_may_write_and_no_other(served: Served) -> None:
    path = "/api/statistics-export/daily"

    refused = [
        served.client.get(path).status_code, served.client.get(path, headers={"x-vercel-cron": "1"}).status_code, served.get(path).status_code,
    ]
    told = served.get(path, key="write").json()

    assert refused == [401, 401, 403]
    assert (told["success"], told["date"], told["totals"]) == (
        True, "2026-02-04", {"shopsProcessed": 2, "totalProducts": 2, "totalVariants": 2, "shopsWithErrors": 0},
    )
    assert told["results"][0] == {
        "shopId": "gear", "shopDomain": "gear.myshopify.com", "success": True, "productsExported": 1, "variantsExported": 1,
        "errors": [], "dataStatus": "whole",
    }
    assert (served.folder / "data" / "exports" / "statistic-exports" / "two" / "8" / "unknown" / "20260204.csv").is_file()


def test_a_day_may_be_named(served: Served) -> None:
    def said_of(day: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {served.keys['write']}"}
        return served.client.post("/api/statistics-export/daily", data={"date": day}, headers=headers)

    assert said_of("2026-02-03").json()["totals"]["totalVariants"] == 1
    assert [said_of(day).status_code for day in ("soon", "2026-02-05")] == [400, 400]


def test_a_test_that_is_stopped_shows_the_base_and_one_that_is_decided_its_winner(served: Served) -> None:
    asked = {"params": {"shop": "gear", "productId": "7"}}

    def decided(kind: str, variant: str | None = None) -> dict[str, Any]:
        workspace = open_workspace(served.folder, clock=FixedClock(MORNING), environment={})
        decide(workspace, "gallery", kind=kind, by="test", reason="so", variant=variant)
        workspace.close()
        return state(served, **asked)[1]

    stopped, again, won = decided("stopped"), decided("undone"), decided("winner", "test")
    decided("undone")

    assert (stopped["activeCase"], stopped["status"]) == ("BASE", "PAUSED")
    assert again["status"] == "ACTIVE"
    assert (won["activeCase"], won["status"]) == ("TEST", "COMPLETED")


def test_times_are_moments_of_utc(served: Served) -> None:
    until = state(served, params={"shop": "gear", "productId": "7"})[1]["until"]

    assert datetime.fromisoformat(until) == datetime(2026, 2, 5, 13, tzinfo=UTC)


def asked(served: Served, path: str, *, key: str = "read", method: str = "GET") -> httpx.Response:
    return served.client.request(method, path, headers={"Authorization": f"Bearer {served.keys[key]}"})


def test_who_has_tests_rotate_is_told_what_each_shows_and_that_nothing_was_to_be_done(served: Served) -> None:
    told = asked(served, "/api/rotation", key="write").json()
    again = asked(served, "/api/rotation", key="write", method="POST").json()

    [one] = told["summary"]["results"]
    assert told["ok"] is True
    assert {name: told["summary"][name] for name in ("processed", "successful", "failed", "skipped")} == {
        "processed": 1, "successful": 0, "failed": 0, "skipped": 1,
    }
    assert (one["testId"], one["productId"], one["shopId"], one["rotated"]) == ("gallery", BOOTS, "gear", False)
    assert one["activeCase"] == state(served, params={"shop": "gear", "productId": "7"})[1]["activeCase"]
    assert again["summary"]["results"] == told["summary"]["results"]


def test_having_tests_rotate_takes_a_key_that_may_write_whatever_else_is_shown(served: Served) -> None:
    bare = [served.client.request(method, "/api/rotation", headers={"x-vercel-cron": "1"}).status_code for method in ("GET", "POST")]

    assert bare == [401, 401]
    assert [asked(served, "/api/rotation", method=method).status_code for method in ("GET", "POST")] == [403, 403]


def test_how_shops_are_is_told_to_whoever_has_a_key(served: Served) -> None:
    well, told = asked(served, "/health").json(), asked(served, "/status").json()

    assert (well["success"], well["status"]) == (True, "ok")
    assert [(one["shopId"], one["shopDomain"], one["tests"]) for one in told["shops"]] == [
        ("gear", "gear.myshopify.com", {"ACTIVE": 1, "PAUSED": 0, "COMPLETED": 0}),
        ("two", "two.myshopify.com", {"ACTIVE": 0, "PAUSED": 0, "COMPLETED": 0}),
    ]
    assert (told["shops"][0]["webhooks"], told["lastRun"] is not None) == (None, True)
    assert served.client.get("/status").status_code == 401


def manual(served: Served, key: str = "write", **said: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {served.keys[key]}"}
    return served.client.post("/app/api/statistics-export/manual", data=said, headers=headers)


@pytest.mark.parametrize("named", [{"productId": "7", "variantId": "70"}, {"shopifyProductId": BOOTS, "shopifyVariantId": VARIANT}])
def test_the_files_of_one_variant_and_day_are_written_when_they_are_asked_for(served: Served, named: dict[str, str]) -> None:
    told = manual(served, **named, date="2026-02-03").json()

    [one] = told["results"]
    assert (told["success"], told["date"], one["shopId"], one["csvKey"]) == (True, "2026-02-03", "gear", "statistic-exports/gear/7/70/20260203.csv")
    assert one["metrics"] == {"impressions": 2, "addToCarts": 0, "ctr": 0.0, "orders": 0, "revenue": "0.00"}
    rows = list(csv.DictReader((served.folder / "data" / "exports" / one["csvKey"]).open()))
    assert [(row["date"], row["impressions"]) for row in rows] == [("2026-02-03", "2")]


def test_files_of_what_is_not_named_or_was_never_told_of_are_refused(served: Served) -> None:
    whole = {"productId": "7", "variantId": "70"}

    assert [manual(served, **said).status_code for said in ({"productId": "7"}, {"variantId": "70"}, {**whole, "productId": "boots"})] == [400] * 3
    assert [manual(served, **whole, date=day).status_code for day in ("soon", "2026-02-05")] == [400, 400]
    assert [manual(served, **{**whole, "variantId": "99"}).status_code, manual(served, **whole, date="2026-02-01").status_code] == [404, 404]
    assert manual(served, key="read", **whole).status_code == 403


def test_what_pixels_told_last_is_shown_to_administrators(served: Served) -> None:
    post(served.folder, said("ADD_TO_CART", 90, at=MORNING, sessionId="late", revenue="12.50", quantity=2), at=MORNING)

    told = served.get("/api/debug-events", key="admin", shop="gear", limit=3).json()
    other = served.get("/api/debug-events", key="admin", productId=8).json()
    refused = [served.get("/api/debug-events", key="admin", **asked).status_code for asked in ({"limit": 0}, {"productId": "boots"}, {"shop": "gaer"})]

    # What no run has read is there too, as soon as it is landed.
    newest = told["events"][0]
    assert (told["success"], told["count"], newest["sessionId"], newest["eventType"]) == (True, 3, "late", "ADD_TO_CART")
    assert {name: newest[name] for name in ("productId", "variantId", "revenue", "quantity", "shopId", "testId")} == {
        "productId": BOOTS, "variantId": VARIANT, "revenue": "12.50", "quantity": 2, "shopId": "gear", "testId": "gallery",
    }
    assert newest["activeCase"] in {"BASE", "TEST"}
    assert {one["shopId"] for one in other["events"]} == {"two"}
    assert refused == [400, 400, 404]
    assert served.get("/api/debug-events", key="write").status_code == 403


def test_products_are_brought_up_to_date_shop_by_shop_where_a_shop_can_be_asked(served: Served, tmp_path: Path) -> None:
    product = {"id": "gid://shopify/Product/7", "title": "Boots", "updatedAt": NOW.isoformat(), "media": {"nodes": []}}
    (tmp_path / "shopify").mkdir()
    (tmp_path / "shopify" / "products.ndjson").write_text(json.dumps({"visible_from": NOW.isoformat(), "item": product}) + "\n")
    none = served.get("/api/sync-product-info", key="write")

    with SandboxServer(["shopify"], tmp_path) as server:
        asked = f'orders: shopify\nadmin: {{token: "${{TOKEN}}", url: "{server.url_of("shopify")}"}}\n'
        names = ("gear", "two")
        more = {f"shops/{name}.yaml": f"domain: {name}.myshopify.com\nsource: site\n{asked}" for name in names}
        folder = made(tmp_path / "asked", {**TELLING, **more})
        workspace = open_workspace(folder, clock=FixedClock(NOW), environment={"TOKEN": "t"})
        key = new_key(workspace.book, "cron", scope="write", by="test", at=NOW)[1]
        workspace.close()
        with running(lambda: open_workspace(folder, clock=FixedClock(NOW), environment={"TOKEN": "t"}), folder, more=reference_routes) as client:
            told = [client.get("/api/sync-product-info", headers={"Authorization": f"Bearer {key}"}).json() for _ in range(2)]
            strange = client.get("/api/sync-product-info", params={"shop": "gaer"}, headers={"Authorization": f"Bearer {key}"})

    assert none.status_code == 400
    assert [(one["success"], one["shopId"], one["productsSynced"]) for one in told] == [(True, "gear", 1), (True, "two", 1)]
    assert strange.status_code == 404


def test_a_theme_gets_its_script_without_a_key(served: Served) -> None:
    answer = served.client.get("/api/tracking-script.js", params={"shop": "gear.myshopify.com"})

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "/track" in answer.text


def test_a_rotation_says_what_it_did_when_it_is_over(served: Served) -> None:
    told = served.get("/api/v1/shops/gear/rotations/gallery").json()

    assert (told["product_id"], told["control"], told["variant"], told["state"], told["answers"]) == (BOOTS, "base", "test", "runs", [])
    assert told["reason"].startswith("too early")
    assert [check["name"] for check in told["trust"]] == ["traffic", "balance", "freshness", "enough"]
    assert [served.get(f"/api/v1/shops/{place}").status_code for place in ("gaer/rotations/gallery", "gear/rotations/galery")] == [404, 404]


REFERENCE = [
    (method, route.path) for route in reference_routes(None)  # type: ignore[arg-type]  # nobody is asked here
    for method in sorted((route.methods or set()) - {"HEAD"}) if route.path not in {"/api/rotation-state", "/api/tracking-script.js"}
]
"""Every path of the reference but those that pages ask."""


@pytest.mark.parametrize(("method", "path"), REFERENCE)
def test_no_path_of_the_reference_says_anything_without_a_key_of_this_business(served: Served, method: str, path: str) -> None:
    place = path.replace("{", "").replace("}", "")

    answers = [
        served.client.request(method, place, headers=headers)
        for headers in ({}, {"Authorization": "Bearer rk_000000000000_x"}, {"X-API-Key": "other"})
    ]

    # Without a key some of these are pages of ours, which are not served here.
    assert answers[0].status_code in ({401, 404} if path.startswith(PAGES) else {401})
    assert [answer.status_code for answer in answers[1:]] == [401, 401]
    if method != "GET":
        assert asked(served, place, method=method).status_code == 403
