"""Numbers of a list or segment: asked about once in thirty days, and what was said decides who of a list gets texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stamina
from click.testing import CliRunner

from regulars.campaigns.line import Counts
from regulars.cli.main import main_group
from regulars.clock import FixedClock
from regulars.errors import DeclarationError, SourceRefused
from regulars.pipeline.audience_numbers import numbers_of
from regulars.pipeline.campaign import campaign_of
from regulars.pipeline.compose import plan_campaign
from regulars.pipeline.flow import run
from regulars.pipeline.number_answers import Outlook, Reached, ask, outlook
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.testing.desk import write_files
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox import Fault, Faults, SandboxServer

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
FAIR = """\
first_name,phone
Ann,254-867-5301
Bob,254-867-5302
Cy,(254) 867-5303
Ann,+1 254 867 5301
Di,abc
"""
ANN, BOB, CY = "+12548675301", "+12548675302", "+12548675303"
SMS = 'list: fair.csv\nchannel: sms\npurpose: transactional\nby: gateway\ntext: "We moved"\n'
KEYS = {"NUMVERIFY_KEY": "hush"}
SOURCE = """\
kind: files
folder: desk
streams:
  people:
    files: people.csv
    key: id
    fields: {id: id, phone: text, email: text}
    profile: {id: id, exclusive: true, phone: phone, email: email}
"""


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def server(tmp_path: Path, faults: Faults) -> Iterator[SandboxServer]:
    with SandboxServer(["numverify"], tmp_path, faults=faults) as running, stamina.set_testing(True, attempts=2):
        yield running


@pytest.fixture
def folder(tmp_path: Path, server: SandboxServer) -> Path:
    write_mailing(tmp_path, url="http://127.0.0.1:9")
    (tmp_path / "fair.csv").write_text(FAIR, encoding="utf-8")
    sms = 'list: fair.csv\nchannel: sms\npurpose: transactional\nby: gateway\ntext: "We moved"\n'
    (tmp_path / "campaigns/fair.yaml").write_text(sms, encoding="utf-8")
    with (tmp_path / "regulars.toml").open("a", encoding="utf-8") as file:
        url = server.url_of("numverify")
        file.write(f'\n[numbers]\nkey = "${{NUMVERIFY_KEY}}"\nurl = "{url}"\nper_second = 1000\n')
    return tmp_path


def opened(folder: Path, *, days: float = 0) -> Workspace:
    return open_workspace(folder, clock=FixedClock(NOON + timedelta(days=days)))


def seen(workspace: Workspace, name: str = "fair") -> Outlook:
    numbers = numbers_of(workspace, campaign_of(workspace.project, name))
    return outlook(workspace.book, numbers, at=workspace.clock.now())


def asked(workspace: Workspace, name: str = "fair") -> list[Reached]:
    to_ask = seen(workspace, name).to_ask
    return list(ask(workspace.project.config, workspace.book, to_ask, clock=workspace.clock, environment=KEYS))


def rows(workspace: Workspace) -> dict[str, str | None]:
    return {row["address"]: row["reason"] for row in plan_campaign(workspace, "fair").rows.to_pylist()}


def test_c5_row_5_what_was_said_lately_asks_nobody_and_what_is_old_is_asked_again(folder: Path, server: SandboxServer) -> None:
    done = []
    for days in (0, 29.9, 30.1):
        workspace = opened(folder, days=days)
        done.append((len(seen(workspace).to_ask), [one.done for one in asked(workspace)], len(server.requests)))
        workspace.close()

    assert done == [(3, [3], 3), (0, [], 3), (3, [3], 6)]
    assert server.violations == ()


def test_c5_row_4_landlines_and_numbers_that_nobody_has_get_no_texts_once_that_is_known(
    folder: Path, server: SandboxServer
) -> None:
    server.tell("numverify", "line", number=BOB, line_type="landline")
    server.tell("numverify", "line", number=CY, valid=False)
    workspace = opened(folder)
    before = rows(workspace)
    asked(workspace)
    after, rejected = rows(workspace), plan_campaign(workspace, "fair").rejected
    counted = seen(workspace).counts
    workspace.close()

    assert (sorted(before), sorted(after), rejected) == ([ANN, BOB, CY], [ANN], 3)
    assert counted == Counts(total=3, answered=3, valid=2, mobile=1)


# The 429s fall into batches two and three, so that no number's second question can be the one that meets the other 429.
@pytest.mark.parametrize("faults", [Faults(plan={101: Fault(kind="status", status=429), 203: Fault(kind="status", status=429)})])
def test_c5_row_6_a_long_list_goes_in_batches_of_a_hundred_each_kept(folder: Path, server: SandboxServer) -> None:
    numbers = "".join(f"254-867-{last}\n" for last in range(2000, 2205))
    (folder / "fair.csv").write_text(f"phone\n{numbers}", encoding="utf-8")
    workspace = opened(folder)
    told = asked(workspace)
    counted = seen(workspace).counts
    workspace.close()

    assert [(one.done, one.total) for one in told] == [(100, 205), (200, 205), (205, 205)]
    assert (counted.answered, told[-1].unanswered, len(server.requests)) == (205, {}, 207)


@pytest.mark.parametrize("faults", [Faults(chance=1, kinds=(Fault(kind="status", status=500),))])
def test_a_provider_that_is_away_is_left_alone_after_a_batch_and_nothing_is_kept(folder: Path) -> None:
    numbers = "".join(f"254-867-{last}\n" for last in range(2000, 2205))
    (folder / "fair.csv").write_text(f"phone\n{numbers}", encoding="utf-8")
    workspace = opened(folder)
    told = asked(workspace)
    counted = seen(workspace).counts
    workspace.close()

    assert [(one.done, one.unanswered) for one in told] == [(100, {"server": 100})]
    assert "answered 500" in told[0].stopped
    assert counted.answered == 0


def test_a_segments_numbers_are_asked_about_too(folder: Path) -> None:
    write_files(folder, {
        "sources/desk.yaml": SOURCE, "desk/people.csv": f"id,phone,email\n1,{ANN},\n2,{BOB},bob@ray.example\n3,,\n",
        "segments/no_mail.yaml": "when: {trait: email, is: missing}\n",
        "campaigns/mute.yaml": SMS.replace("list: fair.csv", "audience: no_mail"),
    })
    workspace = opened(folder)
    run(workspace)
    numbers = seen(workspace, "mute").to_ask
    asked(workspace, "mute")
    left, everybody = seen(workspace, "mute"), seen(workspace, "news")
    workspace.close()

    assert (numbers, left.to_ask, left.counts.mobile) == ((ANN,), (), 1)
    assert everybody.to_ask == (BOB,)


def test_the_book_holds_no_number(folder: Path) -> None:
    workspace = opened(folder)
    asked(workspace)
    texts = workspace.book.forgetting.texts()["number_answers"]
    workspace.close()

    assert "mobile" in texts
    assert not any("2548675301" in text for text in texts)


def test_without_a_key_or_a_provider_it_is_said_what_to_do(folder: Path) -> None:
    workspace = opened(folder)
    config, book, clock = workspace.project.config, workspace.book, workspace.clock

    with pytest.raises(SourceRefused, match="export NUMVERIFY_KEY"):
        list(ask(config, book, [ANN], clock=clock, environment={}))
    (folder / "regulars.toml").write_text((folder / "regulars.toml").read_text().partition("\n[numbers]")[0])
    bare = opened(folder)
    with pytest.raises(DeclarationError, match=r"\[numbers\] key"):
        list(ask(bare.project.config, book, [ANN], clock=clock, environment=KEYS))
    bare.close()
    workspace.close()


def test_c5_row_7_the_command_counts_first_and_asks_when_told_to(
    folder: Path, server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMVERIFY_KEY", "hush")
    server.tell("numverify", "line", number=BOB, line_type="landline")

    def typed(*words: str) -> str:
        return CliRunner().invoke(main_group, ["campaign", "numbers", "fair", *words, "--project", str(folder)]).stdout

    looked, asked_before = typed(), len(server.requests)
    one = json.loads(typed("--apply", "--limit", "1", "--json"))
    done = typed("--apply")

    assert "3 numbers, of 0 it is known what they are." in looked
    assert "Nobody was asked about 3 numbers within 30 days. Next: regulars campaign numbers fair --apply" in looked
    assert asked_before == 0
    assert one == {
        "total": 3, "answered": 1, "valid": 1, "mobile": 1, "valid_percent": "100.0", "mobile_percent": "100.0", "to_ask": 2,
        "unanswered": {}, "stopped": "",
    }
    assert "3 exist (100.0 %), 2 of them mobile (66.7 %)." in done
    assert len(server.requests) == 3
