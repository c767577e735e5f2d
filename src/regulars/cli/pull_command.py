"""`regulars pull`: fetch and land, nothing more."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from regulars.cli.moment import MOMENT, clock_at
from regulars.cli.run_command import finish
from regulars.cli.screen import Progress, project_options


@click.command("pull")
@click.argument("sources", nargs=-1)
@project_options
@click.option("--as-of", type=MOMENT, help="Do it as if now were then.")
def command(sources: tuple[str, ...], folder: Path, as_of: datetime | None, *, as_json: bool) -> None:
    """Fetch what is new from SOURCES, or from all, and land it unchanged; `regulars run` does the rest."""
    from regulars.pipeline.flow import pull  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder, clock=clock_at(as_of), with_workers=True)
    try:
        finish(pull(workspace, only=sources, observer=Progress(quiet=as_json)), folder, then="run", as_json=as_json)
    finally:
        workspace.close()
