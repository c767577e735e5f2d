"""Everything that was paid and given back, line by line, in the reference's one table of transactions."""

from __future__ import annotations

from datetime import timedelta

import ibis
import ibis.expr.types as ir

from regulars.compat.material import Material
from regulars.compat.memberships import MEMBERSHIPS, contracts
from regulars.events.ledger import BACK, PAID
from regulars.events.money import elements
from regulars.events.plan import frequency_of, has_feature, size_of
from regulars.events.subcategory import subcategory_of
from regulars.records.formula_functions import as_words, word_pattern

DAY_PASS, PROGRAMMING = "Day Pass", "Programming"
MEMBERSHIP_CATEGORIES = ("New Membership", "Membership Renewal")
NUMBER = r"membership #([0-9]+)"
"""How Capitan's payments name the contract they are for, in lower case."""

GIVEBACKS = "givebacks"
"""The table of refunds and disputes as their records alone give them, before they are spread over lines."""

RECENT = 30
_ITEM = ("sale", "tax", "discount")
_SHARED = ("source", "payment_id", "order_id", "description", "profile_source", "profile_id", "currency",
           "occurred_at", "business_day")


def combined_transactions(material: Material) -> ir.Table:
    """Return all sales, tips, refunds and disputes of all systems. One row per sold line, or part of a refund.

    Columns:
        transaction_id: the payment (Stripe), `<payment>_item_<n>` (Square, n from 1), `<payment>_tip`, `refund_<id>` or
            `dispute_<id>`, with `_item_<n>` when the payment had several lines.
        Description: what was sold; of a refund, what is given back.
        Pre-Tax: major units, the whole line after its discount; negative when given back.
        Tax: as the system says, else the share its declaration gives.
        Total: Pre-Tax + Tax: what the customer paid.
        Discount: what was taken off, positive.
        Name: on the card, else the customer's.
        Date: business day of the money, not of the order; of a refund the day it was given.
        revenue_category: by the first rule of categories.yaml; of a refund, that of what was sold; "Tip" of tips.
        sub_category: by subcategories.yaml; of memberships their size.
        sub_category_detail: the part of the description worth keeping; of memberships their frequency.
        membership_size: of membership payments, from the contract's name.
        membership_freq: of membership payments, from the contract.
        is_founder: a membership payment of a founder.
        is_free_membership: the contract costs nothing, or is staff's.
        fitness_amount: part of Total that is for fitness: all of a class or fitness-only membership, the declared price
            of an add-on in a larger bill.
        Day Pass Count: passes, pack size x quantity; negative when given back whole.
        Data Source: stripe or square.
        payment_id: of the processor.
        order_id: of the processor.
        receipt_email: where the receipt went.
        billing_email: on the card.
        stripe_customer_id: of Stripe.
        customer_id: our id of who paid, where it is known.
        kind: sale, tip, refund or dispute.
        currency: ISO 4217.
        quantity: bought pieces.
        occurred_at: business time.

    Differs from the reference:
        Refunds carry the category and tax of the very line they give back, by the charge they point at, never guessed
        by amount. Disputes and tips are rows. Pre-Tax is the whole line, not one piece. Evening sales stay on their
        day. A day's Total sums to what came in, to the cent.
    """
    rows = _identified(material, ibis.union(_sold(material), _tips(material), _given_back(material)))
    details = _described(material, rows)
    total = details.net + details.tax
    return details.select(
        "transaction_id", Description=details.description,
        **{"Pre-Tax": material.amount(details.net), "Tax": material.amount(details.tax),
           "Total": material.amount(total), "Discount": material.amount(details.discount)},
        Name=details.paid_by, Date=details.business_day, revenue_category=details.category,
        sub_category=details.sub_category, sub_category_detail=details.sub_category_detail,
        membership_size=details.membership_size, membership_freq=details.membership_freq,
        is_founder=details.is_founder, is_free_membership=details.is_free_membership,
        fitness_amount=material.amount(_fitness(material, details, total)),
        **{"Day Pass Count": ibis.ifelse(details.category == DAY_PASS, details.units, 0),
           "Data Source": details.source},
        payment_id=details.payment_id, order_id=details.order_id, receipt_email=details.receipt_email,
        billing_email=details.billing_email, stripe_customer_id=details.stripe_customer_id,
        customer_id=details.customer_id, kind=details.kind, currency=details.currency, quantity=details.quantity,
        occurred_at=details.occurred_at,
    )


def recent_transactions(material: Material) -> ir.Table:
    """Return the rows of combined_transactions of the last 30 days. One row per sold line, or part of a refund.

    Columns: as combined_transactions.

    Differs from the reference:
        It is a view of the whole, not what a short pull happened to find: late successes and refunds are in it.
    """
    rows = combined_transactions(material)
    first = material.today - timedelta(days=RECENT)
    return rows.filter(rows.Date >= ibis.literal(first))


def _sold(material: Material) -> ir.Table:
    """Sold lines with their tax and discount. One row per sold line."""
    lines = _paid(material).filter(lambda t: t.kind.isin(_ITEM))
    rows = lines.group_by("source", "stream", "record_key", "record_n").agg(
        **{name: lines[name].max() for name in _SHARED if name != "source"}, **_sums(lines, lines.kind),
        category=lines.category.max(where=lines.kind == "sale"),
        units=lines.units.sum(where=lines.kind == "sale"), quantity=lines.quantity.max(where=lines.kind == "sale"),
    )
    base = rows.payment_id.coalesce(rows.record_key)
    rows = _numbered(rows.mutate(base=base), ["source", "base"], ["stream", "record_key", "record_n"])
    is_item = rows.order_id.notnull() | (rows.parts > 1)
    return _shaped(rows, "sale", ibis.ifelse(is_item, rows.base + "_item_" + rows.place, rows.base))


def _paid(material: Material) -> ir.Table:
    """Lines that customers paid, with `record_n`: which element of its record each is of, 0 when it has no elements."""
    lines = material.table("money")
    lines = lines.filter(lines.kind.isin(PAID))
    lists = [stream for stream in material.streams if stream.money and stream.parent]
    parts = [
        elements(material.table(name).filter(lambda t: t.record_n > 0), stream)
        for stream in lists if (name := f"records.{stream.full_name}") in material.tables
    ]
    if not parts:
        return lines.mutate(record_n=ibis.literal(0, "int64"))
    places = parts[0] if len(parts) == 1 else ibis.union(*parts)
    found = lines.left_join(places, "line_id").drop("line_id_right")
    return found.mutate(record_n=found.record_n.fill_null(0))


def _tips(material: Material) -> ir.Table:
    """Tips. One row per payment with one."""
    lines = material.table("money")
    lines = lines.filter(lines.kind == "tip")
    rows = lines.mutate(
        net=lines.amount, tax=ibis.literal(0), discount=ibis.literal(0), category=ibis.literal("Tip"),
        description=lines.description.fill_null("Tip"), units=ibis.literal(0),
    )
    return _shaped(rows, "tip", rows.payment_id.coalesce(rows.record_key) + "_tip")


def _given_back(material: Material) -> ir.Table:
    """Refunds and disputes. One row per line that is given back, wholly or in part."""
    lines = material.table("money")
    backs = lines.filter(lines.kind.isin(BACK)).left_join(_pairs(material), "line_id").drop("line_id_right")
    backs = backs.mutate(
        sold_key=backs.sold_key.fill_null(""), sold_n=backs.sold_n.fill_null(0),
        sold_kind=backs.sold_kind.fill_null("sale"),
        description=backs.sold_description.coalesce(backs.description), payment_id=backs.refund_of,
    )
    backs = backs.mutate(is_tip=backs.sold_kind == "tip")
    rows = backs.group_by("source", "stream", "record_key", "kind", "sold_key", "sold_n", "is_tip").agg(
        **{name: backs[name].max() for name in _SHARED if name != "source"}, **_sums(backs, backs.sold_kind),
        category=backs.category.max(), units=backs.units.sum(), quantity=backs.quantity.max(),
    )
    rows = rows.mutate(category=ibis.ifelse(rows.is_tip, "Tip", rows.category))
    rows = _numbered(rows, ["source", "stream", "record_key", "kind"], ["sold_key", "sold_n", "is_tip"])
    base = rows.kind + "_" + rows.record_key
    return _shaped(rows, rows.kind, ibis.ifelse(rows.parts > 1, base + "_item_" + rows.place, base))


def _pairs(material: Material) -> ir.Table:
    """Which line each part of a refund gives back. One row per part: line_id, sold_kind, sold_key, sold_description.

    The ledger names a part by the refund's line and the sold one: the same hash finds them again.
    """
    backs = material.table(GIVEBACKS).select("source", back="line_id", payment_id="refund_of")
    sold = _paid(material)
    sold = sold.select(
        "source", "payment_id", "record_n", sold="line_id", sold_kind="kind",
        sold_key=sold.stream + "|" + sold.record_key, sold_description="description",
    )
    pairs = backs.inner_join(sold, ["source", "payment_id"])
    return pairs.select(
        "sold_kind", "sold_key", "sold_description", sold_n="record_n",
        line_id=(pairs.back + "|" + pairs.sold).hexdigest("md5"),
    )


def _sums(lines: ir.Table, kind: ir.Value) -> dict[str, ir.Value]:
    tax, discount = kind == "tax", kind == "discount"
    return {
        "net": lines.amount.sum(where=~tax).fill_null(0), "tax": lines.amount.sum(where=tax).fill_null(0),
        "discount": -lines.amount.sum(where=discount).fill_null(0),
    }


def _numbered(rows: ir.Table, group: list[str], order: list[str]) -> ir.Table:
    """Add `parts` (how many rows a group has) and `place` (which of them this is, from 1, as text)."""
    place = ibis.row_number().over(group_by=group, order_by=order) + 1
    return rows.mutate(parts=rows.count().over(group_by=group), place=place.cast("string"))


def _shaped(rows: ir.Table, kind: str | ir.Value, transaction_id: ir.Value) -> ir.Table:
    numbers = {name: rows[name].cast("int64") for name in ("net", "tax", "discount", "units", "quantity")}
    return rows.select(
        *(name for name in _SHARED), transaction_id=transaction_id, category=rows.category,
        kind=ibis.literal(kind) if isinstance(kind, str) else kind, **numbers,
    )


def _identified(material: Material, rows: ir.Table) -> ir.Table:
    """Add customer_id and paid_by, and what the processor knows of the payer."""
    identity = material.table("identity").select("profile_source", "profile_id", "customer_id")
    people = material.table("customers").select("customer_id", customer_name="name")
    rows = rows.left_join(identity, ["profile_source", "profile_id"]).drop("profile_source_right", "profile_id_right")
    rows = rows.left_join(people, "customer_id").drop("customer_id_right")
    cards = material.optional("records.stripe.payment_intents", {
        "id": "string", "receipt_email": "string", "billing_email": "string", "billing_name": "string",
        "customer": "string",
    })
    cards = cards.mutate(card_source=ibis.literal("stripe")).rename(
        card_payment="id", card_receipt="receipt_email", stripe_customer_id="customer"
    )
    tills = material.optional("records.square.payments", {"id": "string", "buyer_email": "string"})
    tills = tills.mutate(till_source=ibis.literal("square")).rename(till_payment="id")
    rows = rows.left_join(cards, (rows.source == cards.card_source) & (rows.payment_id == cards.card_payment))
    rows = rows.left_join(tills, (rows.source == tills.till_source) & (rows.payment_id == tills.till_payment))
    return rows.mutate(
        paid_by=rows.billing_name.coalesce(rows.customer_name),
        receipt_email=rows.card_receipt.coalesce(rows.buyer_email),
    )


def _described(material: Material, rows: ir.Table) -> ir.Table:
    """Add sub-categories and what the membership behind a payment is."""
    plans = material.plans
    rows = rows.mutate(number=rows.description.fill_null("").lower().re_extract(NUMBER, 1).nullif(""))
    if MEMBERSHIPS in material.tables:
        known = contracts(material).select("name", "interval", "billing", contract="membership_id")
        rows = rows.left_join(known, rows.number == known.contract)
    else:
        nothing = ibis.null("string")
        rows = rows.mutate(name=nothing, interval=nothing, billing=ibis.null("int64"), contract=nothing)
    text = rows.name.coalesce(rows.description)
    is_membership = rows.category.isin(MEMBERSHIP_CATEGORIES)
    size = ibis.ifelse(is_membership, size_of(text, plans=plans), ibis.null("string"))
    often = ibis.ifelse(is_membership, frequency_of(text, rows.interval, plans=plans), ibis.null("string"))
    sub, detail = subcategory_of(rows.category, rows.description, kinds=material.subcategories)
    is_free = (rows.billing == 0).fill_null(False) | has_feature(text, "staff", plans=plans)
    return rows.mutate(
        membership_size=size, membership_freq=often, sub_category=size.coalesce(sub),
        sub_category_detail=often.coalesce(detail), is_free_membership=is_membership & is_free,
        **{f"is_{name}": is_membership & has_feature(text, name, plans=plans)
           for name in ("founder", "fitness_only", "fitness_addon")},
    )


def _fitness(material: Material, rows: ir.Table, total: ir.Value) -> ir.Value:
    unit = 10**material.digits
    price, above = int(material.plans.addon_price * unit), int(material.plans.addon_above * unit)
    text = as_words(rows.description.fill_null(""))
    is_class = (rows.category == PROGRAMMING) & text.re_search(word_pattern(("fitness",)))
    part = ibis.ifelse(total < 0, -price, price) if price else total
    addon = ibis.ifelse(total.abs() > above, part, total)
    return ibis.cases((is_class | rows.is_fitness_only, total), (rows.is_fitness_addon, addon), else_=0).cast("int64")


