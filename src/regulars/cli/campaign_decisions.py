"""What people decide about a campaign: may its words be sent, who wins its test, what became of unknown messages."""

from __future__ import annotations

from dataclasses import asdict
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.screen import command_line, project_options, show_json, show_table
from regulars.web.mask import mask

if TYPE_CHECKING:
    from regulars.pipeline.unclear import MessageRuling

UNKNOWN = 100
"""Messages that are shown at once."""


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


@click.command("approve")
@click.argument("name")
@click.option("--note", default="", help="What was looked at.")
@project_options
def approve(name: str, note: str, folder: Path, *, as_json: bool) -> None:
    """Allow NAME to be sent with its words as they are now; other words need another approval."""
    _decided(name, "approve", note, folder, as_json=as_json)


@click.command("withdraw")
@click.argument("name")
@click.option("--note", default="", help="Why.")
@project_options
def withdraw(name: str, note: str, folder: Path, *, as_json: bool) -> None:
    """Take the approval of NAME's words back; what is being sent stops at the next start of a sender."""
    _decided(name, "withdraw", note, folder, as_json=as_json)


@click.command("rule")
@click.argument("message", required=False)
@click.option("--sent", "ruling", flag_value="sent", help="It was sent.")
@click.option("--not-sent", "ruling", flag_value="not_sent", help="It was not, and will not be.")
@click.option("--send-again", "ruling", flag_value="send_again", help="It was not: send it again.")
@click.option("--reason", default="", help="Where that was looked up.")
@project_options
def rule(message: str | None, ruling: MessageRuling | None, reason: str, folder: Path, *, as_json: bool) -> None:
    """Show the messages of which nobody knows whether they went, or say what became of one."""
    from regulars.pipeline.account import Desk  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.unclear import message_of, rule_message  # noqa: PLC0415
    from regulars.storage.book.audit import Changed  # noqa: PLC0415
    from regulars.storage.book.message_list import Wanted  # noqa: PLC0415

    if (message is None) != (ruling is None) or (ruling is not None and not reason.strip()):
        raise click.UsageError("rule one with its id, --sent, --not-sent or --send-again, and --reason")
    with Desk.open(folder) as desk:
        if message is not None and ruling is not None:
            now = desk.clock.now()
            rule_message(desk.book, message, ruling, by=getuser(), reason=reason.strip(), at=now)
            desk.book.audit.add(Changed(at=now, by=getuser(), what=f"message.{ruling}", subject=message))
            found = [message_of(desk.book, message)]
        else:
            found = desk.book.message_list.page(Wanted(state="unknown"), limit=UNKNOWN)
    rows = [
        {"message": one.message_id, "campaign": one.campaign, "state": one.state, "to": mask(one.address),
         "attempted_at": one.attempted_at, "reason": one.reason} for one in found
    ]
    if as_json:
        show_json(rows)
        return
    columns = ["message", "campaign", "state", "to", "attempted_at", "reason"]
    show_table("Unknown messages" if message is None else "Ruled", columns, [[row[c] for c in columns] for row in rows])


def _decided(name: str, asked: str, note: str, folder: Path, *, as_json: bool) -> None:
    from regulars.pipeline.account import Desk  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.approve import decide  # noqa: PLC0415
    from regulars.pipeline.campaign import campaign_of  # noqa: PLC0415
    from regulars.storage.book.audit import Changed  # noqa: PLC0415

    with Desk.open(folder) as desk:
        now, campaign = desk.clock.now(), campaign_of(desk.project, name)
        found = decide(desk.book, campaign, asked, by=getuser(), at=now, note=note)
        desk.book.audit.add(Changed(at=now, by=getuser(), what=f"campaign.{asked}", subject=name))
    rows = [{"variant": one.variant, **asdict(one.standing)} for one in found]
    if as_json:
        show_json(rows)
        return
    columns = ["variant", "version", "status", "approved_by", "approved_at"]
    show_table(f"Words of {name}", columns, [[row[column] for column in columns] for row in rows])
