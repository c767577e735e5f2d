"""The reference's report of an A/B test, with recommendations that claim no more than the numbers do."""

from __future__ import annotations

from typing import Any

from regulars.compat.ab_tests.significance import Cell, beliefs
from regulars.compat.ab_tests.summary import Standing
from regulars.compat.ab_tests.winner import Judgement

ENOUGH = 100
"""Recipients of each variant below which the first advice is to continue, as in the reference."""


def report(standing: Standing, told: dict[str, Any], judgement: Judgement) -> dict[str, Any]:
    """Return the report; `told` is the summary of the same moment."""
    campaign = standing.campaign
    is_decided = told["winner"] is not None
    names = (
        "winner", "leading_variant", "confidence_level", "significant_difference", "decision", "reason", "p_value",
        "p_value_any_time", "difference", "difference_low", "difference_high", "lift", "lift_low", "lift_high",
        "sample_ratio",
    )
    is_over = campaign.status in {"complete", "archived"}
    return {
        "campaign_info": {
            "id": campaign.number, "name": campaign.name, "status": campaign.status,
            "created_at": campaign.created_at.isoformat(), "template_a": campaign.template_a,
            "template_b": campaign.template_b,
        },
        "test_duration_days": (standing.at - campaign.created_at).days,
        "variant_performance": {"variant_a": told["variant_a"], "variant_b": told["variant_b"]},
        "statistical_analysis": {
            **{name: told[name] for name in names}, **({} if told["p_value"] is None else beliefs(_cell(told))),
            "test_status": "completed" if is_decided or is_over else "ongoing",
        },
        "recommendations": _recommendations(standing, told, judgement),
        "decisions": [
            {"at": each.at.isoformat(), "kind": each.kind, "by": each.by, "reason": each.reason}
            for each in standing.decisions
        ],
        "as_of": standing.at.isoformat(),
    }


def _recommendations(standing: Standing, told: dict[str, Any], judgement: Judgement) -> list[str]:
    if told["decision"] == "not_trusted":
        return [f"Do not read the result: {judgement.sentence}"]
    return [_advice(standing, told, judgement), *_interval(told)]


def _advice(standing: Standing, told: dict[str, Any], judgement: Judgement) -> str:
    decided = standing.winner
    if decided is not None and not decided["automatic"]:
        return f"{decided['winner']} was chosen by a person: {decided['override_reason']}"
    if told["winner"] is not None:
        return f"{told['winner']} is the winner."
    if standing.campaign.status in {"complete", "archived"}:
        return "It ended with no significant difference: what there is lies in the interval."
    if _least(told) < ENOUGH:
        few = f"each variant has fewer than {ENOUGH} recipients" if _most(told) < ENOUGH else "one variant has few"
        return f"Continue test: {few}. {judgement.sentence}"
    if told["decision"] in {"too_early", "stop"}:
        return judgement.sentence
    return f"No significant difference so far; continue test or end it. {judgement.sentence}"


def _cell(told: dict[str, Any]) -> Cell:
    a, b = told["variant_a"], told["variant_b"]
    return Cell(
        a_units=a["assigned"], a_conversions=a["conversions"], b_units=b["assigned"], b_conversions=b["conversions"]
    )


def _least(told: dict[str, Any]) -> int:
    return min(int(told[name]["assigned"]) for name in ("variant_a", "variant_b"))


def _most(told: dict[str, Any]) -> int:
    return max(int(told[name]["assigned"]) for name in ("variant_a", "variant_b"))


def _interval(told: dict[str, Any]) -> list[str]:
    if told["difference"] is None:
        return []
    points = f"{told['difference']:+.1%} [{told['difference_low']:+.1%}, {told['difference_high']:+.1%}]"
    recipients = told["variant_a"]["assigned"] + told["variant_b"]["assigned"]
    metric = told["variant_a"]["conversion_metric"]
    return [f"Share with a {metric}, B less A: {points} of {recipients:,} recipients, at one look and 95 %."]
