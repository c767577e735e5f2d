"""The daily files of a shop are named and written as the reference's, to the letter."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date

from regulars.compat.shops.statistic_files import HEADER, VariantDay, csv_of, json_of, key_of
from regulars.shops.shop import Shop

SHOP = Shop(name="shop123", domain="g.myshopify.com", source="site", timezone="UTC", currency="USD")
ONE = VariantDay(
    shop=SHOP, day=date(2025, 11, 18), product_id="gid://shopify/Product/456", variant_id="gid://shopify/ProductVariant/789",
    impressions=20, add_to_carts=3, orders=2, revenue=7998,
)


def test_a_file_is_named_by_shop_product_variant_and_day() -> None:
    assert key_of(ONE, "csv") == "statistic-exports/shop123/456/789/20251118.csv"
    assert key_of(replace(ONE, product_id="prod456", variant_id="var789"), "json") == "statistic-exports/shop123/prod456/var789/20251118.json"
    assert key_of(replace(ONE, variant_id=None), "csv") == "statistic-exports/shop123/456/unknown/20251118.csv"


def test_a_row_has_every_column_in_its_place() -> None:
    assert csv_of([ONE]).decode().splitlines() == [
        ("date,shopId,productId,variantId,shopifyProductId,shopifyVariantId,impressions,addToCarts,ctr,orders,revenue,"
         "imageMediaIds,shopifyImageUrls,r2ImageUrls,r2ImageKeys"),
        "2025-11-18,shop123,456,789,gid://shopify/Product/456,gid://shopify/ProductVariant/789,20,3,0.1500,2,79.98,,,,",
    ]


def test_what_holds_commas_quotes_or_lines_comes_back_whole() -> None:
    odd = replace(ONE, shop=replace(SHOP, name='shop,with "commas"\nand lines'))

    text = csv_of([odd]).decode()

    assert '"shop,with ""commas""\nand lines"' in text
    assert list(csv.reader(io.StringIO(text)))[1][1] == 'shop,with "commas"\nand lines'


def test_no_rows_are_a_header_and_two_are_three_lines() -> None:
    assert csv_of([]).decode() == ",".join(HEADER) + "\n"
    assert csv_of([ONE, ONE]).count(b"\n") == 3


def test_without_impressions_the_rate_is_nought() -> None:
    assert ",0,3,0.0000," in csv_of([replace(ONE, impressions=0)]).decode()


def test_json_says_the_same_with_exact_money_and_no_pictures() -> None:
    text = json_of(ONE).decode()

    assert text.startswith('{\n  "exportDate": "2025-11-18"')
    assert '"revenue": 79.98' in text
    assert json.loads(text) == {
        "exportDate": "2025-11-18", "shopId": "shop123", "shopDomain": "g.myshopify.com",
        "product": {"productId": "456", "shopifyProductId": "gid://shopify/Product/456"},
        "variant": {
            "variantId": "789", "shopifyVariantId": "gid://shopify/ProductVariant/789", "images": [],
            "metrics": {"impressions": 20, "addToCarts": 3, "ctr": 0.15, "orders": 2, "revenue": 79.98},
        },
    }


def test_money_without_cents_is_written_without_them() -> None:
    assert b",1500,,,," in csv_of([replace(ONE, shop=replace(SHOP, currency="JPY"), revenue=1500)])
