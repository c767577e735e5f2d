"""What people decide about a campaign: which variant the others get after a test."""

from __future__ import annotations

from dataclasses import asdict
from getpass import getuser
from pathlib import Path

import click

from regulars.cli.screen import command_line, project_options, show_json


@click.command("choose")
@click.argument("name")
@click.argument("variant")
@click.option("--reason", required=True, help="Why; whoever comes after you will ask.")
@project_options
def choose(name: str, variant: str, reason: str, folder: Path, *, as_json: bool) -> None:
    """Say that VARIANT is what the others get after the test of NAME."""
    from regulars.pipeline.account import latest  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.winner import choose_winner  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415
    from regulars.storage.book.audit import Changed  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        one = latest(workspace.book, name)
        found = choose_winner(workspace, one, variant, by=getuser(), reason=reason)
        workspace.book.audit.add(Changed(
            at=workspace.clock.now(), by=getuser(), what="campaign.winner", subject=f"{name}/{one.occurrence}",
            before=None, after=found.variant,
        ))
    finally:
        workspace.close()
    if as_json:
        show_json(asdict(found))
        return
    click.echo(f"The others get {found.variant}. Next: {command_line(f'campaign send {name} --apply', folder)}")
