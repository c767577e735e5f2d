"""Purging on every kind of files and book: the same is gone, the same is left, and killed in the middle it ends alike."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "acceptance"))

from purge_world import CARD, DAYS, FLOOD, NOW, hashes, holding, lived, opened, payloads, post, ticked, written

from regulars.pipeline.flow import purge, run
from regulars.pipeline.purge import wanted_of
from regulars.pipeline.workspace import Workspace
from regulars.storage.book import Book
from regulars.storage.book.purges import Purge


def purged(folder: Path, **narrowed: Any) -> Workspace:
    workspace = opened(folder)
    assert purge(workspace, "site", wanted_of(workspace, "site", **narrowed), by="desk").outcome == "done"
    return workspace


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is in every table where nothing is special."""
    folder = lived(written(tmp_path_factory.mktemp("plain") / "world"))
    purged(folder, event="Ticked").close()
    workspace = purged(folder, name="card")
    found = hashes(workspace)
    workspace.close()
    return found


@pytest.mark.parametrize("store_urls", [
    pytest.param(
        SimpleNamespace(files=files, book=book, engine="duckdb"), id=f"{files}-{book}",
        marks=[*([pytest.mark.s3] if files == "s3" else []), *([pytest.mark.postgres] if book == "postgres" else [])],
    )
    for files, book in (("s3", "postgres"), ("local", "postgres"), ("s3", "sqlite"))
], indirect=True)
def test_the_same_is_gone_and_the_same_is_left_wherever_it_lies(
    reference: dict[str, str], store_urls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lived(written(tmp_path / "world", store_urls))
    workspace = opened(folder)
    with monkeypatch.context() as patch:
        patch.setattr(type(workspace.book.pages), "withdraw_segment", _after(2, type(workspace.book.pages).withdraw_segment))
        with pytest.raises(KeyboardInterrupt):
            purge(workspace, "site", wanted_of(workspace, "site", event="Ticked"), by="desk")
    workspace.book.close()

    workspace = opened(folder)
    assert run(workspace).outcome == "done"
    assert purge(workspace, "site", wanted_of(workspace, "site", name="card"), by="desk").outcome == "done"

    flood, card = sorted(workspace.book.purges.listed(), key=lambda one: one.path or "")
    assert (flood.rows, card.rows) == (21, 12)
    assert None not in (flood.finished_at, card.finished_at)
    assert not [said for said in payloads(workspace) if said["event"] == "Ticked" or "card" in said["properties"]]
    assert [name for needle in (FLOOD, CARD) for name in holding(folder, needle)] == []
    assert hashes(workspace) == reference
    workspace.book.close()

    post(folder, ticked(1, at=DAYS[0], messageId="late"), at=NOW + timedelta(hours=1))
    workspace = opened(folder, NOW + timedelta(hours=1))
    assert run(workspace).outcome == "done"
    assert sorted(one.rows for one in workspace.book.purges.listed()) == [12, 22]
    workspace.book.close()


def _after(number: int, done: Callable[..., None]) -> Callable[..., None]:
    """Return a function that is killed when it is called so often."""
    calls = []

    def counted(*given: Any, **named: Any) -> None:
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt
        done(*given, **named)

    return counted


def asked(**more: Any) -> Purge:
    told: dict[str, Any] = {
        "purge_id": "p_1", "source": "site", "event": "Ticked", "path": None, "since": None, "until": NOW,
        "asked_at": NOW, "asked_by": "desk", "proof": {}, **more,
    }
    return Purge(**told)


def test_a_purge_is_begun_once_and_stays_open_until_it_is_finished(book: Book) -> None:
    book.purges.begin(asked())
    book.purges.begin(asked(asked_by="another"))
    assert book.purges.open() == [asked()]

    book.purges.finish("p_1", {"landing": {"looked": 2, "found": []}}, at=NOW)

    (one,) = book.purges.listed("site")
    assert (book.purges.open(), book.purges.listed("other"), one.finished_at) == ([], [], NOW)
    assert one.proof == {"verified": {"landing": {"looked": 2, "found": []}}}


def test_what_a_purge_did_is_added_up_over_kills_and_late_comers(book: Book) -> None:
    book.purges.begin(asked(path="properties.card", since=DAYS[0]))

    for rows in (3, 4):
        book.purges.prove("p_1", "landing site.events", {"rows": rows, "segments": 1})
    book.purges.prove("p_1", "book", {"kept_answers": 9})

    (one,) = book.purges.listed()
    assert (one.rows, one.proof["landing site.events"]) == (7, {"rows": 7, "segments": 2})


def test_what_a_transaction_did_and_its_proof_are_both_there_or_neither(book: Book) -> None:
    book.purges.begin(asked())
    prove = book.purges.proving("p_1", "landing site.events", {"rows": 1})

    with contextlib.suppress(KeyboardInterrupt), book.database.writing() as connection:
        prove(connection)
        raise KeyboardInterrupt

    assert book.purges.listed() == [asked()]
