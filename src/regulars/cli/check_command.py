"""`regulars check`: is everything in the project's files meant as it is written."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from regulars.cli.screen import command_line, counted, project_options, show_findings, show_json


@click.command("check")
@project_options
@click.option(
    "--examples/--no-examples", default=True, show_default=True, help="Run the examples inside segment files."
)
def command(folder: Path, *, as_json: bool, examples: bool) -> None:
    """Validate every file of the project and run the examples inside segments. Nothing is fetched or written.

    Each problem is `file:line: what is wrong`, with what would be right. Exits with 2 when something is wrong.
    """
    from regulars.check import worst  # noqa: PLC0415  help must answer at once
    from regulars.project import Project, check_project  # noqa: PLC0415
    from regulars.storage.engines import open_engine  # noqa: PLC0415

    project = Project.read(folder)
    engine = open_engine("duckdb://") if examples else None
    try:
        findings = check_project(project, engine=engine)
    finally:
        if engine is not None:
            engine.close()
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        show_findings(findings)
        declared = ", ".join((
            counted(len(project.sources), "source"), counted(len(project.events), "event"),
            counted(len(project.segments), "segment"), counted(len(project.metrics), "metric"),
            *([counted(len(project.flags), "flag")] if project.flags else []),
        ))
        is_fine = worst(findings) != "failed"
        click.echo(f"{declared}: " + (f"all well. Next: {command_line('run', folder)}" if is_fine else "see above"))
    if worst(findings) == "failed":
        sys.exit(2)
