"""One customer's events, newest first: their profiles' events, found through the identity at reading time."""

from __future__ import annotations

import ibis.expr.types as ir


def timeline(events: ir.Table, identity: ir.Table, *, customer_id: str) -> ir.Table:
    """Return the events of all profiles of one customer, newest first, columns of `events` and `customer_id`.

    Args:
        events: the events table.
        identity: profile_source, profile_id, customer_id.
        customer_id: whose.

    A merge or split of customers changes this without touching an event. Empty when the customer is unknown.
    """
    own = identity.filter(identity.customer_id == customer_id).select("profile_source", "profile_id", "customer_id")
    found = events.inner_join(own, ["profile_source", "profile_id"])
    return found.order_by(found.occurred_at.desc(), found.recorded_at.desc(), "event_type", "event_id")
