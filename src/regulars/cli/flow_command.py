"""`regulars flow`: read one before it runs, see what its next run would do, why somebody is in it, what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.moment import MOMENT, clock_at
from regulars.cli.screen import Progress, command_line, counted, project_options, show_findings, show_json, show_table
from regulars.web.mask import mask

if TYPE_CHECKING:
    from regulars.flows.flow import Flow
    from regulars.pipeline.flow_results import FlowResults, Told
    from regulars.pipeline.flow_results import Preview as Found
    from regulars.pipeline.workspace import Workspace
    from regulars.storage.book.journeys import FlowState

PAUSED = "a person paused it"


@click.group("flow", invoke_without_command=True)
@project_options
@click.pass_context
def command(context: click.Context, folder: Path, *, as_json: bool) -> None:
    """List the flows; read, try, explain, pause and judge them with the commands below."""
    if context.invoked_subcommand is None:
        _list(folder, as_json=as_json)


@command.command("list")
@project_options
def list_(folder: Path, *, as_json: bool) -> None:
    """List the flows with how many people are on the way."""
    _list(folder, as_json=as_json)


@command.command("check")
@click.argument("name", required=False)
@project_options
def check(name: str | None, folder: Path, *, as_json: bool) -> None:
    """Say what is wrong with the files of flows, and what NAME does in words."""
    from regulars.flows.told import way, who  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.flow_results import flow_of  # noqa: PLC0415
    from regulars.project import Project  # noqa: PLC0415

    project = Project.read(folder)
    wrong = [one for one in project.problems if one.where.startswith("flows/")]
    if wrong:
        show_json([asdict(one) for one in wrong]) if as_json else show_findings(wrong)
        raise SystemExit(2)
    flows = [flow_of(project, name)] if name else list(project.flows)
    if as_json:
        show_json([{"flow": flow.name, "who": who(flow.trigger), "steps": way(flow)} for flow in flows])
        return
    for flow in flows:
        show_table(
            f"{flow.title}: {who(flow.trigger)}", ["step", "when", "what"],
            [[row["step"], row["when"], row["what"]] for row in way(flow)],
        )
    verb = f"flow preview {flows[0].name}" if flows else "check"
    click.echo(f"{counted(len(flows), 'flow')} can run. Next: {command_line(verb, folder)}")


@command.command("preview")
@click.argument("name")
@click.option("--limit", type=click.IntRange(min=1), default=3, show_default=True, help="How many messages are shown.")
@click.option("--as-of", type=MOMENT, help="As if now were then: 2026-01-05 or 2026-01-05T09:00.")
@click.option("--reveal", is_flag=True, help="Print addresses and numbers in full.")
@project_options
def preview(name: str, limit: int, as_of: datetime | None, folder: Path, *, reveal: bool, as_json: bool) -> None:
    """Say what the next run makes of NAME: who begins, who leaves, what is sent; nothing is written or sent."""
    from regulars.pipeline.flow_results import examples  # noqa: PLC0415
    from regulars.pipeline.flow_results import preview as found_by  # noqa: PLC0415

    def show(workspace: Workspace, flow: Flow) -> None:
        found = found_by(workspace, flow)
        shown = [
            {**one, "address": one["address"] if reveal else mask(one["address"])}
            for one in examples(workspace, found, limit=limit)
        ]
        if as_json:
            show_json(_plain(found) | {"examples": shown})
            return
        _show_preview(found)
        for one in shown:
            click.secho(f"{one['address']}, {one['step']}, {one['due_at']:%Y-%m-%d %H:%M} UTC", bold=True)
            click.echo("\n".join(f"  {part}" for part in (one["subject"], one["text"]) if part))
        click.echo(f"Nothing is written or sent. Next: {command_line('run', folder)}")

    _with(folder, name, show, as_of=as_of)


@command.command("explain")
@click.argument("name")
@click.argument("customer")
@project_options
def explain(name: str, customer: str, folder: Path, *, as_json: bool) -> None:
    """Say where CUSTOMER (an id, source/id, e-mail address or phone number) stands with NAME, and why."""
    from regulars.pipeline.find import find_customer  # noqa: PLC0415
    from regulars.pipeline.flow_results import explain as explained  # noqa: PLC0415

    def show(workspace: Workspace, flow: Flow) -> None:
        told = explained(workspace, flow, find_customer(workspace, customer))
        show_json(asdict(told)) if as_json else _show_told(told)

    _with(folder, name, show)


@command.command("results")
@click.argument("name")
@project_options
def results(name: str, folder: Path, *, as_json: bool) -> None:
    """Show what came of NAME: step by step, how journeys ended, and what it is worth against its holdout."""
    from regulars.pipeline.flow_results import results as found_by  # noqa: PLC0415

    def show(workspace: Workspace, flow: Flow) -> None:
        found = found_by(workspace, flow)
        show_json(asdict(found)) if as_json else _show_results(found, folder)

    _with(folder, name, show)


@command.command("send")
@click.argument("name", required=False)
@click.option("--apply", is_flag=True, help="Do it; else it is only said how much is due.")
@project_options
def send(name: str | None, folder: Path, *, apply: bool, as_json: bool) -> None:
    """Send what is due of NAME, or of every flow, where no `regulars serve` does; killed, it goes on where it was."""
    from regulars.campaigns.campaign import DOT  # noqa: PLC0415
    from regulars.pipeline.account import Desk, account  # noqa: PLC0415
    from regulars.pipeline.flow_results import flow_of  # noqa: PLC0415
    from regulars.pipeline.send import Worker  # noqa: PLC0415

    with Desk.open(folder) as desk:
        flows = {flow_of(desk.project, name).name} if name else {flow.name for flow in desk.project.flows}
        under_way = desk.book.campaigns.under_way(desk.clock.now())
        due = [one for one in under_way if DOT in one.campaign and one.campaign.partition(DOT)[0] in flows]
        done = []
        for one in due:
            progress = Progress(quiet=as_json or not apply)
            progress.started(one.campaign)
            worker = Worker(project=desk.project, book=desk.book, clock=desk.clock, one=one)
            for checkpoint in worker.work() if apply else ():
                progress.reached(one.campaign, checkpoint)
            found = account(desk.book, desk.book.campaigns.get(one.campaign_id) or one)
            done.append({"campaign": one.campaign, "occurrence": one.occurrence, "state": found.occurrence.state,
                         "sent": found.sent, "skipped": found.skipped, "waiting": found.waiting})
    if as_json:
        show_json(done)
        return
    columns = ["campaign", "occurrence", "state", "sent", "skipped", "waiting"]
    show_table("Messages of flows", columns, [[row[column] for column in columns] for row in done])
    if not apply and done:
        verb = " ".join(["flow send", *([name] if name else []), "--apply"])
        click.echo(f"Nothing was sent. Next: {command_line(verb, folder)}")


@command.command("pause")
@click.argument("name")
@click.option("--reason", default=PAUSED, show_default=True)
@project_options
def pause(name: str, reason: str, folder: Path, *, as_json: bool) -> None:
    """Let NAME rest: nobody comes into it, nobody goes on, nothing of it is sent."""
    _stand(folder, name, "paused", reason=reason, as_json=as_json)


@command.command("resume")
@click.argument("name")
@project_options
def resume(name: str, folder: Path, *, as_json: bool) -> None:
    """Let NAME go on; what it missed is caught up with, unless it is too late for it."""
    _stand(folder, name, "running", reason=None, as_json=as_json)


def _list(folder: Path, *, as_json: bool) -> None:
    from regulars.pipeline.flow_results import flow_list  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        rows = flow_list(workspace)
    finally:
        workspace.close()
    if as_json:
        show_json(rows)
        return
    columns = ["flow", "title", "begun", "on_the_way", "state"]
    show_table("Flows", columns, [[row[column] for column in columns] for row in rows], right=["begun", "on_the_way"])
    verb = f"flow preview {rows[0]['flow']}" if rows else "check"
    click.echo(f"Next: {command_line(verb, folder)}")


def _with(
    folder: Path, name: str, show: Callable[[Workspace, Flow], None], *, as_of: datetime | None = None
) -> None:
    from regulars.pipeline.flow_results import flow_of  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder, clock=clock_at(as_of))
    try:
        show(workspace, flow_of(workspace.project, name))
    finally:
        workspace.close()


def _stand(folder: Path, name: str, state: FlowState, *, reason: str | None, as_json: bool) -> None:
    from regulars.pipeline.account import Desk  # noqa: PLC0415
    from regulars.pipeline.flow_results import flow_of, stand  # noqa: PLC0415

    with Desk.open(folder) as desk:
        flow = flow_of(desk.project, name)
        stand(desk.book, flow, state, by=getuser(), clock=desk.clock, reason=reason)
        now = desk.book.journeys.standing(name)
    if as_json:
        show_json(asdict(now))
        return
    verb = f"flow resume {name}" if state == "paused" else "run"
    click.echo(f"{name} is {state}. Next: {command_line(verb, folder)}")


def _plain(found: Found) -> dict[str, Any]:
    decided = found.decided
    return {
        "flow": decided.flow.name, "as_of": decided.at, "begin": decided.begun.num_rows,
        "refused": [{"reason": reason, "occasions": number} for reason, number in found.refusals],
        "end": [{"reason": reason, "journeys": number} for reason, number in found.endings],
        "steps": [{"step": step, "outcome": outcome, "journeys": number} for step, outcome, number in found.taken],
        "messages": sum(batch.rows.filter(batch.rows["reason"].is_null()).num_rows for batch in found.batches),
        "skipped": sum(batch.rows.filter(batch.rows["reason"].is_valid()).num_rows for batch in found.batches),
    }


def _show_preview(found: Found) -> None:
    said = _plain(found)
    click.echo(
        f"{found.decided.flow.title} at {found.decided.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: "
        f"{counted(said['begin'], 'journey')} would begin, {counted(said['messages'], 'message')} be planned."
    )
    if found.refusals:
        show_table("Occasions that begin none", ["reason", "occasions"], found.refusals, right=["occasions"])
    if found.endings:
        show_table("Journeys that would end", ["reason", "journeys"], found.endings, right=["journeys"])
    if found.taken:
        show_table("Steps", ["step", "outcome", "journeys"], found.taken, right=["journeys"])
    if said["skipped"]:
        reasons = sorted({reason for batch in found.batches for reason in batch.rows["reason"].to_pylist() if reason})
        click.echo(f"{counted(said['skipped'], 'message')} would not be sent: {'; '.join(reasons[:5])}")


def _show_told(told: Told) -> None:
    if told.rests:
        click.echo(f"{told.flow} rests: {told.rests}")
    for journey in told.journeys:
        state = f"ended on {journey['ended_at']:%Y-%m-%d}: {journey['reason']}" if journey["ended_at"] else (
            f"rests at {journey['step'] or 'the end'} until {journey['due_at'] + timedelta(0):%Y-%m-%d %H:%M} UTC"
        )
        held = ", held out" if journey["is_held_out"] else ""
        click.secho(f"{journey['occasion']}, since {journey['entered_at']:%Y-%m-%d}{held}: {state}", bold=True)
        for step in journey["steps"]:
            message = f", {step['message']}{': ' + step['reason'] if step['reason'] else ''}" if step["message"] else ""
            click.echo(f"  {step['at']:%Y-%m-%d %H:%M}  {step['step']}: {step['outcome']}{message}")
    for row in told.occasions:
        click.echo(f"{row['occasion']} of {row['anchor_day']}: {row['refusal']}")
    if not told.journeys and not told.occasions:
        first, last = told.window
        click.echo(f"{told.customer_id} had no occasion of {told.flow} from {first} to {last}.")


def _show_results(found: FlowResults, folder: Path) -> None:
    click.echo(
        f"{found.flow} {'rests: ' + found.rests if found.rests else 'runs'}: {found.begun:,} began, "
        f"{found.on_the_way:,} on the way, {found.held_out:,} held out."
    )
    if found.endings:
        show_table("Ended", ["ending", "journeys"], list(found.endings.items()), right=["journeys"])
    show_table("Steps", ["step", "waiting", "taken", "messages", "receipts"], [
        [step.step, f"{step.waiting:,}", _counts(step.outcomes), _counts(step.messages), _counts(step.stages)]
        for step in found.steps
    ], right=["waiting"])
    if found.experiment:
        click.echo(f"What it is worth: {command_line(f'experiment report {found.experiment}', folder)}")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items(), key=lambda one: -one[1]))
