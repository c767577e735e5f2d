"""`regulars run`: everything that is due."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from regulars.cli.moment import MOMENT, clock_at
from regulars.cli.screen import Progress, command_line, project_options, show_json
from regulars.runs.run import RunResult


@click.command("run")
@project_options
@click.option("--only", multiple=True, metavar="SOURCE", help="Pull and read this source only; may be repeated.")
@click.option("--as-of", type=MOMENT, help="Do it as if now were then: 2026-01-05 or 2026-01-05T09:00.")
@click.option("--allow-shrink", is_flag=True, help="Let tables lose more than their guarded share, this once.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def command(
    folder: Path, only: tuple[str, ...], as_of: datetime | None, *, as_json: bool, allow_shrink: bool, dry_run: bool
) -> None:
    """Do everything that is due: pull, read, resolve, derive, connect, segment, assign, flow, measure, check.

    Safe to repeat and to kill: the next run goes on where this one stopped. Exits with 1 when a step failed.
    """
    from regulars.pipeline.flow import due, run  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder, clock=clock_at(as_of), allow_shrink=allow_shrink, with_workers=not dry_run)
    try:
        if dry_run:
            todo = [{"step": step.name, "needs": list(step.needs)} for step in due(workspace, only=only)]
            show_json(todo) if as_json else click.echo("\n".join(step["step"] for step in todo))  # type: ignore[misc]
            return
        finish(run(workspace, only=only, observer=Progress(quiet=as_json)), folder, as_json=as_json)
    finally:
        workspace.close()


def finish(result: RunResult, folder: Path, *, then: str = "report", as_json: bool) -> None:
    """Say how a run ended and what to type next, and exit with what it is worth."""
    if as_json:
        show_json({**asdict(result), "outcome": result.outcome, "exit_code": result.exit_code})
    else:
        failed = [step for step in result.steps if step.outcome != "done"]
        said = f"{len(failed)} of {len(result.steps)} steps did not end well" if failed else "everything is done"
        click.echo(f"Run {result.run_id}: {said}, {result.seconds:.1f} s.", err=bool(failed))
        if failed:
            click.echo(f"Next: {command_line('doctor', folder)}   then: {command_line('run', folder)}", err=True)
        else:
            click.echo(f"Next: {command_line(then, folder)}")
    if result.exit_code:
        sys.exit(result.exit_code)
