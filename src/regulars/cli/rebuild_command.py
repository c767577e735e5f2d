"""`regulars rebuild`: every derived table again, from what was landed."""

from __future__ import annotations

from pathlib import Path

import click

from regulars.cli.run_command import finish
from regulars.cli.screen import Progress, project_options


@click.command("rebuild")
@project_options
def command(folder: Path, *, as_json: bool) -> None:
    """Make every derived table again from the landing. Customer ids and the ledger of segments are kept as they are.

    Use it after a repaired declaration: rows in quarantine are read again too.
    """
    from regulars.pipeline.flow import rebuild  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder, with_workers=True)
    try:
        finish(rebuild(workspace, observer=Progress(quiet=as_json)), folder, as_json=as_json)
    finally:
        workspace.close()
