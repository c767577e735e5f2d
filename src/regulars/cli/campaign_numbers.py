"""`regulars campaign numbers`: which numbers of an audience exist and are mobile; `--apply` asks a provider."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.screen import Progress, command_line, counted, project_options, show_json, show_table

if TYPE_CHECKING:
    from regulars.pipeline.number_answers import Outlook, Reached


@click.command("numbers")
@click.argument("name")
@click.option("--apply", is_flag=True, help="Ask the provider of [numbers]; else it is only said about how many.")
@click.option("--limit", type=click.IntRange(min=1), help="Ask about so many at most; left out, about all.")
@project_options
@click.pass_context
def numbers(context: click.Context, name: str, limit: int | None, folder: Path, *, apply: bool, as_json: bool) -> None:
    """Say which numbers of NAME's list or segment exist and are mobile, as far as somebody was asked within 30 days."""
    from regulars.pipeline.audience_numbers import numbers_of  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.campaign import campaign_of  # noqa: PLC0415
    from regulars.pipeline.number_answers import ask, outlook  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415
    from regulars.runs.run import Checkpoint  # noqa: PLC0415

    workspace, last = open_workspace(folder), None
    try:
        book, clock, config = workspace.book, workspace.clock, workspace.project.config
        every = numbers_of(workspace, campaign_of(workspace.project, name))
        found = outlook(book, every, at=clock.now())
        if apply:
            progress = Progress(quiet=as_json)
            progress.started("numbers")
            for last in ask(config, book, found.to_ask[:limit], clock=clock, environment=os.environ):
                progress.reached("numbers", Checkpoint(done=last.done, total=last.total))
            found = outlook(book, every, at=clock.now())
    finally:
        workspace.close()
    if as_json:
        show_json(_plain(found, last))
    else:
        _say(found, last, again=command_line(f"campaign numbers {name} --apply", folder))
    context.exit(1 if last is not None and last.stopped else 0)


def _plain(found: Outlook, last: Reached | None) -> dict[str, Any]:
    told = found.counts
    return {
        **{name: getattr(told, name) for name in ("total", "answered", "valid", "mobile")},
        "valid_percent": told.valid_percent, "mobile_percent": told.mobile_percent, "to_ask": len(found.to_ask),
        "unanswered": {} if last is None else last.unanswered, "stopped": "" if last is None else last.stopped,
    }


def _say(found: Outlook, last: Reached | None, *, again: str) -> None:
    told = found.counts
    click.echo(f"{counted(told.total, 'number')}, of {told.answered:,} it is known what they are.")
    if told.valid_percent is not None:
        mobile = "" if told.mobile_percent is None else f", {told.mobile:,} of them mobile ({told.mobile_percent} %)"
        click.echo(f"{told.valid:,} exist ({told.valid_percent} %){mobile}.")
    if last is not None and last.unanswered:
        show_table("Not answered", ["why", "numbers"], list(last.unanswered.items()), right=["numbers"])
    if last is not None and last.stopped:
        click.echo(f"Stopped: {last.stopped}.")
    if found.to_ask:
        click.echo(f"Nobody was asked about {counted(len(found.to_ask), 'number')} within 30 days. Next: {again}")
