"""Telephone numbers over real HTTP: what the provider says of each, and why it says nothing of some."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stamina

from regulars.campaigns.line import Line
from regulars.clock import FixedClock
from regulars.connectors.numverify import MOST, Answer, Numverify, Unanswered
from regulars.errors import SourceRefused
from regulars.identity.identifier import IdentifierRules, normalise_phones
from regulars.testing.sandbox import Fault, Faults, SandboxServer

NUMBER = "+14158586273"
OTHERS = [f"+1415858{last}" for last in range(1000, 1000 + MOST)]
WRITTEN = ("4158586273", "14158586273", "(415) 858-6273", "+1 415 858 6273", "415.858.6273", "1-415-858-6273", "+1(415)858-6273")


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def server(tmp_path: Path, faults: Faults) -> Iterator[SandboxServer]:
    with SandboxServer(["numverify"], tmp_path, faults=faults) as running, stamina.set_testing(True, attempts=3):
        yield running


def provider(url: str, *, key: str = "hush", seconds: float = 10, per_second: float = 10_000) -> Numverify:
    return Numverify(
        key=key, clock=FixedClock(datetime(2026, 3, 1, tzinfo=UTC)), url=url, timeout=timedelta(seconds=seconds),
        per_second=per_second,
    )


def asked(server: SandboxServer, *, seconds: float = 10) -> Answer:
    return provider(server.url_of("numverify"), seconds=seconds).ask([NUMBER])[NUMBER]


def test_c5_row_3_a_number_is_one_number_however_it_is_written() -> None:
    assert set(normalise_phones(WRITTEN, rules=IdentifierRules()).values.to_pylist()) == {NUMBER}


@pytest.mark.parametrize(("told", "kind"), [
    ("mobile", "mobile"), ("wireless", "mobile"), ("Cellular", "mobile"), ("landline", "landline"), ("voip", "voip"),
    ("toll_free", "toll_free"), ("premium_rate", "premium"), ("paging", "pager"), ("satellite", "unknown"), ("", "unknown"),
    (None, "unknown"),
])
def test_c5_row_3_only_three_words_mean_a_mobile_line(server: SandboxServer, told: str | None, kind: str) -> None:
    server.tell("numverify", "line", number=NUMBER, line_type=told, carrier="AT&T")

    assert asked(server) == Line(is_valid=True, kind=kind, carrier="AT&T", country="US")
    assert server.violations == ()


def test_c5_row_4_a_number_that_nobody_has_is_an_answer_and_no_error(server: SandboxServer) -> None:
    server.tell("numverify", "line", number=NUMBER, valid=False, line_type="mobile")

    assert asked(server) == Line(is_valid=False, kind="unknown", carrier=None, country=None)


@pytest.mark.parametrize(("faults", "why"), [
    (Faults(chance=1, kinds=(Fault(kind="status", status=500),)), "server"),
    (Faults(chance=1, kinds=(Fault(kind="html"),)), "server"),
    (Faults(chance=1, kinds=(Fault(kind="status", status=429),)), "rate limited"),
    (Faults(chance=1, kinds=(Fault(kind="slow", seconds=0.4),)), "timeout"),
    (Faults(chance=1, kinds=(Fault(kind="cut"),)), "network"),
], ids=["500", "html", "429", "slow", "cut"])
def test_c5_row_5_why_nobody_answered_is_told_apart_after_the_last_try(server: SandboxServer, why: str) -> None:
    answer = asked(server, seconds=0.15)

    assert isinstance(answer, Unanswered)
    assert answer.why == why
    assert len(server.requests) == 3


def test_c5_row_5_where_nobody_listens_it_is_the_network() -> None:
    with socket.socket() as free, stamina.set_testing(True, attempts=2):
        free.bind(("127.0.0.1", 0))
        answer = provider(f"http://127.0.0.1:{free.getsockname()[1]}").ask([NUMBER])[NUMBER]

    assert isinstance(answer, Unanswered)
    assert answer.why == "network"


@pytest.mark.parametrize("written", ["abc", "", "4158586273", "+1415858627x", "+0123456789", "+1234567", "+1234567890123456"])
def test_c5_row_5_what_is_no_number_is_an_invalid_format_and_nobody_is_asked(server: SandboxServer, written: str) -> None:
    answer = provider(server.url_of("numverify")).ask([written])[written]

    assert isinstance(answer, Unanswered)
    assert (answer.why, server.requests) == ("invalid format", [])


def test_c5_row_6_nobody_is_asked_about_nothing(server: SandboxServer) -> None:
    assert provider(server.url_of("numverify")).ask([]) == {}
    assert server.requests == []


@pytest.mark.parametrize("faults", [
    Faults(plan={1: Fault(kind="status", status=429, retry_after="0")}), Faults(plan={1: Fault(kind="status", status=500)}),
    Faults(plan={1: Fault(kind="cut")}),
], ids=["429", "500", "cut"])
def test_c5_row_6_a_hiccup_is_asked_again(server: SandboxServer) -> None:
    assert isinstance(asked(server), Line)
    assert len(server.requests) == 2


@pytest.mark.parametrize("faults", [Faults(chance=1, kinds=(Fault(kind="status", status=429, retry_after="3600"),))])
def test_c5_row_6_a_provider_that_asks_for_an_hour_is_left_alone_at_once(server: SandboxServer) -> None:
    answer = asked(server)

    assert isinstance(answer, Unanswered)
    assert (answer.why, len(server.requests)) == ("rate limited", 1)


def test_c5_row_6_a_batch_is_a_hundred_and_each_number_is_asked_about_once(server: SandboxServer) -> None:
    found = provider(server.url_of("numverify")).ask(OTHERS)

    assert list(found) == OTHERS
    assert sorted(str(one["number"]) for one in server.kept("numverify", "asked")) == [one.removeprefix("+") for one in OTHERS]
    with pytest.raises(ValueError, match="101 numbers"):
        provider(server.url_of("numverify")).ask([*OTHERS, NUMBER])


def test_c5_row_6_side_by_side_stays_within_the_rate(server: SandboxServer) -> None:
    began = datetime.now(tz=UTC)
    provider(server.url_of("numverify"), per_second=50).ask(OTHERS[:16])

    assert datetime.now(tz=UTC) - began >= timedelta(seconds=15 / 50)


def test_a_key_that_is_not_taken_stops_the_others(server: SandboxServer) -> None:
    found = provider(server.url_of("numverify"), key=" ").ask(OTHERS)

    assert {one.why for one in found.values() if isinstance(one, Unanswered)} == {"refused"}
    assert len(server.requests) < MOST / 2


def test_an_error_in_a_good_answer_is_a_refusal(server: SandboxServer) -> None:
    server.tell("numverify", "line", number=NUMBER, error=104)
    answer = asked(server)

    assert isinstance(answer, Unanswered)
    assert (answer.why, answer.reason) == ("refused", "numverify: error 104 (as it was told)")


@pytest.mark.parametrize("faults", [Faults(plan={1: Fault(kind="status", status=500)})])
def test_the_key_is_in_no_url_no_log_and_no_answer(server: SandboxServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    one = provider(server.url_of("numverify"))
    wrong = provider(server.url_of("numverify") + "/elsewhere")

    said = f"{one!r} {one.ask([NUMBER])} {wrong.ask([NUMBER])} {caplog.text}"

    assert "hush" not in said
    assert [list(request.call.params) for request in server.requests] == [["number"]] * 3
    assert server.requests[0].call.headers["apikey"] == "hush"


def test_the_key_never_goes_in_the_open() -> None:
    with pytest.raises(SourceRefused, match="https only"):
        provider("http://api.example.com/number_verification").ask([NUMBER])
