"""Who would get a campaign and who would not, person by person; some messages as they would be read; what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pyarrow.compute as pc

from regulars.campaigns import sms
from regulars.campaigns.subset import REST
from regulars.campaigns.template import Unfilled
from regulars.pipeline.campaign import words
from regulars.pipeline.compose import Plan
from regulars.pipeline.workspace import Workspace

Chosen = Literal["planned", "skipped"]

OTHERS = r"\bc_\w+"
"""Customers that a reason names: for those who count reasons they are all alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A message as its reader would have it."""

    customer_id: str
    address: str
    variant: str
    due_at: datetime
    subject: str
    text: str
    segments: int                            # of a text message; 0 of an e-mail


def people_of(
    plan: Plan, *, limit: int, after: str | None = None, state: Chosen | None = None, reason: str | None = None,
    variant: str | None = None,
) -> list[dict[str, Any]]:
    """Return some people of an audience, by id: customer_id, address, variant, state, reason, due_at.

    `reason` is one as `Plan.reasons` counts it.
    """
    rows = plan.rows
    if after is not None:
        rows = rows.filter(pc.greater(rows["customer_id"], after))
    for name, value in (("state", state), ("variant", variant)):
        if value is not None:
            rows = rows.filter(pc.equal(rows[name], value))
    if reason is not None:
        told = pc.replace_substring_regex(rows["reason"], OTHERS, "…")
        rows = rows.filter(pc.fill_null(pc.equal(told, reason), False))
    names = ["customer_id", "address", "variant", "state", "reason", "due_at"]
    found: list[dict[str, Any]] = rows.slice(0, limit).select(names).to_pylist()
    return found


def examples(workspace: Workspace, plan: Plan, *, limit: int) -> list[Example]:
    """Return the messages of the first people who would get one, of every variant in turn."""
    ready, rows = words(workspace.project, plan.campaign), plan.rows
    going = rows.filter(pc.and_(pc.equal(rows["state"], "planned"), pc.not_equal(rows["variant"], REST)))
    by_variant = [
        going.filter(pc.equal(going["variant"], name)).slice(0, limit).to_pylist()
        for name in sorted(pc.unique(going["variant"]).to_pylist())
    ]
    found = []
    for place in range(limit):
        for row in (mine[place] for mine in by_variant if place < len(mine)):
            filled = ready.fill(row["variant"], row["gaps"])
            subject, text = ("", f"not sent: {filled.reason}") if isinstance(filled, Unfilled) else (
                filled.subject, filled.text
            )
            found.append(Example(
                customer_id=row["customer_id"], address=row["address"], variant=row["variant"], due_at=row["due_at"],
                subject=subject, text=text, segments=sms.count(text).segments if plan.campaign.channel == "sms" else 0,
            ))
    return found[:limit]


def cost(plan: Plan) -> int | None:
    """Return what a plan would cost in minor units of the business's currency; None where nobody said what it costs."""
    costs = plan.campaign.costs
    return None if costs is None else costs.of(plan.segments if plan.campaign.channel == "sms" else plan.sendable)
