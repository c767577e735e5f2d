"""Offers read by a language model: asked once about each text and on a budget, believed where the text bears it out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import stamina
from click.testing import CliRunner

from regulars.cli.main import main_group
from regulars.clock import FixedClock
from regulars.pipeline.account import Desk
from regulars.pipeline.model_readings import Budget, ask
from regulars.pipeline.offer_readings import OfferRead, budget, offers_read
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox import Fault, Faults, SandboxServer

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
SMS = "audience: everybody\nchannel: sms\npurpose: transactional\nby: gateway\n"
ODD = "Two can climb and one pays 12, tell us LUCKYDUO"
CAMPAIGNS = {
    "news": SMS + 'text: "We moved to Elm Street"\n',
    "spring": SMS + 'text: "Get 20% off your order with code SPRING20"\n',
    "again": SMS + 'text: "Get 20% off your order with code SPRING20"\n',
    "odd": SMS + f'text: "{ODD}"\n',
}
LLM = '[llm]\ndialect = "{dialect}"\nmodel = "small-1"\nurl = "{url}"\nkey = "${{LLM_KEY}}"\nprice = "5.00"\n{more}'
KEYS = {"LLM_KEY": "secret"}


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def server(tmp_path: Path, faults: Faults) -> Iterator[SandboxServer]:
    with SandboxServer(["anthropic", "openai"], tmp_path, faults=faults) as running, stamina.set_testing(True, attempts=2):
        yield running


def project(folder: Path, server: SandboxServer, *, dialect: str = "anthropic", more: str = "") -> Path:
    write_mailing(folder, url="http://127.0.0.1:9")
    for name, text in CAMPAIGNS.items():
        (folder / f"campaigns/{name}.yaml").write_text(text, encoding="utf-8")
    with (folder / "regulars.toml").open("a", encoding="utf-8") as file:
        file.write(LLM.format(dialect=dialect, url=server.url_of(dialect), more=more))
    return folder


def desk(folder: Path, *, days: int = 0) -> Desk:
    return Desk.open(folder, clock=FixedClock(NOON + timedelta(days=days)))


def outlook(desk: Desk) -> Budget:
    found = budget(desk.project.config, desk.book, desk.project.campaigns, now=desk.clock.now())
    assert found is not None
    return found


def asked(desk: Desk) -> str:
    return ask(desk.project.config, desk.book, outlook(desk), clock=desk.clock, environment=KEYS)


def readings(desk: Desk) -> dict[str, OfferRead]:
    return {
        one.campaign: one for campaign in desk.project.campaigns
        for one in offers_read(desk.project.config, desk.book, campaign, sent=date(2026, 5, 4))
    }


@pytest.mark.parametrize("dialect", ["anthropic", "openai"])
def test_each_text_is_asked_about_once_in_either_dialect(tmp_path: Path, server: SandboxServer, dialect: str) -> None:
    with desk(project(tmp_path, server, dialect=dialect)) as open_desk:
        assert outlook(open_desk).texts == 3

        assert asked(open_desk) == asked(open_desk) == ""

        assert len(server.requests) == 3
        assert server.violations == ()
        assert outlook(open_desk).texts == 0
        assert {(one.by, one.reason) for one in readings(open_desk).values()} == {("small-1", "")}


def test_looking_asks_nobody_and_says_what_asking_comes_to(tmp_path: Path, server: SandboxServer) -> None:
    with desk(project(tmp_path, server)) as open_desk:
        found, read = outlook(open_desk), readings(open_desk)

    assert server.requests == []
    assert found.cost == Decimal(5) * found.tokens / 1_000_000
    assert {(one.by, one.reason) for one in read.values()} == {("rules", "not asked yet")}


def test_a_model_finds_what_no_rule_knows(tmp_path: Path, server: SandboxServer) -> None:
    offer = {
        "kind": "fixed_price", "amount": 12, "unit": "USD", "is_up_to": False, "code": "LUCKYDUO", "expires_words": None,
        "minimum": None, "topic": "day_pass", "description": ODD,
    }
    with desk(project(tmp_path, server)) as open_desk:
        for text in outlook(open_desk).to_ask:
            answer = json.dumps({"offer": offer, "category": "promotional"}) if text == ODD else None
            server.tell("anthropic", "answer", text=answer)
        before = readings(open_desk)["odd"].reading.offer
        asked(open_desk)
        after = readings(open_desk)["odd"]

    assert before is None or before.code is None
    assert after.reading.offer is not None
    assert (after.by, after.reading.offer.code) == ("small-1", "LUCKYDUO")


def test_what_a_model_invents_is_left_to_the_rules_with_the_reason(tmp_path: Path, server: SandboxServer) -> None:
    offer = {
        "kind": "percent_off", "amount": 90, "unit": "percent", "is_up_to": False, "code": "MADEUP", "expires_words": None,
        "minimum": None, "topic": "retail", "description": "90% off",
    }
    with desk(project(tmp_path, server)) as open_desk:
        by_rules = readings(open_desk)
        for _ in range(3):
            server.tell("anthropic", "answer", text=json.dumps({"offer": offer, "category": "promotional"}))
        asked(open_desk)
        after = readings(open_desk)

        assert {name: one.reading for name, one in after.items()} == {name: one.reading for name, one in by_rules.items()}
        assert {(one.by, one.reason) for one in after.values()} == {("rules", "the text does not say the code 'MADEUP'")}
        assert outlook(open_desk).texts == 0


def test_no_more_is_asked_on_a_day_than_the_budget_has(tmp_path: Path, server: SandboxServer) -> None:
    folder = project(tmp_path, server, more="requests_per_day = 1")
    with desk(folder) as today:
        told = [asked(today), asked(today)]
        asked_today, left = len(server.requests), outlook(today).texts
    with desk(folder, days=1) as tomorrow:
        told.append(asked(tomorrow))

    assert told == ["the day's budget is used up"] * 3
    assert (asked_today, left, len(server.requests)) == (1, 2, 2)


def test_nothing_is_asked_that_may_take_more_tokens_than_are_left(tmp_path: Path, server: SandboxServer) -> None:
    with desk(project(tmp_path, server, more="tokens_per_day = 1000")) as open_desk:
        stopped = asked(open_desk)

    assert stopped == "the day's budget is used up"
    assert server.requests == []


@pytest.mark.parametrize("faults", [
    Faults(chance=1, kinds=(Fault(kind="status", status=status),)) for status in (429, 500, 401)
], ids=["429", "500", "401"])
def test_where_the_model_fails_rules_read_and_it_is_said(tmp_path: Path, server: SandboxServer) -> None:
    with desk(project(tmp_path, server)) as open_desk:
        stopped, read = asked(open_desk), readings(open_desk)

    assert "small-1: POST 127.0.0.1/anthropic/v1/messages answered" in stopped
    assert read["spring"].reading.offer is not None
    assert {(one.by, one.reason) for one in read.values()} == {("rules", "not asked yet")}


def test_no_key_and_no_persons_data_leaves_the_house(tmp_path: Path, server: SandboxServer) -> None:
    folder = project(tmp_path, server)
    (folder / "campaigns/spring.yaml").write_text(
        SMS + 'text: "{{ first_name | default: \'Hi\' }}, 20% off at https://gym.example/x or desk@gym.example"\n', encoding="utf-8"
    )
    with desk(folder) as open_desk:
        asked(open_desk)

    told = json.dumps([request.call.body for request in server.requests])
    assert "first_name" in told
    assert "gym.example" not in told
    assert "secret" not in told


def test_the_command_shows_first_and_asks_when_told_to(
    tmp_path: Path, server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(tmp_path, server)
    monkeypatch.setenv("LLM_KEY", "secret")

    looked = CliRunner().invoke(main_group, ["campaign", "read", "--project", str(folder)])
    asked_nobody = len(server.requests) == 0
    done = CliRunner().invoke(main_group, ["campaign", "read", "spring", "--apply", "--json", "--project", str(folder)])

    assert asked_nobody
    assert "The model was not asked about 3 texts: at most" in looked.output
    assert json.loads(done.output)["offers"] == [{
        "campaign": "spring", "variant": "", "by": "small-1", "reason": "", "kind": "percent_off", "amount": "20 percent",
        "code": "SPRING20", "until": None,
    }]
