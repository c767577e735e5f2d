"""Find a customer by whatever a person has at hand, and gather what is known of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from regulars.errors import NotFound
from regulars.pipeline.connected import has_connections, strongest
from regulars.pipeline.named import called, some, some_customers
from regulars.pipeline.own import Own, ask_own, pointed, rows_of
from regulars.pipeline.stays import memberships_of
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.timeline import Months, timeline
from regulars.storage.engines.question import given

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.pipeline.asked import Asked
    from regulars.pipeline.workspace import Workspace

SHOWN = 10
"""How many candidates an error names."""

TOLD = ("raw_name", "email", "phone")
"""What a profile is shown with."""


Kind = Literal["id", "profile", "email", "phone", "name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """Whom a text means: how to look, and the values of that question."""

    kind: Kind
    values: Mapping[str, object]


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


def find_customer(asked: Asked, text: str) -> str:
    """Return the id of the one customer a text means: an id, `source/id`, e-mail address, phone number or full name.

    Raises NotFound when nobody is meant, or several are: then with the ids to choose from.
    """
    meaning = meaning_of(asked, text)
    found = asked.ask(_meant, meaning.kind, **meaning.values).to_pylist()
    if not found:
        raise NotFound(f"no customer {text!r}", hint="give an id, source/id, e-mail address, phone number or full name")
    if len(found) > 1:
        named = ", ".join(f"{row['customer_id']} ({row['name'] or 'no name'})" for row in found[:SHOWN])
        raise NotFound(f"{len(found)} customers match {text!r}", hint=f"give one id: {named}")
    return str(found[0]["customer_id"])


def customer_card(asked: Asked, customer_id: str, *, events: int = 50) -> CustomerCard:
    """Return what is known of one customer, the newest events first; only this customer's rows are read."""
    customer = customer_row(asked, customer_id)
    profiles = profiles_of(asked, customer_id)
    mine = [(row["profile_source"], row["profile_id"]) for row in profiles]
    return CustomerCard(
        customer=customer,
        profiles=profiles,
        segments=memberships_of(asked, customer_id),
        money=money_of(asked, mine),
        connections=strongest(asked, customer_id) if has_connections(asked) else [],
        timeline=timeline(asked, customer_id, mine, limit=events, months=months_of(customer)),
        family=family_of(asked, customer_id),
    )


def family_of(asked: Asked, customer_id: str) -> Family:
    """Return a customer's household, guardians and children, and how the customer is reached."""
    contact = rows_of(asked, "contacts", customer_id)
    return Family(
        household_id=contact[0]["household_id"] if contact else None,
        members=asked.ask(_household, customer_id=customer_id).to_pylist(),
        guardians=asked.ask(_others, "guardian", "child", customer_id=customer_id).to_pylist(),
        children=asked.ask(_others, "child", "guardian", customer_id=customer_id).to_pylist(),
        reached=contact[0] if contact else {},
    )


def customer_row(asked: Asked, customer_id: str) -> dict[str, Any]:
    """Return a customer's row. Raises NotFound for an id that nobody has."""
    found = rows_of(asked, "customers", customer_id)
    if not found:
        raise NotFound(f"there is no customer {customer_id!r}")
    return found[0]


def months_of(customer: dict[str, Any]) -> Months | None:
    """Return in which months something happened to a customer; None when nothing is known to have."""
    first, last = customer["first_seen"], customer["last_seen"]
    return None if first is None or last is None else Months(first=f"{first:%Y-%m}", last=f"{last:%Y-%m}")


def meaning_of(asked: Asked, text: str, *, is_part: bool = False) -> Meaning:
    """Return what a text means: an id, `source/id`, e-mail address, phone number or full name.

    With `is_part` a name need only contain the text: for lists that a person looks through.
    """
    text = text.strip()
    if text.startswith("c_"):
        return Meaning(kind="id", values={"meant": text})
    if "/" in text:
        source, _, profile = text.partition("/")
        return Meaning(kind="profile", values={"meant_source": source, "meant": profile})
    from regulars.identity.identifier import normalise_emails, normalise_phones  # noqa: PLC0415  ids need no numbers' plans

    rules = asked.identifier_rules
    if email := normalise_emails([text], rules=rules).values[0].as_py():
        return Meaning(kind="email", values={"meant": email})
    if phone := normalise_phones([text], rules=rules).values[0].as_py():
        return Meaning(kind="phone", values={"meant": phone})
    # Most people are looked for by name, and by one letter after the other: names are held and not read each time.
    return Meaning(kind="name", values=some(called(asked, " ".join(text.lower().split()), is_part=is_part)))


def matching(workspace: Workspace, kind: Kind) -> ir.Table:
    """Return the customers that a `Meaning` of some kind means, columns as in the lake; its values are to be given."""
    customers, identity, meant = workspace.table("customers"), workspace.table("identity"), given("meant")
    if kind == "name":
        return customers.semi_join(some_customers(), "customer_id")
    if kind == "id":
        return customers.filter(customers.customer_id == meant)
    if kind == "profile":
        is_own = (identity.profile_source == given("meant_source")) & (identity.profile_id == meant)
        return customers.semi_join(identity.filter(is_own), "customer_id")
    profiles = workspace.table("profiles")
    found = profiles.filter(profiles[kind] == meant).inner_join(identity, ["profile_source", "profile_id"])
    return customers.semi_join(found, "customer_id")


def money_of(asked: Asked, profiles: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return what a few profiles paid and got back: kind, currency, lines, amount in minor units."""
    return list(ask_own(asked, _paid, profiles=profiles).to_pylist())


def profiles_of(asked: Asked, customer_id: str) -> list[dict[str, Any]]:
    """Return a customer's profiles as their sources know them, those that are gone from there without a name."""
    mine = pointed(asked, customer_id)
    keys = [(row["profile_source"], row["profile_id"]) for row in mine]
    found = ask_own(asked, _known_as, profiles=keys).to_pylist()
    by_key = {(row["profile_source"], row["profile_id"]): row for row in found}
    return [
        {
            "profile_source": source, "profile_id": profile,
            **{name: by_key.get((source, profile), {}).get(name) for name in TOLD}, "evidence": row["evidence"],
        }
        for (source, profile), row in zip(keys, mine, strict=True)
    ]


def _meant(workspace: Workspace, kind: Kind) -> ir.Table:
    return matching(workspace, kind).select("customer_id", "name").order_by("customer_id")


def _paid(own: Own) -> ir.Table:
    lines = own.rows("money")
    sums = lines.group_by("kind", "currency").agg(lines=lines.count(), amount=lines.amount.sum())
    return sums.order_by("kind", "currency")


def _known_as(own: Own) -> ir.Table:
    return own.rows("profiles").select("profile_source", "profile_id", *TOLD)


def _household(workspace: Workspace) -> ir.Table:
    members, names = workspace.table(HOUSEHOLD_MEMBERS), workspace.table("customers").select("customer_id", "name")
    own = members.filter(members.customer_id == given("customer_id")).select("household_id")
    home = members.semi_join(own, "household_id").left_join(names, "customer_id").order_by("role", "customer_id")
    return home.select("customer_id", "name", "role", "is_guardian", "evidence")


def _others(workspace: Workspace, role: str, of: str) -> ir.Table:
    links, names = workspace.table("family_links"), workspace.table("customers").select("customer_id", "name")
    rows = links.filter(links[f"{of}_customer_id"] == given("customer_id")).select(
        "relationship", "confidence", "evidence", customer_id=f"{role}_customer_id"
    )
    named = rows.left_join(names, "customer_id").order_by("customer_id")
    return named.select("customer_id", "name", "relationship", "confidence", "evidence")
