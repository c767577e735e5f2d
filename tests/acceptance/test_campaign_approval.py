"""Where a business asks for it, words are sent only as somebody approved them, and other words need another approval."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from regulars.cli.main import main
from regulars.clock import FixedClock, SystemClock
from regulars.errors import GuardError
from regulars.pipeline.approve import decide, standings
from regulars.pipeline.campaign import campaign_of
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.flow import run
from regulars.pipeline.send import Worker
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.testing.desk import DESK, write_files
from regulars.testing.mailing import NAME, write_mailing
from regulars.testing.sandbox.gateway import RunningGateway, gateway

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningGateway]:
    with gateway() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, provider: RunningGateway) -> Path:
    """Return a business that asks for approvals, with three people."""
    folder = write_mailing(tmp_path / "club", url=provider.url)
    toml = (folder / "regulars.toml").read_text(encoding="utf-8")
    people = "id,name,phone\n" + "".join(f"{n},Ann{n} Lee{n},(254) 867-530{n}\n" for n in range(3))
    write_files(folder, {
        "regulars.toml": toml.replace('country = "US"', 'country = "US"\nneeds_approval = true'),
        "sources/desk.yaml": DESK, "desk/people.csv": people,
    })
    workspace = opened(folder)
    assert run(workspace).outcome == "done"
    workspace.close()
    return folder


def opened(folder: Path) -> Workspace:
    return open_workspace(folder, clock=FixedClock(NOON))


def reworded(folder: Path) -> None:
    path = folder / "campaigns" / f"{NAME}.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("Elm", "Oak"), encoding="utf-8")


def asked(folder: Path, what: str, at: datetime = NOON) -> list[str]:
    workspace = opened(folder)
    found = decide(workspace.book, campaign_of(workspace.project, NAME), what, by="kim", at=at)
    workspace.close()
    return [one.standing.status for one in found]


def sent(folder: Path) -> int:
    workspace = opened(folder)
    try:
        one = write_plan(workspace, plan_campaign(workspace, NAME))
        worker = Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one)
        return sum(checkpoint.done for checkpoint in worker.work())
    finally:
        workspace.close()


def test_nothing_is_sent_before_somebody_approved_it_and_the_plan_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GuardError, match="the words were not approved as they are now"):
        sent(folder)
    with pytest.raises(SystemExit):
        main(["campaign", "plan", NAME, "--json", "-p", str(folder)])
    assert json.loads(capsys.readouterr().out)["unapproved"] == [""]

    assert asked(folder, "approve") == asked(folder, "approve") == ["active"]
    assert sent(folder) == 3


def test_who_approved_which_version_is_kept_and_other_words_need_it_anew(folder: Path) -> None:
    asked(folder, "approve")
    workspace = opened(folder)
    before = standings(workspace.book, campaign_of(workspace.project, NAME))[0].standing
    workspace.close()

    reworded(folder)

    workspace = opened(folder)
    after = standings(workspace.book, campaign_of(workspace.project, NAME))[0].standing
    kept = workspace.book.approvals.about([before.version])
    workspace.close()
    assert (before.status, before.approved_by, before.approved_at) == ("active", "kim", NOON)
    assert (after.status, after.approved_by, after.version == before.version) == ("draft", None, False)
    assert [(one.action, one.by) for one in kept] == [("approve", "kim"), ("activate", "kim")]
    with pytest.raises(GuardError):
        sent(folder)


def test_a_sender_that_starts_after_an_approval_was_withdrawn_sends_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(folder, "approve")
    workspace = opened(folder)
    one = write_plan(workspace, plan_campaign(workspace, NAME))
    with pytest.raises(SystemExit):
        main(["campaign", "withdraw", NAME, "--note", "wrong street", "--json", "-p", str(folder)])
    told = json.loads(capsys.readouterr().out)

    with pytest.raises(GuardError):
        list(Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work())

    workspace.close()
    assert [row["status"] for row in told] == ["draft"]
    assert asked(folder, "approve", SystemClock().now()) == ["active"]


def test_who_asks_for_no_approval_sends_as_ever(folder: Path) -> None:
    toml = (folder / "regulars.toml").read_text(encoding="utf-8")

    (folder / "regulars.toml").write_text(toml.replace("needs_approval = true", ""), encoding="utf-8")

    assert sent(folder) == 3
