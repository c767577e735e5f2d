"""`regulars webhook`: what providers posted, how far it got, and another attempt at what could not be handed on."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.screen import command_line, project_options, show_json, show_table

if TYPE_CHECKING:
    from regulars.pipeline.workspace import Workspace
    from regulars.storage.book.webhooks import Queued, State


@click.group("webhook")
def command() -> None:
    """Deliveries of webhooks: waiting to be handed on, done, or dead: given up until you say otherwise.

    Those that were done 30 days ago are no longer listed; as records of their source they are kept.
    """


@command.command("list")
@project_options
@click.option("--state", type=click.Choice(["waiting", "done", "dead"]), help="Only these.")
@click.option("--source", help="Only those of this source.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many at most.")
def listed(folder: Path, state: State | None, source: str | None, limit: int, *, as_json: bool) -> None:
    """List deliveries, the newest first."""
    with _opened(folder) as workspace:
        found = workspace.book.webhooks.newest(limit=limit, state=state, source=source)
        counts = workspace.book.webhooks.counts()
    if as_json:
        show_json([asdict(one) for one in found])
        return
    totals = {known: sum(n for (_, of), n in counts.items() if of == known) for known in ("waiting", "done", "dead")}
    title = "Deliveries, newest first: " + ", ".join(f"{n:,} {known}" for known, n in totals.items())
    show_table(title, ["webhook", "source", "received (UTC)", "state", "tries", "news", "next try (UTC)", "error"], [
        (
            one.webhook_id, one.source, f"{one.received_at:%Y-%m-%d %H:%M:%S}", one.state, one.attempts, one.news,
            None if one.state != "waiting" or one.due_at is None else f"{one.due_at:%Y-%m-%d %H:%M:%S}", one.error,
        )
        for one in found
    ], right=["tries", "news"])
    dead = next((one for one in found if one.state == "dead"), None)
    if dead is not None:
        click.echo(f"Next: {command_line(f'webhook show {dead.webhook_id}', folder)}")


@command.command("show")
@click.argument("webhook_id")
@project_options
@click.option("--reveal", is_flag=True, help="Show what it says, names and addresses too.")
def shown(webhook_id: str, folder: Path, *, reveal: bool, as_json: bool) -> None:
    """Show one delivery; what it says only while it is not handed on, and only with --reveal."""
    with _opened(folder) as workspace:
        found = workspace.book.webhooks.opened(webhook_id)
    told = {name: value for name, value in asdict(found).items() if name != "body"}
    if reveal:
        told["body"] = None if found.body is None else found.body.decode(errors="replace")
    if as_json:
        show_json(told)
        return
    show_table("", ["", " "], [(name, value) for name, value in told.items() if value is not None])
    if found.state == "dead":
        click.echo(f"Next: {command_line(f'webhook replay {webhook_id}', folder)}")


@command.command("replay")
@click.argument("webhook_ids", nargs=-1)
@project_options
@click.option("--dead", "is_every_dead", is_flag=True, help="All that were given up.")
@click.option("--by", help="Who says so.  [default: who is logged in here]")
def replayed(
    webhook_ids: tuple[str, ...], folder: Path, by: str | None, *, is_every_dead: bool, as_json: bool
) -> None:
    """Hand deliveries on now that wait or were given up, and show how it went."""
    from regulars.errors import RegularsError  # noqa: PLC0415
    from regulars.pipeline.webhooks import replay  # noqa: PLC0415  help must answer at once
    from regulars.storage.book.audit import Changed  # noqa: PLC0415

    if bool(webhook_ids) == is_every_dead:
        raise RegularsError("say which deliveries", hint="regulars webhook replay w_…, or --dead")
    found: list[Queued] = []
    with _opened(folder) as workspace:
        chosen = webhook_ids or [
            one.webhook_id for one in workspace.book.webhooks.newest(limit=1_000_000, state="dead")[::-1]
        ]
        for webhook_id in chosen:
            found.append(replay(workspace, webhook_id))
            workspace.book.audit.add(Changed(
                at=workspace.clock.now(), by=by or getpass.getuser(), what="webhook.replay", subject=webhook_id
            ))
    if as_json:
        show_json([asdict(one) for one in found])
        return
    show_table("Handed on again", ["webhook", "source", "state", "news", "error"], [
        (one.webhook_id, one.source, one.state, one.news, one.error) for one in found
    ], right=["news"])


@contextmanager
def _opened(folder: Path) -> Iterator[Workspace]:
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  help must answer at once

    workspace = open_workspace(folder, bears_problems=True)
    try:
        yield workspace
    finally:
        workspace.close()
