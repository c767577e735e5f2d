"""`regulars report`: one self-contained page, and its summary on the terminal."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from regulars.cli.moment import MOMENT, clock_at
from regulars.cli.screen import project_options, show_json, show_table


@click.command("report")
@project_options
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), help="Where the page goes; report.html in the project."
)
@click.option("--as-of", type=MOMENT, help="Count days back from then, not from now.")
def command(folder: Path, to: Path | None, as_of: datetime | None, *, as_json: bool) -> None:
    """Write the report as one HTML page that needs no network, and print its numbers."""
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  help must answer at once
    from regulars.web.overview import gather  # noqa: PLC0415
    from regulars.web.report import write  # noqa: PLC0415

    workspace = open_workspace(folder, clock=clock_at(as_of))
    try:
        report = gather(workspace)
    finally:
        workspace.close()
    page = write(report, to or folder / "report.html")
    if as_json:
        numbers = {number.label: number.value for number in report.numbers}
        show_json({"page": page.resolve(), "headline": report.headline, "numbers": numbers})
        return
    click.echo(report.headline)
    show_table("", ["", "value", "of"], [(n.label, n.value, n.note) for n in report.numbers], right=["value"])
    for section in report.sections:
        for table in section.tables:
            right = [table.columns[place] for place in table.numeric]
            show_table(table.caption, table.columns, table.rows, right=right)
    click.echo(f"The page: {page.resolve()}")
