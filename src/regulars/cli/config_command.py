"""`regulars config`: what the configuration is, and who said so."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from regulars.cli.screen import project_options, show_json, show_table


@click.command("config")
@project_options
def command(folder: Path, *, as_json: bool) -> None:
    """Show every setting as it is read, and where it comes from: the file, the environment, or the default."""
    import os  # noqa: PLC0415

    from regulars.config import read_config  # noqa: PLC0415  help must answer at once

    config = read_config(folder, environment=os.environ)
    rows = []
    asked = [name for name in ("llm", "numbers") if getattr(config, name) is not None]
    tables = ("business", "identity", "stores", "engine", "door", *asked)
    for table in tables:
        part = getattr(config, table)
        for setting in fields(part):
            name = f"{table}.{setting.name.removeprefix('is_')}"     # as the file says it
            value = getattr(part, setting.name)
            rows.append({"setting": name, "value": value, "from": config.origins.get(name, "default")})
    if as_json:
        show_json([{**row, "value": str(row["value"])} for row in rows])
        return
    for row in rows:
        if isinstance(row["value"], tuple):
            row["value"] = ", ".join(row["value"]) or None
    show_table(str(config.folder), ["setting", "value", "from"], [list(row.values()) for row in rows])
