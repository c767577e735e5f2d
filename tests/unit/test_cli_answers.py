"""What commands answer: JSON alone on stdout, errors on stderr, exit codes that can be trusted."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from regulars.cli.logs import configure_logs, one_line
from regulars.cli.main import main


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    said = capsys.readouterr()
    return int(str(ended.value.code or 0)), said.out, said.err


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "desk"
    for words in (["init", str(folder)], ["run", "--project", str(folder)]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert not ended.value.code
    return folder


@pytest.mark.parametrize(
    "words",
    [
        "check", "config", "doctor", "segment", "segment came_back", "quarantine", "report", "pull", "run --dry-run",
        "run", "customer ada@example.com", "explain ada@example.com came_back",
        "segment came_back --backtest 2026-01-10 2026-01-13", "backfill desk --from 2026-01-01 --to 2026-01-02",
    ],
)
def test_json_is_one_document_alone_on_stdout(
    project: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = typed(capsys, *words.split(), "--project", str(project), "--json")

    assert code == 0
    assert json.loads(out) is not None
    assert err == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("customer nobody@example.com", 1, "no customer"),
        ("explain ada@example.com cameback", 1, "did you mean 'came_back'?"),
        ("segment cameback", 1, "did you mean 'came_back'?"),
        ("quarantine --reason futur", 1, "did you mean 'future'?"),
        ("pull dsk", 1, "did you mean 'desk'?"),
        ("segment came_back --backtest 2026-02-01 2026-01-01", 2, "2026-01-01 is before 2026-02-01"),
        ("segment --backtest 2026-01-01 2026-01-02", 2, "which segment"),
        ("run --as-of tomorrow", 2, "2026-01-05T09:00"),
    ],
)
def test_an_error_says_what_would_be_right_on_stderr_only(
    project: Path, words: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, out, err = typed(capsys, *words.split(), "--project", str(project), "--json")

    assert (ended, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_an_unknown_command_names_the_closest_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = typed(capsys, "segmnt")

    assert (code, out) == (2, "")
    assert "did you mean 'segment'?" in err


def test_without_a_project_every_command_says_how_to_start_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = typed(capsys, "run", "--project", str(tmp_path))

    assert (code, out) == (2, "")
    assert "regulars init" in err


def test_init_writes_nothing_that_check_would_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "desk"

    code, _, err = typed(capsys, "init", str(folder), "--timezone", "America/Chikago")

    assert code == 2
    assert "did you mean 'America/Chicago'?" in err
    assert not folder.exists()


def test_a_name_with_quotes_is_still_a_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "desk"

    typed(capsys, "init", str(folder), "--name", 'The "Attic" \\ Co')
    _, out, _ = typed(capsys, "config", "--project", str(folder), "--json")

    assert 'The "Attic" \\ Co' in [row["value"] for row in json.loads(out)]


def test_the_next_thing_to_type_names_the_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = typed(capsys, "check", "--project", str(project))

    assert f"regulars run --project {project}" in out


def test_settings_are_called_as_the_file_calls_them(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = typed(capsys, "config", "--project", str(project))

    assert "identity.gmail_folded" in out
    assert "is_gmail_folded" not in out


def test_a_fault_of_ours_is_one_line_unless_asked(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("")
    words = ("report", "--project", str(project), "--to", str(tmp_path / "taken" / "report.html"))

    code, _, short = typed(capsys, *words)
    monkeypatch.setenv("REGULARS_DEBUG", "1")
    _, _, long = typed(capsys, *words)

    assert code == 1
    assert "Traceback" not in short
    assert "REGULARS_DEBUG=1" in short
    assert "Traceback" in long


def test_a_retry_is_one_short_line_without_what_was_sent() -> None:
    line = one_line(None, "warning", {
        "event": "stamina.retry_scheduled", "level": "warning", "callable": "capitan GET", "args": ("secret",),
        "kwargs": {"key": "secret"}, "retry_num": 1, "wait_for": 0.5, "waited_so_far": 0.0,
        "caused_by": "SourceBusy('capitan: 503')",
    })

    assert line == "  warning: capitan GET: again in 0.5 s, after SourceBusy('capitan: 503')"


def test_logs_go_to_stderr_and_a_failure_stays_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    configure_logs(debug=False)
    fault = ValueError("a\nlong story")
    structlog.get_logger().error("step failed", step="derive", why=str(fault), exc_info=fault)

    assert stderr.getvalue() == "  error: step failed: step derive, why a long story\n"


def test_a_run_that_is_broken_off_says_so_and_the_next_one_goes_on(tmp_path: Path) -> None:
    regulars = [sys.executable, "-m", "regulars"]
    folder = tmp_path / "desk"
    subprocess.run([*regulars, "init", str(folder)], check=True, capture_output=True, timeout=120)
    rows = "".join(f"v{n},p{n}@example.com,P {n},2026-01-05 09:30\n" for n in range(200_000))
    (folder / "inbox" / "visits-2.csv").write_text("visit_id,email,name,visited_at\n" + rows)

    with subprocess.Popen(
        [*regulars, "run", "--project", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Whoever starts the tests in the background has it ignored, and so would the command.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no threads of ours run here
    ) as run:
        assert run.stderr is not None
        run.stderr.readline()                # the first step is done: it is at work
        os.kill(run.pid, signal.SIGINT)
        _, err = run.communicate(timeout=120)
    again = subprocess.run(
        [*regulars, "run", "--project", str(folder), "--json"], capture_output=True, text=True, check=False, timeout=300
    )

    assert run.returncode == 130
    assert "Traceback" not in err
    assert "type the same command to go on" in err
    assert json.loads(again.stdout)["outcome"] == "done", again.stdout
