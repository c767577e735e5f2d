"""What likeness says of two profiles can be asked, and is drawn."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

import pytest

from regulars.cli.main import main
from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.review import weighed
from regulars.pipeline.workspace import open_workspace
from regulars.web.waterfall import waterfall

SOURCE = """\
kind: files
folder: {folder}
streams:
  people:
    files: "people.csv"
    key: [id]
    fields: {{id: {{type: id, required: true}}, name: text, email: text, born: date, postcode: text}}
    profile: {{id: id, email: email, name: name, birthday: born, traits: {{postcode: postcode}}}}
"""
HEAD = "id,name,email,born,postcode\n"
OTHERS = "".join(f"{n},{name},{name[:3]}@a{n}.example,19{60 + n}-0{n}-1{n},7600{n}\n" for n, name in enumerate(
    ["Ann Lee", "Ben Ray", "Cara Moss", "Dan Holt", "Ella Kemp", "Finn Tate"], 1
))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    files = {
        "regulars.toml": '[business]\nname = "Corner Studio"\ntimezone = "America/Chicago"\n',
        "sources/desk.yaml": SOURCE.format(folder="desk"), "sources/shop.yaml": SOURCE.format(folder="shop"),
        "desk/people.csv": f"{HEAD}{OTHERS}99,Bob Quillfeather,bob@b.example,1980-03-14,76001\n",
        "shop/people.csv": f"{HEAD}b1,Robert Quillfeather,rq@a.example,1980-03-14,76001\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    workspace = open_workspace(folder, clock=FixedClock(datetime(2026, 1, 5, tzinfo=UTC)), environment={})
    assert run(workspace).exit_code == 0
    workspace.close()
    return folder


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["review", *words])
    said = capsys.readouterr()
    return int(str(ended.value.code or 0)), said.out, said.err


def test_the_weights_of_two_profiles_add_up_to_what_decided(studio: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, "--weights", "shop/b1", "desk/99", "-p", str(studio), "--json")

    told = json.loads(out)
    assert (code, told["left"], told["right"], told["tier"]) == (0, "desk/99", "shop/b1", "medium")
    assert {"first_name": "short form", "birthday": "equal"}.items() <= {e["field"]: e["outcome"] for e in told["evidence"]}.items()
    assert sum(e["bits"] for e in told["evidence"]) == pytest.approx(told["weight"], abs=1.1)


def test_the_waterfall_is_drawn_as_a_page_and_as_a_picture(
    studio: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, picture = tmp_path / "page.html", tmp_path / "new" / "picture.png"

    code, out, err = typed(
        capsys, "--weights", "desk/99", "shop/b1", "-p", str(studio), "--html", str(page), "--png", str(picture)
    )

    text = page.read_text(encoding="utf-8")
    assert (code, err, out.count("Written")) == (0, "", 2)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in text
    assert "merged; the dashed line is where merging begins (0.95)" in text
    assert "<script" not in text


def test_each_bar_begins_where_the_one_above_ends(studio: Path) -> None:
    workspace = open_workspace(studio)
    match = weighed(workspace, ("desk/99", "shop/b1"))
    workspace.close()

    *bars, whole = waterfall(match, merge_from=0.95).rows

    assert [bar[3] for bar in bars] == pytest.approx(list(accumulate(bar[2] for bar in bars)))
    assert whole[0] == "together"
    assert whole[3] == pytest.approx(match.weight, abs=0.01)
    assert bars[-1][3] == pytest.approx(whole[3], abs=0.06)


@pytest.mark.parametrize(("words", "said"), [
    (("--weights", "desk/1", "desk/2"), "likeness says nothing"), (("--weights", "desk/77", "desk/1"), "there is no profile"),
    (("--png", "x.png"), "--weights"),
])
def test_what_cannot_be_shown_says_what_would_be_right(
    studio: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = typed(capsys, *words, "-p", str(studio))

    assert code != 0
    assert said in out + err
