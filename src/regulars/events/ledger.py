"""The ledger made whole: refunds find their sale and its categories; payouts are held against what was sold."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from regulars.events.money import LINE
from regulars.records.formula_functions import quotient

PAID = ("sale", "tax", "tip", "discount")
"""Kinds whose lines sum to what the customer paid."""

BACK = ("refund", "dispute")
"""Kinds that give money back and point at the payment they give back."""

REVENUE = ("sale", "discount", "tip", *BACK)
"""Kinds that are the business's own money: taxes are not, fees and payouts are between it and the processor."""

UNLINKED = "unlinked"
"""The `category_rule` of a refund whose payment is not in the ledger: its category is its own description's."""


def linked(ledger: ir.Table) -> ir.Table:
    """Return the ledger with each refund and dispute spread over the lines of its payment.

    One row in gives one row out for each line of the payment, which takes that line's category, rule, sku and, where it
    names nobody, profile. Goods, their tax and discount are given back before tips. The parts are pro rata to the
    lines, whole minor units by largest remainder, and sum to the refund exactly. Its units are the line's, negative,
    when that is given back whole, else 0. A refund whose payment is not there stays one line, with the rule "unlinked".
    """
    is_back = ledger.kind.isin(BACK)
    paid = ledger.filter(ledger.kind.isin(PAID), ledger.payment_id.notnull())
    # Few payments are ever given back: only their lines are added up.
    backs = ledger.filter(is_back)
    paid = paid.semi_join(backs, (paid.source == backs.source) & (paid.payment_id == backs.refund_of))
    paid = paid.mutate(is_tip=paid.kind == "tip")
    totals = paid.group_by("source", "payment_id").agg(
        goods=paid.amount.sum(where=~paid.is_tip).fill_null(0), tips=paid.amount.sum(where=paid.is_tip).fill_null(0)
    )
    totals = totals.filter(totals.goods + totals.tips > 0)
    known = totals.select(
        known_source="source", known_payment="payment_id", goods=totals.goods.cast("int64"),
        tips=totals.tips.cast("int64"),
    )
    at_payment = (backs.source == known.known_source) & (backs.refund_of == known.known_payment)
    found = backs.inner_join(known, at_payment).drop("known_source", "known_payment")
    lost = backs.anti_join(known, at_payment)
    lost = lost.mutate(category_rule=ibis.literal(UNLINKED), units=ibis.literal(0, "int64"))
    whole = ledger.filter(~is_back).select(*LINE.names).cast(LINE)
    return ibis.union(whole, _spread(_goods_before_tips(found), paid), lost.select(*LINE.names).cast(LINE))


def reconciliation(ledger: ir.Table) -> ir.Table:
    """Compare, for each source and currency, what its lines come to with what it paid out.

    One row per (source, currency), minor units: gross (what customers paid), refunds, disputes, fees, expected (their
    sum), paid_out, residual (expected less paid_out: still with the processor, or unexplained), lines.
    """
    return _compared(ledger, ("source", "currency"))


def payouts(ledger: ir.Table) -> ir.Table:
    """Compare each payout with the lines that say they are in it: `reconciliation`, also per payout_id."""
    return _compared(ledger.filter(ledger.payout_id.notnull()), ("source", "currency", "payout_id"))


def totals(ledger: ir.Table, *, by: Iterable[str]) -> ir.Table:
    """Return gross (what customers paid), refunds and disputes (negative) and net, minor units, per group.

    `by`: columns of the ledger, such as category or business_day; currency always separates.
    """
    keys = tuple(dict.fromkeys((*by, "currency")))
    moved = ledger.filter(ledger.kind.isin((*PAID, *BACK)))
    found = moved.group_by(*keys).agg(
        gross=_sum(moved, PAID), refunds=_sum(moved, ("refund",)), disputes=_sum(moved, ("dispute",)),
        units=moved.units.sum(where=moved.kind.isin(("sale", "refund"))).fill_null(0).cast("int64"),
    )
    return found.mutate(net=found.gross + found.refunds + found.disputes).order_by(*keys)


def _compared(ledger: ir.Table, keys: tuple[str, ...]) -> ir.Table:
    found = ledger.group_by(*keys).agg(
        gross=_sum(ledger, PAID), refunds=_sum(ledger, ("refund",)), disputes=_sum(ledger, ("dispute",)),
        fees=_sum(ledger, ("fee",)), paid_out=-_sum(ledger, ("payout",)), lines=ledger.count(),
    )
    found = found.mutate(expected=found.gross + found.refunds + found.disputes + found.fees)
    return found.mutate(residual=found.expected - found.paid_out).order_by(*keys)


def _sum(ledger: ir.Table, kinds: tuple[str, ...]) -> ir.Value:
    return ledger.amount.sum(where=ledger.kind.isin(kinds)).fill_null(0).cast("int64")


def _goods_before_tips(backs: ir.Table) -> ir.Table:
    """Part each refund into what is given back of the goods and of the tips: `amount`, `total` (of these), `is_tip`.

    A desk gives back what was bought, and the tip stays; earlier refunds of the payment are taken off first.
    """
    so_far = ibis.cumulative_window(
        group_by=[backs.source, backs.refund_of], order_by=[backs.occurred_at, backs.line_id]
    )
    before = backs.amount - backs.amount.sum().over(so_far).cast("int64")
    backs = backs.mutate(left=ibis.greatest(backs.goods - before, 0))
    of_goods = ibis.ifelse(backs.tips > 0, ibis.least(-backs.amount, backs.left), -backs.amount)
    backs = backs.mutate(of_goods=of_goods)
    goods = backs.mutate(amount=-backs.of_goods, total=backs.goods, is_tip=ibis.literal(False))
    tips = backs.mutate(amount=backs.amount + backs.of_goods, total=backs.tips, is_tip=ibis.literal(True))
    both = goods.union(tips)
    return both.filter(both.amount != 0).drop("goods", "tips", "left", "of_goods")


def _spread(backs: ir.Table, paid: ir.Table) -> ir.Table:
    sold = paid.select(
        sold_source="source", sold_payment="payment_id", sold_line="line_id", sold_amount="amount",
        sold_category="category", sold_rule="category_rule", sold_quantity="quantity", sold_units="units",
        sold_sku="sku", sold_profile="profile_id", sold_profile_source="profile_source",
        sold_description="description", sold_kind="kind", sold_tip="is_tip",
    )
    at_line = (backs.source == sold.sold_source) & (backs.refund_of == sold.sold_payment)
    rows = backs.inner_join(sold, at_line & (backs.is_tip == sold.sold_tip))
    rows = rows.mutate(share=quotient(rows.amount * rows.sold_amount, rows.total))
    rows = rows.mutate(remainder=rows.amount * rows.sold_amount - rows.share * rows.total)
    one = ibis.window(group_by=[rows.line_id, rows.is_tip])
    ranked = ibis.window(group_by=[rows.line_id, rows.is_tip], order_by=[rows.remainder.desc(), rows.sold_line])
    short = rows.amount - rows.share.sum().over(one).cast("int64")
    rows = rows.mutate(short=short, turn=ibis.row_number().over(ranked))
    rows = rows.mutate(part=rows.share + ibis.ifelse(rows.turn < rows.short, 1, 0))
    is_whole = (rows.part == -rows.sold_amount) & (rows.sold_kind == "sale")
    spread = rows.mutate(
        line_id=(rows.line_id + "|" + rows.sold_line).hexdigest("md5"),
        amount=rows.part,
        category=rows.sold_category,
        category_rule=rows.sold_rule,
        quantity=ibis.ifelse(is_whole, rows.sold_quantity, 0),
        units=ibis.ifelse(is_whole, -rows.sold_units, 0),
        sku=rows.sold_sku,
        description=rows.description.coalesce(rows.sold_description),
        profile_source=ibis.ifelse(rows.profile_id.isnull(), rows.sold_profile_source, rows.profile_source),
        profile_id=rows.profile_id.coalesce(rows.sold_profile),
    )
    return spread.filter(spread.amount != 0).select(*LINE.names).cast(LINE)
