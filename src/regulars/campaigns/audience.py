"""Who of an audience gets a message, who not and why: expressions over everybody, the same that is sent by."""

from __future__ import annotations

from collections.abc import Collection

import ibis
import ibis.expr.types as ir

from regulars.campaigns.campaign import OnePer

OWN = "own"
"""What `identity.reach` says of an address that is the person's own, and no guardian's."""

WITHOUT_EXPERIMENT = ""
"""The variant of a campaign that has no experiment."""


def candidates(
    people: ir.Table, permitted: ir.Table, assigned: ir.Table | None, *, silent: Collection[str] = ()
) -> ir.Table:
    """Return one row a person, with the columns of people, address, is_own, variant, reason, until.

    reason is null for whoever may be written to: at once, or from `until` (UTC) on.

    Args:
        people: customer_id, household_id and further columns; the audience.
        permitted: customer_id, address, address_reason, allowed, reason, until: what `consent.permission` says of
            everybody.
        assigned: customer_id, variant; None where the campaign has no experiment.
        silent: Variants that get nothing.

    """
    known = permitted.select(
        "customer_id", "address", is_own=permitted.address_reason == OWN, why=permitted.reason, until=permitted.until,
        is_allowed=permitted.allowed | permitted.until.notnull(),
    )
    found = people.left_join(known, "customer_id").drop("customer_id_right")
    if assigned is None:
        found = found.mutate(variant=ibis.literal(WITHOUT_EXPERIMENT))
    else:
        found = found.left_join(assigned.select("customer_id", "variant"), "customer_id").drop("customer_id_right")
    said = [(found.variant.isnull(), ibis.literal("not in the experiment"))]
    if silent:
        said.append((found.variant.isin(sorted(silent)), ibis.literal("nothing is sent to ") + found.variant))
    said += [
        (found.is_allowed.isnull(), ibis.literal("no address: none on file")), (~found.is_allowed, found.why)
    ]
    reason = ibis.cases(*said, else_=ibis.null("string"))
    # Who is permitted only later is permitted: the message waits.
    named = found.mutate(variant=found.variant.fill_null(WITHOUT_EXPERIMENT), reason=reason)
    return named.select(*people.columns, "address", "is_own", "variant", "reason", "until")


def doubles(people: ir.Table, *, one_per: OnePer) -> ir.Table:
    """Return those whose message somebody else gets for them: customer_id, reason.

    No address gets two messages, and of a household only one person gets one where that is asked for: whoever it is
    whose own the address is, and of several the one with the least id.

    Args:
        people: customer_id, address, is_own, household_id of those who would get one.
        one_per: Whether a household counts as one.

    """
    found = _later(people, people.address, "shares an address with ")
    if one_per == "customer":
        return found
    firsts = people.anti_join(found, "customer_id")
    living = firsts.filter(firsts.household_id.notnull())
    return found.union(_later(living, living.household_id, "their household's message goes to "))


def _later(people: ir.Table, shared: ir.Value, why: str) -> ir.Table:
    same = ibis.window(group_by=shared)
    own = people.is_own.ifelse(people.customer_id, ibis.null("string"))
    told = people.select("customer_id", first=own.min().over(same).coalesce(people.customer_id.min().over(same)))
    return told.filter(told.customer_id != told["first"]).select(
        "customer_id", reason=ibis.literal(why) + told["first"]
    )
