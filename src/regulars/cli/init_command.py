"""`regulars init`: a project that checks and runs, ready to be changed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click

from regulars.cli.screen import command_line, show_json
from regulars.errors import RegularsError

FILES = {
    "regulars.toml": """\
# What is true of the business, and where its data lies. `regulars config` shows it as it is read.
[business]
name = {name}
timezone = "{timezone}"
currency = "{currency}"
country = "{country}"

[stores]
landing = "file:./data/landing"   # what came from outside, unchanged; or s3://bucket/prefix
lake = "file:./data/lake"         # tables made from it
book = "sqlite:./data/book.db"    # what we did; or postgresql://...

[engine]
url = "duckdb://"
""",
    "sources/desk.yaml": """\
# A folder that receives files. Drop a CSV into inbox/ and type `regulars run`.
kind: files
folder: inbox
streams:
  visits:
    files: "visits*.csv"
    key: [visit_id]
    fields:
      visit_id: {type: id, required: true}
      email: text
      name: text
      visited_at: {type: timestamp, required: true}
    profile:
      id: lower(email)
      email: email
      name: name
""",
    "inbox/visits-1.csv": """\
visit_id,email,name,visited_at
1,ada@example.com,Ada Example,2026-01-05 09:30
2,grace@example.com,Grace Example,2026-01-05 17:45
3,ada@example.com,Ada Example,2026-01-12 09:40
""",
    "events/visited.yaml": """\
description: Somebody came in.
from: desk.visits
who: lower(email)
when: visited_at
""",
    "segments/came_back.yaml": """\
title: Came back
description: Came on at least two different days.
when:
  all:
    - {distinct: days, of: visited, at_least: 2}
examples:
  - {given: [{visited: 1 day ago}, {visited: 8 days ago}], expect: in}
  - {given: [{visited: 1 day ago}], expect: out}
""",
    "metrics/visits.yaml": """\
title: Visits
description: How often people came in.
count: visited
""",
    ".gitignore": "data/\n.regulars/\nreport.html\n",
}


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--name", default="My business", show_default=True, help="What the business is called.")
@click.option("--timezone", default="UTC", show_default=True, help="Where its days begin: America/Chicago.")
@click.option("--currency", default="USD", show_default=True, help="ISO 4217 code.")
@click.option(
    "--country", default="US", show_default=True, help="ISO 3166 code; phone numbers without a prefix are from here."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
def command(folder: Path, name: str, timezone: str, currency: str, country: str, *, as_json: bool) -> None:
    """Start a project in FOLDER: one source, one event, one segment, one metric, and a file to try them on.

    Files that exist are never overwritten.
    """
    if (folder / "regulars.toml").exists():
        raise RegularsError(f"{folder / 'regulars.toml'} exists already", hint=command_line("check", folder))
    quoted = json.dumps(name, ensure_ascii=False)
    facts = {"name": quoted, "timezone": timezone, "currency": currency, "country": country}
    _tried(FILES["regulars.toml"].format(**facts))
    written = []
    for relative, text in FILES.items():
        path = folder / relative
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**facts) if relative == "regulars.toml" else text, encoding="utf-8")
        written.append(relative)
    if as_json:
        show_json({"folder": folder, "written": written})
        return
    click.echo(f"A project for {name} is in {folder.resolve()}:")
    for relative in written:
        click.echo(f"  {relative}")
    click.echo(f"Next: {command_line('check', folder)}   then: {command_line('run', folder)}")


def _tried(text: str) -> None:
    """Read the configuration before anything is written. Raises DeclarationError for what it cannot mean."""
    from regulars.config import FILE, read_config  # noqa: PLC0415  help must answer at once

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_text(text, encoding="utf-8")
        read_config(Path(folder), environment={})
