"""Real purchases, right to the cent: UCI Online Retail, 305 daily files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.testing.archive import unpack

ROOT = Path(__file__).parents[2]
ARCHIVE = ROOT.parent / "shared" / "data" / "retail" / "online_retail_by_day.tar.gz"
AFTER = FixedClock(datetime(2011, 12, 12, 9, tzinfo=UTC))
LEFT_OUT = ("recorded_at", "seq")            # when a file came, and under which number
TABLES = ("records.retail.invoice_lines", "events", "money", "profiles", "identity", "customers")

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason=f"needs {ARCHIVE.name} in ../shared/data/retail")


@pytest.fixture(scope="module")
def invoices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invoices")
    unpack(ARCHIVE, folder)
    return folder


def shop(folder: Path, data: Path, clock: FixedClock, **environment: str) -> Workspace:
    if not folder.exists():
        shutil.copytree(ROOT / "examples" / "shop", folder)
    return open_workspace(folder, clock=clock, environment={"RETAIL_DATA": str(data), **environment})


@pytest.fixture(scope="module")
def at_once(invoices: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = shop(tmp_path_factory.mktemp("shop") / "project", invoices, AFTER)
    assert run(workspace).exit_code == 0
    yield workspace
    workspace.close()


def test_every_line_customer_and_cancellation_is_there_and_the_net_value_is_right_to_the_cent(at_once: Workspace) -> None:
    records = at_once.table("records.retail.invoice_lines")
    money = at_once.table("money")

    assert at_once.count(records) == 541_909
    assert at_once.count(at_once.table("customers")) == 4_372
    assert at_once.count(records.filter(records.invoice.startswith("C"))) == 9_288
    assert at_once.value(money.amount.sum()) == 9_747_747_93


def test_a_second_run_over_the_same_files_changes_nothing(at_once: Workspace) -> None:
    before = {table: at_once.lake.content_hash(table) for table in TABLES}

    result = run(at_once)

    assert result.exit_code == 0
    assert sum(step.work.rows_out for step in result.steps if step.name != "check") == 0
    assert {table: at_once.lake.content_hash(table) for table in TABLES} == before


@pytest.mark.slow
def test_305_daily_runs_end_in_the_tables_of_one_run_over_all(
    invoices: Path, at_once: Workspace, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    files = sorted(invoices.rglob("*.csv"))
    assert len(files) == 305
    # The other core is another test's: a day's small statements take a seventh less CPU on one thread.
    daily = shop(tmp_path / "project", inbox, AFTER, REGULARS_ENGINE="duckdb://?threads=1")
    for file in files:
        shutil.copy(file, inbox)
        day = datetime.combine(datetime.fromisoformat(file.stem).date() + timedelta(days=1), time(3), tzinfo=UTC)
        # One process for all days: what is kept between two runs is on disk, as the tests that kill them show.
        assert run(replace(daily, clock=FixedClock(day))).exit_code == 0, file.name

    found = {table: daily.lake.content_hash(table, leave_out=LEFT_OUT) for table in TABLES}
    daily.close()
    assert found == {table: at_once.lake.content_hash(table, leave_out=LEFT_OUT) for table in TABLES}
