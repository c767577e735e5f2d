"""`regulars doctor`: is everything fit for the next run, and what did the last one find."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.screen import project_options, show_findings, show_json
from regulars.errors import StoreError

if TYPE_CHECKING:
    from regulars.check import Finding
    from regulars.pipeline.workspace import Workspace


@click.command("doctor")
@click.option("--text", "destination", help="Also see that texts of this destination arrive at a number of your own.")
@click.option("--apply", is_flag=True, help="Send that text and wait for news of it; else it is only said.")
@project_options
def command(folder: Path, destination: str | None, *, apply: bool, as_json: bool) -> None:
    """Check packages, disk, clock, credentials and stores, and show what the last run found in the data."""
    from regulars.check import Finding, worst  # noqa: PLC0415  help must answer at once
    from regulars.clock import SystemClock  # noqa: PLC0415
    from regulars.pipeline.inspect import last_findings  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415
    from regulars.project import Project  # noqa: PLC0415
    from regulars.runs.doctor import examine  # noqa: PLC0415
    from regulars.sources.reference import references  # noqa: PLC0415

    project = Project.read(folder)
    stores = project.config.stores
    urls = {"landing": stores.landing, "lake": stores.lake, "book": stores.book, "engine": project.config.engine.url}
    needs = {one.name: sorted(references(one.data)) for one in project.declared if one.folder == "sources"}
    findings = [
        *project.problems,
        *examine(folder, urls=urls, references=needs, environment=os.environ, clock=SystemClock()),
    ]
    try:
        workspace = open_workspace(folder)
        findings.append(Finding(name="stores", status="ok", message="landing, lake and book answer"))
        findings += last_findings(workspace)
        holder = workspace.book.lease.holder()
        if holder is not None:
            findings.append(
                Finding(name="lease", status="warning", message=f"{holder.owner} is at work, or was killed")
            )
        if destination is not None:
            findings.append(_texts(workspace, destination, apply=apply))
        workspace.close()
    except StoreError as error:
        findings.append(Finding(name="stores", status="failed", message=error.message, hint=error.hint))
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        show_findings(findings)
    if worst(findings) == "failed":
        sys.exit(1)


def _texts(workspace: Workspace, destination: str, *, apply: bool) -> Finding:
    """Return whether texts arrive; without `apply` what would be sent, and nothing is."""
    from regulars.check import Finding  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.text_check import NAME, check_texts, way_of  # noqa: PLC0415
    from regulars.web.mask import mask  # noqa: PLC0415

    if apply:
        told = check_texts(workspace.project, workspace.book, destination=destination, clock=workspace.clock)
        return told.finding(destination)
    _, to = way_of(workspace.project, destination)
    said = f"one text would go to {mask(to)}, and news of it be waited for"
    return Finding(name=NAME, status="skipped", message=said, hint="--apply sends it")
