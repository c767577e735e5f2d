"""`regulars export --layout statistics`: the daily files of shops, of yesterday or where they lack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.screen import counted, show_json, show_table

if TYPE_CHECKING:
    from regulars.compat.shops.statistic_export import Due, Exported


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysAsked:
    """Which days of UTC; nothing said: yesterday, written again if it was before."""

    days: int | None = None                  # so many up to yesterday
    start: datetime | None = None
    end: datetime | None = None              # included; None: yesterday

    @property
    def is_backfill(self) -> bool:
        """Return whether only what lacks is to be written."""
        return self.days is not None or self.start is not None

    def between(self, today: date) -> tuple[date, date]:
        """Return the first day and the last. Raises UsageError for two answers to one question."""
        if self.days is not None and (self.start or self.end):
            raise click.UsageError("--days and --start are two answers to one question: give one")
        if self.end is not None and self.start is None:
            raise click.UsageError("--end needs --start")
        yesterday = today - timedelta(days=1)
        first = self.start.date() if self.start else today - timedelta(days=self.days or 1)
        return first, self.end.date() if self.end else yesterday


def export_statistics(
    folder: Path, shops: tuple[str, ...], *, asked: DaysAsked, dry_run: bool, as_json: bool
) -> None:
    """Write the files that are due, or show them. Ends with 1 where one could not be written."""
    from regulars.compat.shops.statistic_export import due_files, write_files  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  the same

    workspace = open_workspace(folder)
    try:
        first, last = asked.between(workspace.clock.now().astimezone(UTC).date())
        due = due_files(workspace, first=first, last=last, only=shops, only_gaps=asked.is_backfill)
        if dry_run:
            _show_due(due, as_json=as_json)
            return
        done = write_files(workspace, due)
    finally:
        workspace.close()
    _show_done(done, as_json=as_json)
    if any(one.errors for one in done):
        raise click.exceptions.Exit(1)


def _show_due(due: list[Due], *, as_json: bool) -> None:
    from regulars.compat.shops.statistic_files import key_of  # noqa: PLC0415  help must answer at once

    files = [key_of(variant, "csv") for one in due for variant in one.variants]
    if as_json:
        show_json({"would_write": files})
        return
    show_table("Would be written, each as CSV and as JSON", ["file"], [(file,) for file in files])
    click.echo("Next: the same without --dry-run")


def _show_done(done: list[Exported], *, as_json: bool) -> None:
    from regulars.compat.shops.statistic_export import data_status  # noqa: PLC0415  help must answer at once

    told = [
        {"shop": one.due.shop.name, "files": 2 * len(one.written), "data_status": data_status(one.due),
         "errors": list(one.errors)}
        for one in done
    ]
    if as_json:
        show_json({"shops": told})
        return
    for one in told:
        click.echo(f"{one['shop']}: {counted(int(str(one['files'])), 'file')} ({_WORDS[str(one['data_status'])]})")
    for error in (error for one in done for error in one.errors):
        click.echo(f"not written: {error}", err=True)


_WORDS = {
    "whole": "all that came is counted", "no_traffic": "nothing came",
    "not_counted_yet": "no run began after the day was over: regulars run, then the same again",
}
