"""Stripe's balance: every movement with its fee, and weekly payouts that add up to them to the cent."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regulars.testing.gym.business_time import DAY
from regulars.testing.gym.chance import Columns, Numbers, stacked
from regulars.testing.gym.fees import stripe_fee
from regulars.testing.gym.givebacks import DISPUTE_FEE, Givebacks
from regulars.testing.gym.json_lines import NEVER, Hole, numbered, objects, write_versions
from regulars.testing.gym.online_sales import OnlineSales

_WAIT = 2 * DAY
_WEEK = 7 * DAY
_MONDAY = 4 * DAY                  # 1970-01-05 was one
_MOVEMENT = {
    "id": Hole("id"), "object": "balance_transaction", "amount": Hole("amount"), "available_on": Hole("available"),
    "created": Hole("created"), "currency": "usd", "description": Hole("text"), "exchange_rate": None,
    "fee": Hole("fee"),
    "fee_details": [], "net": Hole("net"), "reporting_category": Hole("type"),
    "source": {"id": Hole("source"), "object": Hole("source_object"), "payment_intent": Hole("intent")},
    "status": Hole("status"), "type": Hole("type"),
}
_PAYOUT = {
    "id": Hole("id"), "object": "payout", "amount": Hole("amount"), "arrival_date": Hole("arrives"), "automatic": True,
    "balance_transaction": Hole("movement"), "created": Hole("created"), "currency": "usd",
    "description": "STRIPE PAYOUT", "destination": "ba_summit", "livemode": True, "metadata": {}, "method": "standard",
    "reconciliation_status": "completed", "source_type": "card", "status": Hole("status"), "type": "bank_account",
}


def write_stripe_balance(
    folder: Path, sales: OnlineSales, refunds: Givebacks, disputes: Givebacks, *, end: int
) -> Columns:
    """Write balance_transactions and payouts; return the movements with the payout of each (None: not paid out yet).

    `end` is the last moment of the world in UTC seconds. The columns are id, type, source, intent, amount, fee, net,
    created and payout_id; amounts in minor units.
    """
    paid = np.flatnonzero(sales.is_paid)
    fee = stripe_fee(sales.amount[paid])
    movements = stacked(
        _movements("charge", sale=paid, amount=sales.amount[paid], fee=fee, created=sales.paid_at[paid]),
        _movements("refund", sale=refunds.sale, amount=-refunds.amount, fee=refunds.amount * 0, created=refunds.at),
        _movements("adjustment", sale=disputes.sale, amount=-disputes.amount, fee=disputes.amount * 0 + DISPUTE_FEE,
                   created=disputes.at),
    )
    week = (movements["available"] - _MONDAY) // _WEEK
    week = np.where((week + 1) * _WEEK + _MONDAY <= end, week, -1)
    movements["payout_id"] = objects(numbered("po_", week))
    movements["payout_id"][week < 0] = None
    _write_payouts(folder, movements, np.unique(week[week >= 0]), week, end)
    return movements


def _movements(kind: str, *, sale: Numbers, amount: Numbers, fee: Numbers, created: Numbers) -> Columns:
    size = len(sale)
    names = {"charge": "charge", "refund": "refund", "adjustment": "dispute"}
    prefix, source = {"charge": ("txn_c", "ch_"), "refund": ("txn_r", "re_"), "adjustment": ("txn_d", "dp_")}[kind]
    return {
        "id": objects(numbered(prefix, sale)), "type": np.full(size, kind, dtype=object),
        "source": objects(numbered(source, sale)), "source_object": np.full(size, names[kind], dtype=object),
        "intent": objects(numbered("pi_", sale)), "amount": amount, "fee": fee, "net": amount - fee, "created": created,
        "available": created + _WAIT,
    }


def _write_payouts(folder: Path, movements: Columns, weeks: Numbers, week: Numbers, end: int) -> None:
    ids = objects(numbered("po_", weeks))
    amount = np.zeros(len(weeks), dtype=np.int64)
    inside = week >= 0
    np.add.at(amount, np.searchsorted(weeks, week[inside]), movements["net"][inside])
    created = (weeks + 1) * _WEEK + _MONDAY
    out = {
        "id": objects(numbered("txn_p", weeks)), "type": np.full(len(weeks), "payout", dtype=object), "source": ids,
        "source_object": np.full(len(weeks), "payout", dtype=object), "intent": np.full(len(weeks), None, dtype=object),
        "amount": -amount, "fee": amount * 0, "net": -amount, "created": created, "available": created,
        "payout_id": ids,
    }
    rows = stacked(movements, out)
    rows["text"] = np.where(rows["type"] == "adjustment", "Chargeback withdrawal", "Payment").astype(object)
    rows["status"] = np.where(rows["available"] <= end, "available", "pending").astype(object)
    rows["visible_from"], rows["visible_until"] = rows["created"], np.full(len(rows["id"]), NEVER)
    write_versions(folder / "balance_transactions.ndjson", _MOVEMENT, rows)
    arrives = created + _WAIT
    twice = {
        "id": np.r_[ids, ids], "amount": np.r_[amount, amount], "created": np.r_[created, created],
        "arrives": np.r_[arrives, arrives], "movement": np.r_[out["id"], out["id"]],
        "status": np.repeat(np.array(["in_transit", "paid"], dtype=object), len(weeks)),
        "visible_from": np.r_[created, arrives], "visible_until": np.r_[arrives, np.full(len(weeks), NEVER)],
    }
    write_versions(folder / "payouts.ndjson", _PAYOUT, twice)
