"""A project without people: shut, unless whoever serves it says that this machine may look."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from api_server import made
from desk_server import TOML, Desk
from desk_server import serving as served
from whole_server import serving

from regulars.cli.main import main


def test_a_project_without_people_is_shut(tmp_path: Path) -> None:
    with serving(made(tmp_path, name="Desk", stores=tmp_path), roles=()) as whole:
        page, form = whole.client.get("/page/read"), whole.client.get("/sign-in")

    assert page.status_code == 303
    assert "regulars person invite ADDRESS --role owner" in form.text


def test_who_is_at_the_machine_looks_at_an_open_project_and_changes_nothing(tmp_path: Path) -> None:
    with serving(made(tmp_path, name="Desk", stores=tmp_path), roles=(), is_open=True) as whole:
        said = whole.client.get("/page/read").json()
        others = [
            whole.client.get("/page/reveal").status_code, whole.client.get("/page/manage").status_code,
            whole.client.post("/page/read", data={"csrf_token": ""}).status_code, whole.client.get("/account").status_code,
        ]

    assert said["role"] == "viewer"
    assert others == [403, 403, 403, 303]


@pytest.mark.parametrize("headers", [
    {"Host": "rebound.evil.example"}, {"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}, {"Via": "1.1 proxy"},
])
def test_an_open_project_is_open_to_nobody_from_elsewhere(tmp_path: Path, headers: dict[str, str]) -> None:
    with serving(made(tmp_path, name="Desk", stores=tmp_path), roles=(), is_open=True) as whole:
        assert whole.client.get("/page/read", headers=headers).status_code == 303


def test_a_project_is_shut_from_the_first_person_on(tmp_path: Path) -> None:
    with serving(made(tmp_path, name="Desk", stores=tmp_path), roles=("viewer",), is_open=True) as whole:
        assert whole.client.get("/page/read").status_code == 303


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--without-sign-in", "--port", "0", *arguments])
    assert ended.value.code == 1
    return capsys.readouterr().err


def test_what_others_can_reach_is_not_opened(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "regulars.toml").write_text(TOML, encoding="utf-8")

    said = _refused(capsys, "--host", "0.0.0.0", "--key", "k", "--project", str(tmp_path))

    assert "must sign in" in said


def test_what_has_people_is_not_opened(capsys: pytest.CaptureFixture[str], desk: Desk, tmp_path: Path) -> None:
    desk.person()
    (tmp_path / "regulars.toml").write_text(
        f'{TOML.partition("[door]")[0]}[stores]\nbook = "sqlite:{desk.folder}/data/book.db"\n', encoding="utf-8"
    )

    said = _refused(capsys, "--project", str(tmp_path))

    assert "people are invited" in said


def test_the_server_says_how_to_make_the_first_owner(tmp_path: Path) -> None:
    with served(tmp_path / "new") as desk:
        said = desk.printed.read_text(encoding="utf-8")
        command = next(line for line in said.splitlines() if "regulars person invite" in line)
        made_link = subprocess.run(
            [sys.executable, "-m", *command.partition(": ")[2].replace("ADDRESS", "ada@desk.example").split(),
             "--project", str(desk.folder), "--json"], capture_output=True, text=True, check=True,
        )
        page = desk.browser().get(json.loads(made_link.stdout)["link"])

    assert page.status_code == 200
    assert "ada@desk.example" in page.text
