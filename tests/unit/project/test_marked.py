"""YAML remembers its lines and takes words for words."""

from __future__ import annotations

from datetime import date

import pytest

from regulars.project.marked import MarkedError, read_marked


def test_words_that_yaml_would_change_stay_words() -> None:
    data = read_marked("a: yes\nb: off\nc: 10:30\nd: 0123\ne: true\nf: 12\ng: 0.5\nh: 2024-10-01\ni: ~\n").data

    assert list(data.values()) == ["yes", "off", "10:30", "0123", True, 12, 0.5, date(2024, 10, 1), None]


def test_every_part_knows_its_line() -> None:
    marked = read_marked("from: x\n\nwhat:\n  kind: a\n  list:\n    - {b: 1}\n    - c\n")

    assert marked.line(("what", "kind")) == 4
    assert marked.line(("what", "list", 0, "b")) == 6
    assert marked.line(("what", "list", 1)) == 7
    assert marked.line(("what", "nothing", "here")) == 3
    assert marked.line(()) == 1


@pytest.mark.parametrize(("text", "line", "says"), [
    ("a: 1\nb: 2\na: 3\n", 3, "the other one is on line 1"),
    ("a:\n  b: 1\n  b: 2\n", 3, "'b' stands here twice"),
    ("a: [1,\n", 2, "no YAML"),
    ("a: 1\n b: 2\n", 2, "indentation"),
    ("- 1\n", 1, "begin with a key"),
    ("a: 2024-13-45\n", 1, "write it in quotes"),
])
def test_what_cannot_be_read_says_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(MarkedError) as error:
        read_marked(text)

    assert error.value.line == line
    assert says in str(error.value)


def test_an_empty_file_says_nothing() -> None:
    assert read_marked("# only a comment\n").data == {}


def test_a_tag_runs_nothing() -> None:
    assert read_marked("a: !!python/object/apply:os.system [x]\n").data == {"a": ["x"]}
