"""Language models over real HTTP: both dialects ask as their vendors want it, and know a whole answer from a broken one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stamina

from regulars.clock import FixedClock
from regulars.connectors.anthropic import Anthropic
from regulars.connectors.model import Model, Question
from regulars.connectors.openai import OpenAI
from regulars.errors import SourceChanged, SourceRefused, SourceUnavailable
from regulars.testing.sandbox import Fault, Faults, SandboxServer

QUESTION = Question(
    instruction="Read it.", text="<message>\n20% off with code MAY20\n</message>", name="offer", most_tokens=100,
    schema={"type": "object", "properties": {}, "required": [], "additionalProperties": False},
)
DIALECTS = {"anthropic": Anthropic, "openai": OpenAI}


@pytest.fixture(params=sorted(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def server(tmp_path: Path, faults: Faults) -> Iterator[SandboxServer]:
    with SandboxServer(DIALECTS, tmp_path, faults=faults) as running, stamina.set_testing(True, attempts=3):
        yield running


def model(server: SandboxServer, dialect: str, *, key: str | None = "secret", seconds: float = 10) -> Model:
    return Model(
        dialect=DIALECTS[dialect](), name="small-1", clock=FixedClock(datetime(2026, 3, 1, tzinfo=UTC)),
        url=server.url_of(dialect), key=key, timeout=timedelta(seconds=seconds),
    )


def test_a_question_is_asked_as_the_vendor_wants_it(server: SandboxServer, dialect: str) -> None:
    said = model(server, dialect).ask(QUESTION)

    assert server.violations == ()
    assert said.text is not None
    assert json.loads(said.text)["offer"]["code"] == "MAY20"
    assert said.tokens == len(f"Read it. {QUESTION.text}".split()) + len(said.text.split())


@pytest.mark.parametrize("ends", ["refusal", "max_tokens"])
def test_an_answer_that_is_refused_or_cut_short_is_none(server: SandboxServer, dialect: str, ends: str) -> None:
    server.tell(dialect, "answer", text='{"offer":', ends=ends)

    said = model(server, dialect).ask(QUESTION)

    assert said.text is None
    assert said.tokens


@pytest.mark.parametrize("faults", [
    Faults(plan={1: Fault(kind="status", status=429, retry_after="0")}), Faults(plan={1: Fault(kind="status", status=500)}),
    Faults(plan={1: Fault(kind="cut")}), Faults(plan={1: Fault(kind="html")}), Faults(plan={1: Fault(kind="broken_json")}),
], ids=["429", "500", "cut", "html", "broken"])
def test_a_hiccup_is_asked_again(server: SandboxServer, dialect: str) -> None:
    said = model(server, dialect).ask(QUESTION)

    assert said.text
    assert len(server.requests) == 2


@pytest.mark.parametrize("faults", [
    Faults(chance=1, kinds=(Fault(kind="status", status=529),)), Faults(chance=1, kinds=(Fault(kind="slow", seconds=0.4),)),
], ids=["overloaded", "slow"])
def test_a_model_that_does_not_answer_is_said_to_be_away(server: SandboxServer, dialect: str) -> None:
    with pytest.raises(SourceUnavailable, match="small-1"):
        model(server, dialect, seconds=0.1).ask(QUESTION)

    assert len(server.requests) == 3


def test_no_key_is_refused_at_once(server: SandboxServer, dialect: str) -> None:
    with pytest.raises(SourceRefused, match="401"):
        model(server, dialect, key=None).ask(QUESTION)

    assert len(server.requests) == 1


def test_one_vendors_answer_is_not_taken_for_the_others(server: SandboxServer, tmp_path: Path) -> None:
    class Mixed(OpenAI):
        """Asks the one and expects the other."""

        said = Anthropic.said

    asked = Model(
        dialect=Mixed(), name="small-1", clock=FixedClock(datetime(2026, 3, 1, tzinfo=UTC)), url=server.url_of("openai"), key="k"
    )
    with pytest.raises(SourceChanged, match="not of this API"):
        asked.ask(QUESTION)


def test_a_wrong_path_is_said_as_one(server: SandboxServer, dialect: str) -> None:
    lost = Model(
        dialect=DIALECTS[dialect](), name="small-1", clock=FixedClock(datetime(2026, 3, 1, tzinfo=UTC)),
        url=f"{server.url_of(dialect)}/elsewhere", key="k",
    )

    with pytest.raises(SourceRefused, match="nothing at"):
        lost.ask(QUESTION)
