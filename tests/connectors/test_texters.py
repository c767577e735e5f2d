"""Quo and Twilio against their sandboxes: each text is taken once, refused with a reason, or asked for."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from texting import OURS, START, Loop, text

from regulars.connectors import quo, twilio
from regulars.connectors.exchange import (
    FULL,
    LANDLINE,
    NO_CREDIT,
    NOBODY,
    NOT_OURS,
    NOT_REGISTERED,
    OPTED_OUT,
)
from regulars.connectors.inquiry import CLOCKS_APART
from regulars.destinations.sender import Accepted, Answer, Deferred, Dialect, Refused, Unknown
from regulars.errors import DeclarationError, SourceRefused
from regulars.sources.source import Surroundings
from regulars.testing.sandbox import Fault, Faults, SandboxServer
from regulars.testing.sandbox.contract import Contract
from regulars.testing.sandbox.schema import operation_of

SHARED = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[3] / "shared"))
SPECS = {"quo": SHARED / "data/specs/quo_openapi_v1.json", "twilio": SHARED / "data/specs/twilio_messages_trim.json"}
KINDS = ["quo", "twilio"]
DECLARED = {
    "quo": {"key": "sandbox", "number_id": f"PN{OURS[1:]}"}, "twilio": {"account": "AC" + "0" * 32, "token": "sandbox"},
}
DECLARE = {"quo": quo.declare, "twilio": twilio.declare}
HERE = Surroundings(folder=Path())


def declared(kind: str, **words: object) -> Dialect:
    return DECLARE[kind]("texts", {"kind": kind, **DECLARED[kind], **words}, at=HERE)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Callable[..., Loop]]:
    """Return a sending loop with a vendor's sandbox, checked against the vendor's own document where it is here."""
    with ExitStack() as stack:
        def start(kind: str, faults: Faults | None = None, **words: object) -> Loop:
            specs = {kind: SPECS[kind]} if SPECS[kind].exists() else {}
            server = stack.enter_context(SandboxServer([kind], tmp_path, faults=faults, as_of=START, specs=specs))
            return Loop(declared(kind, url=server.url_of(kind), **words), server)

        yield start


def _always(fault: Fault) -> Faults:
    return Faults(chance=1.0, kinds=(fault,))


@pytest.mark.parametrize(("kind", "words"), [
    ("quo", {}),
    ("quo", {"user": "US1", "inbox": "done"}),
    ("twilio", {}),
    ("twilio", {"callback": "https://gym.example/webhooks/twilio", "valid": "30 minutes", "key": "SK" + "0" * 32}),
])
def test_every_request_is_one_that_the_vendor_takes(loop, kind, words) -> None:
    texter = loop(kind, **words)
    message = text(words="Été à 5 € & “fun” 🎉")

    sent = texter.send(message)
    texter.sleep(timedelta(minutes=3))
    asked = texter.inquire(message, START)

    assert isinstance(sent, Accepted)
    assert asked == sent
    assert texter.server.violations == ()
    assert texter.server.kept(kind, "messages") == ({"from": OURS, "to": message.to, "text": message.text},)


def test_a_messaging_service_chooses_the_number(loop) -> None:
    texter = loop("twilio", service="MG" + "0" * 32)
    message = text()

    sent = texter.send(message)
    texter.sleep(timedelta(minutes=3))

    assert texter.inquire(message, START) == sent
    assert texter.server.violations == ()


@pytest.mark.parametrize(("kind", "message", "code", "scope"), [
    ("quo", text(sender=NOT_REGISTERED), "30034", "account"),
    ("quo", text(sender=NO_CREDIT), "0200402", "account"),
    ("quo", text(sender=NOT_OURS), "0202403", "account"),
    ("quo", text(NOBODY), "0200400", "address"),
    ("quo", text(words=" "), "0200400", "message"),
    ("quo", text(words="x" * 1_000_000), "0200400", "message"),
    ("twilio", text(sender=NOT_OURS), "21606", "account"),
    ("twilio", text(sender=NO_CREDIT), "30002", "account"),
    ("twilio", text(NOBODY), "21211", "address"),
    ("twilio", text(OPTED_OUT), "21610", "address"),
    ("twilio", text(LANDLINE), "21614", "address"),
    ("twilio", text(words=""), "21602", "message"),
    ("twilio", text(words="x" * 1_601), "21617", "message"),
], ids=lambda value: str(value)[:30])
def test_a_refusal_says_whom_it_is_about_and_never_the_number(loop, kind, message, code, scope) -> None:
    texter = loop(kind, **({"number_id": f"PN{message.sender[1:]}"} if kind == "quo" else {}))

    refused = texter.send(message)

    assert isinstance(refused, Refused)
    assert (refused.code, refused.scope) == (code, scope)
    assert refused.reason
    assert message.to.strip("+") not in refused.reason
    assert texter.server.kept(kind, "messages") == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_key_stops_the_account(loop, kind) -> None:
    texter = loop(kind)
    request = texter.dialect.request([text()])

    answer = texter.ask(replace(request, headers={**request.headers, "authorization": "Bearer wrong"}))

    outcome = texter.dialect.outcomes([text()], answer)[0]
    assert isinstance(outcome, Refused)
    assert outcome.scope == "account"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fault", "after"), [
    (Fault(kind="status", status=429, retry_after="7"), timedelta(seconds=7)),
    (Fault(kind="status", status=429), None),
    (Fault(kind="status", status=429, retry_after="Mon, 02 Mar 2026 15:01:00 GMT"), timedelta(seconds=60)),
    (Fault(kind="status", status=503, retry_after="30"), timedelta(seconds=30)),
], ids=lambda value: str(getattr(value, "retry_after", "")))
def test_what_was_certainly_not_taken_is_deferred_for_as_long_as_the_vendor_says(loop, kind, fault, after) -> None:
    texter = loop(kind, _always(fault))

    outcome = texter.send(text())

    assert isinstance(outcome, Deferred)
    assert outcome.after == after


def test_a_full_queue_is_no_refusal(loop) -> None:
    outcome = loop("twilio").send(text(sender=FULL))

    assert isinstance(outcome, Deferred)
    assert "queue" in outcome.reason


def test_the_eleventh_request_of_a_second_is_deferred_by_quo(loop) -> None:
    texter = loop("quo")
    texter.pace = timedelta(0)

    outcomes = [texter.send(text()) for _ in range(11)]

    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True] * 10 + [False]
    assert isinstance(outcomes[-1], Deferred)
    assert outcomes[-1].after == timedelta(seconds=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [
    Fault(kind="status", status=500), Fault(kind="status", status=500, is_acted_on=True),
    Fault(kind="status", status=502), Fault(kind="status", status=503), Fault(kind="status", status=504),
    Fault(kind="cut"), Fault(kind="lost"), Fault(kind="html"), Fault(kind="broken_json"), Fault(kind="slow", seconds=0.4),
], ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.is_acted_on}")
def test_what_may_have_been_taken_is_unknown(loop, kind, fault) -> None:
    texter = loop(kind, _always(fault))
    texter.patience = 0.2

    assert isinstance(texter.send(text()), Unknown)


STORM = Faults(chance=0.3, seed=11, kinds=(
    Fault(kind="status", status=429, retry_after="1"), Fault(kind="status", status=503, retry_after="1"),
    Fault(kind="status", status=500), Fault(kind="status", status=500, is_acted_on=True),
    Fault(kind="cut"), Fault(kind="lost"), Fault(kind="html"), Fault(kind="broken_json"),
))


def _people(count: int) -> list[str]:
    return [f"+1254555{number:04}" for number in range(1000, 1000 + count)]


@pytest.mark.parametrize("kind", KINDS)
def test_of_thirty_per_cent_faults_nobody_is_lost_and_nobody_gets_it_twice(loop, kind) -> None:
    texter = loop(kind, STORM)
    people = _people(150)

    texter.run([text(to) for to in people])

    faults = [request.fault for request in texter.server.requests if request.fault]
    assert len(faults) > 40
    assert Counter(kept["to"] for kept in texter.server.kept(kind, "messages")) == Counter(people)
    assert all(isinstance(texter.outcomes[to], Accepted) for to in people)
    assert len({texter.outcomes[to].provider_id for to in people}) == len(people)
    assert texter.server.violations == ()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_storm_tells_a_loop_that_sends_again_blindly(loop, kind) -> None:
    texter = loop(kind, STORM)
    people = _people(60)

    texter.run([text(to) for to in people], is_blind=True)

    assert max(Counter(kept["to"] for kept in texter.server.kept(kind, "messages")).values()) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_listed_is_sure_only_when_it_could_have_been_written_down(loop, kind) -> None:
    texter = loop(kind)

    texter.sleep(timedelta(seconds=30))
    early = texter.inquire(text(), START)
    texter.sleep(timedelta(seconds=90))
    late = texter.inquire(text(), START)

    assert isinstance(early, Unknown)
    assert isinstance(late, Deferred)


@pytest.mark.parametrize("kind", KINDS)
def test_of_two_such_texts_nobody_says_which_is_ours(loop, kind) -> None:
    texter = loop(kind)
    texter.send(text())
    texter.send(text())
    texter.sleep(timedelta(minutes=3))

    asked = texter.inquire(text(), START)

    assert isinstance(asked, Unknown)
    assert "2 such texts" in asked.reason


@pytest.mark.parametrize("kind", KINDS)
def test_another_text_another_person_another_time_and_a_reply_are_not_ours(loop, kind) -> None:
    texter = loop(kind)
    texter.send(text())                                           # long before
    texter.sleep(timedelta(hours=1))
    attempted_at = texter.now
    texter.send(text(words="See you on Friday"))
    texter.send(text("+12545550112"))
    texter.server.tell(kind, "reply", **{"from": text().to, "to": OURS, "text": text().text})
    texter.sleep(timedelta(minutes=3))

    assert isinstance(texter.inquire(text(), attempted_at), Deferred)


@pytest.mark.parametrize("kind", KINDS)
def test_an_inquiry_that_fails_leaves_it_unknown(loop, kind) -> None:
    texter = loop(kind)
    texter.sleep(timedelta(minutes=3))
    for fault in STORM.kinds:
        texter.server.faults = _always(fault)

        assert isinstance(texter.inquire(text(), START), Unknown), fault


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_that_goes_on_before_it_reaches_the_attempt_is_no_proof(loop, kind) -> None:
    texter = loop(kind)
    texter.server.tell(kind, "limit", per_second=0)
    for _ in range(101):
        texter.ask(texter.dialect.request([text(words="Something else")]))
    texter.sleep(timedelta(minutes=3))

    assert isinstance(texter.inquire(text(), START), Unknown)


def test_a_long_history_before_the_attempt_does_not_hide_that_nothing_came(loop) -> None:
    texter = loop("twilio")
    for _ in range(120):
        texter.ask(texter.dialect.request([text(words="Something else")]))
    texter.sleep(timedelta(hours=1))
    attempted_at = texter.now
    texter.sleep(timedelta(minutes=3))

    assert isinstance(texter.inquire(text(), attempted_at), Deferred)


def test_a_clock_that_is_a_little_behind_is_allowed_for(loop) -> None:
    texter = loop("quo")
    sent = texter.send(text())
    texter.sleep(timedelta(minutes=4))

    assert texter.inquire(text(), START + CLOCKS_APART) == sent


def test_what_a_trial_account_writes_before_a_text_does_not_hide_it(loop) -> None:
    texter = loop("twilio")
    sent = texter.send(text(words=f"Sent from your Twilio trial account - {text().text}"))
    texter.sleep(timedelta(minutes=3))

    assert texter.inquire(text(), START) == sent


def test_a_list_without_a_date_proves_nothing() -> None:
    answer = Answer(status=200, body=b'{"messages": [], "next_page_uri": null}')

    asked = declared("twilio").found(text(), answer, attempted_at=START)

    assert isinstance(asked, Unknown)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [301, 401, 403, 404, 405])
def test_an_answer_that_no_text_can_change_stops_the_account_or_the_text(kind, status) -> None:
    outcome = declared(kind).outcomes([text()], Answer(status=status, body=b"<html>"))[0]

    assert isinstance(outcome, Refused)
    assert outcome.scope == ("message" if status == 405 else "account")


@pytest.mark.parametrize(("kind", "words", "message"), [
    ("quo", {"key": None}, r"'key' is missing.*add `key: \$\{QUO_KEY\}`"),
    ("quo", {"number_id": None}, r"'number_id' is missing.*v1/phone-numbers"),
    ("quo", {"number_id": OURS}, r"'\+12545550100' is no 'number_id'.*PN"),
    ("quo", {"inbox": "closed"}, r"'closed' is no 'inbox' \(`inbox: done`\)"),
    ("quo", {"url": "https://api.quo.com/v1"}, r"is no 'url' \(`url: https://api.quo.com/v1/`\)"),
    ("quo", {"timeout": "soon"}, r"not a length of time"),
    ("quo", {"number": 1}, r"did you mean 'number_id'"),
    ("twilio", {"account": None}, r"add `account: \$\{TWILIO_ACCOUNT\}`"),
    ("twilio", {"token": None}, r"add `token: \$\{TWILIO_TOKEN\}`"),
    ("twilio", {"account": "12"}, r"'12' is no 'account' \(`account: \$\{TWILIO_ACCOUNT\}`\)"),
    ("twilio", {"key": "12"}, r"'12' is no 'key'"),
    ("twilio", {"service": OURS}, r"is no 'service' \(`service: MG and 32"),
    ("twilio", {"valid": "11 hours"}, r"at most 10 hours"),
    ("twilio", {"callback": "gym.example"}, r"is no 'callback' \(`callback: https://…`\)"),
])
def test_a_declaration_says_what_is_wrong_and_what_would_be_right(kind, words, message) -> None:
    with pytest.raises(DeclarationError, match=message):
        declared(kind, **words)


@pytest.mark.parametrize(("kind", "words", "name"), [
    ("quo", {"key": "${QUO_KEY}"}, "QUO_KEY"), ("twilio", {"token": "${TWILIO_TOKEN}"}, "TWILIO_TOKEN"),
])
def test_a_key_that_is_not_set_is_told_when_it_is_needed(kind, words, name) -> None:
    dialect = declared(kind, **words)

    with pytest.raises(SourceRefused, match=name):
        dialect.request([text()])


def test_a_key_comes_from_the_environment() -> None:
    here = Surroundings(folder=Path(), environment={"QUO_KEY": "k1"})

    dialect = quo.declare("texts", {**DECLARED["quo"], "key": "${QUO_KEY}"}, at=here)

    assert dialect.request([text()]).headers["authorization"] == "k1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_declarations_patience_is_the_dialects_and_its_keys_are_not_shown(kind) -> None:
    dialect = declared(kind, timeout="8 seconds")

    assert (dialect.limits.timeout, dialect.limits.batch) == (timedelta(seconds=8), 1)
    assert "'sandbox'" not in repr(dialect)


@pytest.mark.parametrize(("kind", "absent"), [("quo", {"POST /webhooks"}), ("twilio", set())])
def test_our_contract_agrees_with_the_vendors_own_document(kind, absent) -> None:
    if not SPECS[kind].exists():
        pytest.skip("the vendors' documents are not here: set REGULARS_SHARED")
    spec = json.loads(SPECS[kind].read_text())

    for route, words in Contract.of(kind).routes.items():
        method, _, where = route.partition(" ")
        called = where.replace("{sid}", "SM1.json").replace("{", "").replace("}", "")
        operation = operation_of(spec, method, called)
        assert (operation is None) == (route in absent), route
        known = {p["name"] for p in (operation or {}).get("parameters") or []}
        assert operation is None or set(words or {}) - {"body", "form"} <= known, route
