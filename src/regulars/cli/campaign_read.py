"""`regulars campaign read`: what each campaign offers and who says so; a language model is asked with `--apply`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.screen import command_line, counted, project_options, show_json, show_table

if TYPE_CHECKING:
    from regulars.pipeline.model_readings import Budget
    from regulars.pipeline.offer_readings import OfferRead

COLUMNS = ["campaign", "variant", "kind", "amount", "code", "until", "by", "reason"]


@click.command("read")
@click.argument("name", required=False)
@click.option("--apply", is_flag=True, help="Ask the model of [llm]; else it is only said what that would come to.")
@project_options
@click.pass_context
def read(context: click.Context, name: str | None, folder: Path, *, apply: bool, as_json: bool) -> None:
    """Show what NAME offers, or every campaign, and who read it: rules, or the model of [llm] once it was asked."""
    from regulars.pipeline.account import Desk  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.campaign import campaign_of  # noqa: PLC0415
    from regulars.pipeline.model_readings import ask  # noqa: PLC0415
    from regulars.pipeline.offer_readings import budget, offers_read  # noqa: PLC0415

    stopped = ""
    with Desk.open(folder) as desk:
        config, now = desk.project.config, desk.clock.now()
        campaigns = desk.project.campaigns if name is None else (campaign_of(desk.project, name),)
        plan = budget(config, desk.book, campaigns, now=now)
        if apply and plan is not None:
            stopped = ask(config, desk.book, plan, clock=desk.clock, environment=os.environ)
            plan = budget(config, desk.book, campaigns, now=now)
        today = now.astimezone(config.business.zone).date()
        rows = [_row(one) for each in campaigns for one in offers_read(config, desk.book, each, sent=today)]
    if as_json:
        show_json({"offers": rows, "llm": budget_plain(plan), "stopped": stopped})
    else:
        show_table("What campaigns offer", COLUMNS, [[row[column] for column in COLUMNS] for row in rows])
        again = command_line(f"campaign read {name or ''}".strip() + " --apply", folder)
        without = "regulars.toml has no [llm] that reads offers"
        say_budget(plan, stopped, currency=config.business.currency, without=without, again=again)
    context.exit(1 if stopped else 0)


def say_budget(plan: Budget | None, stopped: str, *, currency: str, without: str, again: str) -> None:
    """Say why a model was not asked, and what asking it comes to; `without`: why there is none."""
    if stopped:
        click.echo(f"Stopped: {stopped}. Rules read what the model was not asked about.")
    if plan is None:
        click.echo(f"Rules read them: {without}.")
    elif plan.texts:
        cost = "" if plan.cost is None else f", {plan.cost:.2f} {currency}"
        left = f"{plan.requests_left:,} requests and {plan.tokens_left:,} tokens are left today"
        unread = f"The model was not asked about {counted(plan.texts, 'text')}"
        click.echo(f"{unread}: at most {plan.tokens:,} tokens{cost}; {left}.")
        click.echo(f"Next: {again}")


def _row(one: OfferRead) -> dict[str, Any]:
    offer = one.reading.offer
    said = {"campaign": one.campaign, "variant": one.variant, "by": one.by, "reason": one.reason}
    if offer is None:
        return said | {"kind": None, "amount": None, "code": None, "until": None}
    amount = None if offer.amount is None else f"{offer.amount.normalize():f} {offer.unit}"
    return said | {"kind": offer.kind, "amount": amount, "code": offer.code, "until": offer.expires}


def budget_plain(plan: Budget | None) -> dict[str, Any] | None:
    """Return what asking comes to as JSON has it."""
    if plan is None:
        return None
    names = ("texts", "tokens", "cost", "requests_left", "tokens_left")
    return {name: getattr(plan, name) for name in names}
