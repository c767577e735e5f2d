"""What text vendors post: read for what it says, never for more, and set aside when it says nothing."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from texting import OURS, START, Loop, text

from regulars.connectors import quo, twilio
from regulars.connectors.exchange import LANDLINE, OFF, OPTED_OUT
from regulars.connectors.quo.sandbox import older_signature, standard_signature
from regulars.connectors.twilio.sandbox import signature
from regulars.destinations.sender import Accepted, News, Receipt, Refused, Reply
from regulars.errors import WebhookUnreadable
from regulars.sources.source import Surroundings
from regulars.testing.sandbox import SandboxServer

SHARED = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[3] / "shared"))
CAME_AT = datetime(2026, 3, 2, 16, tzinfo=UTC)
THEIRS = "+12545550111"
FORM = "application/x-www-form-urlencoded"
READ = {"quo": quo.read, "twilio": twilio.read}
ANY_EVENT = ["message.received", "message.delivered", "message.failed", "message.undelivered"]


class Door:
    """Takes whatever is posted."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}/webhooks"
        self.posts: list[tuple[dict[str, str], bytes]] = []

    def news(self, kind: str) -> list[News]:
        return [
            one for headers, body in self.posts for one in READ[kind](body, headers["content-type"], CAME_AT)
        ]


@pytest.fixture
def door() -> Iterator[Door]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken = Door(server)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield taken
    server.shutdown()
    server.server_close()


@pytest.fixture
def at_quo(tmp_path: Path, door: Door) -> Iterator[Callable[[str], Loop]]:
    """Return a loop with Quo's sandbox that posts to the door, by one of its two schemes."""
    with ExitStack() as stack:
        def start(path: str) -> Loop:
            server = stack.enter_context(SandboxServer(["quo"], tmp_path, as_of=START))
            events = ANY_EVENT if path == "webhooks" else ANY_EVENT[:2]
            made = httpx.post(
                f"{server.url}/quo/{path}", json={"url": door.url, "events": events}, headers={"authorization": "sandbox"}
            )
            assert made.status_code == 201
            declared = {"key": "sandbox", "number_id": f"PN{OURS[1:]}", "url": server.url_of("quo")}
            dialect = quo.declare("texts", declared, at=Surroundings(folder=tmp_path))
            return Loop(dialect, server)

        yield start


@pytest.fixture
def at_twilio(tmp_path: Path, door: Door) -> Iterator[Loop]:
    with SandboxServer(["twilio"], tmp_path, as_of=START) as server:
        declared = {
            "account": "AC" + "0" * 32, "token": "t0ken", "callback": door.url, "url": server.url_of("twilio"),
        }
        dialect = twilio.declare("texts", declared, at=Surroundings(folder=tmp_path))
        server.tell("twilio", "webhook", url=door.url)
        yield Loop(dialect, server)


@pytest.mark.parametrize("path", ["webhooks", "v1/webhooks/messages"])
def test_a_text_that_arrives_at_quo_is_known_by_the_id_it_was_taken_with(at_quo, door, path) -> None:
    texter = at_quo(path)
    sent = texter.send(text())
    texter.sleep(timedelta(seconds=20))

    answers = texter.server.tell("quo", "settle")

    assert answers == [200]
    assert isinstance(sent, Accepted)
    (receipt,) = door.news("quo")
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_id, receipt.stage, receipt.address) == (sent.provider_id, "delivered", THEIRS)
    assert receipt.at == texter.now
    assert receipt.event_id


@pytest.mark.parametrize(("to", "stage", "code"), [
    (OPTED_OUT, "unsubscribed", "21610"), (LANDLINE, "bounced", "30006"), (OFF, "undelivered", "30003"),
])
def test_why_a_text_did_not_arrive_at_quo_decides_whether_it_ever_will(at_quo, door, to, stage, code) -> None:
    texter = at_quo("webhooks")
    texter.send(text(to))

    texter.server.tell("quo", "settle")

    (receipt,) = door.news("quo")
    assert (receipt.stage, receipt.code, receipt.address) == (stage, code, to)
    assert receipt.reason


def test_the_older_webhooks_of_quo_tell_nothing_of_failures(at_quo, door) -> None:
    texter = at_quo("v1/webhooks/messages")
    texter.send(text(LANDLINE))

    texter.server.tell("quo", "settle")

    assert door.posts == []


@pytest.mark.parametrize("path", ["webhooks", "v1/webhooks/messages"])
def test_a_reply_at_quo_says_who_to_whom_and_what(at_quo, door, path) -> None:
    texter = at_quo(path)

    texter.server.tell("quo", "reply", **{"from": THEIRS, "to": OURS, "text": "¡Sí! 🎉"})

    (reply,) = door.news("quo")
    assert isinstance(reply, Reply)
    assert (reply.sender, reply.to, reply.text, reply.at) == (THEIRS, OURS, "¡Sí! 🎉", START)


def test_who_answered_stop_gets_nothing_more_through_quo(at_quo, door) -> None:
    texter = at_quo("webhooks")
    texter.server.tell("quo", "reply", **{"from": THEIRS, "to": OURS, "text": "Stop "})

    texter.send(text())
    texter.server.tell("quo", "settle")

    assert [getattr(one, "stage", "reply") for one in door.news("quo")] == ["reply", "unsubscribed"]


def test_a_text_at_twilio_is_told_as_sent_and_as_delivered(at_twilio, door) -> None:
    sent = at_twilio.send(text())

    at_twilio.server.tell("twilio", "settle")

    assert isinstance(sent, Accepted)
    receipts = door.news("twilio")
    assert [(one.provider_id, one.stage, one.address, one.at) for one in receipts] == [
        (sent.provider_id, "sent", THEIRS, CAME_AT), (sent.provider_id, "delivered", THEIRS, CAME_AT),
    ]


def test_a_text_that_does_not_arrive_at_twilio_says_why(at_twilio, door) -> None:
    at_twilio.send(text(OFF))

    at_twilio.server.tell("twilio", "settle")

    receipt = door.news("twilio")[-1]
    assert (receipt.stage, receipt.code) == ("undelivered", "30003")
    assert "out of reach" in receipt.reason


def test_an_opt_out_that_twilio_took_is_a_reply_and_an_unsubscription_whatever_its_words(at_twilio, door) -> None:
    at_twilio.server.tell("twilio", "reply", **{"from": THEIRS, "to": OURS, "text": "STOP"})

    reply, left = door.news("twilio")

    assert (reply.sender, reply.to, reply.text) == (THEIRS, OURS, "STOP")
    assert (left.stage, left.address) == ("unsubscribed", THEIRS)
    assert isinstance(at_twilio.send(text()), Refused)


def test_who_answers_start_after_that_can_be_written_to_again(at_twilio) -> None:
    for words in ("STOP", "START"):
        at_twilio.server.tell("twilio", "reply", **{"from": THEIRS, "to": OURS, "text": words})

    assert isinstance(at_twilio.send(text()), Accepted)


def test_help_is_no_opt_out(at_twilio, door) -> None:
    at_twilio.server.tell("twilio", "reply", **{"from": THEIRS, "to": OURS, "text": "help"})

    assert [type(one) for one in door.news("twilio")] == [Reply]


@pytest.mark.parametrize(("status", "code", "stage"), [
    ("queued", "", "queued"), ("sending", "", "queued"), ("sent", "", "sent"), ("read", "", "opened"),
    ("partially_delivered", "", "delivered"), ("failed", "", "failed"), ("canceled", "", "failed"),
    ("undelivered", "", "undelivered"), ("undelivered", "99999", "undelivered"), ("undelivered", "30005", "bounced"),
    ("failed", "30034", "failed"), ("delivered", "30006", "delivered"),
])
def test_every_status_of_twilio_has_a_stage(status, code, stage) -> None:
    body = urlencode({"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": code, "To": THEIRS}).encode()

    (receipt,) = twilio.read(body, FORM, CAME_AT)

    assert receipt.stage == stage


def test_a_status_that_twilio_may_add_is_no_news() -> None:
    assert twilio.read(b"MessageSid=SM1&MessageStatus=teleported", FORM, CAME_AT) == []


def test_a_webhook_of_a_call_or_a_contact_is_no_news_of_a_text() -> None:
    for kind in ("call.completed", "contact.updated", "token.validated", "message.teleported"):
        body = json.dumps({"id": "EV1", "type": kind, "data": {"object": {"id": "AC1"}}}).encode()

        assert quo.read(body, "application/json", CAME_AT) == []


def test_a_message_in_its_shortest_form_is_still_a_reply_and_the_same_each_time() -> None:
    body = b'{"type":"message.received","data":{"object":{"from":"+12545550111","text":"Yes","conversationId":"CN1"}}}'

    first, again = (quo.read(body, "application/json", CAME_AT) for _ in range(2))

    assert first == again
    assert (first[0].sender, first[0].text, first[0].at) == (THEIRS, "Yes", CAME_AT)


def test_what_we_wrote_ourselves_is_no_reply() -> None:
    body = b'{"type":"message.received","data":{"object":{"from":"+12545550100","direction":"outgoing","text":"Hi"}}}'

    assert quo.read(body, "application/json", CAME_AT) == []


@pytest.mark.parametrize(("kind", "body", "content_type"), [
    ("quo", b"", "application/json"), ("quo", b"not json", "application/json"), ("quo", b"[]", "application/json"),
    ("quo", b'{"type":1}', "application/json"), ("quo", b"[" * 100_000, "application/json"), ("quo", b"\xff\xfe", ""),
    ("quo", b'{"type":"message.delivered","data":{"object":{}}}', "application/json"),
    ("quo", b'{"type":"message.received","data":null}', "application/json"),
    ("twilio", b"", FORM), ("twilio", b'{"MessageSid":"SM1"}', "application/json"), ("twilio", b"Body=hi", FORM),
    ("twilio", b"MessageSid=SM1&SmsStatus=received&Body=hi", FORM), ("twilio", b"MessageSid=%ff", FORM),
    ("twilio", b"&".join([b"a=1"] * 600), FORM), ("twilio", b"MessageSid=SM1\xff", FORM),
], ids=lambda value: str(value)[:24])
def test_junk_is_told_by_one_error(kind, body, content_type) -> None:
    with pytest.raises(WebhookUnreadable, match=kind):
        READ[kind](body, content_type, CAME_AT)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([
        "0001-01-01T00:00:00+14:00", "2026-03-02T15:00:00", "soon", THEIRS, "21610", "\0",
    ]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        "id", "type", "data", "object", "resource", "context", "from", "to", "text", "createdAt", "errorCode",
        "senderIdentifier", "recipientIdentifiers", "direction",
    ]), inner, max_size=5),
    max_leaves=12,
)


@given(data=_JSON, kind=st.sampled_from(ANY_EVENT), member=st.sampled_from(["object", "resource"]))
def test_whatever_a_quo_event_holds_it_is_news_or_unreadable(data, kind, member) -> None:
    body = json.dumps({"id": "EV1", "type": kind, "data": {member: data, "context": data}}).encode()

    try:
        news = quo.read(body, "application/json", CAME_AT)
    except WebhookUnreadable:
        return

    assert all(one.at.tzinfo is not None and one.provider_id for one in news)
    assert "\0" not in repr(news)


@given(body=st.binary(max_size=60) | st.dictionaries(
    st.sampled_from(["MessageSid", "MessageStatus", "SmsStatus", "From", "To", "Body", "OptOutType", "ErrorCode"]),
    st.text(max_size=6) | st.sampled_from(["received", "delivered", "failed", "STOP", "21610"]),
).map(lambda form: urlencode(form, errors="ignore").encode()))
def test_whatever_a_form_of_twilio_holds_it_is_news_or_unreadable(body) -> None:
    try:
        news = twilio.read(body, FORM, CAME_AT)
    except WebhookUnreadable:
        return

    assert all(one.provider_id and one.at == CAME_AT for one in news)


def _vectors(name: str) -> list[dict[str, object]]:
    path = SHARED / "data/webhooks" / name
    if not path.exists():
        pytest.skip("the vendors' signatures are not here: set REGULARS_SHARED")
    return [case for case in json.loads(path.read_text())["cases"] if case["expect_valid"]]


def test_the_sandbox_signs_as_quo_does() -> None:
    for case in _vectors("quo_openphone_signature.json"):
        headers, body = case["headers"], case["raw_body"].encode()
        if "webhook-id" in headers:
            at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            signed = standard_signature(case["key"], headers["webhook-id"], at, body)["webhook-signature"]
            assert signed in headers["webhook-signature"].split(), case["name"]
        else:
            stamp = headers["openphone-signature"].split(",")[-1].strip().split(";")[2]
            at = datetime.fromtimestamp(int(stamp) / 1000, UTC)
            signed = older_signature(case["key"], "", at, body)["openphone-signature"]
            assert signed.split(";")[3] in headers["openphone-signature"], case["name"]


def test_the_sandbox_signs_as_twilio_does() -> None:
    # Not those that were signed for the same address with or without its port, or by the newer algorithm.
    cases = [
        case for case in _vectors("twilio_signature.json")
        if isinstance(case["params"], dict) and "signature" in case
        and "port" not in case["name"] and "signed with" not in case["name"] and "SharedKey" not in case["name"]
        and all(isinstance(value, str) for value in case["params"].values())
    ]

    assert cases
    for case in cases:
        assert signature(case["auth_token"], case["url"], case["params"]) == case["signature"], case["name"]


def test_real_events_of_quo_are_replies() -> None:
    bodies = {case["raw_body"] for case in _vectors("quo_openphone_signature.json")}
    events = [body for body in bodies if '"message.received"' in body]

    assert events
    for body in events:
        (reply,) = quo.read(body.encode(), "application/json", CAME_AT)
        assert reply.sender.startswith("+")
        assert reply.at != CAME_AT
