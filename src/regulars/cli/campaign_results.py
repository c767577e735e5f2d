"""What came of a campaign, on the terminal: its account, the way of its people, what it brought and what it added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.screen import show_table

if TYPE_CHECKING:
    from regulars.campaigns.added import Estimate
    from regulars.campaigns.results import Share
    from regulars.campaigns.wording import Wording
    from regulars.pipeline.brought import Brought
    from regulars.pipeline.offers import OfferResult
    from regulars.pipeline.results import Results, VariantResult

ALL = "everybody"
"""What the one variant of a campaign without variants is called here."""


def results_plain(found: Results) -> dict[str, Any]:
    """Return results as JSON has them, as the API does."""
    return asdict(found) | {"account": found.account.plain()}


def show_results(found: Results, wording: Wording) -> None:
    """Print everything but the account."""
    steps = [
        (one.variant or ALL, step.stage, step.people, step.of, step.lost) for one in found.variants
        for step in one.funnel
    ]
    if steps:
        columns = ["variant", "stage", "people", "of", "lost"]
        show_table("How far people came", columns, steps, right=columns[2:])
    lost = [
        (one.variant or ALL, each.stage, each.reason, each.people) for one in found.variants for each in one.lost
    ]
    if lost:
        show_table("Why not further", ["variant", "stage", "reason", "people"], lost, right=["people"])
    if found.account.sent:
        names = list(found.variants[0].shares)
        rows = [(one.variant or ALL, *(_share(one, name) for name in names)) for one in found.variants]
        show_table("What people did, of those sent to", ["variant", *names], rows, right=names)
    for goal in found.goals:
        _show_goal(goal, wording)
    if found.spent is not None:
        spent = found.spent
        pieces = "" if spent.pieces == spent.messages else f" in {spent.pieces:,} segments"
        click.echo(f"It cost {wording.money(spent.total, spent.currency)}: {spent.messages:,} messages{pieces}.")
    if found.winner is not None:
        click.echo(
            f"The others get {found.winner.variant}, as {found.winner.by} decided on "
            f"{found.winner.decided_at:%Y-%m-%d %H:%M} UTC: {found.winner.reason}."
        )
    better = found.better
    click.echo(
        f"No variant is called better: {better.reason}." if better.winner is None
        else f"{better.winner} is better: {better.reason}."
    )
    if found.verdict is not None:
        click.echo(f"{found.experiment}: {found.verdict.sentence}")


def _show_goal(goal: Brought, wording: Wording) -> None:
    rows = [(one.variant or ALL, said(one.people), wording.money(one.value)) for one in goal.variants]
    title = f"{goal.metric} within {goal.within_days:g} days of the message"
    show_table(title, ["variant", "converted", "worth"], rows, right=["converted", "worth"])
    show_table(f"{goal.metric} put down to it, by model", ["model", "conversions", "worth", "return", "each cost"], [
        (
            one.model, one.conversions, wording.money(one.value, one.currency),
            None if one.roi is None else f"{one.roi:+.0%}",
            None if one.cost_per_conversion is None else wording.money(round(one.cost_per_conversion), one.currency),
        ) for one in goal.credit
    ], right=["conversions", "worth", "return", "each cost"])
    if goal.codes:
        columns = ["code", "conversions", "customers", "of them written to", "worth"]
        show_table(f"{goal.metric} by promo code", columns, [
            (one.code, one.conversions, one.customers, one.of_recipients, wording.money(one.value))
            for one in goal.codes
        ], right=columns[1:])
    if goal.not_added is not None:
        click.echo(f"What it added is not known: {goal.not_added}.")
        return
    show_table(f"{goal.metric} that it added, against those held out", ["variant", "people", "conversions", "worth"], [
        (
            one.variant, one.people, _estimate(one.conversions, lambda number: f"{number:,.1f}"),
            _estimate(one.value, lambda number: wording.money(round(number))),
        ) for one in goal.added
    ], right=["people", "conversions", "worth"])


def show_offers(found: list[OfferResult]) -> None:
    """Print what each offer came to, of all campaigns."""
    columns = ["offer", "code", "campaigns", "sent", "clicked", "agreed", "left"]
    show_table("Offers", columns, [
        (
            f"{one.kind} {one.amount or ''}".strip(), one.code, len(one.campaigns), one.sent,
            *(said(one.shares[name]) for name in columns[4:]),
        ) for one in found
    ], right=columns[2:])


def said(one: Share) -> str:
    """Return a share with its people and interval: `12 of 20 (60.0 %, 38.7 to 78.1)`."""
    if one.share is None or one.low is None or one.high is None:
        return f"{one.people:,} of {one.of:,}"
    return f"{one.people:,} of {one.of:,} ({one.share:.1%}, {100 * one.low:.1f} to {100 * one.high:.1f})"


def _share(one: VariantResult, name: str) -> str:
    return said(one.shares[name])


def _estimate(one: Estimate, write: Callable[[float], str]) -> str | None:
    if one.number is None or one.low is None or one.high is None:
        return None
    return f"{write(one.number)} ({write(one.low)} to {write(one.high)})"
