"""The script of a shop's theme in a real browser: what it tells is what the door takes, and nothing before it may."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "pages"))

from browser import chromium, tab

from regulars.compat.shops.tracking_script import tracking_script
from regulars.shops.pixel import PixelEvent, read_pixel
from regulars.shops.shop import Shop, Shops

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOPS = Shops(every=(Shop(name="gear", domain="gear.myshopify.com", source="site", timezone="UTC", currency="USD"),))
THEME = """<!doctype html><title>Boots</title>
<script>%s
window.ShopifyAnalytics = {meta: {product: {id: 7}, selectedVariantId: 70}};
window.Shopify = {shop: "gear.myshopify.com", customerPrivacy: {analyticsProcessingAllowed: () => window.mayTell}};
navigator.sendBeacon = undefined;
</script>
<form action="/cart/add" onsubmit="event.preventDefault()"><input name="id" value="71"><input name="quantity" value="2"><button>Add</button></form>
<script src="https://door.example/api/tracking-script.js"></script>"""


@contextmanager
def theme(*, may_tell: bool) -> Iterator[tuple[Page, list[dict[str, Any]]]]:
    """Give a page of the shop's theme, and what it told."""
    told: list[dict[str, Any]] = []
    with chromium() as browser, tab(browser) as (page, complaints):
        def answer(route: Any) -> None:
            told.append({"place": route.request.url, "body": route.request.post_data})
            route.fulfill(status=200, headers={"Access-Control-Allow-Origin": "*"}, body="{}")

        page.route("https://door.example/track", answer)
        page.route("https://door.example/api/tracking-script.js", lambda route: route.fulfill(content_type="text/javascript", body=tracking_script().decode()))
        text = THEME % f"window.mayTell = {json.dumps(may_tell)};"
        page.route("https://gear.example/**", lambda route: route.fulfill(content_type="text/html", body=text))
        page.goto("https://gear.example/products/boots")
        yield page, told
        assert [one for one in complaints if "favicon" not in one] == []


def events(told: list[dict[str, Any]]) -> list[PixelEvent]:
    found = [read_pixel(one["body"].encode(), shops=SHOPS, mint=str) for one in told]
    assert all(isinstance(one, PixelEvent) for one in found)
    return found  # type: ignore[return-value]  # just looked at


def test_what_is_looked_at_and_put_into_the_cart_is_told_once_each_of_one_session() -> None:
    with theme(may_tell=True) as (page, told):
        page.click("button")
        page.evaluate("document.dispatchEvent(new Event('visitorConsentCollected'))")
        page.wait_for_timeout(200)

    said = [json.loads(one["body"]) for one in told]
    assert [(one["eventType"], one["productId"], one["variantId"], one.get("quantity")) for one in said] == [
        ("IMPRESSION", "7", "70", None), ("ADD_TO_CART", "7", "71", 2),
    ]
    assert len({one["sessionId"] for one in said}) == 1
    assert len({one.event_id for one in events(told)}) == 2


def test_nothing_is_told_before_the_visitor_allows_it() -> None:
    with theme(may_tell=False) as (page, told):
        page.click("button")
        page.wait_for_timeout(200)
        before = len(told)
        page.evaluate("window.mayTell = true; document.dispatchEvent(new Event('visitorConsentCollected'))")
        page.wait_for_timeout(200)

    assert before == 0
    assert [json.loads(one["body"])["eventType"] for one in told] == ["IMPRESSION"]
