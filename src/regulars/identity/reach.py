"""How a person is reached: an adult by their own address, a minor through a guardian, and a household once.

Nothing here says that somebody may be written to: consent is asked elsewhere. It says where a message would go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir

from regulars.identity.guardian import guardians
from regulars.identity.kin import rank_of

Channel = Literal["email", "phone"]
CHANNELS: tuple[Channel, ...] = ("email", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """Who gets a message, and about whom."""

    messages: ir.Table                       # an address a row: recipient_customer_id, household_id, people, about
    about: ir.Table                          # about_customer_id a row: recipient_customer_id, address, reason


def contacts(members: ir.Table, links: ir.Table, people: ir.Table) -> ir.Table:
    """One row a customer: which address and number reach that person, and why.

    customer_id, household_id, is_minor; for `email` and `phone` each: the contact, <channel>_customer_id (whose it is)
    and <channel>_reason. Reasons with a contact: `own`, `primary guardian`, `other guardian`; without one: `none on
    file`, `no guardian has one`, `minor without guardian`. A minor's own address or number is never among them.

    Args:
        members: everyone's household and role, as of a day (see `household.household_members`).
        links: `guardian.FAMILY_LINKS`.
        people: customer_id, email, phone.

    """
    aged = members.select("customer_id", "household_id", is_minor=members.role == "minor")
    found = aged.inner_join(people, "customer_id")
    found = found.left_join(_through_guardians(guardians(links, aged), people), "customer_id")
    columns: dict[str, ir.Value] = {}
    for channel in CHANNELS:
        own, via, place = found[channel], found[f"{channel}_via"], found[f"{channel}_place"]
        columns[channel] = found.is_minor.ifelse(found[f"guardian_{channel}"], own)
        columns[f"{channel}_customer_id"] = found.is_minor.ifelse(
            via, own.notnull().ifelse(found.customer_id, ibis.null("string"))
        )
        columns[f"{channel}_reason"] = ibis.cases(
            (~found.is_minor & own.notnull(), "own"),
            (~found.is_minor, "none on file"),
            (place == 0, "primary guardian"),
            (place > 0, "other guardian"),
            (found.guardians > 0, "no guardian has one"),
            else_="minor without guardian",
        )
    return found.select("customer_id", "household_id", "is_minor", **columns)


def recipients(reached: ir.Table, asked: ir.Table, *, channel: Channel) -> Recipients:
    """Decide who gets one message about whom: one message an address, however many it is about.

    Args:
        reached: rows of `contacts`.
        asked: customer_id of the customers a message is about; twice is once.
        channel: `email` or `phone`.

    Who cannot be reached has no recipient, and the reason says why. Of several who share the address the recipient is
    the one who is asked for, else the first by id.
    """
    wanted = asked.select("customer_id").distinct()
    found = wanted.left_join(reached, "customer_id").select(
        about_customer_id=wanted.customer_id, address=reached[channel], via=reached[f"{channel}_customer_id"],
        reason=reached[f"{channel}_reason"].fill_null("no such customer"),
    )
    # The one who is asked for goes first: "0" before "1", then by id.
    order = (found.via == found.about_customer_id).ifelse("0", "1") + found.via
    first = order.min().over(group_by="address")
    about = found.select(
        "about_customer_id", recipient_customer_id=found.address.notnull().ifelse(first.substr(1), None),
        address="address", reason="reason",
    )
    told = about.filter(about.address.notnull())
    messages = told.group_by("address", "recipient_customer_id").aggregate(
        people=told.count(), about=told.about_customer_id.collect().sort().join(",")
    )
    home = reached.select(recipient_customer_id="customer_id", household_id="household_id")
    messages = messages.left_join(home, "recipient_customer_id")
    return Recipients(
        messages=messages.select("address", "recipient_customer_id", "household_id", "people", "about"), about=about
    )


def _through_guardians(acting: ir.Table, people: ir.Table) -> ir.Table:
    """customer_id of each minor with a guardian, how many these are, and for each channel the first who has a contact.

    First is the surest link; of equals the one whose address or number the child's own account carries, then a parent,
    then the first by id.
    """
    adult = people.select(guardian_customer_id="customer_id", their_email="email", their_phone="phone")
    child = people.select(child_customer_id="customer_id", own_email="email", own_phone="phone")
    found = acting.inner_join(adult, "guardian_customer_id").inner_join(child, "child_customer_id")
    is_shared = (found.own_email == found.their_email).fill_null(False) | (
        found.own_phone == found.their_phone
    ).fill_null(False)
    order = [rank_of(found.confidence), is_shared.desc(), found.relationship != "parent", found.guardian_customer_id]
    placed = found.mutate(place=ibis.row_number().over(group_by="child_customer_id", order_by=order))
    columns: dict[str, ir.Value] = {}
    for channel in CHANNELS:
        theirs = placed[f"their_{channel}"]
        columns[f"guardian_{channel}"] = theirs.argmin(placed.place, where=theirs.notnull())
        columns[f"{channel}_via"] = placed.guardian_customer_id.argmin(placed.place, where=theirs.notnull())
        columns[f"{channel}_place"] = placed.place.min(where=theirs.notnull())
    return placed.group_by(customer_id=placed.child_customer_id).aggregate(guardians=placed.count(), **columns)
