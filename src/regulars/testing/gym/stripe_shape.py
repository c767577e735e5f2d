"""The true online sales as Stripe tells them: intents with their charge, refunds, disputes and customers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regulars.testing.gym.chance import Columns, Flags, Numbers, Texts, taken
from regulars.testing.gym.givebacks import Givebacks
from regulars.testing.gym.json_lines import NEVER, Hole, kept, numbered, objects, write_versions, write_versions_of
from regulars.testing.gym.online_sales import OnlineSales

_PENDING, _PAID, _REFUNDED = 0, 1, 2
_CHARGE = {
    "id": Hole("charge"), "object": "charge", "amount": Hole("amount"), "amount_captured": Hole("received"),
    "amount_refunded": Hole("refunded"), "balance_transaction": Hole("movement"),
    "billing_details": {"address": None, "email": Hole("email"), "name": Hole("name"), "phone": Hole("phone"),
                        "tax_id": None},
    "captured": Hole("is_paid"), "created": Hole("charged"), "currency": "usd", "customer": Hole("customer"),
    "description": Hole("text"), "disputed": False, "failure_code": Hole("failure"), "livemode": Hole("is_live"),
    "metadata": {}, "paid": Hole("is_paid"), "payment_intent": Hole("id"), "receipt_email": Hole("email"),
    "refunded": Hole("is_refunded"), "status": Hole("charge_status"),
}
_INTENT = {
    "id": Hole("id"), "object": "payment_intent", "amount": Hole("amount"), "amount_received": Hole("received"),
    "canceled_at": None, "capture_method": "automatic", "created": Hole("created"), "currency": "usd",
    "customer": Hole("customer"), "description": Hole("text"), "last_payment_error": Hole("error", is_json=True),
    "latest_charge": _CHARGE, "livemode": Hole("is_live"), "metadata": {}, "payment_method_types": ["card"],
    "receipt_email": Hole("email"), "status": Hole("status"),
}
_REFUND = {
    "id": Hole("id"), "object": "refund", "amount": Hole("amount"), "balance_transaction": Hole("movement"),
    "charge": {"id": Hole("charge"), "object": "charge", "customer": Hole("customer"),
               "payment_intent": Hole("intent")},
    "created": Hole("created"), "currency": "usd", "metadata": {}, "payment_intent": Hole("intent"),
    "reason": "requested_by_customer", "receipt_number": None, "status": "succeeded",
}
_DISPUTE = {
    "id": Hole("id"), "object": "dispute", "amount": Hole("amount"), "balance_transactions": [],
    "charge": Hole("charge"),
    "created": Hole("created"), "currency": "usd", "is_charge_refundable": False, "livemode": True, "metadata": {},
    "payment_intent": Hole("intent"), "reason": "fraudulent", "status": "needs_response",
}
_CUSTOMER = {
    "id": Hole("id"), "object": "customer", "address": None, "balance": 0, "created": Hole("created"),
    "currency": "usd", "delinquent": False, "description": None, "email": Hole("email"), "livemode": True,
    "metadata": {}, "name": Hole("name"), "phone": Hole("phone"), "shipping": None, "tax_exempt": "none",
}
_ERROR = ('{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds",'
          '"message":"Your card has insufficient funds."}')


def intent_ids(sale: Numbers) -> Texts:
    """Return `pi_…` ids of sales by position."""
    return objects(numbered("pi_", sale))


def stripe_customer_ids(person: Numbers) -> Texts:
    """Return `cus_…` ids of persons."""
    return objects(numbered("cus_", person))


def write_stripe_sales(
    folder: Path, sales: OnlineSales, refunds: Givebacks, disputes: Givebacks, *, billing: Columns, customers: Columns
) -> None:
    """Write payment_intents, refunds, disputes and customers under `folder`.

    `billing` is how each sale's payer is spelled on the card, `customers` how each Stripe customer is (with `person`
    and `created`). Charges come expanded where the connector expands them: in intents and refunds.
    """
    versions = _versions(sales, refunds)
    write_versions_of(folder / "payment_intents.ndjson", _INTENT, versions["visible_from"],
                      lambda rows: _intents(sales, taken(versions, rows), billing))
    for name, shape, rows, prefix in (
        ("refunds", _REFUND, refunds, "re_"), ("disputes", _DISPUTE, disputes, "dp_"),
    ):
        write_versions(folder / f"{name}.ndjson", shape, _back(sales, rows, prefix))
    size = len(customers["person"])
    write_versions(folder / "customers.ndjson", _CUSTOMER, {
        **customers, "id": stripe_customer_ids(customers["person"]), "visible_from": customers["created"],
        "visible_until": np.full(size, NEVER),
    })


def _versions(sales: OnlineSales, refunds: Givebacks) -> Columns:
    """One row per version: first refused and paid five days later, paid, refunded."""
    size = len(sales.payer)
    every = np.arange(size)
    late = np.flatnonzero(sales.is_paid & (sales.paid_at > sales.created))
    refunded_at, refunded = np.full(size, NEVER), np.zeros(size, dtype=np.int64)
    refunded_at[refunds.sale], refunded[refunds.sale] = refunds.at, refunds.amount
    sale = np.r_[late, every, refunds.sale]
    phase = np.repeat([_PENDING, _PAID, _REFUNDED], [len(late), size, len(refunds.sale)])
    since = np.r_[sales.created[late], np.where(sales.is_paid, sales.paid_at, sales.created), refunds.at]
    until = np.r_[sales.paid_at[late], refunded_at, np.full(len(refunds.sale), NEVER)]
    return {"sale": sale, "phase": phase, "given": np.where(phase == _REFUNDED, refunded[sale], 0),
            "visible_from": since, "visible_until": until}


def _intents(sales: OnlineSales, versions: Columns, billing: Columns) -> Columns:
    """What the object holds in each of these versions."""
    sale, given = versions["sale"], versions["given"]
    is_paid = (versions["phase"] != _PENDING) & (sales.state[sale] != "failed")
    is_live = sales.state[sale] != "test"
    amount = sales.amount[sale]
    customer = stripe_customer_ids(sales.payer[sale])
    customer[~sales.has_customer[sale]] = None
    customer[~is_live] = "cus_test"
    movement = objects(numbered("txn_c", sale))
    movement[~is_paid | ~is_live] = None
    text = sales.text[sale].copy()
    return {
        "id": intent_ids(sale), "charge": _charges(sale, is_paid), "amount": amount,
        "received": np.where(is_paid, amount, 0), "refunded": given, "is_refunded": given == amount,
        "created": sales.created[sale], "charged": np.where(is_paid, sales.paid_at[sale], sales.created[sale]),
        "customer": customer, "text": text, "is_paid": is_paid, "is_live": is_live, "movement": movement,
        "status": np.where(is_paid, "succeeded", "requires_payment_method").astype(object),
        "charge_status": np.where(is_paid, "succeeded", "failed").astype(object),
        "failure": kept("card_declined", ~is_paid), "error": kept(_ERROR, ~is_paid),
        "email": billing["email"][sale], "name": billing["name"][sale], "phone": billing["phone"][sale],
        "visible_until": versions["visible_until"],
    }


def _charges(sale: Numbers, is_paid: Flags) -> Texts:
    """A refused attempt is a charge of its own."""
    return np.where(is_paid, objects(numbered("ch_", sale)), objects(numbered("ch_f", sale)))


def _back(sales: OnlineSales, rows: Givebacks, prefix: str) -> Columns:
    customer = stripe_customer_ids(sales.payer[rows.sale])
    customer[~sales.has_customer[rows.sale]] = None
    return {
        "id": objects(numbered(prefix, rows.sale)), "amount": rows.amount, "created": rows.at, "customer": customer,
        "charge": objects(numbered("ch_", rows.sale)), "intent": intent_ids(rows.sale),
        "movement": objects(numbered("txn_r", rows.sale)), "visible_from": rows.at,
        "visible_until": np.full(len(rows.sale), NEVER),
    }
