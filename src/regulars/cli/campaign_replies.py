"""`regulars campaign replies`: how what people answered was meant and who says so; a model is asked with `--apply`."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.campaign_read import budget_plain, say_budget
from regulars.cli.screen import command_line, project_options, show_json, show_table
from regulars.web.mask import mask_within

if TYPE_CHECKING:
    from regulars.pipeline.reply_readings import ReplyRead

SHOWN = 20
"""Replies that are printed, the newest."""

COLUMNS = ["at", "campaign", "text", "mood", "intent", "by", "reason"]


@click.command("replies")
@click.argument("name", required=False)
@click.option("--days", default=30, show_default=True, help="How far back.")
@click.option("--apply", is_flag=True, help="Ask the model of [llm] and write down how replies are meant.")
@project_options
@click.pass_context
def replies(context: click.Context, name: str | None, days: int, folder: Path, *, apply: bool, as_json: bool) -> None:
    """Show how replies to NAME, or to all campaigns, are meant, and who read them: rules, or the model of [llm]."""
    from regulars.pipeline.account import Desk  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.campaign import campaign_of  # noqa: PLC0415
    from regulars.pipeline.model_readings import ask  # noqa: PLC0415
    from regulars.pipeline.reply_readings import budget, keep_readings, replies_read  # noqa: PLC0415

    stopped, changed = "", 0
    with Desk.open(folder) as desk:
        config, now = desk.project.config, desk.clock.now()
        campaign = None if name is None else campaign_of(desk.project, name).name
        lines = desk.book.replies.since(now - timedelta(days=days), campaign=campaign)
        plan = budget(config, desk.book, lines, now=now)
        if apply and plan is not None:
            stopped = ask(config, desk.book, plan, clock=desk.clock, environment=os.environ)
            plan = budget(config, desk.book, lines, now=now)
        read = replies_read(config, desk.book, lines)
        if apply:
            changed = keep_readings(desk.book, read, at=desk.clock.now())
    if as_json:
        rows = [_row(one) for one in read]
        show_json({"replies": rows, "changed": changed, "llm": budget_plain(plan), "stopped": stopped})
    else:
        _show(read)
        if changed:
            click.echo(f"{changed:,} of {len(read):,} are read otherwise than before.")
        without = "regulars.toml has no [llm] that reads replies"
        again = command_line(f"campaign replies {name or ''}".strip() + " --apply", folder)
        say_budget(plan, stopped, currency=config.business.currency, without=without, again=again)
    context.exit(1 if stopped else 0)


def _show(read: list[ReplyRead]) -> None:
    counts = Counter((one.mood, one.by) for one in read)
    rows = [(mood, by, number) for (mood, by), number in sorted(counts.items())]
    show_table("How replies are meant", ["mood", "by", "replies"], rows, right=["replies"])
    shown = [_row(one) for one in read[:SHOWN]]
    show_table("The newest", COLUMNS, [[row[column] for column in COLUMNS] for row in shown])


def _row(one: ReplyRead) -> dict[str, Any]:
    return {
        "at": one.line.reply.at, "campaign": one.line.campaign, "text": mask_within(one.line.reply.text),
        "mood": one.mood, "intent": one.intent, "by": one.by, "reason": one.reason,
    }
