"""What every book promises about versions of tables, runs, the lease and secrets."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.errors import LeaseHeld, StoreError, StoreUnavailable
from regulars.storage.book import Book

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Work:
    rows_in: int = 0
    rows_out: int = 0
    watermark: str = ""
    note: str = ""
    facts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    name: str
    outcome: str = "done"
    seconds: float = 1.5
    work: Work = Work()
    error: str = ""
    code: str = ""


def _publish(book: Book, parent: int | None, *, at: datetime = NOW, manifest: str = "{}") -> int:
    return book.versions.publish_version("events", manifest=manifest, meta={}, expected_parent=parent, at=at)


def test_publishing_makes_the_version_current(book: Book) -> None:
    first = book.versions.publish_version("events", manifest="m", meta={"seq": 7}, expected_parent=None, at=NOW)

    current = book.versions.current_version("events")

    assert current is not None
    assert (current.number, current.parent, current.manifest, current.meta) == (first, None, "m", {"seq": 7})
    assert current.published_at == NOW
    assert book.versions.tables() == ["events"]


def test_publishing_over_a_version_that_is_no_longer_current_is_refused(book: Book) -> None:
    first = _publish(book, None)
    second = _publish(book, first)

    for parent in (None, first):
        with pytest.raises(StoreError, match="another run was quicker"):
            _publish(book, parent)

    assert [v.number for v in book.versions.versions("events")] == [first, second]


def test_of_eight_that_publish_at_once_exactly_one_wins(book: Book) -> None:
    first = _publish(book, None)

    def attempt(n: int) -> int | None:
        try:
            return _publish(book, first, manifest=str(n))
        except StoreError:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [number for number in pool.map(attempt, range(8)) if number is not None]

    assert len(won) == 1


def test_a_version_is_found_by_number_and_by_moment(book: Book) -> None:
    first = _publish(book, None, at=NOW)
    second = _publish(book, first, at=NOW + HOUR)

    def as_of(at: datetime) -> int | None:
        found = book.versions.version_as_of("events", at)
        return found.number if found else None

    assert [as_of(NOW - HOUR), as_of(NOW), as_of(NOW + HOUR / 2), as_of(NOW + HOUR)] == [None, first, first, second]
    assert book.versions.version("events", first) is not None
    assert book.versions.version("events", 99) is None


def test_current_and_tagged_versions_survive_every_vacuum(book: Book) -> None:
    first = _publish(book, None)
    book.versions.tag("2026-01-05", at=NOW)
    second = _publish(book, first)
    third = _publish(book, second)

    book.versions.forget_versions("events", [first, second, third])

    assert [v.number for v in book.versions.versions("events")] == [first, third]
    assert book.versions.tagged("2026-01-05") == {"events": first}
    assert book.versions.tags() == ["2026-01-05"]


def test_a_dropped_table_is_gone_and_its_numbers_are_not_given_again(book: Book) -> None:
    first = _publish(book, None)

    book.versions.drop_table("events")

    assert book.versions.current_version("events") is None
    assert _publish(book, None) > first


def test_the_ledger_knows_how_far_a_step_is_and_how_it_ended(book: Book) -> None:
    run_id = book.runs.start_run("run", NOW)
    book.runs.start_step(run_id, "pull:capitan", NOW)
    book.runs.checkpoint(run_id, "pull:capitan", 3, 10, "page 3")
    (running,) = book.runs.steps(run_id)

    work = Work(rows_in=12, rows_out=9, watermark="2026-01-05", facts={"pages": 2})
    book.runs.finish_step(run_id, End("pull:capitan", work=work), NOW + HOUR)
    book.runs.start_step(run_id, "derive", NOW + HOUR)
    book.runs.finish_step(run_id, End("derive", outcome="failed", error="no disk", code="store"), NOW + HOUR)
    book.runs.finish_run(run_id, "failed", NOW + HOUR)

    assert (running.outcome, running.done, running.total, running.note) == ("running", 3, 10, "page 3")
    done, failed = book.runs.steps(run_id)
    assert (done.outcome, done.rows_in, done.rows_out, done.watermark) == ("done", 12, 9, "2026-01-05")
    assert (done.facts, done.seconds, done.finished_at) == ({"pages": 2}, 1.5, NOW + HOUR)
    assert (failed.step, failed.outcome, failed.error, failed.code) == ("derive", "failed", "no disk", "store")
    (run,) = book.runs.last_runs()
    assert (run.command, run.outcome, run.finished_at) == ("run", "failed", NOW + HOUR)


def test_a_step_s_history_holds_only_what_was_done_newest_first(book: Book) -> None:
    for day, outcome in enumerate(["done", "failed", "done"]):
        run_id = book.runs.start_run("run", NOW + timedelta(days=day))
        book.runs.start_step(run_id, "pull", NOW + timedelta(days=day))
        end = End("pull", outcome=outcome, work=Work(rows_in=day))
        book.runs.finish_step(run_id, end, NOW + timedelta(days=day))

    assert [row.rows_in for row in book.runs.history("pull")] == [2, 0]


def test_a_killed_run_is_closed_as_interrupted(book: Book) -> None:
    run_id = book.runs.start_run("run", NOW)
    book.runs.start_step(run_id, "pull", NOW)

    assert book.runs.close_lost(NOW + HOUR) == [run_id]
    assert book.runs.close_lost(NOW + HOUR) == []

    (run,), (step,) = book.runs.last_runs(), book.runs.steps(run_id)
    assert (run.outcome, step.outcome, step.code) == ("interrupted", "failed", "interrupted")


def test_only_one_holds_the_lease(book: Book) -> None:
    lease = book.lease.acquire("one", now=NOW, lasts=HOUR)

    with pytest.raises(LeaseHeld, match="one works on this project until 2026-01-05 15:30:00 UTC"):
        book.lease.acquire("two", now=NOW, lasts=HOUR)

    assert book.lease.holder() == lease


def test_of_eight_that_ask_at_once_exactly_one_gets_the_lease(book: Book) -> None:
    def attempt(n: int) -> bool:
        try:
            book.lease.acquire(f"owner {n}", now=NOW, lasts=HOUR)
        except LeaseHeld:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_an_expired_lease_is_taken_over_and_its_former_owner_learns_of_it(book: Book) -> None:
    book.lease.acquire("one", now=NOW, lasts=HOUR)

    taken = book.lease.acquire("two", now=NOW + HOUR, lasts=HOUR)

    assert taken.owner == "two"
    with pytest.raises(LeaseHeld, match="taken over by two"):
        book.lease.renew("one", now=NOW + HOUR, lasts=HOUR)
    book.lease.release("one")
    assert book.lease.holder() == taken


def test_a_renewed_lease_lasts_longer(book: Book) -> None:
    book.lease.acquire("one", now=NOW, lasts=HOUR)
    book.lease.renew("one", now=NOW + HOUR / 2, lasts=HOUR)

    with pytest.raises(LeaseHeld):
        book.lease.acquire("two", now=NOW + HOUR, lasts=HOUR)


def test_the_lease_of_a_process_that_is_surely_gone_is_free(book: Book) -> None:
    book.lease.acquire("one", now=NOW, lasts=HOUR)

    assert book.lease.acquire("two", now=NOW, lasts=HOUR, is_gone=lambda owner: owner == "one").owner == "two"


def test_a_process_that_surely_lives_keeps_a_lease_it_could_not_renew(book: Book) -> None:
    book.lease.acquire("one", now=NOW, lasts=HOUR)

    with pytest.raises(LeaseHeld, match="one works on this project"):
        book.lease.acquire("two", now=NOW + 2 * HOUR, lasts=HOUR, is_gone=lambda _: False)


def test_a_released_lease_is_free(book: Book) -> None:
    book.lease.acquire("one", now=NOW, lasts=HOUR)
    book.lease.release("one")

    assert book.lease.holder() is None
    assert book.lease.acquire("two", now=NOW, lasts=HOUR).owner == "two"


def test_a_sealed_secret_opens_only_with_its_key(book: Book, book_url: str, tmp_path: Path) -> None:
    book.sealed.seal("square.refresh_token", "old", at=NOW)
    book.sealed.seal("square.refresh_token", "sq0-secret", at=NOW)

    assert book.sealed.unseal("square.refresh_token") == "sq0-secret"
    assert book.sealed.unseal("unknown") is None
    assert stat.S_IMODE((tmp_path / "book.key").stat().st_mode) == 0o600

    other_key = {"REGULARS_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
    stranger = Book.open(book_url, home=tmp_path, environment=other_key)
    with pytest.raises(StoreError, match="sealed with another key"):
        stranger.sealed.unseal("square.refresh_token")
    stranger.close()


def test_a_secret_is_nowhere_in_the_book_as_text(book: Book) -> None:
    book.sealed.seal("square.refresh_token", "sq0-secret", at=NOW)

    with book.database.reading() as connection:
        (row,) = connection.exec_driver_sql("select * from sealed").all()

    assert b"sq0-secret" not in b"".join(bytes(value) for value in row if isinstance(value, bytes | memoryview))


def test_a_lost_key_is_said_and_not_replaced(book: Book, tmp_path: Path) -> None:
    book.sealed.seal("token", "secret", at=NOW)
    (tmp_path / "book.key").unlink()

    with pytest.raises(StoreError, match=r"book\.key is missing"):
        book.sealed.unseal("token")


def test_a_key_that_is_too_short_is_refused(book_url: str, tmp_path: Path) -> None:
    book = Book.open(book_url, home=tmp_path, environment={"REGULARS_KEY": "c2hvcnQ="})

    with pytest.raises(StoreError, match="not 32 bytes"):
        book.sealed.seal("token", "secret", at=NOW)
    book.close()


def test_a_book_that_does_not_answer_is_retryable() -> None:
    pytest.importorskip("psycopg", reason="psycopg is missing; type: scripts/setup dev")

    with pytest.raises(StoreUnavailable, match="did not answer"):
        Book.open("postgresql://regulars@127.0.0.1:9/nothing?connect_timeout=2")


def test_a_file_that_is_no_book_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "book.db").write_bytes(b"a letter to my aunt" * 100)

    with pytest.raises(StoreError, match="not a database"):
        Book.open(f"sqlite:///{tmp_path}/book.db")

    assert (tmp_path / "book.db").read_bytes().startswith(b"a letter")


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "book.db"])
def test_a_book_of_another_kind_is_refused_with_what_would_be_right(url: str) -> None:
    with pytest.raises(StoreError, match="is not a book"):
        Book.open(url)
