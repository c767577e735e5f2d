"""`regulars plan`: draft the tracking plan of a door from what landed, and try a plan on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from regulars.cli.screen import Progress, command_line, counted, project_options, show_json, show_table
from regulars.sources.tracking.built_in import BUILT_IN, begun

if TYPE_CHECKING:
    from regulars.pipeline.tracking import Replay, Told
    from regulars.pipeline.workspace import Workspace
    from regulars.project import Project
    from regulars.sources.tracking.plan import TrackingPlan


@click.group("plan")
def command() -> None:
    """Draft and try tracking plans: what the messages of a door are to look like (tracking_plans/*.yaml)."""


@command.command("infer")
@click.argument("source")
@click.option("--apply", "is_applied", is_flag=True, help="Write tracking_plans/SOURCE.yaml.")
@project_options
def infer(source: str, folder: Path, *, is_applied: bool, as_json: bool) -> None:
    """Draft a plan for SOURCE from what landed: types, what is always there, formats, values where they are few.

    Prints it as YAML. A plan that is there already is not touched.
    """
    from regulars.pipeline.tracking import draft  # noqa: PLC0415  help must answer at once

    with _opened(folder, "infer", is_quiet=as_json) as (workspace, told):
        found = draft(workspace, source, told=told)
    said = f"Drafted from {found.messages:,} messages; read it before you make it stricter."
    project, plan = workspace.project, found.plan(source)
    again = f"infer {source}"
    _give(project, plan, said, folder, again=again, is_applied=is_applied, as_json=as_json, messages=found.messages)


@command.command("check")
@click.argument("source")
@project_options
def check(source: str, folder: Path, *, as_json: bool) -> None:
    """Hold what landed of SOURCE against its plan: how many messages are otherwise, in what, and what becomes of them.

    Nothing is changed: a plan holds for what comes, from the next start of `regulars serve` on.
    """
    from regulars.pipeline.tracking import replay  # noqa: PLC0415  help must answer at once

    with _opened(folder, "check", is_quiet=as_json) as (workspace, told):
        found = replay(workspace, source, told=told)
    if as_json:
        show_json(asdict(found))
    else:
        _show(found)


@command.command("new")
@click.argument("source")
@click.option("--events", type=click.Choice([*BUILT_IN]), default="ecommerce", show_default=True,
              help="Whose: the 28 of Segment's e-commerce specification, or those of the example gym.")
@click.option("--apply", "is_applied", is_flag=True, help="Write tracking_plans/SOURCE.yaml.")
@project_options
def new(source: str, events: str, folder: Path, *, is_applied: bool, as_json: bool) -> None:
    """Begin the plan of SOURCE with built-in events, where nothing has been sent yet to draw a draft from.

    Prints it as YAML. A plan that is there already is not touched.
    """
    from regulars.project import Project  # noqa: PLC0415  help must answer at once
    from regulars.project.tracking import door_of  # noqa: PLC0415

    project = Project.load(folder)
    plan = begun(events, door_of(project, source).name)
    said = f"{BUILT_IN[events].said}; take out what you do not send before you make it stricter."
    again = f"new {source} --events {events}"
    _give(project, plan, said, folder, again=again, is_applied=is_applied, as_json=as_json)


@command.command("diff")
@click.argument("source")
@click.option("--against", type=click.File(encoding="utf-8"), required=True, help="The plan before; - is stdin.")
@project_options
@click.pass_context
def diff(context: click.Context, source: str, folder: Path, *, against: IO[str], as_json: bool) -> None:
    """Say what changed in the plan of SOURCE, and which of it breaks what senders send; 1 is answered when any does.

    For a check of every change: git show main:tracking_plans/site.yaml | regulars plan diff site --against -
    """
    from regulars.project import Project  # noqa: PLC0415  help must answer at once
    from regulars.project.tracking import plan_of  # noqa: PLC0415
    from regulars.sources.tracking.difference import differences  # noqa: PLC0415

    now = plan_of(Project.load(folder), source)
    found = differences(_plan_in(against, source), now)
    breaking = [one for one in found if one.is_breaking]
    if as_json:
        show_json({"source": source, "breaking": len(breaking), "differences": [asdict(one) for one in found]})
    else:
        click.echo(f"{counted(len(found), 'difference')}, {len(breaking)} breaking")
        if found:
            show_table("", ("", "where", "place", "what changed"), [
                ("breaks" if one.is_breaking else "", one.where, one.place, one.said) for one in found
            ])
    context.exit(1 if breaking else 0)


@contextmanager
def _opened(folder: Path, step: str, *, is_quiet: bool) -> Iterator[tuple[Workspace, Told]]:
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  help must answer at once

    progress = Progress(quiet=is_quiet)
    workspace = open_workspace(folder)
    try:
        progress.started(step)
        yield workspace, partial(progress.reached, step)
    finally:
        workspace.close()


def _give(
    project: Project, plan: dict[str, Any], said: str, folder: Path, *,
    again: str, is_applied: bool, as_json: bool, **numbers: int,
) -> None:
    """Print a plan to begin with under what is said of it, or write it where there is none; `again` prints it."""
    from regulars.project.marked import as_yaml  # noqa: PLC0415  help must answer at once

    source, text = plan["source"], f"# {said}\n{as_yaml(plan)}"
    hint = f"{command_line(f'plan {again}', folder)} prints what would be written: take from it what you need"
    file = _written(project, source, text, hint=hint) if is_applied else None
    if as_json:
        show_json({"source": source, **numbers, "plan": plan, "file": file})
    elif file is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"Written: {file.resolve()}   next: {command_line(f'plan check {source}', folder)}")


def _plan_in(file: IO[str], source: str) -> TrackingPlan:
    from regulars.errors import DeclarationError  # noqa: PLC0415  help must answer at once
    from regulars.project.marked import read_marked  # noqa: PLC0415
    from regulars.sources.tracking.plan import declare  # noqa: PLC0415

    try:
        return declare(source, read_marked(file.read()).data)
    except DeclarationError as error:
        raise DeclarationError(f"{file.name}: {error.message}", hint=error.hint, path=error.path) from error
    except UnicodeDecodeError as error:
        raise DeclarationError(f"{file.name} is no text", hint="a plan is YAML in UTF-8") from error


def _written(project: Project, source: str, text: str, *, hint: str) -> Path:
    from regulars.errors import DeclarationError  # noqa: PLC0415  help must answer at once
    from regulars.project.tracking import FOLDER  # noqa: PLC0415

    file = project.config.folder / FOLDER / f"{source}.yaml"
    for plan in project.tracking_plans:
        if plan.source == source:
            message = f"{source!r} has a tracking plan already, {FOLDER}/{plan.name}.yaml"
            raise DeclarationError(message, hint=hint)
        if plan.name == source:
            message = f"{FOLDER}/{plan.name}.yaml is there already, the plan of {plan.source!r}"
            raise DeclarationError(message, hint=hint)
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def _show(found: Replay) -> None:
    share = found.as_planned / found.messages
    click.echo(f"{found.messages:,} messages, {found.as_planned:,} as planned ({share:.1%})")
    becomes = [(policy, f"{count:,}") for policy, count in found.becomes.items() if count]
    if becomes:
        show_table("What becomes of the others", ("policy", "messages"), becomes, right=["messages"])
    columns = ("type", "event", "violation", "place", "messages")
    rows = [[one.type, one.event, one.violation, one.place, f"{one.messages:,}"] for one in found.deviations]
    if rows:
        show_table("What is not as planned", columns, rows, right=["messages"])
