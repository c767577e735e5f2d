"""Replies read by a language model: each text once and on a budget; who wants to be left alone is never its question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stamina
from click.testing import CliRunner

from regulars.cli.main import main_group
from regulars.clock import FixedClock
from regulars.destinations.sender import Reply
from regulars.pipeline.model_readings import Budget, ask
from regulars.pipeline.news import take_into_consent
from regulars.pipeline.reply_readings import ReplyRead, budget, keep_readings, replies_read
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.replies import ReplyLine
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox import Fault, Faults, SandboxServer

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
SLANG = "bet, that slaps"
SAID = [SLANG, "yes please", "yes please", "STOP", "I would rather not get these any more", "call me at +1 254 867 5309"]
LLM = '[llm]\ndialect = "{dialect}"\nmodel = "small-1"\nreads = {reads}\nurl = "{url}"\nkey = "${{LLM_KEY}}"\n{more}'
KEYS = {"LLM_KEY": "secret"}


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def server(tmp_path: Path, faults: Faults) -> Iterator[SandboxServer]:
    with SandboxServer(["anthropic", "openai"], tmp_path, faults=faults) as running, stamina.set_testing(True, attempts=2):
        yield running


@pytest.fixture
def opened(tmp_path: Path, server: SandboxServer) -> Iterator[Workspace]:
    yield from studio(tmp_path, server)


def studio(
    folder: Path, server: SandboxServer, *, dialect: str = "anthropic", reads: str = '["replies"]', more: str = ""
) -> Iterator[Workspace]:
    """A business that was answered by six people."""
    write_mailing(folder, url="http://127.0.0.1:9")
    with (folder / "regulars.toml").open("a", encoding="utf-8") as file:
        file.write(LLM.format(dialect=dialect, url=server.url_of(dialect), reads=reads, more=more))
    workspace = open_workspace(folder, clock=FixedClock(NOON))
    take_into_consent(workspace, [
        Reply(provider="http", provider_id=f"r{n}", sender=f"+125486753{n:02}", to="+12545550100", text=text, at=NOON)
        for n, text in enumerate(SAID)
    ])
    yield workspace
    workspace.close()


def outlook(workspace: Workspace) -> Budget:
    found = budget(workspace.project.config, workspace.book, lines(workspace), now=workspace.clock.now())
    assert found is not None
    return found


def lines(workspace: Workspace) -> list[ReplyLine]:
    return workspace.book.replies.since(NOON - timedelta(days=1))


def asked(workspace: Workspace) -> str:
    return ask(workspace.project.config, workspace.book, outlook(workspace), clock=workspace.clock, environment=KEYS)


def read(workspace: Workspace) -> dict[str, ReplyRead]:
    return {one.line.reply.text: one for one in replies_read(workspace.project.config, workspace.book, lines(workspace))}


@pytest.mark.parametrize("dialect", ["anthropic", "openai"])
def test_each_text_is_asked_about_once_in_either_dialect(tmp_path: Path, server: SandboxServer, dialect: str) -> None:
    for workspace in studio(tmp_path, server, dialect=dialect):
        assert outlook(workspace).texts == 3

        assert asked(workspace) == asked(workspace) == ""

        assert (len(server.requests), server.violations, outlook(workspace).texts) == (3, (), 0)
        assert read(workspace)["yes please"].by == "small-1"


def test_a_model_reads_what_no_rule_knows_and_the_book_says_so_from_then_on(opened: Workspace, server: SandboxServer) -> None:
    before = read(opened)[SLANG]
    for text in outlook(opened).to_ask:
        said = json.dumps({"mood": "positive", "intent": "interested"}) if text == SLANG else None
        server.tell("anthropic", "answer", text=said)
    asked(opened)

    changed = [keep_readings(opened.book, read(opened).values(), at=opened.clock.now()) for _ in range(2)]

    kept = {line.reply.text: line.reply for line in lines(opened)}[SLANG]
    assert (before.mood, before.by) == ("unknown", "rules")
    assert (kept.mood, kept.intent) == ("positive", "interested")
    assert changed == [1, 0]


def test_who_wants_to_be_left_alone_is_told_without_the_model_and_never_put_before_it(
    opened: Workspace, server: SandboxServer
) -> None:
    for _ in range(3):
        server.tell("anthropic", "answer", text=json.dumps({"mood": "positive", "intent": "interested"}))
    asked(opened)
    keep_readings(opened.book, read(opened).values(), at=opened.clock.now())

    kept = {line.reply.text: (line.reply.status, line.reply.mood) for line in lines(opened)}
    told = json.dumps([request.call.body for request in server.requests])
    assert kept["STOP"] == ("opted_out", "negative")
    assert kept["I would rather not get these any more"][0] in {"review", "opted_out"}
    assert "STOP" not in told
    assert "rather not" not in told


def test_no_number_and_no_key_leaves_the_house(opened: Workspace, server: SandboxServer) -> None:
    asked(opened)

    told = json.dumps([request.call.body for request in server.requests])
    assert "call me at" in told
    assert "867" not in told
    assert "secret" not in told


@pytest.mark.parametrize("reads", ["[]", '["offers"]'])
def test_nothing_that_people_said_is_put_before_a_model_unless_it_is_declared(
    tmp_path: Path, server: SandboxServer, reads: str
) -> None:
    for workspace in studio(tmp_path, server, reads=reads):
        assert budget(workspace.project.config, workspace.book, lines(workspace), now=NOON) is None
        assert {one.by for one in read(workspace).values()} == {"rules"}


def test_an_answer_that_is_not_taken_leaves_it_to_the_rules_with_the_reason(opened: Workspace, server: SandboxServer) -> None:
    for _ in range(3):
        server.tell("anthropic", "answer", text=json.dumps({"mood": "negative", "intent": "interested"}))
    asked(opened)

    found = read(opened)["yes please"]
    assert (found.mood, found.by) == ("positive", "rules")
    assert found.reason.startswith("interested is not negative; ")


def test_no_more_is_asked_on_a_day_than_the_budget_has(tmp_path: Path, server: SandboxServer) -> None:
    for workspace in studio(tmp_path, server, more="requests_per_day = 1"):
        assert [asked(workspace), asked(workspace)] == ["the day's budget is used up"] * 2
        assert (len(server.requests), outlook(workspace).texts) == (1, 2)


@pytest.mark.parametrize("faults", [
    Faults(chance=1, kinds=(Fault(kind="status", status=status),)) for status in (429, 500, 401)
], ids=["429", "500", "401"])
def test_where_the_model_fails_rules_read_and_it_is_said(opened: Workspace) -> None:
    stopped = asked(opened)

    assert "small-1: POST 127.0.0.1/anthropic/v1/messages answered" in stopped
    assert {one.by for one in read(opened).values()} == {"rules"}
    assert read(opened)["yes please"].mood == "positive"
    assert keep_readings(opened.book, read(opened).values(), at=NOON) == 0


def test_without_the_model_what_it_read_is_read_by_rules_again(tmp_path: Path, server: SandboxServer) -> None:
    for workspace in studio(tmp_path, server):
        for _ in range(3):
            server.tell("anthropic", "answer", text=json.dumps({"mood": "positive", "intent": "interested"}))
        asked(workspace)
        keep_readings(workspace.book, read(workspace).values(), at=NOON)
    told = (tmp_path / "regulars.toml").read_text(encoding="utf-8")
    (tmp_path / "regulars.toml").write_text(told[:told.index("[llm]")], encoding="utf-8")
    workspace = open_workspace(tmp_path, clock=FixedClock(NOON))

    changed = keep_readings(workspace.book, read(workspace).values(), at=NOON)

    assert changed > 0
    assert {line.reply.text: line.reply.mood for line in lines(workspace)}[SLANG] == "unknown"
    workspace.close()


def test_the_command_shows_first_and_asks_when_told_to(
    tmp_path: Path, server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in studio(tmp_path, server):
        pass
    monkeypatch.setenv("LLM_KEY", "secret")
    every = ["--days", "36500", "--project", str(tmp_path)]

    looked = CliRunner().invoke(main_group, ["campaign", "replies", *every])
    asked_nobody = len(server.requests) == 0
    done = CliRunner().invoke(main_group, ["campaign", "replies", "--apply", "--json", *every])

    assert asked_nobody
    assert "The model was not asked about 3 texts: at most" in looked.output
    assert "campaign replies --apply" in looked.output
    told = json.loads(done.output)
    assert {one["by"] for one in told["replies"] if one["text"] == "yes please"} == {"small-1"}
    assert "+125486753" not in done.output
    assert told["llm"]["texts"] == 0
