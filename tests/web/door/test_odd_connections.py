"""What the door refuses on the line, what it takes, and that it answers every byte as the server's protocol would.

`REGULARS_DOOR_FUZZ=100000 pytest tests/web/door/test_odd_connections.py` tries a hundred thousand odd connections.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regulars.clock import FixedClock
from regulars.web.ingest import door_protocol, server_protocol
from regulars.web.ingest.door_protocol import protocol_of
from regulars.web.ingest.ingest_door import IngestDoor
from regulars.web.ingest.server_protocol import LARGEST_HEAD, ServerProtocol
from regulars.web.ingest.unfinished import Unfinished
from regulars.web.ingest.write_keys import WriteKeys

from .conftest import NOW
from .test_on_the_line import post
from .wire import Served, commits, served

LINES = int(os.environ.get("REGULARS_DOOR_FUZZ", "250"))


def door(folder: Path) -> IngestDoor:
    keys = WriteKeys({hashlib.sha256(b"WK").hexdigest(): "site"})
    return IngestDoor(keys=keys, commits=commits(folder), clock=FixedClock(NOW), mint=lambda: "minted")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    opened = door(tmp_path_factory.mktemp("line"))
    with served(opened, protocol_of(opened)) as found:
        yield found


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(door(tmp_path_factory.mktemp("behind")), ServerProtocol) as found:
        yield found


def odd_line(chance: random.Random, number: int) -> list[bytes]:
    """Return what a connection says, in pieces: a request of which something may be wrong or unusual."""
    unusual = [
        {"Connection": "close"}, {"Connection": "keep-alive"}, {"Expect": "100-continue"},
        {"Content-Length": ""}, {"Content-Length": "x"}, {"Content-Length": "+44"}, {"content-length": "44"},
        {"Transfer-Encoding": "chunked", "Content-Length": ""},
        {"Transfer-Encoding": "identity"}, {"X-Write-Key": "nobody's"}, {"X-Bytes": "\u00e9"}, {"X:Y": "z"}, {},
    ]
    paths = ["/v1/track", "/v1/track/", "/v1/%74rack", "/v1/track?writeKey=WK#x", "/v1/batch", "/elsewhere", "*",
             "http://x/v1/track", "/v1/track?repairs=%ff", "/v1//track", ""]
    text = post(f"m{number}", chance.choice([*paths[:1] * 10, *paths]), **chance.choice([{}, {}, *unusual]))
    if chance.random() < 0.05:
        text = re.sub(rb"Content-Length: \d+", b"Content-Length: 0", text.partition(b"{")[0])
    if chance.random() < 0.3:
        text = text.replace(*chance.choice([
            (b"POST", b"GET"), (b"POST", b"post"), (b"1.1", b"1.0"), (b"1.1", b"2.0"), (b"\r\n\r\n", b"\n\n"),
            (b": ", b" : "), (b": ", b":"), (b"\r\n", b"\r\n "), (b"POST", b"\r\nPOST"), (b"{", b"\0"), (b"u", b"\xff"),
            (b" HTTP", b""), (b"\r\n\r\n", b"\r\n\r\n\r\n"), (b"\r\n", b"\r"), (b"\r\nHost", b"\n\n\r\nHost"),
        ]), 1)
    if chance.random() < 0.2:
        at = chance.randrange(len(text))
        text = text[:at] + bytes([chance.randrange(256)]) + text[at + chance.randint(0, 1):]
    cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.choice([0, 0, 1, 3])))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def test_no_connection_is_answered_otherwise_than_by_the_servers_own_protocol(line: Served, behind: Served) -> None:
    chance = random.Random(11)

    for number in range(LINES):
        pieces = odd_line(chance, number)
        assert line.hears(pieces) == behind.hears(pieces), pieces


BODY = b'{"event":"E","userId":"u","timestamp":"2026-11-25T10:00:00Z"}'
HEAD = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nX-Write-Key: WK\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CODED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
GOOD = HEAD + LENGTH + b"\r\n" + BODY

REFUSED: dict[str, tuple[int, bytes]] = {
    "a length and chunks": (400, HEAD + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS),
    "chunks and a length": (400, HEAD + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKS),
    "two lengths": (400, HEAD + LENGTH + b"Content-Length: 3\r\n\r\n" + BODY),
    "the same length twice": (400, HEAD + LENGTH + LENGTH + b"\r\n" + BODY),
    "a list of lengths": (400, HEAD + b"Content-Length: 61, 61\r\n\r\n" + BODY),
    "a length with a sign": (400, HEAD + b"Content-Length: +61\r\n\r\n" + BODY),
    "a length below nothing": (400, HEAD + b"Content-Length: -1\r\n\r\n" + BODY),
    "a length of sixteen": (400, HEAD + b"Content-Length: 0x3d\r\n\r\n" + BODY),
    "a length beyond all": (400, HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY),
    "a length of nothing": (400, HEAD + b"Content-Length:\r\n\r\n" + BODY),
    "a folded header": (400, HEAD + LENGTH + b"X-A: a\r\n b\r\n\r\n" + BODY),
    "a folded header, by a tab": (400, HEAD + LENGTH + b"X-A: a\r\n\tb\r\n\r\n" + BODY),
    "a folded coding": (400, HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKS),
    "a folded length": (400, HEAD + b"Content-Length:\r\n 61\r\n\r\n" + BODY),
    "bare line feeds": (400, (HEAD + LENGTH + b"\r\n").replace(b"\r\n", b"\n") + BODY),
    "one bare line feed": (400, HEAD.replace(b"x\r\n", b"x\n") + LENGTH + b"\r\n" + BODY),
    "a bare carriage return": (400, HEAD + LENGTH + b"X-A: a\rb: c\r\n\r\n" + BODY),
    "a space before a colon": (400, HEAD + b"Content-Length : 61\r\n\r\n" + BODY),
    "a coding that is none": (501, HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS),
    "no coding": (501, HEAD + b"Transfer-Encoding: identity\r\n\r\n" + CHUNKS),
    "a coding we do not know": (501, HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS),
    "a coding twice": (400, HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS),
    "chunks that are not last": (400, HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS),
    "chunks of HTTP/1.0": (400, CODED.replace(b"1.1", b"1.0") + CHUNKS),
    "a version to come": (505, GOOD.replace(b"1.1", b"2.0")),
    "a version that is none": (400, GOOD.replace(b"1.1", b"1.10")),
    "a zero byte in a value": (400, HEAD + LENGTH + b"X-A: a\0b\r\n\r\n" + BODY),
    "a zero byte in a name": (400, HEAD + LENGTH + b"X\0A: b\r\n\r\n" + BODY),
    "a header without a name": (400, HEAD + LENGTH + b": x\r\n\r\n" + BODY),
    "a header without a colon": (400, HEAD + LENGTH + b"abc\r\n\r\n" + BODY),
    "no host": (400, GOOD.replace(b"Host: x\r\n", b"")),
    "two hosts": (400, HEAD + LENGTH + b"Host: y\r\n\r\n" + BODY),
    "a space before all": (400, b" " + GOOD),
    "a tab in the first line": (400, GOOD.replace(b"POST /", b"POST\t/")),
    "another protocol": (400, HEAD + LENGTH + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" + BODY),
    "another protocol, and chunks": (400, HEAD + b"Connection: upgrade\r\nUpgrade: h2c\r\n" + CODED[len(HEAD):] + CHUNKS),
    "a huge header": (431, HEAD + LENGTH + b"X-A: " + b"a" * LARGEST_HEAD + b"\r\n\r\n" + BODY),
    "a huge address": (431, GOOD.replace(b"/v1/track", b"/v1/track?a=" + b"a" * LARGEST_HEAD)),
    "very many headers": (431, HEAD + LENGTH + b"X: a\r\n" * (LARGEST_HEAD // 5) + b"\r\n" + BODY),
}
"""What must not be taken, for somebody else may understand it otherwise, and what is told."""

REFUSED_LATER: dict[str, bytes] = {
    "a chunk's size with a prefix": CODED + b"0x%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a chunk beyond all": CODED + b"ffffffffffffffffff\r\n%b\r\n0\r\n\r\n" % BODY,
    "bare line feeds between chunks": CODED + b"%x\n%b\n0\n\n" % (len(BODY), BODY),
    "a chunk without an end": CODED + b"%x\r\n%b0\r\n\r\n" % (len(BODY), BODY),
    "a length behind the chunks": CODED + b"%x\r\n%b\r\n0\r\nContent-Length: 5\r\n\r\n" % (len(BODY), BODY),
}
"""The same, found out when the body has begun."""

TAKEN: dict[str, tuple[list[int], bytes]] = {
    "plain": ([200], GOOD),
    "chunks": ([200], CODED + CHUNKS),
    "chunks with extensions, which mean nothing here": ([200], CODED + b"%x;a=b;c\r\n%b\r\n0;z\r\n\r\n" % (len(BODY), BODY)),
    "chunks and a header behind them": ([200], CODED + b"%x\r\n%b\r\n0\r\nX-T: 1\r\n\r\n" % (len(BODY), BODY)),
    "an expectation": ([100, 200], HEAD + LENGTH + b"Expect: 100-continue\r\n\r\n" + BODY),
    "HTTP/1.0": ([200], GOOD.replace(b"1.1", b"1.0")),
    "empty lines before all": ([200], b"\r\n\r\n" + GOOD),
    "as large a head as may be": ([200], HEAD + LENGTH + b"X-A: " + b"a" * (LARGEST_HEAD - 200) + b"\r\n\r\n" + BODY),
    "three that come together": ([200, 200, 200], GOOD * 3),
}


def cut(text: bytes, how: str) -> list[bytes]:
    return {"whole": [text], "halved": [text[:len(text) // 2], text[len(text) // 2:]],
            "in kilobytes": [text[n:n + 1000] for n in range(0, len(text), 1000)]}[how]


@pytest.mark.parametrize("how", ["whole", "halved", "in kilobytes"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_two_readers_could_read_in_two_ways_is_refused_and_ends_the_connection(
    name: str, how: str, line: Served, behind: Served
) -> None:
    status, text = REFUSED[name]

    for heard in (line.hears(cut(text + GOOD, how)), behind.hears(cut(text + GOOD, how))):
        assert (heard.statuses, heard.is_closed) == ([status], True)
        assert b'"stored"' not in heard.said


@pytest.mark.parametrize("name", REFUSED_LATER)
def test_a_body_that_could_be_read_in_two_ways_is_never_taken(name: str, line: Served) -> None:
    heard = line.hears([REFUSED_LATER[name] + GOOD])

    assert (heard.statuses, heard.is_closed) == ([400], True)
    assert b'"stored"' not in heard.said


@pytest.mark.parametrize("how", ["whole", "halved", "in kilobytes"])
@pytest.mark.parametrize("name", TAKEN)
def test_what_can_be_read_in_one_way_only_is_taken(name: str, how: str, line: Served) -> None:
    statuses, text = TAKEN[name]

    heard = line.hears(cut(text, how))

    assert heard.statuses == statuses
    assert heard.said.count(b'"success":true') == statuses.count(200)


def test_what_is_refused_behind_good_requests_costs_them_nothing(line: Served) -> None:
    heard = line.hears([GOOD * 2 + REFUSED["a length and chunks"][1] + GOOD])

    assert (heard.statuses, heard.is_closed) == ([200, 200, 400], True)


@pytest.mark.parametrize(("said", "told"), [
    (b"POST /v1/tr", [408]), (HEAD, [408]), (b"\r\n", []), (b"", []), (HEAD + LENGTH + b"\r\n" + BODY[:9], []),
    (CODED + CHUNKS[:9], []), (b"GET /else", [408]),
], ids=["in its first line", "in its head", "before all", "without a word", "in its body", "in its chunks", "elsewhere"])
def test_a_request_that_stalls_is_over(said: bytes, told: list[int], line: Served, monkeypatch: Any) -> None:
    for module in (server_protocol, door_protocol):
        monkeypatch.setattr(module, "PATIENCE", 0.05)
    monkeypatch.setattr(line.config, "timeout_keep_alive", 0.05)

    heard = line.hears([said] if said else [], wait=0.25)

    assert (heard.statuses, heard.is_closed) == (told, True)


def test_a_head_that_never_ends_is_not_kept(line: Served) -> None:
    heard = line.hears([HEAD + b"X-A: ", *[b"a" * 10_000] * 10])

    assert (heard.statuses, heard.is_closed) == ([431], True)


@pytest.mark.parametrize("said", [
    [HEAD + LENGTH + b"\r\n" + BODY[:9]], [HEAD + LENGTH + b"\r\n", BODY[:9]], [CODED + CHUNKS[:9]], [HEAD + b"X-A: a"],
    [GOOD + HEAD + LENGTH + b"\r\n" + BODY[:9]],
], ids=["in its body", "before its body", "in its chunks", "in its head", "behind another"])
def test_whoever_dragged_a_request_out_goes_when_unfinished_ones_hold_too_much(
    said: list[bytes], line: Served, behind: Served, monkeypatch: Any
) -> None:
    for server in (line, behind):
        monkeypatch.setattr(ServerProtocol, "unfinished", Unfinished(most=1_500))

        large = [HEAD + b"X-A: " + b"a" * 1_300, b"\r\n" + LENGTH + b"\r\n" + BODY]
        slow, honest = server.hear_both(said, [GOOD[:40], GOOD[40:], *large])

        assert (slow.statuses[-1], slow.is_closed) == (503, True)
        assert b"retry-after: 1" in slow.said
        assert (honest.statuses, honest.is_closed) == ([200, 200], False)
        assert len(ServerProtocol.unfinished) == 0


def test_what_unfinished_requests_hold_is_given_back_however_they_end(line: Served, behind: Served) -> None:
    for server in (line, behind):
        for said in ([GOOD[:40]], cut(GOOD * 2, "in kilobytes"), [GOOD[:-3], GOOD[-3:]], [CODED + CHUNKS[:9]], [HEAD, b"no: \0\r\n\r\n"]):
            server.hears(said)

            assert len(ServerProtocol.unfinished) == 0


def test_many_tiny_pieces_take_more_room_than_they_say(line: Served, monkeypatch: Any) -> None:
    monkeypatch.setattr(ServerProtocol, "unfinished", Unfinished(most=2_000))

    heard = line.hears([HEAD + LENGTH + b"\r\n", *(bytes([each]) for each in BODY)])

    assert (heard.statuses, heard.is_closed) == ([503], True)
