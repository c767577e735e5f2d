"""The true desk sales as Square tells them: orders with lines and tenders, payments, refunds, payouts, customers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regulars.testing.gym.business_time import DAY, iso_days, iso_utc
from regulars.testing.gym.chance import Columns, Numbers, Texts, spread, stacked, taken
from regulars.testing.gym.desk_sales import DeskSales, field_of
from regulars.testing.gym.fees import square_fee
from regulars.testing.gym.givebacks import Givebacks
from regulars.testing.gym.json_lines import (
    NEVER,
    Hole,
    joined,
    kept,
    money,
    numbered,
    objects,
    rendered,
    write_versions,
    write_versions_of,
)
from regulars.testing.gym.people import NOBODY
from regulars.testing.gym.vocabulary import LOCATION_ID

_WEEK = 7 * DAY
_MONDAY = 4 * DAY                  # 1970-01-05 was one
_LINE = {
    "uid": Hole("uid"), "catalog_object_id": Hole("sku"), "name": Hole("name"), "variation_name": Hole("variation"),
    "quantity": Hole("quantity"), "item_type": "ITEM", "base_price_money": money("price"),
    "gross_sales_money": money("gross"), "total_tax_money": money("tax"), "total_discount_money": money("discount"),
    "total_money": money("total"),
}
_TENDER = {
    "id": Hole("id"), "payment_id": Hole("id"), "location_id": LOCATION_ID, "type": Hole("source"),
    "amount_money": money("total"), "tip_money": money("tip"), "created_at": Hole("created_at"),
}
_ORDER = {
    "id": Hole("id"), "location_id": LOCATION_ID, "customer_id": Hole("customer"), "state": Hole("state"),
    "line_items": Hole("lines", is_json=True), "tenders": Hole("tenders", is_json=True),
    "created_at": Hole("created_at"),
    "updated_at": Hole("updated_at"), "closed_at": Hole("closed_at"), "total_money": money("total"),
    "total_tax_money": money("tax"), "total_discount_money": money("discount"), "total_tip_money": money("tip"),
    "version": 3,
}
_PAYMENT = {
    "id": Hole("id"), "location_id": LOCATION_ID, "status": Hole("status"), "source_type": Hole("source"),
    "amount_money": money("amount"), "tip_money": money("tip"), "total_money": money("total"),
    "refunded_money": money("refunded"), "processing_fee": Hole("fees", is_json=True),
    "refund_ids": Hole("refund_ids", is_json=True), "order_id": Hole("order"), "customer_id": Hole("customer"),
    "buyer_email_address": Hole("email"), "note": Hole("note"), "created_at": Hole("created_at"),
    "updated_at": Hole("updated_at"), "receipt_number": Hole("receipt"),
}
_FEE = {"amount_money": money("fee"), "type": "INITIAL", "effective_at": Hole("created_at")}
_REFUND = {
    "id": Hole("id"), "status": "COMPLETED", "location_id": LOCATION_ID, "amount_money": money("amount"),
    "payment_id": Hole("payment"), "order_id": Hole("order"), "reason": "Returned", "created_at": Hole("created_at"),
    "updated_at": Hole("created_at"),
}
_PAYOUT = {
    "id": Hole("id"), "status": Hole("status"), "location_id": LOCATION_ID, "amount_money": money("amount"),
    "destination": {"type": "BANK_ACCOUNT", "id": "bact:summit"}, "type": "BATCH", "version": 1,
    "created_at": Hole("created_at"), "updated_at": Hole("updated_at"), "arrival_date": Hole("arrives"),
}
_CUSTOMER = {
    "id": Hole("id"), "given_name": Hole("first_name"), "family_name": Hole("last_name"),
    "email_address": Hole("email"),
    "phone_number": Hole("phone"), "created_at": Hole("created_at"), "updated_at": Hole("created_at"),
    "creation_source": "THIRD_PARTY", "version": 1,
}


def order_ids(sale: Numbers) -> Texts:
    """Return order ids of sales by position."""
    return objects(numbered("SQO", sale))


def payment_ids(sale: Numbers) -> Texts:
    """Return the ids of the sales' payments, of the first one where two cards paid."""
    return objects(numbered("SQP", sale))


def square_customer_ids(person: Numbers) -> Texts:
    """Return Square's customer ids of persons; None for NOBODY."""
    ids = objects(numbered("SQC", person))
    ids[person == NOBODY] = None
    return ids


def write_square(
    folder: Path, sales: DeskSales, refunds: Givebacks, *, receipts: Texts, customers: Columns, end: int
) -> Columns:
    """Write Square's five streams and return its payments with the payout of each, refunds among them as negative rows.

    `receipts` is each sale's buyer as spelled for the receipt, `customers` how each Square customer is written (with
    `person` and `created`); `end` is the last moment of the world. Columns: id, kind, total, fee, net, created,
    payout_id (None: cash, or not paid out yet); minor units, UTC seconds.
    """
    payments = _payments(sales)
    _write_orders(folder / "orders.ndjson", sales, payments)
    _write_payments(folder / "payments.ndjson", sales, payments, refunds, receipts)
    refund_rows = {
        "id": objects(numbered("SQR", refunds.sale)), "payment": payment_ids(refunds.sale), "amount": refunds.amount,
        "order": objects(numbered("SQX", refunds.sale)), "created_at": iso_utc(refunds.at), "visible_from": refunds.at,
        "visible_until": np.full(len(refunds.sale), NEVER),
    }
    write_versions(folder / "refunds.ndjson", _REFUND, refund_rows)
    write_versions(folder / "customers.ndjson", _CUSTOMER, {
        **customers, "id": square_customer_ids(customers["person"]), "created_at": iso_utc(customers["created"]),
        "visible_from": customers["created"], "visible_until": np.full(len(customers["person"]), NEVER),
    })
    return _pay_out(folder, payments, refunds, sales, end)


def _payments(sales: DeskSales) -> Columns:
    """One row per payment: two where two cards paid; `sale` is the order's position."""
    every = np.arange(len(sales.payer))
    split = np.flatnonzero(sales.is_split)
    sale, second = np.r_[every, split], np.r_[np.zeros(len(every), bool), np.ones(len(split), bool)]
    total = sales.total[sale]
    half = total // 2
    amount = np.where(second, half, np.where(sales.is_split[sale], total - half, total))
    tip = np.where(second, 0, sales.tip[sale])
    cash = sales.is_cash[sale]
    state = {"completed": "COMPLETED", "bad": "COMPLETED", "open": "APPROVED", "cancelled": "CANCELED"}
    return {
        "id": np.where(second, objects(numbered("SQP2", sale)), payment_ids(sale)), "sale": sale,
        "status": np.array([state[value] for value in sales.state[sale]], dtype=object),
        "source": np.where(cash, "CASH", "CARD").astype(object), "amount": amount, "tip": tip, "total": amount + tip,
        "fee": np.where(cash, 0, square_fee(amount + tip)), "created": sales.at[sale],
    }


def _write_payments(path: Path, sales: DeskSales, payments: Columns, refunds: Givebacks, receipts: Texts) -> None:
    """Write each payment, and again as it stands once it was refunded."""
    size = len(payments["id"])
    refunded_at = np.full(size, NEVER)
    refunded_at[refunds.sale] = refunds.at      # a payment's position is its sale's, the second cards come after
    payment = np.r_[np.arange(size), refunds.sale]
    amount = np.r_[np.zeros(size, dtype=np.int64), refunds.amount]
    since = np.r_[payments["created"], refunds.at]
    until = np.r_[refunded_at, np.full(len(refunds.sale), NEVER)]

    def rows_of(rows: Numbers) -> Columns:
        held = taken(payments, payment[rows])
        sale, quick = held["sale"], sales.is_quick[held["sale"]]
        held |= {"created_at": iso_utc(held["created"])}
        took = (held["fee"] > 0) & (held["status"] == "COMPLETED")
        product = sales.line_product[np.searchsorted(sales.line_order, sale)]
        return {
            **held, "customer": kept(square_customer_ids(sales.payer[sale]), ~quick),
            "order": kept(order_ids(sale), ~quick), "email": kept(receipts[sale], quick),
            "note": kept(field_of(product, "name"), quick), "receipt": objects(numbered("R", sale)),
            "refunded": amount[rows], "updated_at": iso_utc(since[rows]), "visible_until": until[rows],
            "refund_ids": np.where(rows >= size, '["' + objects(numbered("SQR", sale)) + '"]', "[]"),
            "fees": np.where(took, "[" + objects(rendered(_FEE, held)) + "]", "[]"),
        }

    write_versions_of(path, _PAYMENT, since, rows_of)


def _write_orders(path: Path, sales: DeskSales, payments: Columns) -> None:
    """Write each order that is one; a tab also as it stood open, without tenders."""
    tabs = np.flatnonzero((sales.lag > 0) & ~sales.is_quick)
    sale = np.r_[tabs, np.flatnonzero(~sales.is_quick)]
    is_tab = np.arange(len(sale)) < len(tabs)
    opened, total = sales.at - sales.lag, sales.total
    since = np.where(is_tab, opened[sale], sales.at[sale])
    until = np.where(is_tab, sales.at[sale], NEVER)

    def rows_of(rows: Numbers) -> Columns:
        which = sale[rows]
        is_open = is_tab[rows] | (sales.state[which] == "open")
        lines, tax, discount = _lines(sales, which)
        return {
            "id": order_ids(which), "customer": square_customer_ids(sales.payer[which]), "lines": lines,
            "state": np.select([is_open, sales.state[which] == "cancelled"], ["OPEN", "CANCELED"], "COMPLETED"),
            "tenders": np.where(is_open, "[]", _tenders(payments, which)), "created_at": iso_utc(opened[which]),
            "updated_at": iso_utc(since[rows]), "closed_at": kept(iso_utc(sales.at[which]), ~is_open),
            "total": total[which] + sales.tip[which], "tip": sales.tip[which], "tax": tax, "discount": discount,
            "visible_until": until[rows],
        }

    write_versions_of(path, _ORDER, since, rows_of)


def _lines(sales: DeskSales, sale: Numbers) -> tuple[Texts, Numbers, Numbers]:
    """The lines of these sales as JSON lists, and the sums of their tax and discount."""
    first = np.searchsorted(sales.line_order, sale)
    order, number = spread(np.searchsorted(sales.line_order, sale, side="right") - first)
    line = first[order] + number
    product = sales.line_product[line]
    texts = rendered(_LINE, {
        "uid": objects(numbered("L", number + 1, width=1)), "sku": objects(numbered("ITEM", product, width=3)),
        "name": field_of(product, "name"), "variation": field_of(product, "variation"),
        "quantity": sales.line_quantity[line].astype(str).astype(object), "price": sales.line_price[line],
        "gross": sales.line_price[line] * sales.line_quantity[line], "tax": sales.line_tax[line],
        "discount": sales.line_discount[line], "total": sales.line_total[line],
    })
    tax, discount = (np.bincount(order, weights=values[line], minlength=len(sale)).astype(np.int64)
                     for values in (sales.line_tax, sales.line_discount))
    return objects(joined(texts, order, len(sale))), tax, discount


def _tenders(payments: Columns, sale: Numbers) -> Texts:
    """The payments of these sales as JSON lists; a sale's first one stands at its position, second ones at the end."""
    sales = int(payments["sale"].max()) + 1
    second = np.full(sales, NOBODY)
    second[payments["sale"][sales:]] = np.arange(sales, len(payments["sale"]))
    order, number = spread(np.where(second[sale] == NOBODY, 1, 2))
    row = np.where(number == 0, sale[order], second[sale[order]])
    names = ("id", "source", "total", "tip", "created")
    chosen = {name: payments[name][row] for name in names}
    return objects(joined(rendered(_TENDER, {**chosen, "created_at": iso_utc(chosen["created"])}), order, len(sale)))


def _pay_out(folder: Path, payments: Columns, refunds: Givebacks, sales: DeskSales, end: int) -> Columns:
    """Weekly payouts of what cards paid, less fees and refunds."""
    card = np.flatnonzero((payments["source"] == "CARD") & (payments["status"] == "COMPLETED"))
    back = np.flatnonzero(~sales.is_cash[refunds.sale])
    paid = {
        "id": payments["id"][card], "kind": np.full(len(card), "payment", dtype=object),
        "total": payments["total"][card],
        "fee": payments["fee"][card], "created": payments["created"][card],
    }
    returned = {
        "id": objects(numbered("SQR", refunds.sale[back])), "kind": np.full(len(back), "refund", dtype=object),
        "total": -refunds.amount[back], "fee": np.zeros(len(back), dtype=np.int64), "created": refunds.at[back],
    }
    entries = stacked(paid, returned)
    entries["net"] = entries["total"] - entries["fee"]
    week = (entries["created"] - _MONDAY) // _WEEK
    week = np.where((week + 1) * _WEEK + _MONDAY <= end, week, -1)
    entries["payout_id"] = objects(numbered("SQW", week))
    entries["payout_id"][week < 0] = None
    weeks = np.unique(week[week >= 0])
    amount = np.zeros(len(weeks), dtype=np.int64)
    np.add.at(amount, np.searchsorted(weeks, week[week >= 0]), entries["net"][week >= 0])
    created = (weeks + 1) * _WEEK + _MONDAY
    ids = objects(numbered("SQW", weeks))
    since = np.r_[created, created + DAY]
    write_versions(folder / "payouts.ndjson", _PAYOUT, {
        "id": np.r_[ids, ids], "amount": np.r_[amount, amount], "created_at": iso_utc(np.r_[created, created]),
        "updated_at": iso_utc(since), "arrives": iso_days(np.r_[created, created] // DAY + 1),
        "status": np.repeat(np.array(["SENT", "PAID"], dtype=object), len(weeks)), "visible_from": since,
        "visible_until": np.r_[created + DAY, np.full(len(weeks), NEVER)],
    })
    return entries
