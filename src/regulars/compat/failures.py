"""Membership payments that did not come, and how common that is for each kind of membership."""

from __future__ import annotations

from datetime import timedelta

import ibis
import ibis.expr.types as ir

from regulars.compat.material import Material, percent_of
from regulars.compat.memberships import FLAGS, contracts
from regulars.compat.transactions import NUMBER
from regulars.records.formula_functions import as_words, word_pattern

INTENTS = "records.stripe.payment_intents"
FAILED = ("requires_payment_method", "canceled")
ABOUT = word_pattern(("membership", "renewal", "initial payment"))
PERIOD = 90
NO_FUNDS = "insufficient_funds"
UNKNOWN = "unknown"


def failed_membership_payments(material: Material) -> ir.Table:
    """Return membership payments of the last 90 days that failed and stayed failed. One row per payment intent.

    Columns:
        payment_intent_id: Stripe's.
        created_at: business time of the attempt.
        description: as Stripe has it.
        membership_id: Capitan's id of the contract, as the description names it.
        membership_type: the most particular feature of the contract's name (founder, college, …), else its size.
        decline_code: Stripe's word for the reason.
        stripe_customer_id: Stripe's.

    Differs from the reference:
        A payment that succeeded later is none. It is made with every run, not on demand.
    """
    rows = _failed(material)
    return rows.select(
        payment_intent_id=rows.id, created_at=rows.created_at, description=rows.description,
        membership_id=rows.membership_id, membership_type=rows.membership_type, decline_code=rows.decline_code,
        stripe_customer_id=rows.customer,
    )


def membership_failure_rates(material: Material) -> ir.Table:
    """Return how many memberships had a failed payment in the last 90 days. One row per kind of membership.

    Columns:
        membership_type: the most particular feature of the contract's name, else its size; unknown without a contract.
        active_memberships: contracts that are active today.
        memberships_in_period: contracts in force on any day of the period: what the rates are shares of.
        unique_with_failures: contracts with a failed payment.
        total_failures: failed payments.
        insufficient_funds_failures: those for lack of money.
        unique_with_insuff_funds: contracts with one of those.
        failure_rate_pct: unique_with_failures of memberships_in_period, per cent; empty when there is none.
        insufficient_funds_rate_pct: unique_with_insuff_funds of memberships_in_period, per cent.

    Differs from the reference:
        The rates are shares of all contracts of the period, ended ones too, since their failures are counted as well;
        dividing by today's active ones alone made them too high.
    """
    every = _typed(contracts(material))
    first = ibis.literal(material.today - timedelta(days=PERIOD))
    is_there = (every.start_date <= ibis.literal(material.today)) & ((every.status != "END") | (every.end_date > first))
    base = every.group_by("membership_type").agg(
        active_memberships=every.is_active.sum().fill_null(0), memberships_in_period=is_there.sum().fill_null(0)
    )
    rows = _failed(material)
    is_poor = (rows.decline_code == NO_FUNDS).fill_null(False)
    failures = rows.group_by("membership_type").agg(
        unique_with_failures=rows.membership_id.nunique(), total_failures=rows.count(),
        insufficient_funds_failures=is_poor.sum(), unique_with_insuff_funds=rows.membership_id.nunique(where=is_poor),
    )
    both = base.outer_join(failures, "membership_type")
    numbers = ("active_memberships", "memberships_in_period", *failures.columns[1:])
    counted = both.select(
        membership_type=both.membership_type.coalesce(both.membership_type_right),
        **{name: both[name].fill_null(0).cast("int64") for name in numbers},
    )
    return counted.mutate(
        failure_rate_pct=percent_of(counted.unique_with_failures, counted.memberships_in_period),
        insufficient_funds_rate_pct=percent_of(counted.unique_with_insuff_funds, counted.memberships_in_period),
    )


def _failed(material: Material) -> ir.Table:
    rows = material.table(INTENTS)
    text = rows.description.fill_null("").lower()
    rows = rows.mutate(number=text.re_extract(NUMBER, 1).nullif("")).filter(
        rows.is_live, rows.status.isin(FAILED), as_words(text).re_search(ABOUT),
        rows.created_at_day <= ibis.literal(material.today),
        rows.created_at_day > ibis.literal(material.today - timedelta(days=PERIOD)),
    )
    known = _typed(contracts(material)).select("membership_id", "membership_type")
    found = rows.left_join(known, rows.number == known.membership_id)
    return found.mutate(membership_type=found.membership_type.fill_null(UNKNOWN))


def _typed(rows: ir.Table) -> ir.Table:
    features = [(rows[column], ibis.literal(feature)) for column, feature in FLAGS.items()]
    return rows.mutate(membership_type=ibis.cases(*features, else_=rows["size"]))
