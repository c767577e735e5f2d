"""`regulars quarantine`: what was set aside, why, and how to repair it."""

from __future__ import annotations

from pathlib import Path

import click

from regulars.cli.screen import command_line, project_options, show_json, show_table


@click.command("quarantine")
@project_options
@click.option("--reason", help="Show the rows of this reason, not the counts.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many rows.")
def command(folder: Path, reason: str | None, limit: int, *, as_json: bool) -> None:
    """Show what was set aside: counts by reason, or the rows of one reason with their payload."""
    from regulars.check import did_you_mean  # noqa: PLC0415  help must answer at once
    from regulars.errors import NotFound  # noqa: PLC0415
    from regulars.pipeline.read import QUARANTINE  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415
    from regulars.records import quarantine  # noqa: PLC0415

    if reason and reason not in quarantine.REASONS:
        raise NotFound(f"there is no reason {reason!r}", hint=did_you_mean(reason, quarantine.REASONS))
    workspace = open_workspace(folder)
    try:
        table = workspace.table(QUARANTINE)
        if reason:
            rows = workspace.rows(table.filter(table.reason == reason).order_by("source", "stream", "seq").limit(limit))
        else:
            rows = workspace.rows(quarantine.counts(table))
    finally:
        workspace.close()
    for row in rows:
        row["repair"] = quarantine.repair(str(row["reason"]))
    if as_json:
        show_json(rows)
    elif reason:
        columns = ["source", "stream", "record_key", "field", "value", "message", "payload"]
        show_table(f"Quarantine: {reason}", columns, [[row[c] for c in columns] for row in rows])
    else:
        columns = ["records", "source", "stream", "reason", "field", "message", "repair"]
        show_table("Quarantine", columns, [[row[c] for c in columns] for row in rows], right=["records"])
        if rows:
            shown = command_line(f"quarantine --reason {rows[0]['reason']}", folder)
            click.echo(f"Next: {shown}   after a repair: {command_line('rebuild', folder)}")
