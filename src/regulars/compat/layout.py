"""The files of the reference layout: where each lies, what it is made of, and what only comes with a later stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir

from regulars.compat import (
    connections,
    failures,
    family,
    gym,
    memberships,
    people,
    referrals,
    timeline,
    transactions,
    transfers,
    visits,
)
from regulars.compat.material import Material
from regulars.events.event import TRANSFERS

_GYM = (memberships.MEMBERSHIPS, memberships.PEOPLE)
_MONEY = ("money", transactions.GIVEBACKS, "identity", "customers")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTable:
    """One file of a layout."""

    path: str                                # "capitan/members": prefix and name, without the suffix
    build: Callable[[Material], ir.Table]    # its docstring is the file's documentation
    needs: tuple[str, ...]                   # tables of the lake without which it cannot be
    order_by: tuple[str, ...]                # a key: equal rows, equal bytes

    @property
    def name(self) -> str:
        """Return the name people type."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterTable:
    """A file of the reference that nothing here can give yet."""

    path: str
    comes_with: str

    @property
    def name(self) -> str:
        """Return the name people type."""
        return self.path.rpartition("/")[2]


REFERENCE = (
    ExportTable(path="capitan/memberships", build=memberships.memberships, needs=(memberships.MEMBERSHIPS,),
                order_by=("membership_id",)),
    ExportTable(path="capitan/members", build=memberships.members, needs=_GYM,
                order_by=("membership_id", "customer_id")),
    ExportTable(path="capitan/membership_projection", build=memberships.membership_projection,
                needs=(memberships.MEMBERSHIPS,), order_by=("date",)),
    ExportTable(path="capitan/membership_snapshot_counts", build=memberships.membership_snapshot_counts, needs=_GYM,
                order_by=("dimension", "value")),
    ExportTable(path="capitan/at_risk_members", build=visits.at_risk_members, needs=(*_GYM, visits.CHECK_INS),
                order_by=("customer_id",)),
    ExportTable(path="capitan/new_members", build=visits.new_members, needs=(*_GYM, visits.CHECK_INS),
                order_by=("customer_id",)),
    ExportTable(path="capitan/referrals", build=referrals.referrals, needs=(referrals.REFERRALS,),
                order_by=("referral_id",)),
    ExportTable(path="capitan/referral_leaderboard", build=referrals.referral_leaderboard,
                needs=(referrals.REFERRALS,), order_by=("referrer_id",)),
    ExportTable(path="capitan/pass_transfers", build=transfers.pass_transfers, needs=(TRANSFERS,),
                order_by=("checkin_id",)),
    ExportTable(path="capitan/customers", build=gym.customers, needs=(memberships.CUSTOMERS,), order_by=("id",)),
    ExportTable(path="capitan/checkins", build=gym.checkins, needs=(visits.CHECK_INS,), order_by=("checkin_id",)),
    ExportTable(path="capitan/associations", build=gym.associations, needs=(gym.ASSOCIATIONS,), order_by=("id",)),
    ExportTable(path="capitan/association_members", build=gym.association_members, needs=(gym.ASSOCIATION_MEMBERS,),
                order_by=("id",)),
    ExportTable(path="capitan/events", build=gym.events, needs=(gym.EVENTS,), order_by=("event_id", "part")),
    ExportTable(path="capitan/customer_interactions", build=connections.customer_interactions,
                needs=(connections.INTERACTIONS, "identity"), order_by=("interaction_id",)),
    ExportTable(path="capitan/customer_connections", build=connections.customer_connections,
                needs=(connections.INTERACTIONS, "identity"), order_by=("customer_id_1", "customer_id_2")),
    ExportTable(path="customers/customers_master", build=people.customers_master, needs=("customers",),
                order_by=("customer_id",)),
    ExportTable(path="customers/customer_identifiers", build=people.customer_identifiers,
                needs=("customers", "profiles", "identity"), order_by=("customer_id", "source", "source_id", "type")),
    ExportTable(path="customers/customer_events", build=timeline.customer_events, needs=("events", "identity"),
                order_by=("customer_id", "event_date", "occurred_at", "event_id")),
    ExportTable(path="customers/customer_flags", build=people.customer_flags, needs=("memberships", "transitions"),
                order_by=("customer_id", "flag_type")),
    ExportTable(path="customers/family_relationships", build=family.family_relationships, needs=("family_links",),
                order_by=("parent_customer_id", "child_customer_id")),
    ExportTable(path="transactions/combined_transactions", build=transactions.combined_transactions, needs=_MONEY,
                order_by=("Date", "Data Source", "transaction_id")),
    ExportTable(path="transactions/recent_transactions", build=transactions.recent_transactions, needs=_MONEY,
                order_by=("Date", "Data Source", "transaction_id")),
    ExportTable(path="stripe/failed_membership_payments", build=failures.failed_membership_payments,
                needs=(failures.INTENTS, memberships.MEMBERSHIPS), order_by=("created_at", "payment_intent_id")),
    ExportTable(path="stripe/membership_failure_rates", build=failures.membership_failure_rates,
                needs=(failures.INTENTS, memberships.MEMBERSHIPS), order_by=("membership_type",)),
    ExportTable(path="analytics/day_pass_engagement", build=visits.day_pass_engagement,
                needs=(*_GYM, visits.CHECK_INS), order_by=("customer_id",)),
    ExportTable(path="analytics/day_pass_checkin_recency", build=visits.day_pass_checkin_recency,
                needs=(*_GYM, visits.CHECK_INS), order_by=("checkin_id",)),
    ExportTable(path="analytics/membership_conversion_metrics", build=visits.membership_conversion_metrics,
                needs=(*_GYM, visits.CHECK_INS), order_by=("customer_id",)),
)
"""Every file that the present tables can give, in the order in which they are written."""

LATER = tuple(LaterTable(path=path, comes_with=stage) for path, stage in (
    ("customers/contact_preferences", "consent"),
    ("customers/opt_in_records", "consent"),
    ("twilio/sms_opt_in_status", "consent"),
    ("twilio/sms_opt_in_history", "consent"),
    ("experiments/customer_experiment_entries", "experiments"),
    ("shopify/synced_flags", "destinations"),
    ("analytics/flag_email_verification", "campaigns"),
))
"""What the reference has beyond that, and the stage it comes with; never faked."""
