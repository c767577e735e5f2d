"""`regulars segment`: who is in, and what a rule would have done."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.screen import command_line, console, project_options, show_json, show_table

if TYPE_CHECKING:
    from regulars.pipeline.workspace import Workspace


@click.command("segment")
@click.argument("name", required=False)
@project_options
@click.option(
    "--backtest",
    "span",
    nargs=2,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="FIRST LAST",
    help="Replay the rule day by day; nothing is written.",
)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many members or days.")
def command(
    name: str | None, folder: Path, span: tuple[datetime, datetime] | None, limit: int, *, as_json: bool
) -> None:
    """List the segments; or show the members of NAME; or replay NAME over the past before switching it on."""
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  help must answer at once

    if span and name is None:
        raise click.UsageError("which segment is to be replayed? regulars segment NAME --backtest FIRST LAST")
    if span and span[1] < span[0]:
        raise click.BadParameter(f"{span[1].date()} is before {span[0].date()}", param_hint="--backtest")
    workspace = open_workspace(folder)
    try:
        if name is None:
            _list(workspace, as_json=as_json)
        elif span:
            _backtest(workspace, name, span[0].date(), span[1].date(), limit, as_json=as_json)
        else:
            _members(workspace, name, limit, folder, as_json=as_json)
    finally:
        workspace.close()


def _list(workspace: Workspace, *, as_json: bool) -> None:
    from regulars.pipeline.segment import segment_counts  # noqa: PLC0415

    rows = segment_counts(workspace)
    if as_json:
        show_json(rows)
        return
    columns = ["segment", "title", "members", "priority", "description"]
    show_table("Segments", columns, [[row[c] for c in columns] for row in rows], right=["members"])


def _members(workspace: Workspace, name: str, limit: int, folder: Path, *, as_json: bool) -> None:
    from regulars.pipeline.segment import segment_members  # noqa: PLC0415

    rows = segment_members(workspace, name, limit=limit)
    if as_json:
        show_json(rows)
        return
    shown = ("customer_id", "name", "entered_day", "until_day")
    show_table(f"Members of {name}", ["customer", "name", "since", "until"], [[row[c] for c in shown] for row in rows])
    if rows:
        next_ = f"explain {rows[0]['customer_id']} {name}"
        click.echo(f"Next: {command_line(next_, folder)}")


def _backtest(
    workspace: Workspace, name: str, first: date, last: date, limit: int, *, as_json: bool
) -> None:
    from regulars.pipeline.segment import backtest_segment  # noqa: PLC0415

    with console(err=True).status(f"{name}: {first}") as status:
        found = backtest_segment(
            workspace,
            name,
            first=first,
            last=last,
            progress=lambda day: status.update(f"{name}: {day}"),
        )
    days = [{"day": d.day, "entered": len(d.entered), "left": len(d.left), "members": d.members} for d in found.days]
    if as_json:
        show_json(
            {"segment": name, "days": [{**day, "people": d.entered} for day, d in zip(days, found.days, strict=True)]}
        )
        return
    entered = sum(day["entered"] for day in days)  # type: ignore[misc]  # counts
    show_table(
        f"{name}, {first} to {last}: {entered} would have entered",
        ["day", "entered", "left", "members"],
        [list(day.values()) for day in days[-limit:]],
        right=["entered", "left", "members"],
    )
