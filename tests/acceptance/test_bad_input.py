"""Bad input through the whole pipeline: a clear error or a quarantined row, history intact, and a way to repair it."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina
from click.testing import CliRunner

from regulars.cli.main import main_group
from regulars.clock import FixedClock
from regulars.errors import DeclarationError
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.records.quarantine import REASONS
from regulars.runs.run import RunResult
from regulars.testing.sandbox import Fault, Faults, SandboxServer

TODAY = datetime(2026, 1, 20, 23, tzinfo=UTC)
HEADER = "visit_id,member_id,email,visited_at,amount,quantity,currency"
TOML = """\
[business]
name = "Corner Studio"
timezone = "America/Chicago"
currency = "USD"
country = "US"

[stores]
landing = "file:./data/landing"
lake = "file:./data/lake"
book = "sqlite:./data/book.db"

[engine]
url = "duckdb://"
"""
DESK = """\
kind: files
folder: inbox
streams:
  visits:
    files: ["visits*.csv", "visits*.csv.gz"]
    key: [visit_id]
    fields:
      visit_id: {type: id, required: true}
      member_id: {type: id, required: true}
      email: text
      visited_at: {type: timestamp, required: true, formats: ["%m/%d/%Y %H:%M", "%d %b %Y %H:%M"]}
      amount: {type: money, required: true}
      quantity: integer
      currency: text
    profile: {id: member_id, exclusive: true, email: email}
    money:
      - {kind: sale, amount: amount, when: visited_at, who: member_id, quantity: quantity, currency: currency, payment: visit_id}
"""
VISITED = "from: desk.visits\nwho: member_id\nwhen: visited_at\n"
GYM = """\
kind: rest
url: ${GYM_URL}
auth: {type: header, name: Authorization, value: "token sandbox"}
request: {items: results, total: count, paging: {style: page, param: page, size_param: page_size, size: 50, more: next}}
streams:
  customers:
    key: id
    mode: snapshot
    request: {path: customers/}
    fields:
      id: {type: id, required: true}
      email: text
      created_at: {type: timestamp, required: true}
    profile: {id: id, exclusive: true, email: email, created_at: created_at}
"""
CAME = "from: gym.customers\nwho: id\nwhen: created_at\n"
KEPT = ("records.desk.visits", "events", "money", "identity", "customers")
LEFT_OUT = ("recorded_at", "seq")


def visit(n: int, **values: object) -> str:
    row = {"visit_id": n, "member_id": 100 + n % 40, "email": f"m{n % 40}@example.com", "visited_at": "2026-01-05 09:30",
           "amount": "12.00", "quantity": 1, "currency": "USD"} | values
    return ",".join(str(row[name]) for name in HEADER.split(","))


def sheet(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A small business that gets files, and what it knows."""

    folder: Path

    def drop(self, name: str, data: bytes) -> None:
        path = self.folder / "inbox" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    def declare(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    @contextmanager
    def opened(self, *, at: datetime = TODAY) -> Iterator[Workspace]:
        workspace = open_workspace(self.folder, clock=FixedClock(at), environment={})
        yield workspace
        workspace.close()

    def run(self, *, at: datetime = TODAY) -> RunResult:
        with self.opened(at=at) as workspace:
            return run(workspace)

    def known(self) -> dict[str, str]:
        with self.opened() as workspace:
            return {table: workspace.lake.content_hash(table, leave_out=LEFT_OUT) for table in KEPT}

    def held_back(self) -> Counter[str]:
        with self.opened() as workspace:
            return Counter(row["reason"] for row in workspace.rows(workspace.table("quarantine")))

    def rows(self, table: str) -> list[dict[str, Any]]:
        with self.opened() as workspace:
            return workspace.rows(workspace.table(table))


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(folder=tmp_path_factory.mktemp("desk"))
    (desk.folder / "sources").mkdir()
    (desk.folder / "events").mkdir()
    desk.declare("regulars.toml", TOML)
    desk.declare("sources/desk.yaml", DESK)
    desk.declare("events/visited.yaml", VISITED)
    desk.drop("visits-1.csv", sheet(*(visit(n) for n in range(1, 121))))
    assert desk.run().exit_code == 0
    return desk


@pytest.fixture
def desk(first_day: Desk, tmp_path: Path) -> Desk:
    """The business after a good first day of 120 visits."""
    return Desk(folder=shutil.copytree(first_day.folder, tmp_path / "desk"))


def told(result: RunResult, step: str) -> str:
    return next(found.error for found in result.steps if found.name == step and found.outcome == "failed")


# --- rows that read, however they are written ---------------------------------------------------------------------


def test_mixed_dates_a_byte_order_mark_and_ids_as_floats_are_read_as_what_they_mean(desk: Desk) -> None:
    plain = [visit(n, visited_at="2026-01-06 09:30") for n in range(201, 205)]
    odd = [
        visit(201, visited_at="2026-01-06T09:30:00-06:00"),
        visit(202, visit_id="202.0", member_id="102.0", visited_at="01/06/2026 09:30"),
        visit(203, member_id="103.0", visited_at="06 Jan 2026 09:30"),
        visit(204, visited_at="2026-01-06T15:30:00Z"),
    ]
    as_written = Desk(folder=shutil.copytree(desk.folder, desk.folder.parent / "plain"))
    as_written.drop("visits-2.csv", sheet(*plain))
    desk.drop("visits-2.csv", b"\xef\xbb\xbf" + sheet(*odd))

    assert as_written.run().exit_code == 0
    assert desk.run().exit_code == 0

    leave_out = {"fingerprint", "recorded_at", "seq"}
    both = [
        sorted(tuple(v for k, v in row.items() if k not in leave_out) for row in each.rows("records.desk.visits"))
        for each in (desk, as_written)
    ]
    assert both[0] == both[1]
    assert desk.held_back() == Counter()


# --- rows that do not: set aside one by one, and back when they are repaired ---------------------------------------


@pytest.mark.parametrize(("bad", "reason"), [
    (visit(301, visited_at="31/31/2026 09:30"), "not_timestamp"),
    (visit(301, visited_at="2026-03-08 02:30"), "no_such_time"),
    (visit(301, visited_at=""), "missing"),
    (visit(301, amount="twelve"), "not_money"),
    (visit(301, quantity="-2"), "negative_quantity"),
    (visit(301, currency="XQQ"), "unknown_currency"),
    (visit(301, visited_at="2026-02-20 09:30"), "future"),
    (visit(301, email="caf\udce9@example.com"), "invalid-utf8"),
    (visit(301) + ",one more", "ragged-row"),
], ids=["date", "clock change", "no date", "amount", "negative quantity", "currency", "future", "invalid UTF-8", "ragged"])
def test_a_bad_row_is_set_aside_with_its_reason_and_comes_back_when_it_is_repaired(
    desk: Desk, bad: str, reason: str
) -> None:
    good = [visit(n) for n in range(302, 312)]
    desk.drop("visits-2.csv", "\n".join([HEADER, bad, *good, ""]).encode(errors="surrogateescape"))

    assert desk.run().exit_code == 0
    held = desk.rows("quarantine")
    assert reason in {row["reason"] for row in held}
    assert {row["reason"] for row in held} <= set(REASONS)
    assert all(row["message"] and REASONS[row["reason"]].repair for row in held)
    assert {row["stream"] for row in held} == {"visits"}
    assert len(desk.rows("records.desk.visits")) - 130 in (0, 1)    # money and events hold back their own row alone
    assert len(desk.rows("money")) == 130

    desk.drop("visits-2.csv", sheet(visit(301), *good))

    assert desk.run().exit_code == 0
    assert desk.held_back() == Counter()
    assert [len(desk.rows(table)) for table in ("records.desk.visits", "events", "money")] == [131, 131, 131]


def test_a_way_of_writing_dates_that_is_declared_afterwards_lets_the_rows_out(desk: Desk) -> None:
    desk.drop("visits-2.csv", sheet(*(visit(n, visited_at="5.1.2026 9:30") for n in range(301, 304))))
    desk.run()
    assert desk.held_back() == {"not_timestamp": 3}

    desk.declare("sources/desk.yaml", DESK.replace('"%d %b %Y %H:%M"', '"%d %b %Y %H:%M", "%d.%m.%Y %H:%M"'))

    assert desk.run().exit_code == 0
    assert desk.held_back() == Counter()
    assert len(desk.rows("money")) == 123


# --- files that cannot be read: an error that says what would be right, and nothing changes ------------------------


def shrunken(_: Desk) -> bytes:
    return sheet(*(visit(n) for n in range(1, 49)))


@pytest.mark.parametrize(("name", "data", "step", "message"), [
    ("visits-2.csv", sheet(visit(301), header=HEADER.replace("currency", "email")), "pull:desk", "'email' more than once"),
    ("visits-2.csv", sheet(visit(301), header=HEADER.replace("visited_at", "visited")), "read:desk", "visited_at"),
    ("visits-2.csv.gz", gzip.compress(sheet(*(visit(n) for n in range(301, 401))), mtime=0)[:-40], "pull:desk", "cut off"),
    ("visits-2.csv.gz", b"<html>Please log in</html>", "pull:desk", "not gzip"),
    ("visits-1.csv", sheet(*(visit(n) for n in range(1, 49))), "pull:desk", "had 120 rows and now has 48"),
    ("visits-1.csv", b"", "pull:desk", "had 120 rows and now has 0"),
], ids=["duplicate header", "renamed header", "truncated gz", "html", "shrunk by 60 %", "emptied"])
def test_a_bad_file_fails_its_step_and_leaves_history_as_it_was(
    desk: Desk, name: str, data: bytes, step: str, message: str
) -> None:
    before = desk.known()
    good = (desk.folder / "inbox" / name).read_bytes() if name == "visits-1.csv" else None

    desk.drop(name, data)
    failed = desk.run()

    assert failed.exit_code == 1
    assert message in told(failed, step)
    assert "(" in told(failed, step), "what would be right is part of the message"
    assert desk.known() == before
    assert desk.run().exit_code == 1, "a fault that stays is told each time"
    assert desk.known() == before

    mended = sheet(*(visit(n) for n in range(301, 311)))
    desk.drop(name, good or (gzip.compress(mended) if name.endswith(".gz") else mended))

    assert desk.run().exit_code == 0
    assert len(desk.rows("money")) == (120 if good else 130)
    assert desk.held_back() == Counter()


def test_a_renamed_column_can_be_declared_as_well(desk: Desk) -> None:
    before = desk.known()
    renamed = sheet(*(visit(n) for n in range(301, 361)), header=HEADER.replace("email", "e_mail"))
    desk.drop("visits-2.csv", renamed)

    failed = desk.run()

    assert "e_mail" in told(failed, "read:desk")
    assert desk.known() == before
    desk.drop("visits-2.csv", renamed.replace(b"e_mail", b"email"))
    assert desk.run().exit_code == 0
    assert len(desk.rows("events")) == 180


def test_an_empty_new_file_is_told_and_fills_later(desk: Desk) -> None:
    before = desk.known()
    desk.drop("visits-2.csv", b"")

    desk.run()

    assert desk.held_back() == {"empty-file": 1}
    assert desk.known() == before
    desk.drop("visits-2.csv", sheet(visit(301)))
    assert desk.run().exit_code == 0
    assert desk.held_back() == Counter()
    assert len(desk.rows("events")) == 121


def test_a_file_that_rightly_shrank_is_let_through_by_its_declaration(desk: Desk) -> None:
    desk.drop("visits-1.csv", shrunken(desk))
    assert desk.run().exit_code == 1

    desk.declare("sources/desk.yaml", DESK.replace("    key: [visit_id]", "    key: [visit_id]\n    shrink_guard: 0.7"))

    assert desk.run().exit_code == 0


@pytest.mark.parametrize("lost", ["inbox", "inbox/visits-1.csv"])
def test_a_failed_read_is_never_a_first_run(desk: Desk, lost: str) -> None:
    before = desk.known()
    (desk.folder / lost).rename(desk.folder / "elsewhere")

    failed = desk.run()

    assert failed.exit_code == 1
    assert "no file matches" in told(failed, "pull:desk")
    assert desk.known() == before
    (desk.folder / "elsewhere").rename(desk.folder / lost)
    assert desk.run().exit_code == 0
    assert desk.known() == before


# --- declarations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "text", "place", "right"), [
    ("sources/desk.yaml", DESK.replace("visited_at: {type: timestamp", "visited_at: {type: timestanp"), ":11", "'timestamp'"),
    ("sources/desk.yaml", DESK.replace("      - {kind: sale", "      - {kind: sael"), "", "'sale'"),
    ("events/visited.yaml", VISITED.replace("when", "wen"), ":3", "'when'"),
    ("events/visited.yaml", VISITED.replace("desk.visits", "desk.visit"), ":1", "'desk.visits'"),
    ("regulars.toml", TOML.replace("timezone", "timezon"), "", "timezone"),
])
def test_a_typo_in_a_declaration_names_file_line_and_what_would_be_right(
    desk: Desk, file: str, text: str, place: str, right: str
) -> None:
    before = desk.known()
    good = (desk.folder / file).read_text(encoding="utf-8")
    desk.declare(file, text)

    with pytest.raises(DeclarationError) as error:
        desk.run()

    assert f"{file}{place}" in str(error.value)
    assert right in str(error.value)
    assert error.value.exit_code == 2
    desk.declare(file, good)
    assert desk.run().exit_code == 0
    assert desk.known() == before


def test_the_command_line_ends_with_the_honest_code(desk: Desk) -> None:
    desk.drop("visits-1.csv", shrunken(desk))
    arguments = ["run", "--project", str(desk.folder), "--as-of", TODAY.isoformat()]

    ended = CliRunner().invoke(main_group, arguments)

    assert ended.exit_code == 1
    assert "48" in ended.output + ended.stderr


# --- answers over HTTP ---------------------------------------------------------------------------------------------


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Callable[..., SandboxServer]]:
    """A vendor with 230 customers, and whatever goes wrong with it."""
    folder = tmp_path / "world" / "capitan"
    folder.mkdir(parents=True)
    lines = [
        {"visible_from": "2025-01-01T00:00:00Z", "visible_until": None,
         "item": {"id": n, "email": f"m{n}@example.com", "created_at": "2025-06-01T09:00:00"}}
        for n in range(1, 231)
    ]
    (folder / "customers.ndjson").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    servers: list[SandboxServer] = []

    def start(faults: Faults | None = None) -> SandboxServer:
        servers.append(SandboxServer(["capitan"], folder.parent, faults=faults, as_of=TODAY).__enter__())
        return servers[-1]

    with stamina.set_testing(True, attempts=2):
        yield start
    for server in servers:
        server.__exit__()


def gym_run(folder: Path, server: SandboxServer) -> tuple[RunResult, dict[str, str]]:
    environment = {"GYM_URL": server.url_of("capitan")}
    workspace = open_workspace(folder, clock=FixedClock(TODAY), environment=environment)
    result = run(workspace)
    tables = [table for table in KEPT if workspace.lake.exists(table)] + ["records.gym.customers"]
    known = {table: workspace.lake.content_hash(table, leave_out=LEFT_OUT) for table in tables}
    workspace.close()
    return result, known


@pytest.mark.parametrize(("fault", "message"), [
    (Fault(kind="repeated_page"), "page 2 is page 1 again"),
    (Fault(kind="lost_page"), "a page came empty though more was promised"),
    (Fault(kind="short_page"), "a page was lost"),
    (Fault(kind="html"), "web page instead of JSON"),
    (Fault(kind="broken_json"), "broken JSON"),
    (Fault(kind="status", status=500), "answered 500"),
    (Fault(kind="status", status=401), "401"),
    (Fault(kind="cut"), "connection"),
], ids=lambda value: getattr(value, "kind", ""))
def test_a_spoilt_answer_commits_nothing_and_history_stays(
    vendor: Callable[..., SandboxServer], tmp_path: Path, fault: Fault, message: str
) -> None:
    folder = tmp_path / "gym"
    for part in ("sources", "events"):
        (folder / part).mkdir(parents=True)
    (folder / "regulars.toml").write_text(TOML)
    (folder / "sources/gym.yaml").write_text(GYM)
    (folder / "events/came.yaml").write_text(CAME)
    first, before = gym_run(folder, vendor())
    assert first.exit_code == 0

    failed, after = gym_run(folder, vendor(Faults(plan={2: fault, 3: fault, 4: fault, 5: fault})))

    assert failed.exit_code == 1
    assert message in told(failed, "pull:gym")
    assert after == before
    again, mended = gym_run(folder, vendor())
    assert again.exit_code == 0
    assert mended == before


def test_a_vendor_whose_clock_is_a_month_ahead_makes_no_event_in_the_future(
    vendor: Callable[..., SandboxServer], desk: Desk
) -> None:
    ahead = (TODAY + timedelta(days=30)).strftime("%Y-%m-%d %H:%M")
    desk.drop("visits-2.csv", sheet(visit(301, visited_at=ahead)))

    desk.run()

    assert desk.held_back() == {"future": 1, "future_money": 1}
    assert len(desk.rows("events")) == 120
