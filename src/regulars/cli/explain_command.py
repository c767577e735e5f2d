"""`regulars explain`: why a customer is in a segment, or why not."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from regulars.cli.moment import MOMENT
from regulars.cli.screen import project_options, show_json


@click.command("explain")
@click.argument("customer")
@click.argument("segment")
@project_options
@click.option("--as-of", type=MOMENT, help="Ask about then, not now.")
def command(customer: str, segment: str, folder: Path, as_of: datetime | None, *, as_json: bool) -> None:
    """Say why CUSTOMER (an id, source/id, e-mail address or phone number) is in SEGMENT or not, with every number."""
    from regulars.pipeline.find import find_customer  # noqa: PLC0415
    from regulars.pipeline.segment import explain_customer  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  help must answer at once
    from regulars.rules.explain import as_text  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        found = explain_customer(workspace, find_customer(workspace, customer), segment, at=as_of)
    finally:
        workspace.close()
    show_json(asdict(found)) if as_json else click.echo(as_text(found))
