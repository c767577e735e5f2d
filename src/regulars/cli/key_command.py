"""`regulars key`: keys of programs that ask the REST API; each is shown once, when it is made."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.screen import project_options, show_json, show_table

if TYPE_CHECKING:
    from regulars.storage.book import Book
    from regulars.storage.book.api_keys import Scope


@click.group("key")
def command() -> None:
    """Keys of the REST API: `read` sees, `write` also decides and rules, `admin` also sees addresses and the audit.

    To rotate a key make a second one of the same name, change the program over, revoke the first.
    """


@command.command("new")
@click.argument("name")
@project_options
@click.option("--scope", type=click.Choice(["read", "write", "admin"]), default="read", show_default=True,
              help="What the key may do.")
@click.option("--days", type=click.IntRange(min=1), help="How long it is valid.  [default: until it is revoked]")
@click.option("--by", help="Who makes it.  [default: who is logged in here]")
def new(name: str, folder: Path, scope: Scope, days: int | None, by: str | None, *, as_json: bool) -> None:
    """Make a key for the program NAME and show it, once."""
    from regulars.clock import SystemClock  # noqa: PLC0415
    from regulars.pipeline.access import new_key  # noqa: PLC0415  help must answer at once

    book = _book(folder)
    try:
        key, shown = new_key(
            book, name, scope=scope, by=by or getpass.getuser(), at=SystemClock().now(),
            lasts=None if days is None else timedelta(days=days),
        )
    finally:
        book.close()
    if as_json:
        show_json({**asdict(key), "key": shown})
        return
    click.echo(shown)
    click.echo(f"{key.key_id} of {name}, scope {scope}: kept nowhere, so it is not shown again.", err=True)


@command.command("list")
@project_options
def all_keys(folder: Path, *, as_json: bool) -> None:
    """List every key there ever was; secrets are not kept."""
    from regulars.clock import SystemClock  # noqa: PLC0415

    book = _book(folder)
    try:
        keys = book.keys.all()
    finally:
        book.close()
    now = SystemClock().now()
    if as_json:
        show_json([{**asdict(key), "is_valid": key.is_valid(now)} for key in keys])
        return
    show_table("Keys, newest first", ["key", "name", "scope", "made (UTC)", "by", "valid", "expires", "revoked"], [
        (
            key.key_id, key.name, key.scope, f"{key.made_at:%Y-%m-%d %H:%M}", key.made_by,
            "yes" if key.is_valid(now) else "no", *(f"{at:%Y-%m-%d}" if at else None
                                                    for at in (key.expires_at, key.revoked_at)),
        )
        for key in keys
    ])


@command.command("revoke")
@click.argument("key_id")
@project_options
@click.option("--by", help="Who revokes it.  [default: who is logged in here]")
def revoke(key_id: str, folder: Path, by: str | None, *, as_json: bool) -> None:
    """End a key now; KEY_ID as `regulars key list` shows it."""
    from regulars.clock import SystemClock  # noqa: PLC0415

    book = _book(folder)
    try:
        book.keys.revoke(key_id, at=SystemClock().now(), by=by or getpass.getuser())
    finally:
        book.close()
    show_json({"revoked": key_id}) if as_json else click.echo(f"{key_id} opens nothing any more.")


def _book(folder: Path) -> Book:
    import os  # noqa: PLC0415

    from regulars.config import HOME, read_config  # noqa: PLC0415
    from regulars.storage.book import Book  # noqa: PLC0415

    return Book.open(read_config(folder, environment=os.environ).stores.book, home=folder / HOME)
