"""`regulars backfill`: a span of the past from one source."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from regulars.cli.moment import MOMENT
from regulars.cli.run_command import finish
from regulars.cli.screen import Progress, project_options


@click.command("backfill")
@click.argument("source")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First day, from 00:00 UTC.")
@click.option("--to", "end", type=MOMENT, required=True, help="Last day, included, or a moment.")
@click.option("--stream", "streams", multiple=True, help="This stream only; may be repeated.")
@project_options
def command(
    source: str, first: datetime, end: datetime, streams: tuple[str, ...], folder: Path, *, as_json: bool
) -> None:
    """Pull a span of the past from SOURCE, and derive what follows. The daily cursor stays where it is."""
    from regulars.pipeline.flow import backfill  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder, with_workers=True)
    try:
        start = first.replace(tzinfo=end.tzinfo)
        result = backfill(
            workspace, source, first=start, end=end, only=frozenset(streams), observer=Progress(quiet=as_json)
        )
        finish(result, folder, as_json=as_json)
    finally:
        workspace.close()
