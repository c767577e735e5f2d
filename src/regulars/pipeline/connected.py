"""Connected: one customer's ties, one community's, and how strong connections are on the whole; for screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.errors import NotFound
from regulars.pipeline.named import names_of, some, some_customers
from regulars.pipeline.tables import COMMUNITIES, COMPANIONS, CONNECTIONS
from regulars.storage.engines.question import given

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.pipeline.asked import Asked
    from regulars.pipeline.workspace import Workspace

SHOWN = 24
"""How many people a picture shows: more names than that nobody reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """Some people and the ties among them."""

    people: list[dict[str, Any]]             # customer_id, name; the one it is about comes first
    ties: list[dict[str, Any]]               # columns of COMPANION, the strongest first
    left_out: int = 0                        # people of the community that are not shown


def has_connections(asked: Asked) -> bool:
    """Say whether anybody's connections were ever looked at."""
    return asked.has(COMPANIONS)


def strongest(asked: Asked, customer_id: str, *, limit: int = 10) -> list[dict[str, Any]]:
    """Return one customer's strongest ties, the strongest first.

    Columns of COMPANION as seen from the customer: other_id, other_name, led (days on which the customer came first),
    followed, passes_given, passes_got, and the rest as they are. Only ties that say something: companions, family,
    passes.
    """
    rows = asked.ask(_strongest, limit, customer_id=customer_id).to_pylist()
    names = names_of(asked, [row["other_id"] for row in rows])
    return [{**row, "other_name": names.get(row["other_id"])} for row in rows]


def circle(workspace: Workspace, customer_id: str) -> Circle:
    """Return a customer, those he is tied to most, and the ties among all of them."""
    others = [row["other_id"] for row in strongest(workspace, customer_id, limit=SHOWN - 1)]
    return _among(workspace, [customer_id, *others], left_out=0)


def community(workspace: Workspace, number: int) -> Circle:
    """Return the people of a community, those with most ties in it first. Raises NotFound when there is none such."""
    rows = _table(workspace, COMMUNITIES)
    members = workspace.rows(rows.filter(rows.community == number).order_by(rows.ties.desc(), "customer_id"))
    if not members:
        many = workspace.value(rows.community.max()) or 0
        hint = f"there are communities 1 to {many}" if many else "nobody is tied to anybody yet"
        raise NotFound(f"there is no community {number}", hint=hint)
    shown = [row["customer_id"] for row in members[:SHOWN]]
    return _among(workspace, shown, left_out=len(members) - len(shown))


def community_of(workspace: Workspace, customer_id: str) -> int | None:
    """Return the number of the community a customer is in, None when in none."""
    rows = _table(workspace, COMMUNITIES)
    found = workspace.rows(rows.filter(rows.customer_id == customer_id).select("community"))
    return int(found[0]["community"]) if found else None


def strengths(workspace: Workspace) -> list[dict[str, Any]]:
    """Return how many pairs have each strength, 1 to 5: strength, pairs, companions (of them)."""
    import ibis  # noqa: PLC0415  who asks what was compiled before needs no expressions

    rows = _table(workspace, CONNECTIONS)
    pair = ["customer_id_1", "customer_id_2"]
    sure = _companions(workspace).filter(lambda t: t.is_companion).select(*pair, is_companion=ibis.literal(True))
    joined = rows.left_join(sure, pair)
    counted = joined.group_by("strength").agg(pairs=joined.count(), companions=joined.is_companion.count())
    found = {row["strength"]: row for row in workspace.rows(counted)}
    return [found.get(mark, {"strength": mark, "pairs": 0, "companions": 0}) for mark in range(1, 6)]


def largest_communities(workspace: Workspace, *, limit: int = 10) -> list[dict[str, Any]]:
    """Return the largest communities: community, people, ties, and the name of who has most of them."""
    import ibis  # noqa: PLC0415  the same

    rows = _table(workspace, COMMUNITIES)
    turn = ibis.row_number().over(group_by="community", order_by=[rows.ties.desc(), rows.customer_id])
    sums = rows.group_by("community").agg(people=rows.count(), ties=(rows.ties.sum() / 2).cast("int64"))
    first = rows.mutate(turn=turn).filter(lambda t: t.turn == 0).select("community", "customer_id")
    names = workspace.table("customers").select("customer_id", centre="name")
    found = sums.inner_join(first, "community").left_join(names, "customer_id")
    return workspace.rows(found.select("community", "people", "ties", "centre").order_by("community").limit(limit))


def _strongest(workspace: Workspace, limit: int) -> ir.Table:
    import ibis  # noqa: PLC0415  the same

    rows = _telling(workspace)
    parts = []
    for own, other in ((1, 2), (2, 1)):
        mine = rows.filter(rows[f"customer_id_{own}"] == given("customer_id"))
        parts.append(mine.select(
            "tie", "days_together", "expected_days", "jaccard", "p_value", "is_companion", "is_family", "last_day",
            other_id=mine[f"customer_id_{other}"], led=mine[f"led_by_{own}"], followed=mine[f"led_by_{other}"],
            passes_given=mine[f"passes_from_{own}"], passes_got=mine[f"passes_from_{other}"],
        ))
    found = ibis.union(*parts)
    return found.order_by(found.tie.desc(), "other_id").limit(limit)


def _among(workspace: Workspace, ids: list[str], *, left_out: int) -> Circle:
    names = names_of(workspace, ids)
    return Circle(
        people=[{"customer_id": each, "name": names.get(each)} for each in ids],
        ties=workspace.ask(_inside, **some(ids)).to_pylist(), left_out=left_out,
    )


def _inside(workspace: Workspace) -> ir.Table:
    """Return the ties among some people that say something, the strongest first."""
    inside = _telling(workspace)
    for own in ("customer_id_1", "customer_id_2"):
        inside = inside.semi_join(some_customers().select(**{own: "customer_id"}), own)
    return inside.order_by(inside.tie.desc(), inside.customer_id_1, inside.customer_id_2)


def _telling(workspace: Workspace) -> ir.Table:
    """Return the ties that say something, columns of COMPANION."""
    rows = _companions(workspace)
    return rows.filter(rows.is_companion | rows.is_family | (rows.passes_from_1 + rows.passes_from_2 > 0))


def _companions(workspace: Workspace) -> ir.Table:
    return _table(workspace, COMPANIONS)


def _table(workspace: Workspace, name: str) -> ir.Table:
    if not workspace.has(name):
        raise NotFound("nobody's connections are known", hint="they come of check-ins: regulars run")
    return workspace.table(name)
