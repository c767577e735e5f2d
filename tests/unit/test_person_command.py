"""`regulars person`: links that are shown once, a list that holds no secret, roles that change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regulars.cli.main import main
from regulars.clock import SystemClock
from regulars.pipeline.people import accept
from regulars.storage.book import Book


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "regulars.toml").write_text('[business]\nname = "Desk"\ntimezone = "UTC"\n', encoding="utf-8")
    return tmp_path


def _said(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> dict[str, Any]:
    with pytest.raises(SystemExit) as ended:
        main(["person", *arguments, "--project", str(folder), "--json"])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    said: dict[str, Any] = json.loads(printed.out)
    return said


def _failed(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["person", *arguments, "--project", str(folder)])
    assert ended.value.code != 0
    return capsys.readouterr().err


def _accepted(folder: Path, link: str) -> None:
    book = Book.open(f"sqlite:///{folder}/data/book.db", home=folder / ".regulars")
    accept(book, link.rpartition("/")[2], name="Ada Lane", password="twelve green climbing ropes", at=SystemClock().now())
    book.close()


def test_a_person_is_invited_listed_changed_and_disabled(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    for address in ("Ada@desk.example", "bob@desk.example"):
        made = _said(capsys, folder, "invite", address, "--role", "owner", "--url", "https://cdp.desk.example/")
        assert made["link"].startswith("https://cdp.desk.example/invite/")
        _accepted(folder, made["link"])
    _said(capsys, folder, "role", "ada@desk.example", "analyst")
    _said(capsys, folder, "disable", "ADA@desk.example")

    listed = _said(capsys, folder, "list")

    assert [(one["email"], one["role"], one["disabled_at"] is None) for one in listed["people"]] == [
        ("ada@desk.example", "analyst", False), ("bob@desk.example", "owner", True)
    ]
    assert "hash" not in json.dumps(listed)
    assert _said(capsys, folder, "enable", "ada@desk.example") == {"enabled": "ada@desk.example"}


def test_a_link_that_waits_is_listed_without_what_it_carries(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    made = _said(capsys, folder, "invite", "ada@desk.example")

    listed = _said(capsys, folder, "list")

    assert [(one["email"], one["role"]) for one in listed["invites"]] == [("ada@desk.example", "viewer")]
    assert made["link"].rpartition("_")[2] not in json.dumps(listed)


@pytest.mark.parametrize(("arguments", "hint"), [
    (["role", "nobody@desk.example", "owner"], "regulars person list"),
    (["reset", "nobody@desk.example"], "regulars person list"),
    (["invite", "no address"], "ada@example.com"),
])
def test_a_mistake_says_what_would_be_right(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], hint: str
) -> None:
    assert hint in _failed(capsys, folder, *arguments)


def test_the_only_owner_is_told_how_to_make_another(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    _accepted(folder, _said(capsys, folder, "invite", "ada@desk.example", "--role", "owner")["link"])

    said = _failed(capsys, folder, "disable", "ada@desk.example")

    assert "regulars person invite ADDRESS --role owner" in said
