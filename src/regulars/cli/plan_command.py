"""`regulars plan`: draft the tracking plan of a door from what landed, and try a plan on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.screen import Progress, command_line, project_options, show_json, show_table

if TYPE_CHECKING:
    from regulars.pipeline.tracking import Replay, Told
    from regulars.pipeline.workspace import Workspace


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
    from regulars.project.marked import as_yaml  # noqa: PLC0415

    with _opened(folder, "infer", is_quiet=as_json) as (workspace, told):
        found = draft(workspace, source, told=told)
        plan = found.plan(source)
        text = f"# Drafted from {found.messages:,} messages; read it before you make it stricter.\n{as_yaml(plan)}"
        file = _written(workspace, source, text) if is_applied else None
    if as_json:
        show_json({"source": source, "messages": found.messages, "plan": plan, "file": file})
    elif file is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"Written: {file.resolve()}   next: {command_line(f'plan check {source}', folder)}")


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


def _written(workspace: Workspace, source: str, text: str) -> Path:
    from regulars.errors import DeclarationError  # noqa: PLC0415  help must answer at once
    from regulars.project.tracking import FOLDER  # noqa: PLC0415

    file = workspace.project.config.folder / FOLDER / f"{source}.yaml"
    if file.exists() or any(plan.source == source for plan in workspace.project.tracking_plans):
        raise DeclarationError(
            f"{source!r} has a tracking plan already", hint=f"regulars plan infer {source} prints a draft beside it"
        )
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
