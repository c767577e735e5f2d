"""What people see of connections: tables, pictures, a page, one customer's ties."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from regulars.cli.main import main
from regulars.pipeline.connected import Circle
from regulars.web.network import laid_out, network


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    said = capsys.readouterr()
    return int(str(ended.value.code or 0)), said.out, said.err


def test_the_whole_is_said_at_a_glance(hall: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, "connections", "--project", str(hall), "--json")

    told = json.loads(out)
    assert code == 0
    assert [row["strength"] for row in told["strengths"]] == [1, 2, 3, 4, 5]
    assert told["communities"][0]["people"] == 2


def test_a_customer_is_shown_with_those_she_comes_with(hall: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = typed(capsys, "connections", "Ann Lee", "--project", str(hall), "--json")
    _, card, _ = typed(capsys, "customer", "Ann Lee", "--project", str(hall), "--json")

    told, (tie,) = json.loads(out), json.loads(card)["connections"]
    assert [person["name"] for person in told["people"]] == ["Ann Lee", "Bob Lee"]
    assert (tie["other_name"], tie["days_together"], tie["led"], tie["followed"]) == ("Bob Lee", 8, 8, 0)


@pytest.mark.parametrize("words", [("Ann Lee",), ("--community", "1"), ()])
def test_pictures_and_pages_are_written(
    hall: Path, tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    page, picture = tmp_path / "page.html", tmp_path / "new" / "picture.png"

    code, out, err = typed(
        capsys, "connections", *words, "--project", str(hall), "--html", str(page), "--png", str(picture)
    )

    assert (code, err) == (0, "")
    assert "Written" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = page.read_text(encoding="utf-8")
    assert "<svg" in text
    assert "<script" not in text


@pytest.mark.parametrize(("words", "said"), [
    (("--community", "99"), "there is no community 99"), (("Nobody Here",), "no customer"),
    (("Ann Lee", "--community", "1"), "ask one"),
])
def test_errors_say_what_would_be_right(
    hall: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = typed(capsys, "connections", *words, "--project", str(hall))

    assert code in {1, 2}
    assert said in err


def test_what_is_tied_lies_close_and_nothing_lies_on_another() -> None:
    places = laid_out(6, [(0, 1), (1, 2), (0, 2), (3, 4)], [5.0] * 4)

    apart = np.linalg.norm(places[:, None] - places[None, :], axis=2)
    assert apart[np.triu_indices(6, 1)].min() > 0.1
    assert apart[3, 4] < apart[0, 3]
    assert np.abs(places).max() == pytest.approx(1)


def test_a_picture_shows_its_own_people_after_another_with_ties_of_the_same_kind() -> None:
    tie = {"days_together": 8, "expected_days": 1.0, "tie": 7.0, "is_family": True, "is_companion": True}
    drawn = {}

    for names in (("Ann", "Bob"), ("Cid", "Dee")):
        people = [{"customer_id": name, "name": f"{name} Lee"} for name in names]
        pair = {"customer_id_1": names[0], "customer_id_2": names[1]}
        drawn[names] = network(Circle(people=people, ties=[{**tie, **pair}]), title="Ties", sentence=" and ".join(names))

    shown = {names: {name for name in ("Ann", "Bob", "Cid", "Dee") if f"{name} L." in drawn[names].svg} for names in drawn}
    assert shown == {names: set(names) for names in drawn}
    assert [chart.spec["description"] for chart in drawn.values()] == ["Ann and Bob", "Cid and Dee"]
