"""`regulars person`: people who log in; a link lets each choose a password, which nobody else ever sees."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from regulars.cli.screen import project_options, show_json, show_table

if TYPE_CHECKING:
    from regulars.storage.book import Book
    from regulars.storage.book.invites import Invite
    from regulars.storage.book.people import Role

Command = TypeVar("Command", bound=Callable[..., Any])

ROLES = ("owner", "marketer", "analyst", "viewer")


def _link_options(command: Command) -> Command:
    """Add what a command takes that makes a link."""
    for option in (
        click.option("--by", help="Who does it.  [default: who is logged in here]"),
        click.option("--url", default="http://127.0.0.1:8080", show_default=True, envvar="REGULARS_URL",
                     help="Where people reach `regulars serve`: the link begins with it. REGULARS_URL."),
        click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="How long it is valid."),
    ):
        command = option(command)
    return command


_by = click.option("--by", help="Who does it.  [default: who is logged in here]")


@click.group("person")
def command() -> None:
    """People who log in at `regulars serve`.

    A viewer sees, an analyst also rules on identities, decides experiments and repairs data, a marketer also sees
    addresses and sends but repairs nothing, an owner may everything.
    """


@command.command("invite")
@click.argument("address")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True, help="What they may do.")
@_link_options
@project_options
def invite(
    address: str, folder: Path, *, role: Role, days: int, url: str, by: str | None, as_json: bool
) -> None:
    """Make a link with which the person of ADDRESS chooses a password; it works once."""
    from regulars.pipeline import people  # noqa: PLC0415  help must answer at once

    with _book(folder) as (book, now):
        made, shown = people.invite(
            book, address, role=role, by=by or getpass.getuser(), at=now, lasts=timedelta(days=days)
        )
    _show_link(made, shown, url=url, as_json=as_json)


@command.command("reset")
@click.argument("address")
@_link_options
@project_options
def reset(address: str, folder: Path, *, days: int, url: str, by: str | None, as_json: bool) -> None:
    """Make a link with which somebody chooses a new password; the old one and every session end now."""
    from regulars.pipeline import people  # noqa: PLC0415

    with _book(folder) as (book, now):
        made, shown = people.reset(book, address, by=by or getpass.getuser(), at=now, lasts=timedelta(days=days))
    _show_link(made, shown, url=url, as_json=as_json)


@command.command("list")
@project_options
def everybody(folder: Path, *, as_json: bool) -> None:
    """List who may log in, and who is invited."""
    with _book(folder) as (book, now):
        people, invites = book.people.all(), book.invites.open(at=now)
        sessions = {each.person_id: book.sessions.of(each.person_id) for each in people}
    if as_json:
        show_json({
            "people": [
                {**asdict(each), "sessions": [asdict(one) for one in sessions[each.person_id]]} for each in people
            ],
            "invites": [asdict(each) for each in invites],
        })
        return
    show_table("People", ["address", "name", "role", "since (UTC)", "signed in", "last seen (UTC)", "disabled"], [
        (
            each.email, each.name, each.role, f"{each.made_at:%Y-%m-%d}", len(sessions[each.person_id]),
            f"{sessions[each.person_id][0].seen_at:%Y-%m-%d %H:%M}" if sessions[each.person_id] else None,
            f"{each.disabled_at:%Y-%m-%d}" if each.disabled_at else None,
        )
        for each in people
    ], right=["signed in"])
    show_table("Links that were not used yet", ["address", "role", "for", "by", "until (UTC)"], [
        (
            each.email, each.role, "somebody new" if each.person_id is None else "a new password", each.made_by,
            f"{each.expires_at:%Y-%m-%d %H:%M}",
        )
        for each in invites
    ])


@command.command("role")
@click.argument("address")
@click.argument("role", type=click.Choice(ROLES))
@_by
@project_options
def role_of(address: str, role: Role, folder: Path, *, by: str | None, as_json: bool) -> None:
    """Make the person of ADDRESS a ROLE, from their next click on."""
    from regulars.pipeline.people import normal_email  # noqa: PLC0415

    with _book(folder) as (book, now):
        email = normal_email(address)
        book.people.set_role(email, role, at=now, by=by or getpass.getuser())
    show_json({"email": email, "role": role}) if as_json else click.echo(f"{email} is {role} now.")


@command.command("disable")
@click.argument("address")
@_by
@project_options
def disable(address: str, folder: Path, *, by: str | None, as_json: bool) -> None:
    """End the right of ADDRESS to log in, every session, and a link that was not used; `enable` gives it back."""
    from regulars.pipeline import people  # noqa: PLC0415

    with _book(folder) as (book, now):
        email = people.disable(book, address, at=now, by=by or getpass.getuser())
    show_json({"disabled": email}) if as_json else click.echo(f"{email} is signed out and cannot sign in any more.")


@command.command("enable")
@click.argument("address")
@_by
@project_options
def enable(address: str, folder: Path, *, by: str | None, as_json: bool) -> None:
    """Let somebody who was disabled sign in again, with the password they had."""
    from regulars.pipeline.people import normal_email  # noqa: PLC0415

    with _book(folder) as (book, now):
        email = normal_email(address)
        book.people.enable(email, at=now, by=by or getpass.getuser())
    show_json({"enabled": email}) if as_json else click.echo(f"{email} can sign in again.")


def _show_link(made: Invite, shown: str, *, url: str, as_json: bool) -> None:
    link = f"{url.rstrip('/')}/invite/{shown}"
    if as_json:
        show_json({**asdict(made), "link": link})
        return
    click.echo(link)
    click.echo(
        f"Send it to {made.email}: it works once, until {made.expires_at:%Y-%m-%d %H:%M} UTC, and is kept nowhere.",
        err=True,
    )


@contextmanager
def _book(folder: Path) -> Iterator[tuple[Book, datetime]]:
    import os  # noqa: PLC0415

    from regulars.clock import SystemClock  # noqa: PLC0415
    from regulars.config import HOME, read_config  # noqa: PLC0415
    from regulars.storage.book import Book  # noqa: PLC0415

    url, home = read_config(folder, environment=os.environ).stores.book, folder / HOME
    home.mkdir(parents=True, exist_ok=True)
    book = Book.open(url, home=home)
    try:
        yield book, SystemClock().now()
    finally:
        book.close()
