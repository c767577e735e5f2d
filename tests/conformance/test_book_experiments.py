"""What every book promises about experiments: the first variant stays, the first sight counts, the log only grows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from regulars.storage.book import Book
from regulars.storage.book.experiments import ASSIGNMENTS, EXPOSURES

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
HOUR = timedelta(hours=1)


def _assigned(*rows: tuple[str, str]) -> pa.Table:
    return pa.Table.from_pylist([
        {"unit": unit, "variant": variant, "epoch": 1, "propensity": 0.5, "assigned_at": NAIVE, "how": "hash"}
        for unit, variant in rows
    ], schema=ASSIGNMENTS)


def _exposed(*rows: tuple[str, str, datetime]) -> pa.Table:
    return pa.Table.from_pylist([
        {"unit": unit, "variant": variant, "exposed_at": at, "by": "campaign"} for unit, variant, at in rows
    ], schema=EXPOSURES)


def _variants(book: Book, experiment: str) -> dict[str, str]:
    return {row["unit"]: row["variant"] for row in book.experiments.assignments(experiment).to_pylist()}


def test_an_experiment_nobody_is_in_has_all_its_columns(book: Book) -> None:
    assert book.experiments.assignments("offer").schema == ASSIGNMENTS
    assert book.experiments.exposures("offer").schema == EXPOSURES
    assert (book.experiments.epochs("offer"), book.experiments.decisions("offer"), book.experiments.begun()) == ([], [], [])


def test_the_stored_variant_always_wins(book: Book) -> None:
    assert book.experiments.assign("offer", _assigned(("é1", "a"), ("2", "b"))) == 2

    assert book.experiments.assign("offer", _assigned(("é1", "b"), ("3", "b"))) == 1

    assert _variants(book, "offer") == {"é1": "a", "2": "b", "3": "b"}


def test_experiments_do_not_see_each_others_units(book: Book) -> None:
    book.experiments.assign("offer", _assigned(("1", "a")))
    book.experiments.assign("text", _assigned(("1", "b")))

    assert (_variants(book, "offer"), _variants(book, "text")) == ({"1": "a"}, {"1": "b"})


def test_an_exposure_is_kept_once_with_its_earliest_moment(book: Book) -> None:
    assert book.experiments.expose("offer", _exposed(("1", "a", NAIVE))) == 1
    assert book.experiments.expose("offer", _exposed(("1", "a", NAIVE + HOUR), ("1", "a", NAIVE - HOUR))) == 0

    assert book.experiments.exposures("offer")["exposed_at"].to_pylist() == [NAIVE - HOUR]


def test_a_unit_that_saw_two_variants_has_a_row_for_each(book: Book) -> None:
    book.experiments.expose("offer", _exposed(("1", "a", NAIVE), ("1", "b", NAIVE + HOUR)))

    assert book.experiments.exposures("offer")["variant"].to_pylist() == ["a", "b"]


def test_where_units_stand_is_told_of_the_experiments_asked_for_and_whether_they_saw_it(book: Book) -> None:
    for experiment in ("offer", "text", "other"):
        book.experiments.assign(experiment, _assigned(("1", "a"), ("2", "b"), ("3", "b")))
    book.experiments.expose("offer", _exposed(("1", "a", NAIVE), ("2", "a", NAIVE)))

    found = book.experiments.stands(["2", "1"], experiments=["text", "offer"])

    # Unit 2 was given b and saw a: it never saw its own.
    assert [(each.experiment, each.unit, each.variant, each.exposed_at) for each in found] == [
        ("offer", "1", "a", NOW), ("offer", "2", "b", None), ("text", "1", "a", None), ("text", "2", "b", None),
    ]
    assert {each.assigned_at for each in found} == {NOW}
    assert (book.experiments.seen("offer"), book.experiments.seen("text")) == (2, 0)


def test_writers_at_the_same_time_each_tell_what_they_added_themselves(book: Book) -> None:
    units = [f"{n:03}" for n in range(400)]
    parts = [units[100 * n : 100 * n + 200] for n in range(3)] * 2

    def write(part: list[str]) -> tuple[int, int]:
        return (
            book.experiments.assign("offer", _assigned(*((unit, "a") for unit in reversed(part)))),
            book.experiments.expose("offer", _exposed(*((unit, "a", NAIVE) for unit in part))),
        )

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(write, parts))

    assert [sum(each) for each in zip(*told, strict=True)] == [400, 400]


def test_an_earlier_sight_among_new_ones_moves_its_own_row_alone(book: Book) -> None:
    book.experiments.expose("offer", _exposed(("1", "a", NAIVE)))

    added = book.experiments.expose("offer", _exposed(("2", "a", NAIVE), ("1", "a", NAIVE - HOUR)))

    assert added == 1
    assert book.experiments.exposures("offer")["exposed_at"].to_pylist() == [NAIVE - HOUR, NAIVE]


def test_the_same_setup_is_the_same_epoch_and_another_is_the_next(book: Book) -> None:
    first = book.experiments.begin_epoch("offer", '{"a": 50}', at=NOW)
    again = book.experiments.begin_epoch("offer", '{"a": 50}', at=NOW + HOUR)
    other = book.experiments.begin_epoch("offer", '{"a": 90}', at=NOW + HOUR)

    assert (first.number, again, other.number) == (1, first, 2)
    assert book.experiments.epochs("offer") == [first, other]
    assert book.experiments.begun() == ["offer"]


def test_the_log_only_grows_and_keeps_its_order(book: Book) -> None:
    tripped = book.experiments.decide("offer", kind="tripped", by="guardrail", reason="refunds rose", detail="{}", at=NOW)
    undone = book.experiments.decide("offer", kind="undone", by="Ada", reason="a wrong refund", detail="{}", at=NOW + HOUR)

    assert book.experiments.decisions("offer") == [tripped, undone]
    assert (tripped.number, undone.number) == (1, 2)
