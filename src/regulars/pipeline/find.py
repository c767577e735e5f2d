"""Find a customer by whatever a person has at hand, and gather what is known of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from regulars.errors import NotFound
from regulars.identity.identifier import normalise_emails, normalise_phones
from regulars.pipeline.connected import has_connections, strongest
from regulars.pipeline.segment import memberships_of
from regulars.pipeline.timeline import Months, of_profiles, timeline
from regulars.pipeline.workspace import Workspace

SHOWN = 10
"""How many candidates an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Who a customer lives with and how the customer is reached; rows are mappings of the lake's columns."""

    household_id: str | None
    members: list[dict[str, Any]]            # customer_id, name, role, is_guardian, evidence; the customer too
    guardians: list[dict[str, Any]]          # customer_id, name, relationship, confidence, evidence
    children: list[dict[str, Any]]           # the same
    reached: dict[str, Any]                  # email and phone, whose they are and why


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerCard:
    """One customer as a person wants to see it; rows are mappings of the lake's columns."""

    customer: dict[str, Any]
    profiles: list[dict[str, Any]]           # source, id, name, e-mail, phone, evidence
    segments: list[dict[str, Any]]           # segment, entered_day, until_day
    money: list[dict[str, Any]]              # kind, lines, amount in minor units
    timeline: list[dict[str, Any]]           # newest first
    family: Family
    connections: list[dict[str, Any]]        # other_id, other_name, tie and what it rests on; the strongest first


def find_customer(workspace: Workspace, text: str) -> str:
    """Return the id of the one customer a text means: an id, `source/id`, e-mail address, phone number or full name.

    Raises NotFound when nobody is meant, or several are: then with the ids to choose from.
    """
    found = _rows(workspace, matching(workspace, text))
    if not found:
        raise NotFound(f"no customer {text!r}", hint="give an id, source/id, e-mail address, phone number or full name")
    if len(found) > 1:
        named = ", ".join(f"{row['customer_id']} ({row['name'] or 'no name'})" for row in found[:SHOWN])
        raise NotFound(f"{len(found)} customers match {text!r}", hint=f"give one id: {named}")
    return str(found[0]["customer_id"])


def customer_card(workspace: Workspace, customer_id: str, *, events: int = 50) -> CustomerCard:
    """Return what is known of one customer, the newest events first; only this customer's rows are read."""
    customer = customer_row(workspace, customer_id)
    profiles = profiles_of(workspace, customer_id)
    mine = [(row["profile_source"], row["profile_id"]) for row in profiles]
    return CustomerCard(
        customer=customer,
        profiles=profiles,
        segments=memberships_of(workspace, customer_id),
        money=money_of(workspace, mine),
        connections=strongest(workspace, customer_id) if has_connections(workspace) else [],
        timeline=timeline(workspace, customer_id, mine, limit=events, months=months_of(customer)),
        family=family_of(workspace, customer_id),
    )


def family_of(workspace: Workspace, customer_id: str) -> Family:
    """Return a customer's household, guardians and children, and how the customer is reached."""
    members, links = workspace.table("household_members"), workspace.table("family_links")
    names = workspace.table("customers").select("customer_id", "name")
    own = members.filter(members.customer_id == customer_id).select("household_id")
    home = members.semi_join(own, "household_id").left_join(names, "customer_id").order_by("role", "customer_id")
    contact = workspace.rows(_one(workspace.table("contacts"), customer_id))

    def others(role: str, of: str) -> list[dict[str, Any]]:
        rows = links.filter(links[of] == customer_id).select(
            "relationship", "confidence", "evidence", customer_id=f"{role}_customer_id"
        )
        named = rows.left_join(names, "customer_id").order_by("customer_id")
        return workspace.rows(named.select("customer_id", "name", "relationship", "confidence", "evidence"))

    return Family(
        household_id=contact[0]["household_id"] if contact else None,
        members=workspace.rows(home.select("customer_id", "name", "role", "is_guardian", "evidence")),
        guardians=others("guardian", "child_customer_id"),
        children=others("child", "guardian_customer_id"),
        reached=contact[0] if contact else {},
    )


def customer_row(workspace: Workspace, customer_id: str) -> dict[str, Any]:
    """Return a customer's row. Raises NotFound for an id that nobody has."""
    found = workspace.rows(_one(workspace.table("customers"), customer_id))
    if not found:
        raise NotFound(f"there is no customer {customer_id!r}")
    return found[0]


def months_of(customer: dict[str, Any]) -> Months | None:
    """Return in which months something happened to a customer; None when nothing is known to have."""
    first, last = customer["first_seen"], customer["last_seen"]
    return None if first is None or last is None else Months(first=f"{first:%Y-%m}", last=f"{last:%Y-%m}")


def matching(workspace: Workspace, text: str, *, is_part: bool = False) -> ir.Table:
    """Return the customers a text means: an id, `source/id`, e-mail address, phone number or full name.

    With `is_part` a name need only contain the text: for lists that a person looks through.
    """
    return _matches(workspace, workspace.table("customers"), text.strip(), is_part=is_part)


def money_of(workspace: Workspace, profiles: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return what a few profiles paid and got back: kind, currency, lines, amount in minor units."""
    lines = of_profiles(workspace.table("money"), profiles)
    sums = lines.group_by("kind", "currency").agg(lines=lines.count(), amount=lines.amount.sum())
    return workspace.rows(sums.order_by("kind", "currency"))


def profile_keys(workspace: Workspace, customer_id: str) -> list[tuple[str, str]]:
    """Return a customer's profiles, source and id of each, sorted."""
    mine = _one(workspace.table("identity"), customer_id).select("profile_source", "profile_id")
    rows = workspace.rows(mine.order_by("profile_source", "profile_id"))
    return [(row["profile_source"], row["profile_id"]) for row in rows]


def profiles_of(workspace: Workspace, customer_id: str) -> list[dict[str, Any]]:
    """Return a customer's profiles as their sources know them, those that are gone from there without a name."""
    identity = _one(workspace.table("identity"), customer_id).select("profile_source", "profile_id", "evidence")
    mine = workspace.rows(identity.order_by("profile_source", "profile_id"))
    keys = [(row["profile_source"], row["profile_id"]) for row in mine]
    told = ("raw_name", "email", "phone")
    found = of_profiles(workspace.table("profiles"), keys).select("profile_source", "profile_id", *told)
    by_key = {(row["profile_source"], row["profile_id"]): row for row in workspace.rows(found)}
    return [
        {
            "profile_source": source, "profile_id": profile,
            **{name: by_key.get((source, profile), {}).get(name) for name in told}, "evidence": row["evidence"],
        }
        for (source, profile), row in zip(keys, mine, strict=True)
    ]


def _matches(workspace: Workspace, customers: ir.Table, text: str, *, is_part: bool) -> ir.Table:
    if text.startswith("c_"):
        return customers.filter(customers.customer_id == text)
    if "/" in text:
        source, _, profile = text.partition("/")
        identity = workspace.table("identity")
        own = identity.filter(identity.profile_source == source, identity.profile_id == profile)
        return customers.semi_join(own, "customer_id")
    rules = workspace.project.identifier_rules
    profiles, identity = workspace.table("profiles"), workspace.table("identity")
    name = profiles.raw_name.lower()
    is_meant = name.contains(text.lower()) if is_part else name == text.lower()
    if email := normalise_emails([text], rules=rules).values[0].as_py():
        is_meant = profiles.email == email
    elif phone := normalise_phones([text], rules=rules).values[0].as_py():
        is_meant = profiles.phone == phone
    meant = profiles.filter(is_meant).inner_join(identity, ["profile_source", "profile_id"])
    return customers.semi_join(meant, "customer_id")


def _rows(workspace: Workspace, customers: ir.Table) -> list[dict[str, Any]]:
    return workspace.rows(customers.select("customer_id", "name").order_by("customer_id"))


def _one(table: ir.Table, customer_id: str) -> ir.Table:
    return table.filter(table.customer_id == customer_id)
