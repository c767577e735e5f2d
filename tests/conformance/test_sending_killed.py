"""Senders that are killed: nobody is lost, nobody is written to twice; and the same harness catches a sender that does."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest

from regulars.clock import SystemClock
from regulars.pipeline.account import account
from regulars.project import Project
from regulars.storage.book import Book
from regulars.testing.killed import killed
from regulars.testing.mailing import NAME, planned, write_flow, write_mailing
from regulars.testing.sandbox.gateway import gateway

NAIVE = Path(__file__).parents[2] / "benchmarks" / "naive_send.py"
KILLS = 2


@pytest.mark.parametrize(("what", "can_be_asked", "people"), [
    ("campaign", True, 600), ("campaign", False, 120), ("flow", True, 300),
], ids=["can be asked", "cannot be asked", "messages of a flow"])
def test_killed_senders_lose_and_repeat_nothing(
    book_url: str, tmp_path: Path, what: str, people: int, *, can_be_asked: bool
) -> None:
    with gateway() as provider:
        folder = write_mailing(tmp_path, url=provider.url, book=book_url, can_be_asked=can_be_asked)
        name, command = (NAME, ["campaign", "send", NAME, "--wait", "1"]) if what == "campaign" else (
            write_flow(folder), ["flow", "send"]
        )
        project = Project.load(folder)
        book = Book.open(book_url, home=tmp_path / ".regulars", environment={})
        one = planned(project, book, people, at=SystemClock().now(), name=name)

        met = killed(
            [sys.executable, "-m", "regulars", *command, "--apply", "--project", str(folder)],
            taken=lambda: provider.summary()["messages"], total=people, kills=KILLS, workers=2, rng=Random(5),
        )

        found, taken = account(book, one), provider.summary()
        book.close()
        assert met > 0
        assert (found.planned, found.sent + found.unknown, found.waiting) == (people, people, 0)
        assert found.unknown <= (0 if can_be_asked else met)
        # Nobody can tell of an unknown message whether it was taken; everybody else was written to, and once.
        assert found.sent <= taken["messages"] <= people
        assert taken["repeated"] == 0


def test_the_harness_catches_a_sender_that_sends_and_then_marks(tmp_path: Path) -> None:
    sys.path.insert(0, str(NAIVE.parent))
    try:
        from naive_send import prepare  # noqa: PLC0415  it lies with the benchmarks
    finally:
        sys.path.remove(str(NAIVE.parent))
    with gateway() as provider:
        prepare(tmp_path / "naive.db", 600)
        command = [sys.executable, str(NAIVE), str(tmp_path / "naive.db"), provider.url]

        killed(command, taken=lambda: provider.summary()["messages"], total=600, kills=4, workers=1, rng=Random(5))

        assert provider.summary()["repeated"] > 0
