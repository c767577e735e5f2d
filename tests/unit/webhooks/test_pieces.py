"""Pieces: a delivery is taken apart into news that is known again, and landed so that nothing of it is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.sources.webhook.delivery import Delivery
from regulars.sources.webhook.line import delivery_line, read_delivery
from regulars.sources.webhook.pieces import Piece
from regulars.sources.webhook.scheme import SCHEMES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def split(scheme: str, body: bytes, content_type: str = JSON, **headers: str) -> list[Piece]:
    known = {"content-type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}
    return list(SCHEMES[scheme].split(Delivery(url="", headers=known, body=body)))


def said(piece: Piece) -> object:
    return None if piece.said is None else json.loads(piece.said)


def test_a_list_of_sendgrid_is_taken_apart_by_its_own_ids() -> None:
    one, two = split("sendgrid", b'[{"sg_event_id":"a","event":"open"},\r\n{"sg_event_id":"b", "event":"click"}]')

    assert (one.id, said(one)) == ("a", {"sg_event_id": "a", "event": "open"})
    assert (two.id, json.loads(two.body)) == ("b", [{"sg_event_id": "b", "event": "click"}])


def test_an_event_is_the_same_in_whichever_list_it_comes() -> None:
    alone = split("sendgrid", b'[{"sg_event_id":"b"}]')
    together = split("sendgrid", b'[{"sg_event_id":"a"},{"sg_event_id":"b"}]')

    assert alone[0] == together[1]


def test_events_of_mandrill_about_one_message_are_two() -> None:
    events = [{"_id": "m", "event": "open", "ts": 1}, {"_id": "m", "event": "click", "ts": 2}]

    one, two = split("mandrill", urlencode({"mandrill_events": json.dumps(events)}).encode(), FORM)

    assert one.id != two.id
    assert said(two) == events[1]
    assert json.loads(parse_qs(two.body.decode())["mandrill_events"][0]) == [events[1]]


def test_events_of_klaviyo_keep_what_they_share() -> None:
    events = [{"external_id": "e1", "topic": "t"}, {"external_id": "e2", "topic": "t"}]

    one, two = split("klaviyo", json.dumps({"data": events, "meta": {"klaviyo_account_id": "A"}}).encode())

    assert [one.id, two.id] == ["t.e1", "t.e2"]
    assert json.loads(two.body) == {"data": [events[1]], "meta": {"klaviyo_account_id": "A"}}


def test_a_message_of_twilio_and_each_thing_that_becomes_of_it_are_pieces_of_their_own() -> None:
    sent, delivered, came = (
        split("twilio", text, FORM)[0]
        for text in (b"MessageSid=SM1&MessageStatus=sent", b"MessageStatus=delivered&MessageSid=SM1", b"MessageSid=SM2&SmsStatus=received&Body=Hi")
    )

    assert [sent.id, delivered.id, came.id] == ["SM1.sent", "SM1.delivered", "SM2.received"]
    assert said(came) == {"MessageSid": "SM2", "SmsStatus": "received", "Body": "Hi"}


@pytest.mark.parametrize(("scheme", "body", "headers", "known_as"), [
    ("quo", b'{"id":"EV1"}', {"webhook_signature": "v1,x", "webhook_id": "msg_1"}, "msg_1"),
    ("quo", b'{"id":"EV1"}', {"openphone_signature": "hmac;1;1;x"}, "EV1"),
    ("shopify", b"{}", {"x_shopify_webhook_id": "w1", "x_shopify_event_id": "e1"}, "w1"),
    ("stripe", b'{"id":"evt_1"}', {}, "evt_1"),
])
def test_a_delivery_is_known_by_the_id_its_sender_gives_it(scheme: str, body: bytes, headers: dict[str, str], known_as: str) -> None:
    assert [piece.id for piece in split(scheme, body, **headers)] == [known_as]


def test_what_has_no_id_is_known_by_what_it_says() -> None:
    one, again, other = (split("mailchimp", text, FORM)[0] for text in (b"type=profile", b"type=profile", b"type=cleaned"))

    assert one.id == again.id != other.id


def test_fields_of_a_form_lie_where_their_brackets_say() -> None:
    body = urlencode({"type": "unsubscribe", "data[email]": "ann@lee.example", "data[merges][FNAME]": "Ann", "type[x]": "y"})

    assert said(split("mailchimp", body.encode(), FORM)[0]) == {
        "type": "unsubscribe", "data": {"email": "ann@lee.example", "merges": {"FNAME": "Ann"}},
    }


BODIES = st.one_of(
    st.binary(max_size=80), st.text(max_size=60).map(str.encode),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=9)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["id", "data", "external_id", "topic", "x"]), inner, max_size=4)),
        max_leaves=9,
    ).map(lambda value: json.dumps(value).encode()),
    st.lists(st.tuples(st.sampled_from(["mandrill_events", "MessageSid", "MessageStatus", "data[a][b]", "[", "]]", ""]), st.text(max_size=9)), max_size=4)
    .map(lambda pairs: "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs).encode()),
    st.sampled_from([b"[" * 5000, b"[" * 900 + b"]" * 900, b'[{"sg_event_id":"' + b"x" * 400 + b'"}]', b"\xef\xbb\xbf{}", b'{"id": "\\ud800"}']),
)


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=60, deadline=None)
@given(body=BODIES, content_type=st.sampled_from([FORM, JSON, "", "text/plain", "é"]))
def test_whatever_a_body_holds_it_is_landed_whole(scheme: str, body: bytes, content_type: str) -> None:
    for piece in split(scheme, body, content_type):
        line = delivery_line(piece, provider=scheme, content_type=content_type, kept={"topic": "é"}, at=NOW)

        found = read_delivery(line)

        assert line.count(b"\n") == 1
        assert b"\0" not in line
        assert found is not None
        assert (found.delivery_id, found.body, found.content_type) == (piece.id, piece.body, content_type)
        assert 0 < len(piece.id) <= 200
        assert json.loads(line)["said"] == said(piece)
