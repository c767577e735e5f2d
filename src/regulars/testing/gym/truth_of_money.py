"""The true money: each line of each payment, each refund with what it was for, and each day's revenue by category."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from regulars.testing.gym.business_time import local_days
from regulars.testing.gym.chance import Columns, Numbers, Texts, stacked, taken
from regulars.testing.gym.desk_sales import field_of
from regulars.testing.gym.givebacks import Givebacks
from regulars.testing.gym.happenings import Happenings
from regulars.testing.gym.json_lines import kept, numbered, objects
from regulars.testing.gym.people import NOBODY
from regulars.testing.gym.square_shape import order_ids, payment_ids
from regulars.testing.gym.stripe_shape import intent_ids
from regulars.testing.gym.truth import person_ids, save


def write_truth_of_money(folder: Path, world: Happenings, *, movements: Columns, entries: Columns) -> None:
    """Write purchases, refunds, refund_lines, settlements, typing_errors and daily_revenue.

    A line of `purchases` has the sign of the ledger: sale, tax and tip positive, discount negative. With two cards the
    lines hang on the first one's payment. A tip and its payment have no category.
    """
    lines = stacked(_online_lines(world), _desk_lines(world))
    bad = lines.pop("is_bad")
    lines["person_id"] = person_ids(lines.pop("person"))
    lines["business_day"] = local_days(lines["at"])
    lines["currency"] = np.full(len(bad), "USD", dtype=object)
    save(folder, "purchases", taken(lines, ~bad), days=("business_day",), moments=("at",))
    save(folder, "typing_errors", taken(lines, bad), days=("business_day",), moments=("at",))
    back, parts = _refunds(world)
    save(folder, "refunds", back, days=("business_day",), moments=("at",))
    save(folder, "refund_lines", parts)
    save(folder, "settlements", _settlements(movements, entries))
    _write_daily(folder, taken(lines, ~bad), back, parts)


def _lines(source: str, kind: str, amount: Numbers, **columns: npt.NDArray[Any]) -> Columns:
    size = len(amount)
    return {"source": np.full(size, source, dtype=object), "kind": np.full(size, kind, dtype=object), "amount": amount,
            **columns}


def _online_lines(world: Happenings) -> Columns:
    sales = world.online
    paid = np.flatnonzero(sales.is_paid)
    shared = {
        "payment_id": intent_ids(paid), "order_id": np.full(len(paid), None, dtype=object),
        "category": sales.category[paid], "quantity": np.ones(len(paid), dtype=np.int64),
        "description": sales.text[paid], "person": sales.payer[paid], "at": sales.paid_at[paid],
        "is_bad": np.zeros(len(paid), dtype=bool),
    }
    sale = _lines("stripe", "sale", sales.net[paid], units=sales.units[paid], **shared)
    tax = _lines("stripe", "tax", sales.tax[paid], units=sales.units[paid] * 0, **shared)
    return stacked(sale, taken(tax, tax["amount"] > 0))


def _desk_lines(world: Happenings) -> Columns:
    sales = world.desk
    keep = np.flatnonzero((sales.is_paid | (sales.state == "bad"))[sales.line_order])
    order, product = sales.line_order[keep], sales.line_product[keep]
    quick = sales.is_quick[order]
    quantity = sales.line_quantity[keep]
    gross = np.where(quick, sales.line_total[keep], sales.line_price[keep] * quantity)
    shared = {
        "payment_id": payment_ids(order), "order_id": kept(order_ids(order), ~quick),
        "category": field_of(product, "category"), "quantity": quantity, "description": field_of(product, "name"),
        "person": sales.payer[order], "at": sales.at[order], "is_bad": (sales.state == "bad")[order],
    }
    units = field_of(product, "units").astype(np.int64) * quantity
    discount = np.where(quick, 0, sales.line_discount[keep])
    parts = [_lines("square", "sale", gross, units=units, **shared)]
    for kind, amount in (("tax", sales.line_tax[keep]), ("discount", -discount)):
        rows = _lines("square", kind, amount, units=units * 0, **shared)
        parts.append(taken(rows, amount != 0))
    tipped = np.flatnonzero(sales.is_paid & (sales.tip > 0))
    nothing = np.full(len(tipped), None, dtype=object)
    parts.append(_lines(
        "square", "tip", sales.tip[tipped], units=tipped * 0, payment_id=payment_ids(tipped),
        order_id=kept(order_ids(tipped), ~sales.is_quick[tipped]), category=nothing, quantity=tipped * 0 + 1,
        description=nothing, person=sales.payer[tipped], at=sales.at[tipped], is_bad=np.zeros(len(tipped), dtype=bool),
    ))
    return stacked(*parts)


def _refunds(world: Happenings) -> tuple[Columns, Columns]:
    """Refunds and disputes with the payment each gives back, and how much of each is of which category."""
    online, desk = world.online, world.desk
    back = stacked(
        _given_back("re_", world.refunds, online.payer),
        _given_back("dp_", world.disputes, online.payer),
        _given_back("SQR", world.returns, desk.payer),
    )
    one = stacked(
        _parts(back["refund_id"][: len(world.refunds.sale)], online.category[world.refunds.sale], world.refunds.amount),
        _parts(objects(numbered("dp_", world.disputes.sale)), online.category[world.disputes.sale],
               world.disputes.amount),
    )
    # A refund at the desk is either whole, line by line, or of an order of one line.
    returned = np.full(len(desk.payer), NOBODY)
    returned[world.returns.sale] = np.arange(len(world.returns.sale))
    row = np.flatnonzero(returned[desk.line_order] != NOBODY)
    which = returned[desk.line_order[row]]
    amount = np.where(world.returns.is_partial[which], world.returns.amount[which], desk.line_total[row])
    ids = objects(numbered("SQR", world.returns.sale[which]))
    return back, stacked(one, _parts(ids, field_of(desk.line_product[row], "category"), amount))


def _given_back(prefix: str, rows: Givebacks, payer: Numbers) -> Columns:
    size = len(rows.sale)
    is_desk = prefix == "SQR"
    return {
        "source": np.full(size, "square" if is_desk else "stripe", dtype=object),
        "kind": np.full(size, "dispute" if prefix == "dp_" else "refund", dtype=object),
        "refund_id": objects(numbered(prefix, rows.sale)),
        "payment_id": payment_ids(rows.sale) if is_desk else intent_ids(rows.sale), "amount": -rows.amount,
        "at": rows.at, "business_day": local_days(rows.at), "is_partial": rows.is_partial,
        "person_id": person_ids(payer[rows.sale]),
    }


def _parts(refund_id: Texts, category: Texts, amount: Numbers) -> Columns:
    return {"refund_id": refund_id, "category": category, "amount": -amount}


def _settlements(movements: Columns, entries: Columns) -> Columns:
    """Every movement of both processors' balances and the payout it went out with."""
    return stacked(*(
        {"source": np.full(len(rows["id"]), source, dtype=object), "movement_id": rows["id"], "kind": rows[kind],
         "amount": rows[amount], "fee": rows["fee"], "net": rows["net"], "payout_id": rows["payout_id"]}
        for source, rows, kind, amount in (
            ("stripe", movements, "type", "amount"), ("square", entries, "kind", "total"),
        )
    ))


def _write_daily(folder: Path, lines: Columns, back: Columns, parts: Columns) -> None:
    """Per business day and category: gross (sales less discounts, before tax), tax, refunds with their tax, units."""
    when = dict(zip(back["refund_id"], back["business_day"], strict=True))
    rows = pa.table({
        "business_day": np.r_[lines["business_day"], [when[name] for name in parts["refund_id"]]].astype("M8[D]"),
        "category": pa.array(np.r_[lines["category"], parts["category"]], pa.string()),
        "gross": np.r_[np.where(np.isin(lines["kind"], ("sale", "discount")), lines["amount"], 0), parts["amount"] * 0],
        "tax": np.r_[np.where(lines["kind"] == "tax", lines["amount"], 0), parts["amount"] * 0],
        "refunds": np.r_[lines["amount"] * 0, parts["amount"]],
        "units": np.r_[lines["units"], parts["amount"] * 0],
    })
    sums = rows.group_by(["business_day", "category"], use_threads=False).aggregate(
        [(name, "sum") for name in ("gross", "tax", "refunds", "units")]
    )
    names = [name.removesuffix("_sum") for name in sums.column_names]
    daily = sums.rename_columns(names).sort_by([("business_day", "ascending"), ("category", "ascending")])
    pq.write_table(daily, folder / "daily_revenue.parquet")
