"""Review: the questions about identity that are open, the answers people gave, and taking an answer back.

An answer is a ruling in the book. It takes effect with the next run, outweighs all evidence, and is never overruled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.errors import NotFound, RegularsError
from regulars.identity.evidence import CONFLICTS
from regulars.identity.matching import MATCHES
from regulars.identity.review import SIDES, Consequence, consequences, question_id, questions
from regulars.identity.tier import TIERS, tiers
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.identity import Ruling, Verdict

SHOWN = ("raw_name", "email", "phone", "birthday", "address", "postcode", "city")
"""What is shown of the two profiles of a question, side by side, where the project has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One open question with everything a person needs to answer it."""

    question_id: str
    kind: str                                # match or conflict
    left: dict[str, Any]                     # profile: source, id, SHOWN; customer_id, profiles, events
    right: dict[str, Any]
    probability: float | None                # that they are one person; None of a conflict
    evidence: list[dict[str, Any]]           # field, outcome, bits; of a conflict one entry with the sentence
    same: Consequence
    different: Consequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """Two profiles whose likeness was weighed, whether they are one customer for it or a person is asked."""

    left: str                                # source/id
    right: str                               # source/id
    probability: float                       # that they are one person
    weight: float                            # the same in bits
    tier: str                                # medium: merged; low: asked
    evidence: list[dict[str, Any]]           # field, outcome, bits; the prior first


def weighed(workspace: Workspace, pair: tuple[str, str]) -> Weighed:
    """Return what likeness says of two profiles, each `source/id`. Raises NotFound where nothing was weighed."""
    (left_source, left_id), (right_source, right_id) = (_known(workspace, one) for one in pair)
    ends = {(left_source, left_id), (right_source, right_id)}
    matches = workspace.table("matches")
    of = matches.filter(matches.left_id.isin([left_id, right_id]), matches.right_id.isin([left_id, right_id]))
    for row in workspace.rows(of):
        sides = [(row[f"{side}_source"], row[f"{side}_id"]) for side in ("left", "right")]
        if set(sides) == ends:
            left, right = ("/".join(side) for side in sides)
            return Weighed(
                left=left, right=right, probability=float(row["probability"]), weight=float(row["weight"]),
                tier=row["tier"], evidence=json.loads(row["evidence"]),
            )
    raise NotFound(
        f"likeness says nothing of {pair[0]} and {pair[1]}",
        hint="exact evidence joins them, or they are less likely one person than `review_from`",
    )


def open_questions(workspace: Workspace, *, limit: int) -> list[Question]:
    """Return the questions that are open, the gravest first; none before the first run."""
    if not workspace.lake.exists("identity"):
        return []
    rows = workspace.rows(_open(workspace).limit(limit))
    customers = _customers(workspace, {row[f"{side}_customer"] for row in rows for side in ("left", "right")})
    profiles = _profiles(workspace, rows)
    return [_question(row, profiles, customers) for row in rows]


def count_questions(workspace: Workspace) -> int:
    """Return how many questions are open."""
    return workspace.count(_open(workspace)) if workspace.lake.exists("identity") else 0


def count_tiers(workspace: Workspace) -> dict[str, int]:
    """Return how many profiles there are of each tier (`identity.tier.TIERS`), the surest first."""
    if not (workspace.lake.exists("identity") and workspace.lake.exists("matches")):
        return dict.fromkeys(TIERS, 0)
    found = tiers(workspace.table("identity"), workspace.table("matches")).group_by("tier").agg(profiles=ibis._.count())
    counts = {row["tier"]: row["profiles"] for row in workspace.rows(found)}
    return {tier: counts.get(tier, 0) for tier in TIERS}


def rule(workspace: Workspace, pair: tuple[str, str], verdict: Verdict, *, reason: str, by: str) -> Ruling:
    """Write down what a person decided of two profiles, each `source/id`.

    Raises NotFound for one nobody knows, RegularsError when both are the same one.
    """
    (left_source, left_id), (right_source, right_id) = (_known(workspace, one) for one in sorted(pair))
    if (left_source, left_id) == (right_source, right_id):
        raise RegularsError(f"{pair[0]!r} is one profile, not two", hint="`regulars review` shows pairs to rule on")
    ruling = Ruling(
        ruling_id=f"r_{uuid4().hex[:12]}", verdict=verdict, left_source=left_source, left_id=left_id,
        right_source=right_source, right_id=right_id, reason=reason, ruled_by=by, ruled_at=workspace.clock.now(),
    )
    workspace.book.identity.add_ruling(ruling)
    return ruling


def take_back(workspace: Workspace, ruling_id: str) -> None:
    """Take a ruling back: the next run leaves everything as it was without it. Raises NotFound."""
    workspace.book.identity.revoke_ruling(ruling_id, at=workspace.clock.now())


def _open(workspace: Workspace) -> ir.Table:
    engine, book = workspace.stores.engine, workspace.book.identity
    conflicts = pa.Table.from_pylist([json.loads(one.detail) for one in book.conflicts()], schema=CONFLICTS)
    ruled = [{name: getattr(ruling, name) for name in SIDES} for ruling in book.rulings()]
    sides = pa.schema([(name, pa.string()) for name in SIDES])
    has_matches = workspace.lake.exists("matches")
    return questions(
        workspace.table("matches") if has_matches else engine.arrow(MATCHES.empty_table()), engine.arrow(conflicts),
        workspace.table("identity"), engine.arrow(pa.Table.from_pylist(ruled, schema=sides)),
    )


def _known(workspace: Workspace, profile: str) -> tuple[str, str]:
    source, _, profile_id = profile.partition("/")
    identity = workspace.table("identity")
    if not workspace.count(identity.filter(identity.profile_source == source, identity.profile_id == profile_id)):
        raise NotFound(f"there is no profile {profile!r}", hint="write source/id as `regulars customer` shows them")
    return source, profile_id


def _customers(workspace: Workspace, wanted: set[str]) -> dict[str, dict[str, Any]]:
    """Of each customer: profiles, strong, since, events. Only these customers' rows are read."""
    identity, profiles, events = (workspace.table(name) for name in ("identity", "profiles", "events"))
    mine = identity.filter(identity.customer_id.isin(sorted(wanted)))
    told = mine.left_join(profiles, ["profile_source", "profile_id"])
    counted = told.group_by("customer_id").aggregate(
        profiles=told.count(), strong=told.is_exclusive.fill_null(False).cast("int64").sum()
    )
    happened = events.inner_join(mine, ["profile_source", "profile_id"]).group_by("customer_id").aggregate(
        events=lambda rows: rows.count()
    )
    found = {row["customer_id"]: {**row, "events": 0} for row in workspace.rows(counted)} if wanted else {}
    for row in workspace.rows(happened) if wanted else []:
        found[row["customer_id"]]["events"] = row["events"]
    register = workspace.stores.engine.arrow(workspace.book.identity.customers())
    for row in workspace.rows(register.filter(register.customer_id.isin(sorted(wanted)))) if wanted else []:
        found[row["customer_id"]]["since"] = row["minted_at"]
    return found


def _profiles(workspace: Workspace, rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    keys = sorted({(row[f"{side}_source"], row[f"{side}_id"]) for row in rows for side in ("left", "right")})
    if not keys:
        return {}
    profiles = workspace.table("profiles")
    shown = [name for name in SHOWN if name in profiles.columns]
    is_one = ibis.or_(*((profiles.profile_source == source) & (profiles.profile_id == key) for source, key in keys))
    found = workspace.rows(profiles.filter(is_one).select("profile_source", "profile_id", *shown))
    return {(row["profile_source"], row["profile_id"]): dict.fromkeys(SHOWN) | row for row in found}


def _question(
    row: dict[str, Any], profiles: dict[tuple[str, str], dict[str, Any]], customers: dict[str, dict[str, Any]]
) -> Question:
    sides = []
    for side in ("left", "right"):
        key = (row[f"{side}_source"], row[f"{side}_id"])
        nothing = dict.fromkeys(SHOWN) | {"profile_source": key[0], "profile_id": key[1]}
        sides.append({**profiles.get(key, nothing), **customers[row[f"{side}_customer"]]})
    is_match = row["kind"] == "match"
    same, different = consequences(sides[0], sides[1])
    return Question(
        question_id=question_id(row), kind=row["kind"], left=sides[0], right=sides[1],
        probability=float(row["probability"]) if is_match else None,
        evidence=json.loads(row["told"]) if is_match else [{"field": "conflict", "outcome": row["told"], "bits": None}],
        same=same, different=different,
    )
