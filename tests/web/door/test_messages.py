"""What the door takes, what it sets aside, and what it says."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest

GOOD = {"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "m1"}


def test_bad_messages_are_set_aside_with_a_reason_and_cost_the_good_ones_nothing(opened: Any) -> None:
    batch = [
        GOOD, {"type": "track", "event": "Nobody"}, {"type": "track", "userId": "u1"}, {"type": "sing", "userId": "u1"},
        3, None, {**GOOD, "userId": {"no": "id"}}, {"type": "group", "userId": "u1"}, {"type": "alias", "userId": "u1"},
        {**GOOD, "messageId": "m2", "properties": {"text": "x" * 40_000}}, {**GOOD, "messageId": "m3"},
    ]

    answer = opened.post("/v1/batch", {"batch": batch})

    assert answer.status_code == 200
    assert answer.json() == {"success": True, "stored": 2, "duplicate": 0, "quarantined": 9, "blocked": 0}
    assert [line["door"]["id"] for line in opened.lines()] == ["m1", "m3"]
    assert [line["reason"] for line in opened.lines("quarantined")] == [
        "no_person", "no_event_name", "unknown_type", "wrong_type", "wrong_type", "wrong_type", "no_group", "no_person",
        "too_large",
    ]
    assert json.loads(opened.lines("quarantined")[0]["raw"]) == batch[1]


def test_received_is_stored_and_duplicate_and_quarantined(opened: Any) -> None:
    opened.post("/v1/batch", {"batch": [GOOD, GOOD, {"type": "track"}]})
    opened.post("/v1/track", GOOD)

    assert opened.counts() == {"source": "site", "received": 4, "stored": 1, "duplicate": 2, "quarantined": 1, "blocked": 0}


@pytest.mark.parametrize("headers", [
    {"Authorization": "Basic " + base64.b64encode(b"WK:").decode()},
    {"Authorization": "Basic " + base64.b64encode(b"WK").decode()},
    {"authorization": "bearer WK"},
    {"X-Write-Key": "WK"},
])
def test_a_key_is_known_in_a_header(headers: dict[str, str], opened: Any) -> None:
    assert opened.post("/v1/track", GOOD, headers=headers).json()["stored"] == 1


def test_a_key_is_known_in_the_body_and_in_the_query(opened: Any) -> None:
    other = {"Authorization": "Bearer a-token-of-somebody-else"}

    in_body = opened.post("/v1/track", {**GOOD, "writeKey": "WK"}, headers=other)
    in_batch = opened.post("/v1/batch", {"batch": [{**GOOD, "messageId": "m2"}], "writeKey": "WK"}, headers={})
    in_query = opened.post("/v1/track?writeKey=WK", {**GOOD, "messageId": "m3"}, headers={})

    assert [answer.json()["stored"] for answer in (in_body, in_batch, in_query)] == [1, 1, 1]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic bm90OmE="}, {"Authorization": "Basic %%%"}])
def test_a_key_nobody_gave_out_writes_nothing(headers: dict[str, str], opened: Any) -> None:
    answer = opened.post("/v1/track", GOOD, headers=headers)

    assert answer.status_code == 401
    assert opened.lines() == opened.lines("quarantined") == []


@pytest.mark.parametrize("body", [
    gzip.compress(json.dumps(GOOD).encode(), mtime=0),
    b"\xef\xbb\xbf " + json.dumps(GOOD, indent=2).encode() + b"\r\n",
    b"data=" + quote(json.dumps(GOOD)).encode(),
    b"data=" + quote(json.dumps({**GOOD, "properties": {"price": "9 €", "note": "\U0001f64f"}}, ensure_ascii=False)).encode(),
    b"data=" + quote(base64.b64encode(json.dumps(GOOD).encode()).decode()).encode(),
    base64.b64encode(json.dumps(GOOD).encode()),
    json.dumps([GOOD]).encode(),
], ids=["gzip", "pretty", "form", "form beyond latin letters", "form of base64", "base64", "list"])
def test_a_body_is_read_for_what_it_is_whatever_its_label_says(body: bytes, opened: Any) -> None:
    headers = {"Authorization": "Basic V0s6", "Content-Type": "application/x-protobuf", "Content-Encoding": "br"}

    assert opened.post("/v1/track", body, headers=headers).json()["stored"] == 1
    assert opened.lines()[0]["event"] == "Order Completed"


@pytest.mark.parametrize(("said", "kept"), [
    (r"cut \ud83d", "cut \ufffd"), (r"\ud83d\ude00", "\U0001f600"), (r"\\ud83d", r"\ud83d"), (r"\uD83D\uD83D\uDE00", "\ufffd\U0001f600"),
    (r"\ud83d\u0041", "\ufffdA"), (r"\\\ud83d", "\\\ufffd"),
    (r"\ude00", "\ufffd"),
])
def test_half_a_character_costs_no_message(said: str, kept: str, opened: Any) -> None:
    other = json.dumps({**GOOD, "messageId": "m2"})
    body = f'{{"batch":[{{"type":"track","event":"{said}","userId":"u","messageId":"m"}},{other}]}}'.encode()

    assert opened.post("/v1/batch", body).json()["stored"] == 2
    assert opened.lines()[0]["event"] == kept


@pytest.mark.parametrize(("body", "status", "reason"), [
    (b"", 400, "bad-json"), (b"hello", 400, "bad-json"), (b'{"type":', 400, "bad-json"),
    (b'{"userId":"\xff"}', 400, "bad-json"), (gzip.compress(b"{}" * 9, mtime=0)[:-9], 400, "bad-json"),
    (b"[" * 100_000, 400, "bad-json"), (b"data=" + b"&a=1" * 60, 400, "bad-json"), (b"x" * (4 << 20) + b"x", 413, "too_large"),
    (gzip.compress(b" " * (5 << 20), mtime=0), 413, "too_large"),
    (b'{"batch":[' + b"{}," * 50_000 + b"{}]}", 413, "too_large"), (b"[" + b"1," * 50_000 + b"1]", 413, "too_large"),
], ids=["empty", "text", "cut", "not UTF-8", "cut gzip", "too deep", "too many fields", "too large", "too large unpacked", "too many messages", "too many in a list"])
def test_a_body_nobody_can_read_is_refused_and_kept(body: bytes, status: int, reason: str, opened: Any) -> None:
    answer = opened.post("/v1/batch", body)

    assert answer.status_code == status
    assert [line["reason"] for line in opened.lines("quarantined")] == [reason]
    assert opened.counts()["received"] == 1


@pytest.mark.parametrize(("path", "kind"), [
    ("identify", "identify"), ("track", "track"), ("page", "page"), ("screen", "screen"), ("group", "group"),
    ("alias", "alias"), ("i", "identify"), ("t", "track"), ("p", "page"), ("s", "screen"), ("g", "group"), ("a", "alias"),
])
def test_a_path_says_the_type(path: str, kind: str, opened: Any) -> None:
    opened.post(f"/v1/{path}", {"userId": "u1", "event": "E", "groupId": "g", "previousId": "anon"})

    assert [line["door"]["type"] for line in opened.lines()] == [kind]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import", "/v1/b", "/v1/batch/", "/beacon/v1/batch"])
def test_several_messages_come_in_one_body(path: str, opened: Any) -> None:
    assert opened.post(path, {"batch": [GOOD, {**GOOD, "messageId": "m2"}]}).json()["stored"] == 2


def test_what_a_batch_says_of_all_its_messages_holds_for_those_that_do_not_say_their_own(opened: Any) -> None:
    own = {**GOOD, "messageId": "m2", "context": {"locale": "de"}}

    opened.post("/v1/batch", {"batch": [GOOD, own], "context": {"locale": "en", "ip": "1.2.3.4"}})

    assert [line["context"] for line in opened.lines()] == [
        {"locale": "en", "ip": "1.2.3.4"}, {"locale": "de", "ip": "1.2.3.4"}
    ]


@pytest.mark.parametrize(("event", "agent", "is_robot"), [
    ({"context": {"userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}}, "node", True),
    ({"context": {"userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"}}, "node", False),
    ({}, "Mozilla/5.0 HeadlessChrome/140.0", True), ({}, "analytics-python/2.4.0", False),
])
def test_a_robot_is_marked_and_kept(event: dict[str, Any], agent: str, opened: Any, *, is_robot: bool) -> None:
    opened.post("/v1/track", {**GOOD, **event}, headers={"Authorization": "Basic V0s6", "User-Agent": agent})

    assert [line["door"].get("bot", False) for line in opened.lines()] == [is_robot]


@pytest.mark.parametrize(("said", "mark"), [
    ({"timestamp": "2027-01-01T00:00:00Z"}, "future"), ({"timestamp": "1970-01-01T00:00:00Z"}, "past"),
    ({"timestamp": "soon"}, "unreadable"), ({}, None), ({"timestamp": 1795170655565}, None),
    ({"timestamp": "2026-11-26T11:59:00Z"}, None), ({"timestamp": "0001-01-01T00:00:00+14:00"}, "unreadable"),
])
def test_a_time_that_cannot_be_is_the_time_of_arrival_with_a_mark(said: dict[str, Any], mark: str | None, opened: Any) -> None:
    opened.post("/v1/track", {**GOOD, **said})

    [line] = opened.lines()
    assert line["door"].get("clamped") == mark
    assert mark is None or line["door"]["at"] == line["door"]["received_at"]


@pytest.mark.parametrize("nobody", ["", " ", "null", "-1", "00000000-0000-0000-0000-000000000000", "anonymous", "undefined"])
def test_an_id_that_means_nobody_is_nobody(nobody: str, opened: Any) -> None:
    opened.post("/v1/track", {**GOOD, "userId": nobody})
    opened.post("/v1/track", {**GOOD, "userId": nobody, "anonymousId": "anon-1"})

    assert [line["reason"] for line in opened.lines("quarantined")] == ["no_person"]
    assert [(d.get("user"), d["anonymous"]) for d in (line["door"] for line in opened.lines())] == [(None, "anon-1")]


def test_consent_is_kept_as_it_was_given(opened: Any) -> None:
    consent = {"categoryPreferences": {"Advertising": False, "Analytics": True}}

    opened.post("/v1/track", {**GOOD, "context": {"consent": consent}})

    assert opened.lines()[0]["context"]["consent"] == consent


def test_a_message_without_an_id_is_the_same_when_it_says_the_same_at_the_same_time(opened: Any) -> None:
    timed = {"event": "E", "userId": "u1", "timestamp": "2026-11-25T11:00:00Z"}

    timed_twice = [opened.post("/v1/track", timed).json()["stored"] for _ in range(2)]
    untimed_twice = [opened.post("/v1/track", {"event": "E", "userId": "u1"}).json()["stored"] for _ in range(2)]

    assert timed_twice == [1, 0]
    assert untimed_twice == [1, 1]


def test_nobody_can_say_what_the_door_says(opened: Any) -> None:
    opened.post("/v1/track", {**GOOD, "door": {"at": "1999-01-01T00:00:00Z", "user": "somebody else"}})

    [line] = opened.lines()
    assert line["door"]["user"] == "u1"
    assert line["door_as_sent"]["user"] == "somebody else"


def test_a_corrected_message_answers_what_is_in_quarantine(opened: Any) -> None:
    opened.post("/v1/track", {"event": "Nobody", "messageId": "m9"})
    [held] = opened.lines("quarantined")

    still_bad = opened.post(f"/v1/track?repairs={held['file']}|1", {"event": "Nobody"})
    good = opened.post(f"/v1/track?repairs={held['file']}|1", {"event": "Nobody", "messageId": "m9", "userId": "u1"})

    assert (still_bad.json()["quarantined"], good.json()["stored"]) == (1, 1)
    assert [(line["file"], line["reason"]) for line in opened.lines("answered")] == [(held["file"], "answered")]


def test_a_browser_may_ask_first(opened: Any) -> None:
    answer = opened.ask("OPTIONS", "/v1/t", headers={"Origin": "https://shop.test"})

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"]


def test_what_is_not_the_doors_goes_to_the_app_behind(opened: Any) -> None:
    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    alone = opened.ask("GET", "/v1/track").status_code
    opened.door.behind = behind

    assert (alone, opened.ask("GET", "/v1/track").status_code, opened.ask("GET", "/").status_code) == (404, 418, 418)
