"""What every book promises about todos: kept by number, changed in place, forgotten when somebody says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from regulars.storage.book import Book
from regulars.storage.book.todos import Todo

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
CALL = Todo(
    number=0, title="Call c_ann", description="", is_completed=False, priority="high", due_date=date(2026, 1, 6),
    user_id="ada", made_at=NOW, changed_at=NOW,
)


def test_a_todo_is_kept_under_a_number_and_changed_in_place(book: Book) -> None:
    first, second = book.todos.put(CALL), book.todos.put(replace(CALL, title="Order chalk"))
    done = book.todos.put(replace(first, is_completed=True))

    assert first.number != second.number
    assert book.todos.find(first.number) == done
    assert [one.title for one in book.todos.all() if one.number in {first.number, second.number}] == ["Call c_ann", "Order chalk"]


def test_a_todo_that_is_removed_is_gone_and_no_other_is(book: Book) -> None:
    gone, kept = book.todos.put(CALL), book.todos.put(CALL)

    book.todos.remove(gone.number)

    assert (book.todos.find(gone.number), book.todos.find(kept.number)) == (None, kept)


def test_a_todo_that_names_somebody_who_is_forgotten_is_forgotten_too(book: Book) -> None:
    named, other = book.todos.put(replace(CALL, description="see c_gone_1")), book.todos.put(replace(CALL, title="Order chalk"))

    counts = book.forgetting.forget(["c_gone_1"], known_as="e_1", addresses=[])

    assert counts["todos"] == 1
    assert (book.todos.find(named.number), book.todos.find(other.number)) == (None, other)
