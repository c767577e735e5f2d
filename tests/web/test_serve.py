"""`regulars serve` refuses what cannot go well, and lets the browsers in that it is told of."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from flag_server import ENCRYPTION_KEY, KEY, serving, written

from regulars.cli.main import main
from regulars.pipeline.experiment import decide
from regulars.pipeline.workspace import open_workspace

ALL = "/ofrep/v1/evaluate/flags"


def refused(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--project", str(folder), *options])
    return int(str(ended.value.code or 0)), capsys.readouterr().err


def test_what_others_can_reach_needs_a_key(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, said = refused(capsys, written(tmp_path), "--host", "0.0.0.0")

    assert code == 1
    assert "--key KEY" in said


def test_a_flag_with_a_mistake_is_not_served(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (written(tmp_path) / "flags" / "price.yaml").write_text("type: number\ndefault: ten\n", encoding="utf-8")

    code, said = refused(capsys, tmp_path, "--port", "0")

    assert code == 2
    assert "flags/price.yaml:2" in said


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said = refused(capsys, written(tmp_path), "--port", str(taken.getsockname()[1]))

    assert code == 1
    assert "--port 0" in said


@pytest.mark.parametrize("key", ["short", base64.b64encode(b"seven b").decode()])
def test_an_encryption_key_that_is_none_is_said_before_anybody_asks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, key: str
) -> None:
    code, said = refused(capsys, written(tmp_path), "--port", "0", "--encryption-key", key)

    assert code == 1
    assert "16 bytes in base 64" in said


def test_a_browser_may_ask_from_the_pages_it_is_told_of(tmp_path: Path) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}

    with serving(written(tmp_path), "--key", KEY, "--origin", "https://shop.example", "--encryption-key", ENCRYPTION_KEY) as url:
        allowed, other = (
            httpx.options(url + ALL, headers={"Origin": origin, **asks}) for origin in ("https://shop.example", "https://x.example")
        )

    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in other.headers


def test_what_applications_were_shown_is_in_the_book_once(tmp_path: Path) -> None:
    folder = written(tmp_path)
    with serving(folder, "--key", KEY) as url:
        for _ in range(2):
            for n in range(40):
                body = {"context": {"targetingKey": f"ü{n}", "id": f"ü{n}"}}
                assert httpx.post(url + "/ofrep/v1/evaluate/flags/ours", json=body, headers={"X-API-Key": KEY}).status_code == 200

    workspace = open_workspace(folder)
    seen = workspace.book.experiments.exposures("ours_2026_01").to_pylist()
    given = workspace.book.experiments.assignments("ours_2026_01").to_pylist()
    workspace.close()
    assert {row["unit"] for row in seen} == {f"ü{n}" for n in range(40)}
    assert {row["variant"] for row in seen} == {"control", "treatment"}
    assert [row["variant"] for row in given] == [row["variant"] for row in seen]
    assert {row["propensity"] for row in given} == {0.5}


EXPERIMENT = """\
unit: visitor
variants: {control: 50, treatment: 50}
primary: visits
runs: 2026-01-05
"""


def test_a_decided_experiment_soon_gives_everybody_its_winner(tmp_path: Path) -> None:
    folder = written(tmp_path)
    for name, text in {"experiments/ours_2026_01.yaml": EXPERIMENT, "metrics/visits.yaml": "spend: net\n"}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")

    def variants(url: str) -> set[str]:
        bodies = [{"context": {"targetingKey": f"v{n}", "id": f"v{n}"}} for n in range(30)]
        answers = [httpx.post(url + "/ofrep/v1/evaluate/flags/ours", json=body, headers={"X-API-Key": KEY}).json() for body in bodies]
        return {answer["value"] for answer in answers}

    with serving(folder, "--key", KEY) as url:
        before = variants(url)
        workspace = open_workspace(folder)
        decide(workspace, "ours_2026_01", kind="winner", by="Ada", reason="it is better", variant="treatment")
        workspace.close()
        until = time.monotonic() + 20        # files and decisions are looked at every second; machines are busy
        while (after := variants(url)) != {"b"} and time.monotonic() < until:
            time.sleep(0.2)

    assert (before, after) == ({"a", "b"}, {"b"})


def test_a_server_holds_nothing_that_only_a_run_needs(tmp_path: Path) -> None:
    script = (
        "import sys, signal, threading, regulars.web.listen as listen\n"
        f"listen.serve = lambda *_, **__: print(*(n for n in ('pandas', 'aiohttp', 'pyspark') if n in sys.modules))\n"
        "from regulars.cli.main import main\n"
        f"main(['serve', '--port', '0', '--project', {str(written(tmp_path))!r}])"
    )

    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout

    assert said.splitlines()[-1] == "", "what it loads makes a server slow to start, and large"
