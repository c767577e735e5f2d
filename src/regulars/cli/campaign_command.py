"""`regulars campaign`: write one, see who gets it and what they read, send it, watch it, stop it, read its account."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.beside import beside
from regulars.cli.campaign_decisions import approve, choose, rule, withdraw
from regulars.cli.campaign_numbers import numbers
from regulars.cli.campaign_read import read
from regulars.cli.campaign_replies import replies
from regulars.cli.screen import (
    Progress,
    command_line,
    console,
    counted,
    project_options,
    show_findings,
    show_json,
    show_table,
)
from regulars.web.mask import mask

if TYPE_CHECKING:
    from regulars.campaigns.campaign import State
    from regulars.pipeline.account import Account, Desk
    from regulars.pipeline.compose import Plan
    from regulars.pipeline.workspace import Workspace
    from regulars.storage.book.campaigns import Occurrence

NEW = """\
title: {title}
audience: {audience}                # a segment, or everybody
channel: {channel}                 # as its destination sends
purpose: marketing                 # or transactional
by: {destination}                  # destinations/{destination}.yaml
{words}
one_per: household                 # or customer
expires: 3 days                    # after which a message that waits is no longer worth sending
"""

WORDS = {
    "sms": """text: "{{ first_name | default: 'Hi' }}, … Reply STOP to opt out\"""",
    "email": """subject: …\ntext: "{{ first_name | default: 'Hi' }}, … To leave: {{ unsubscribe_url }}\"""",
}

UNCLEAR = {"wait": "a person chooses", "leading": "what leads is sent"}
"""What happens where a test says nothing."""


@click.group("campaign", invoke_without_command=True)
@project_options
@click.pass_context
def command(context: click.Context, folder: Path, *, as_json: bool) -> None:
    """List the campaigns; write, plan, send, watch and stop them with the commands below."""
    if context.invoked_subcommand is None:
        _list(folder, as_json=as_json)


for verb in (choose, approve, withdraw, rule, read, replies, numbers):
    command.add_command(verb)


@command.command("new")
@click.argument("name")
@project_options
def new(name: str, folder: Path, *, as_json: bool) -> None:
    """Write campaigns/NAME.yaml, to be filled in."""
    from regulars.errors import DeclarationError  # noqa: PLC0415  help must answer at once
    from regulars.project import Project  # noqa: PLC0415
    from regulars.project.declared import is_name  # noqa: PLC0415

    if not is_name(name):
        raise DeclarationError(f"{name!r} is no name", hint="letters, digits and underscores, such as winback_2026_03")
    project, path = Project.read(folder), folder / "campaigns" / f"{name}.yaml"
    if path.exists():
        raise DeclarationError(f"{path} is there already", hint="regulars check")
    path.parent.mkdir(exist_ok=True)
    way = min(project.destinations, key=lambda one: one.channel != "sms", default=None)      # texts where they go out
    channel = "sms" if way is None else way.channel
    path.write_text(NEW.format(
        title=name.replace("_", " ").capitalize(),
        audience=project.segments[0].name if project.segments else "everybody",
        channel=channel, words=WORDS[channel], destination="DESTINATION" if way is None else way.name,
    ), encoding="utf-8")
    next_ = command_line(f"campaign plan {name}", folder)
    show_json({"written": str(path)}) if as_json else click.echo(f"Wrote {path}. Next: fill it in, then {next_}")


@command.command("plan")
@click.argument("name")
@project_options
def plan(name: str, folder: Path, *, as_json: bool) -> None:
    """Say who gets NAME, who not and why, when, and what it costs; nothing is written or sent."""
    _with_plan(folder, name, lambda _, found: _show_plan(found, folder, as_json=as_json))


@command.command("preview")
@click.argument("name")
@click.option("--limit", type=click.IntRange(min=1), default=5, show_default=True, help="How many people.")
@click.option("--reveal", is_flag=True, help="Print addresses and numbers in full.")
@project_options
def preview(name: str, limit: int, folder: Path, *, reveal: bool, as_json: bool) -> None:
    """Show NAME as the first people of its audience would read it."""
    from regulars.pipeline.would_get import examples  # noqa: PLC0415

    def show(workspace: Workspace, found: Plan) -> None:
        shown = [
            replace(one, address=one.address if reveal else mask(one.address) or "")
            for one in examples(workspace, found, limit=limit)
        ]
        if as_json:
            show_json([{
                **{name: getattr(one, name) for name in ("customer_id", "address", "variant", "due_at", "segments")},
                "message": {"subject": one.subject, "text": one.text},
                "findings": [asdict(each) for each in found.remarks if each.where in {"", f"variants.{one.variant}"}],
            } for one in shown])
            return
        for one in shown:
            click.secho(f"{one.address}{f' ({one.variant})' if one.variant else ''}", bold=True)
            click.echo("\n".join(f"  {part}" for part in (one.subject, one.text) if part) + "\n")
        show_findings(found.remarks)
        if not shown:
            click.echo(f"Nobody gets it. Next: {command_line(f'campaign plan {name}', folder)}")

    _with_plan(folder, name, show)


@command.command("send")
@click.argument("name")
@click.option("--apply", is_flag=True, help="Do it; else it is only planned and shown.")
@click.option("--wait", default=0, show_default=True, help="Minutes to wait for what is not due yet.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True,
    help="Processes that send side by side, where the provider takes more than one of them sends.",
)
@project_options
@click.pass_context
def send(
    context: click.Context, name: str, wait: int, workers: int, folder: Path, *, apply: bool, as_json: bool
) -> None:
    """Send what is due of NAME. Killed or stopped, the same command goes on; several may run at once."""
    if not apply:
        context.invoke(plan, name=name, folder=folder, as_json=as_json)
        return
    from regulars.destinations.carry import load_meanwhile  # noqa: PLC0415  help must answer at once

    load_meanwhile()
    from regulars.pipeline.account import Desk, account  # noqa: PLC0415
    from regulars.pipeline.campaign import campaign_of, occurrence_at  # noqa: PLC0415

    with Desk.open(folder) as desk:
        campaign, zone = campaign_of(desk.project, name), desk.project.config.business.timezone
        occurrence, _ = occurrence_at(campaign, now=desk.clock.now(), zone=zone)
        one = desk.book.campaigns.find(name, occurrence)
        if one is None or one.state == "draft":
            one = _planned(folder, name)
        if campaign.test is not None:
            _settle_test(folder, one)
        same = ["campaign", "send", name, "--apply", "--json", "--wait", str(wait), "--project", str(folder)]
        with beside(same, processes=workers - 1):
            _work(desk, one, wait=wait, quiet=as_json)
        if workers > 1:
            _work(desk, one, wait=wait, quiet=as_json)       # what another had when it ended
        found = account(desk.book, desk.latest(name))
    _show_account(found, folder, as_json=as_json)
    context.exit(1 if found.occurrence.state == "paused" else 0)


@command.command("watch")
@click.argument("name")
@click.option("--every", default=2.0, show_default=True, help="Seconds.")
@project_options
def watch(name: str, every: float, folder: Path, *, as_json: bool) -> None:
    """Show how far NAME is, until it no longer sends."""
    from regulars.pipeline.account import Desk, account  # noqa: PLC0415

    with Desk.open(folder) as desk:
        while True:
            found = account(desk.book, desk.latest(name))
            if as_json or found.occurrence.state != "sending":
                break
            console(err=True).print(_line(found))
            time.sleep(every)
    _show_account(found, folder, as_json=as_json)


@command.command("results")
@click.argument("name")
@project_options
def results(name: str, folder: Path, *, as_json: bool) -> None:
    """Show what came of NAME: its account, how far people came and why not further, what it brought and added."""
    from regulars.cli.campaign_results import results_plain, show_results  # noqa: PLC0415
    from regulars.pipeline.account import latest  # noqa: PLC0415
    from regulars.pipeline.campaign import campaign_of  # noqa: PLC0415
    from regulars.pipeline.results import results as results_of  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        one = latest(workspace.book, campaign_of(workspace.project, name).name)
        found, wording = results_of(workspace, one), workspace.project.wording
    finally:
        workspace.close()
    if as_json:
        show_json(results_plain(found))
        return
    _show_account(found.account, folder, as_json=False)
    show_results(found, wording)


@command.command("offers")
@click.option("--days", default=365, show_default=True, help="How far back.")
@project_options
def offers(days: int, folder: Path, *, as_json: bool) -> None:
    """Show what each offer came to, in whatever campaigns it was made."""
    from regulars.cli.campaign_results import show_offers  # noqa: PLC0415
    from regulars.pipeline.offers import offers_told  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        found = offers_told(workspace, within=timedelta(days=days))
    finally:
        workspace.close()
    show_json([asdict(one) for one in found]) if as_json else show_offers(found)


@command.command("pause")
@click.argument("name")
@click.option("--reason", default="a person paused it", show_default=True)
@project_options
def pause(name: str, reason: str, folder: Path, *, as_json: bool) -> None:
    """Let NAME rest from the next batch on."""
    _move(folder, name, "paused", reason=reason, as_json=as_json)


@command.command("resume")
@click.argument("name")
@project_options
def resume(name: str, folder: Path, *, as_json: bool) -> None:
    """Let NAME go on where it rested."""
    _move(folder, name, "sending", reason=None, as_json=as_json)


@command.command("stop")
@click.argument("name")
@click.option("--reason", default="a person stopped it", show_default=True)
@project_options
def stop(name: str, reason: str, folder: Path, *, as_json: bool) -> None:
    """End NAME for good from the next batch on; what was not sent never is."""
    _move(folder, name, "stopped", reason=reason, as_json=as_json)


def _list(folder: Path, *, as_json: bool) -> None:
    from regulars.pipeline.account import Desk  # noqa: PLC0415

    with Desk.open(folder) as desk:
        states = {one.campaign: one for one in reversed(desk.book.campaigns.occurrences())}
        rows = [{
            "campaign": one.name, "title": one.title, "audience": one.audience or "everybody", "channel": one.channel,
            "state": states[one.name].state if one.name in states else "not sent yet",
        } for one in desk.project.campaigns]
    if as_json:
        show_json(rows)
        return
    columns = ["campaign", "title", "audience", "channel", "state"]
    show_table("Campaigns", columns, [[row[column] for column in columns] for row in rows])
    verb = f"campaign plan {rows[0]['campaign']}" if rows else "campaign new NAME"
    click.echo(f"Next: {command_line(verb, folder)}")


def _with_plan(folder: Path, name: str, show: Callable[[Workspace, Plan], None]) -> None:
    from regulars.pipeline.compose import plan_campaign  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        show(workspace, plan_campaign(workspace, name))
    finally:
        workspace.close()


def _planned(folder: Path, name: str) -> Occurrence:
    """Plan an occurrence and write it down; the stores are closed again before anything is sent."""
    from regulars.pipeline.compose import plan_campaign, write_plan  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        return write_plan(workspace, plan_campaign(workspace, name, enrols=True))
    finally:
        workspace.close()


def _work(desk: Desk, one: Occurrence, *, wait: int, quiet: bool) -> None:
    from regulars.pipeline.send import Worker  # noqa: PLC0415

    progress = Progress(quiet=quiet)
    progress.started(one.campaign)
    worker = Worker(project=desk.project, book=desk.book, clock=desk.clock, one=one, patience=timedelta(minutes=wait))
    for checkpoint in worker.work():
        progress.reached(one.campaign, checkpoint)


def _settle_test(folder: Path, one: Occurrence) -> None:
    """Decide about the test of an occurrence that sends, if it is time."""
    from regulars.pipeline.winner import settle_test  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        if one.state == "sending":
            settle_test(workspace, one)
    finally:
        workspace.close()


def _show_plan(found: Plan, folder: Path, *, as_json: bool) -> None:
    from regulars.campaigns.subset import REST  # noqa: PLC0415

    name, total = found.campaign.name, found.rows.num_rows
    waits = [row for row in found.waits.to_pylist() if row["subjects"]]
    if as_json:
        show_json({
            "campaign": name, "occurrence": found.occurrence, "starts_at": found.starts_at, "audience": total,
            "sendable": found.sendable, "variants": found.variants, "segments": found.segments,
            "skipped": [{"reason": reason, "people": number} for reason, number in found.reasons], "waits": waits,
            "rejected_rows": found.rejected, "unapproved": found.unapproved,
            "findings": [asdict(one) for one in found.remarks],
            "test": None if found.test is None else asdict(found.test),
        })
        return
    title = f"{found.campaign.title} ({found.occurrence})"
    click.echo(f"{title}: {found.sendable:,} of {total:,} people get it, from {found.starts_at:%Y-%m-%d %H:%M} UTC on.")
    show_table("Who does not, and why", ["reason", "people"], found.reasons, right=["people"])
    if any(found.variants):
        show_table("Variants", ["variant", "people"], list(found.variants.items()), right=["people"])
    if found.test is not None:
        told = (
            f"A test first: those marked {REST} get what does best by {found.test.winner_by}, from "
            f"{found.test.winner_at:%Y-%m-%d %H:%M} UTC on"
        )
        click.echo(f"{told}; where that may be chance, {UNCLEAR[found.test.unclear]}.")
    if found.rejected:
        click.echo(f"{counted(found.rejected, 'row')} of the list tell of nobody who can be written to.")
    for row in waits:
        click.echo(f"{row['cap']}: {row['subjects']:,} are full now; their messages wait.")
    if found.segments:
        click.echo(f"{counted(found.segments, 'segment')} of text.")
    show_findings(found.remarks)
    verb = f"campaign approve {name}" if found.unapproved else f"campaign send {name} --apply"
    click.echo(f"Nothing is sent yet. Next: {command_line(verb, folder)}")


def _show_account(found: Account, folder: Path, *, as_json: bool) -> None:
    one = found.occurrence
    if as_json:
        show_json(found.plain())
        return
    click.echo(_line(found))
    if one.reason:
        click.echo(f"{one.state}: {one.reason}")
    if found.reasons:
        show_table("Why", ["state", "reason", "messages"], found.reasons, right=["messages"])
    if any(variant for variant, _, _ in found.variants):
        show_table("Variants", ["variant", "state", "messages"], found.variants, right=["messages"])
    if found.stages:
        show_table("Receipts", ["stage", "messages"], list(found.stages.items()), right=["messages"])
    if one.state == "paused":
        click.echo(f"Next: {command_line(f'campaign resume {one.campaign}', folder)}")
    elif found.waiting and one.state == "sending":
        click.echo(f"Next: {command_line(f'campaign send {one.campaign} --apply', folder)}")


def _line(found: Account) -> str:
    one = found.occurrence
    names = ("sent", "failed", "skipped", "unknown", "waiting")
    parts = ", ".join(f"{getattr(found, name):,} {name}" for name in names)
    return f"{one.campaign} ({one.occurrence}) is {one.state}: {found.planned:,} planned = {parts}."


def _move(folder: Path, name: str, to: State, *, reason: str | None, as_json: bool) -> None:
    from regulars.pipeline.account import Desk, account, move  # noqa: PLC0415

    with Desk.open(folder) as desk:
        one = move(desk, name, to, by=getuser(), reason=reason)
        found = account(desk.book, one)
    _show_account(found, folder, as_json=as_json)
