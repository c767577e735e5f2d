"""The daily files of a shop: written once a day, again where news came late, and only where they lack."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from shop_world import NOW, made, post, ran, said

from full_disk import full_disk
from regulars.cli.main import main_group
from regulars.clock import FixedClock
from regulars.compat.shops.statistic_export import Exported, data_status, due_files, write_files
from regulars.errors import NotFound, RegularsError
from regulars.pipeline.workspace import Workspace, open_workspace

DAY, TODAY = timedelta(days=1), date(2026, 2, 4)
KEY = "statistic-exports/gear/7/70/20260204.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "summit")


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    """A shop of one day with two variants, on the morning after it."""
    post(folder, *(said("IMPRESSION", n, variantId=70 + n % 2) for n in range(5)), said("PURCHASE", 1, revenue=10, metadata={"orderId": 1}))
    with ran(folder, at=NOW + DAY) as opened:
        yield opened


def exported(workspace: Workspace, first: date = TODAY, last: date = TODAY, *, only_gaps: bool = False) -> list[Exported]:
    return write_files(workspace, due_files(workspace, first=first, last=last, only_gaps=only_gaps))


def rows(folder: Path, key: str = KEY) -> list[dict[str, str]]:
    with (folder / "data" / "exports" / key).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_variant_has_its_files(workspace: Workspace, folder: Path) -> None:
    [done] = exported(workspace)

    assert (len(done.written), done.errors, data_status(done.due)) == (2, (), "whole")
    [row] = rows(folder)
    assert (row["impressions"], row["orders"], row["revenue"]) == ("3", "1", "10.00")
    assert (folder / "data" / "exports" / KEY.replace(".csv", ".json")).is_file()


def test_handed_out_again_it_is_the_same_row_and_another_version(workspace: Workspace, folder: Path) -> None:
    exported(workspace)
    post(folder, said("IMPRESSION", 50), at=NOW + DAY)
    with ran(folder, at=NOW + DAY + timedelta(hours=1)) as later:
        exported(later)
        kept = later.book.statistic_exports.between(TODAY, TODAY, shop="gear")

    assert [(one.variant, one.version) for one in kept] == [("70", 2), ("71", 2)]
    assert rows(folder)[0]["impressions"] == "4"


def test_only_gaps_are_filled_where_they_are(workspace: Workspace, folder: Path) -> None:
    exported(workspace)
    before = {one.variant: one for one in workspace.book.statistic_exports.between(TODAY, TODAY, shop="gear")}
    (folder / "data" / "exports" / KEY).write_text("as it was")

    done = exported(workspace, only_gaps=True)

    assert [one.written for one in done] == [()]
    assert before["70"].version == 1
    assert (folder / "data" / "exports" / KEY).read_text() == "as it was"


def test_a_variant_that_was_known_has_a_file_on_a_day_on_which_nothing_came(workspace: Workspace, folder: Path) -> None:
    with ran(folder, at=NOW + 2 * DAY) as later:
        [done] = exported(later, TODAY + DAY, TODAY + DAY)

    assert (len(done.written), data_status(done.due)) == (2, "no_traffic")
    assert rows(folder, KEY.replace("0204", "0205"))[0]["impressions"] == "0"


def test_a_day_before_anything_was_known_has_no_files(workspace: Workspace) -> None:
    assert [one.written for one in exported(workspace, TODAY - DAY, TODAY - DAY)] == [()]


def test_a_day_that_no_run_saw_the_end_of_says_so(folder: Path) -> None:
    post(folder, said("IMPRESSION", 1))
    with ran(folder):
        pass
    workspace = open_workspace(folder, clock=FixedClock(NOW + DAY), environment={})
    [due] = due_files(workspace, first=TODAY, last=TODAY)
    workspace.close()

    assert data_status(due) == "not_counted_yet"


def test_days_that_are_not_over_or_end_before_they_begin_are_refused(workspace: Workspace) -> None:
    with pytest.raises(RegularsError, match="not over"):
        due_files(workspace, first=TODAY, last=TODAY + DAY)
    with pytest.raises(RegularsError, match="before they begin"):
        due_files(workspace, first=TODAY, last=TODAY - DAY)
    with pytest.raises(NotFound, match="no shop 'gaer'"):
        due_files(workspace, first=TODAY, last=TODAY, only=["gaer"])


def test_a_file_that_cannot_be_written_has_no_row_and_keeps_no_other_from_it(workspace: Workspace, folder: Path) -> None:
    place = (folder / "data" / "exports" / KEY).parent
    place.parent.mkdir(parents=True)
    place.write_text("in the way")

    [done] = exported(workspace)

    assert ([one.variant for one in done.written], done.errors) == (["71"], (f"{KEY}: File exists",))
    assert [one.variant for one in workspace.book.statistic_exports.between(TODAY, TODAY, shop="gear")] == ["71"]


def test_a_full_disk_leaves_no_row_and_no_half_file_and_is_over_when_there_is_room(workspace: Workspace, folder: Path) -> None:
    with full_disk(room=100):
        [full] = exported(workspace)

    assert (full.written, [error.rpartition(": ")[2] for error in full.errors]) == ((), ["File too large"] * 2)
    assert workspace.book.statistic_exports.between(TODAY, TODAY, shop="gear") == []
    assert [path for path in (folder / "data" / "exports").rglob("*") if path.is_file()] == []
    assert len(exported(workspace)[0].written) == 2


def typed(*words: str) -> tuple[int, dict[str, Any]]:
    """Type a command; return its exit code and what it printed as JSON."""
    done = CliRunner().invoke(main_group, ["export", *words, "--json"])
    return done.exit_code, json.loads(done.stdout) if done.exit_code == 0 else {}


def test_the_command_shows_what_lacks_writes_it_and_has_nothing_to_write_after(workspace: Workspace, folder: Path) -> None:
    words = ("--project", str(folder), "--layout", "statistics", "--start", "2026-02-04", "--end", "2026-02-04")

    seen, wrote, again = typed(*words, "--dry-run"), typed(*words), typed(*words, "gear")

    del workspace
    assert seen == (0, {"would_write": [KEY, KEY.replace("/70/", "/71/")]})
    assert wrote == (0, {"shops": [{"shop": "gear", "files": 4, "data_status": "whole", "errors": []}]})
    assert again[1]["shops"][0]["files"] == 0


@pytest.mark.parametrize("words", [
    ("--layout", "statistics", "--days", "2", "--start", "2026-02-04"), ("--layout", "statistics", "--end", "2026-02-04"),
    ("--layout", "statistics", "--to", "out"), ("--days", "2", "--dry-run"),
])
def test_what_the_command_cannot_mean_is_refused(folder: Path, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main_group, ["export", "--project", str(folder), *words])

    assert done.exit_code == 2
