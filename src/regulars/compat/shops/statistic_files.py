"""The reference's daily files of a shop's statistics: their names, their columns, their members, to the letter.

There are no pictures in them yet: their lists are empty until something backs them up.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from regulars.events.currency import minor_digits
from regulars.shops.named import EXPORTS, tail
from regulars.shops.shop import Shop

HEADER = (
    "date", "shopId", "productId", "variantId", "shopifyProductId", "shopifyVariantId", "impressions", "addToCarts",
    "ctr", "orders", "revenue", "imageMediaIds", "shopifyImageUrls", "r2ImageUrls", "r2ImageKeys",
)
MEDIA = {"csv": "text/csv", "json": "application/json"}
UNKNOWN = "unknown"
"""What a file is called whose events did not tell the variant."""

_json = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantDay:
    """What was counted of one variant of a product on one day of UTC."""

    shop: Shop
    day: date
    product_id: str                          # GID
    variant_id: str | None                   # GID
    impressions: int = 0
    add_to_carts: int = 0
    orders: int = 0
    revenue: int = 0                         # minor units of the shop's currency

    @property
    def ctr(self) -> float:
        """Return carts an impression; 0 without impressions, as the format has it."""
        return self.add_to_carts / self.impressions if self.impressions else 0.0

    @property
    def amount(self) -> Decimal:
        """Return the revenue in major units, exactly."""
        return Decimal(self.revenue).scaleb(-minor_digits(self.shop.currency))

    @property
    def variant(self) -> str:
        """Return what the variant is called in names of files."""
        return UNKNOWN if self.variant_id is None else tail(self.variant_id)


def key_of(one: VariantDay, ending: Literal["csv", "json"]) -> str:
    """Return the name of a file: `statistic-exports/{shopId}/{productId}/{variantId}/YYYYMMDD.csv`."""
    return f"{EXPORTS}/{one.shop.name}/{tail(one.product_id)}/{one.variant}/{one.day:%Y%m%d}.{ending}"


def csv_of(rows: Iterable[VariantDay]) -> bytes:
    """Return rows as CSV, the header alone without any."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows([
        one.day.isoformat(), one.shop.name, tail(one.product_id), one.variant, one.product_id, one.variant_id or "",
        one.impressions, one.add_to_carts, f"{one.ctr:.4f}", one.orders, one.amount, "", "", "", "",
    ] for one in rows)
    return text.getvalue().encode()


def json_of(one: VariantDay) -> bytes:
    """Return a row as JSON."""
    return msgspec.json.format(_json.encode({
        "exportDate": one.day.isoformat(), "shopId": one.shop.name, "shopDomain": one.shop.domain,
        "product": {"productId": tail(one.product_id), "shopifyProductId": one.product_id},
        "variant": {
            "variantId": one.variant, "shopifyVariantId": one.variant_id,
            "metrics": {
                "impressions": one.impressions, "addToCarts": one.add_to_carts, "ctr": one.ctr, "orders": one.orders,
                "revenue": one.amount,
            },
            "images": [],
        },
    }), indent=2)
