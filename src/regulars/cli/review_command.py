"""`regulars review`: are these two one person? Side by side, with the evidence, and what an answer would change."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from regulars.cli.screen import command_line, counted, project_options, show_json, show_table
from regulars.web.mask import mask

if TYPE_CHECKING:
    from regulars.pipeline.review import Question
    from regulars.pipeline.workspace import Workspace

KEYS = "s same · d different · k not now · u undo the last answer · q stop"
WIDEST = 12                                  # characters of a bar of evidence; half for, half against


@click.command("review")
@project_options
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many questions.")
@click.option("--same", "same", nargs=2, metavar="PROFILE PROFILE", help="Rule that two profiles are one person.")
@click.option("--different", "different", nargs=2, metavar="PROFILE PROFILE", help="Rule that they are two people.")
@click.option("--weights", nargs=2, metavar="PROFILE PROFILE", help="Show what likeness says of two profiles.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with its picture.")
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path), help="Write the picture alone.")
@click.option("--undo", metavar="RULING", help="Take a ruling back.")
@click.option("--history", is_flag=True, help="Show every ruling that was ever made.")
@click.option("--reason", default="", help="Why, for the history.")
@click.option("--by", help="Who rules.  [default: who is logged in here]")
@click.option("--reveal", is_flag=True, help="Print addresses and numbers in full.")
def command(  # noqa: PLR0917  each is an option of the command line
    folder: Path, limit: int, same: tuple[str, str] | None, different: tuple[str, str] | None, undo: str | None,
    weights: tuple[str, str] | None, html: Path | None, png: Path | None, reason: str, by: str | None, *,
    history: bool, as_json: bool, reveal: bool,
) -> None:
    """Answer who is one person and who is not: one key an answer; PROFILE is source/id as `regulars customer` shows it.

    An answer is kept for ever, outweighs all evidence and takes effect with the next run. It can be taken back.
    """
    from regulars.pipeline.review import open_questions, rule, take_back  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  help must answer at once

    if sum(map(bool, (same, different, undo, history, weights))) > 1:
        raise click.UsageError("one of --same, --different, --weights, --undo and --history at a time")
    if (html or png) and not weights:
        raise click.UsageError("--html and --png draw what --weights shows")
    who = by or getpass.getuser()
    workspace = open_workspace(folder)
    try:
        if pair := same or different:
            made = rule(workspace, pair, "same" if same else "different", reason=reason, by=who)
            _said(asdict(made), f"{made.ruling_id}: {made.verdict}", folder, as_json=as_json)
        elif weights:
            _weights(workspace, weights, html, png, as_json=as_json)
        elif undo:
            take_back(workspace, undo)
            _said({"taken_back": undo}, f"{undo} is taken back", folder, as_json=as_json)
        elif history:
            _history(workspace, as_json=as_json)
        elif as_json:
            asked = open_questions(workspace, limit=limit)
            show_json([asdict(one) if reveal else asdict(one) | _masked(one) for one in asked])
        else:
            _ask(workspace, open_questions(workspace, limit=limit), folder, who=who, reason=reason, reveal=reveal)
    finally:
        workspace.close()


def _weights(
    workspace: Workspace, pair: tuple[str, str], html: Path | None, png: Path | None, *, as_json: bool
) -> None:
    """Show what likeness says of two profiles, and draw it where a file is named."""
    from regulars.pipeline.review import weighed  # noqa: PLC0415
    from regulars.web.waterfall import told, waterfall, weights_page  # noqa: PLC0415

    match = weighed(workspace, pair)
    if as_json:
        show_json(asdict(match))
    else:
        _show_evidence(match.evidence, f"{match.left} and {match.right}: {told(match)} likely one person")
    if not (html or png):
        return
    from regulars.web.chart import png as drawn_as_png  # noqa: PLC0415  drawing is slow to import
    from regulars.web.report import write  # noqa: PLC0415

    chart = waterfall(match, merge_from=workspace.project.config.identity.merge_from)
    if png:
        png.parent.mkdir(parents=True, exist_ok=True)
        png.write_bytes(drawn_as_png(chart))
    if html:
        write(weights_page(workspace, match, chart), html)
    for file in (html, png):
        if file and not as_json:
            click.echo(f"Written: {file.resolve()}")


def _said(value: dict[str, Any], sentence: str, folder: Path, *, as_json: bool) -> None:
    show_json(value) if as_json else click.echo(f"{sentence}. Next: {command_line('run', folder)}")


def _history(workspace: Workspace, *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = workspace.book.identity.ruling_history()
    if as_json:
        show_json(rows)
        return
    columns = ("ruling", "verdict", "left", "right", "by", "at (UTC)", "reason", "taken back")
    show_table("Rulings, newest first", columns, [
        (
            row["ruling_id"], row["verdict"], f"{row['left_source']}/{row['left_id']}",
            f"{row['right_source']}/{row['right_id']}", row["ruled_by"], f"{row['ruled_at']:%Y-%m-%d %H:%M}",
            row["reason"], f"{row['revoked_at']:%Y-%m-%d %H:%M}" if row["revoked_at"] else None,
        )
        for row in rows
    ])


def _ask(
    workspace: Workspace, asked: list[Question], folder: Path, *, who: str, reason: str, reveal: bool
) -> None:
    """Show one question after the other and take a key for each; without a terminal all are only shown."""
    from regulars.pipeline.review import count_questions, count_tiers, rule  # noqa: PLC0415

    given: dict[int, str] = {}               # the ruling on each question, by its place
    can_ask = sys.stdin.isatty()
    number = 0
    while number < len(asked):
        question = asked[number]
        _show(question, f"{number + 1} of {len(asked)}", reveal=reveal)
        answer = _key() if can_ask else "k"
        if answer == "q":
            break
        if answer == "u":
            number = _undone(workspace, given, number)
            continue
        if answer != "k":
            pair = (_name(question.left), _name(question.right))
            verdict: Literal["same", "different"] = "same" if answer == "s" else "different"
            given[number] = rule(workspace, pair, verdict, reason=reason, by=who).ruling_id
        number += 1
    sure = ", ".join(f"{count:,} {tier}" for tier, count in count_tiers(workspace).items())
    click.echo(f"Profiles by how sure it is who they are: {sure}")
    left = count_questions(workspace)
    click.echo(f"{counted(len(given), 'answer')} kept, {counted(left, 'question')} open.", nl=False)
    click.echo(f" Next: {command_line('run' if given else 'review', folder)}" if left or given else "")


def _undone(workspace: Workspace, given: dict[int, str], number: int) -> int:
    """Take the last answer back; return the place of its question, to be asked again, or `number` if there is none."""
    from regulars.pipeline.review import take_back  # noqa: PLC0415

    if given:
        number, ruling_id = given.popitem()
        take_back(workspace, ruling_id)
    click.echo(f"  {counted(len(given), 'answer')} of today kept")
    return number


def _key() -> str:
    click.echo(f"  {KEYS}: ", nl=False)
    while (key := click.getchar().lower()) not in "sdkuq":
        pass
    click.echo(key)
    return key


def _show(question: Question, place: str, *, reveal: bool) -> None:
    chance = "" if question.probability is None else f", {question.probability:.1%} likely one person"
    left, right = (side if reveal else _hidden(side) for side in (question.left, question.right))
    names = [name for name in left if name not in {"profile_source", "profile_id", "since", "strong"}]
    rows = [(name.removeprefix("raw_"), left[name], right[name]) for name in names if left[name] or right[name]]
    show_table(f"{place}: {question.kind}{chance}", ["", _name(left), _name(right)], rows)
    _show_evidence(question.evidence, "")
    click.echo(f"  same: {question.same.sentence}")
    click.echo(f"  different: {question.different.sentence}\n")


def _show_evidence(evidence: list[dict[str, Any]], title: str) -> None:
    show_table(title, ["evidence", "", "bits"], [
        (item["field"].replace("_", " "), item["outcome"] + " " + _bar(item["bits"]), item["bits"])
        for item in evidence
    ], right=["bits"])


def _bar(bits: float | None) -> str:
    """Return evidence as a bar: what speaks for one person to the right, what speaks against it to the left."""
    if bits is None:
        return ""
    length = min(round(abs(bits) / 2), WIDEST // 2)
    return ("◀" if bits < 0 else "▶") * length


def _name(side: dict[str, Any]) -> str:
    return f"{side['profile_source']}/{side['profile_id']}"


def _hidden(side: dict[str, Any]) -> dict[str, Any]:
    return {**side, "email": mask(side["email"]), "phone": mask(side["phone"])}


def _masked(question: Question) -> dict[str, Any]:
    return {"left": _hidden(question.left), "right": _hidden(question.right)}
