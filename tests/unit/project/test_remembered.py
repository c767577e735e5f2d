"""What was found right once is not looked at again, and whatever changes is."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_project import written

from regulars.config import HOME
from regulars.errors import DeclarationError
from regulars.project import Project
from regulars.project.remembered import fingerprint, was_right

NO_FIELD = "event: visited\nfrom: desk.visits\nwho: customer_id\nat: no_such_field\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / HOME).mkdir()
    return written(tmp_path)


def test_a_project_that_holds_is_remembered(folder: Path) -> None:
    project = Project.load(folder, environment={})

    digest = fingerprint(folder, list(project.declared))
    assert digest is not None
    assert was_right(folder, digest)


def test_a_remembered_project_is_loaded_as_it_was(folder: Path) -> None:
    first, second = (Project.load(folder, environment={}) for _ in range(2))

    assert list(first.streams) == list(second.streams)
    assert [one.name for one in (*first.events, *first.segments)] == [
        one.name for one in (*second.events, *second.segments)
    ]
    assert second.problems == ()


def test_a_change_after_it_was_right_is_looked_at(folder: Path) -> None:
    Project.load(folder, environment={})
    (folder / "events" / "visited.yaml").write_text(NO_FIELD, encoding="utf-8")

    with pytest.raises(DeclarationError, match="no_such_field"):
        Project.load(folder, environment={})


def test_a_project_with_a_problem_is_never_remembered(folder: Path) -> None:
    (folder / "events" / "visited.yaml").write_text(NO_FIELD, encoding="utf-8")

    for _ in range(2):
        with pytest.raises(DeclarationError, match="no_such_field"):
            Project.load(folder, environment={})


def test_nothing_is_remembered_of_a_project_with_python_files(folder: Path) -> None:
    (folder / "conditions").mkdir(exist_ok=True)
    (folder / "conditions" / "lucky.py").write_text("def declare(data, path):\n    return None\n", encoding="utf-8")

    assert fingerprint(folder, list(Project.read(folder, environment={}).declared)) is None
