"""A business whose desk has a file of people, each with a telephone: for tests of campaigns from end to end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

TOML = '[business]\nname = "Studio"\ntimezone = "America/Chicago"\ncurrency = "USD"\ncountry = "US"\n'
DESK = """\
kind: files
folder: desk
streams:
  people:
    files: people.csv
    key: id
    fields: {id: id, name: text, phone: text}
    profile: {id: id, exclusive: true, name: name, phone: phone}
"""


def business(streams: str = "") -> dict[str, str]:
    """Return its files by name: what it is, and its source `desk`; `streams`: YAML of others beside `people`."""
    return {"regulars.toml": TOML, "sources/desk.yaml": DESK + streams}


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a project, over those that are there."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
