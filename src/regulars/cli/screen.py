"""What commands print: tables and sentences for people, JSON for programs, progress for the patient."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from regulars.check import Finding
from regulars.errors import DeclarationError, RegularsError
from regulars.runs.run import Checkpoint, StepResult

if TYPE_CHECKING:
    from rich.console import Console

Command = TypeVar("Command", bound=Callable[..., Any])

MARKS = {
    "ok": "[green]✓[/]",
    "done": "[green]✓[/]",
    "warning": "[yellow]◆[/]",
    "failed": "[red]▲[/]",
    "skipped": "[dim]○[/]",
}
"""Status is always shape and word, never colour alone."""


def console(*, err: bool = False) -> Console:
    """Return a console; wide when nobody sits at a terminal, so that nothing is cut in a log."""
    from rich.console import Console  # noqa: PLC0415  who asks for JSON waits for no tables

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else int(os.environ.get("COLUMNS", "140"))
    return Console(stderr=err, width=width, highlight=False, soft_wrap=False)


def project_options(command: Command) -> Command:
    """Add `--project` and `--json`, which every command of a project has."""
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")(command)
    return click.option(
        "--project",
        "-p",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(),
        show_default="this folder",
        help="The project's folder.",
    )(command)


def show_json(value: object) -> None:
    """Print one JSON document: dates as ISO text, decimals as text."""
    click.echo(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))


def show_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[str] = ()
) -> None:
    """Print rows under named columns; says so when there are none."""
    from rich.table import Table  # noqa: PLC0415  the same

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(column.strip() for column in columns))
    numbers = set(right)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", header_style="dim")
    for row in rows:
        table.add_row(*("—" if cell is None else str(cell) for cell in row))
    out = console()
    if title:
        # Printed by itself: as the table's own title it would be broken to the table's width.
        out.print(f"[bold]{_escape(title)}[/]", soft_wrap=True)
    out.print(table if table.row_count else "  none yet")
    out.print()


def show_findings(findings: Iterable[Finding]) -> None:
    """Print findings with mark, place and what to do next."""
    out = console()
    for finding in findings:
        where = f"{_escape(finding.where)}: " if finding.where else ""
        out.print(f"{MARKS[finding.status]} {finding.name:<28} {where}{_escape(finding.message)}", soft_wrap=True)
        if finding.hint and finding.status != "ok":
            out.print(f"  {'':<28} → {_escape(finding.hint)}", soft_wrap=True)


def show_error(error: RegularsError) -> None:
    """Print an error on stderr: what is wrong, then what to do."""
    out = console(err=True)
    out.print(f"[red]▲[/] {_escape(error.message)}", soft_wrap=True)
    if error.hint:
        out.print(f"  → {_escape(error.hint)}", soft_wrap=True)
    if isinstance(error, DeclarationError) and not error.hint:
        out.print("  → regulars check")


def show_mapping(title: str, values: Mapping[str, object]) -> None:
    """Print names and values under a title."""
    show_table(title, ("", " "), [(f"  {name}", value) for name, value in values.items()])


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 source`, `2 sources`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def command_line(verb: str, folder: Path = Path()) -> str:
    """Return what to type for a verb, here and on this project: the next thing to do can be copied as it stands."""
    typed = Path(sys.argv[0])
    is_found = shutil.which("regulars") is not None or typed.name != "regulars"
    program = "regulars" if is_found else os.path.relpath(typed)
    return f"{program} {verb}" + ("" if folder == Path() else f" --project {shlex.quote(str(folder))}")


class Progress:
    """An observer that draws a bar at a terminal and one line per step elsewhere; on stderr, so stdout stays data."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._is_quiet = quiet
        self._status: Any = None
        self._under_way: dict[str, str] = {}             # step -> how far it is

    @cached_property
    def _out(self) -> Console:
        return console(err=True)

    def started(self, step: str) -> None:
        """Show that a step begins."""
        self._under_way[step] = f"{step} …"
        if self._status is None and not self._is_quiet and sys.stderr.isatty():
            self._status = self._out.status("")
            self._status.start()
            if (context := click.get_current_context(silent=True)) is not None:
                # Also when the step is broken off: the spinner hides the cursor.
                context.call_on_close(self._status.stop)
        self._show()

    def reached(self, step: str, checkpoint: Checkpoint) -> None:
        """Show how far a step is."""
        total = f" of {checkpoint.total:,}" if checkpoint.total else ""
        self._under_way[step] = f"{step}: {checkpoint.done:,}{total} {checkpoint.note}"
        self._show()

    def ended(self, result: StepResult) -> None:
        """Show how a step ended."""
        self._under_way.pop(result.name, None)           # one that was skipped never started
        if self._status is not None and not self._under_way:
            self._status.stop()
            self._status = None
        self._show()
        if not self._is_quiet:
            rows = f"{result.work.rows_in:,} in, {result.work.rows_out:,} out" if result.work.rows_in else ""
            why = _escape(_once(result.error) or result.work.note)
            line = f"{result.name:<28} {result.seconds:6.1f} s  {rows:<28} {why}"
            self._out.print(f"{MARKS[result.outcome]} {line.rstrip()}", soft_wrap=True)

    def _show(self) -> None:
        if self._status is not None:
            self._status.update("   ".join(self._under_way.values()))


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | Path):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _once(error: str) -> str:
    """Return an error in which what several streams say alike stands once."""
    head, colon, rest = error.partition(" streams failed: ")
    return head + colon + "; ".join(dict.fromkeys(rest.split("; "))) if colon else error


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
