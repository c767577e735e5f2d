"""The door on the line itself, at a real port; what it says to whom is told by `test_odd_connections`."""

from __future__ import annotations

import hashlib
import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from regulars.clock import FixedClock
from regulars.storage.door.arrival_store import ArrivalStore
from regulars.web.ingest.door_protocol import REMEMBERED, Heads, protocol_of
from regulars.web.ingest.group_commit import GroupCommit
from regulars.web.ingest.ingest_door import IngestDoor
from regulars.web.ingest.server_protocol import ServerProtocol
from regulars.web.ingest.write_keys import WriteKeys
from regulars.web.listen import listening

from .conftest import NOW

KEYS = WriteKeys({hashlib.sha256(b"WK").hexdigest(): "site"})


@contextmanager
def answering(folder: Path, *, is_on_the_line: bool, keep_alive: int = 5) -> Iterator[tuple[int, IngestDoor]]:
    """Open a door behind a real port for the length of a `with`."""
    commits = GroupCommit(store=ArrivalStore.open(folder), land=lambda _: None, every=3600, most=10**9)
    door = IngestDoor(keys=KEYS, commits=commits, clock=FixedClock(NOW), mint=lambda: "minted")
    with listening("127.0.0.1", 0) as held:
        server = uvicorn.Server(uvicorn.Config(
            door, http=protocol_of(door) if is_on_the_line else ServerProtocol, log_level="critical", lifespan="on",
            server_header=False, date_header=False, timeout_keep_alive=keep_alive,
        ))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [held]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield held.getsockname()[1], door
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Yield the ports of two doors: one on the line itself, one behind the server's own protocol."""
    folder = tmp_path_factory.mktemp("doors")
    with (
        answering(folder / "line", is_on_the_line=True) as (line, _),
        answering(folder / "behind", is_on_the_line=False) as (behind, _),
    ):
        yield line, behind


def said(port: int, *pieces: bytes, patience: float = 0.2) -> bytes:
    """Send pieces one after the other, and return all that is answered until the server or a long quiet ends it."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=max(3, patience)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(0.002)            # else they may come as one
            # Who goes on speaking when the server has closed does not hear what it said.
            select.select([line], [], [], patience)
            line.sendall(LAST)
            while piece := line.recv(1 << 16):
                found += piece
        except (ConnectionError, TimeoutError):
            pass
    return found


def heard(line: socket.socket) -> bytes:
    """Return what is left to read of a connection that the server ends."""
    with line:
        try:
            return b"".join(iter(lambda: line.recv(1 << 16), b""))
        except ConnectionError:
            return b""


LAST = b"GET /the-end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
"""A request that ends a connection, so that nobody has to wait for a silence."""


def post(message: str, path: str = "/v1/track", **headers: str) -> bytes:
    body = b'{"event":"E","userId":"u","messageId":"%b"}' % message.encode()
    all_of = {"Host": "x", "X-Write-Key": "WK", "Content-Length": str(len(body))} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in all_of.items() if value)
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def test_requests_that_come_together_are_answered_in_their_order(both: tuple[int, int]) -> None:
    together = b"".join(post(f"together-{n}", "/v1/track" if n != 6 else "/v1/nowhere") for n in range(9))

    found = said(both[0], together + post("together-1"))

    assert re.findall(rb"HTTP/1.1 (\d+)", found) == [
        *[b"404" if n == 6 else b"200" for n in range(9)], b"200", b"404",
    ]
    assert found.count(b'"duplicate":1') == 1


def test_a_thousand_requests_that_are_refused_at_once_come_together(both: tuple[int, int]) -> None:
    found = said(both[0], post("m", **{"X-Write-Key": "nobody's"}) * 1000)

    assert found.count(b"HTTP/1.1 401") == 1000


@pytest.mark.parametrize("body", [b"x" * 3_000_000, b'{"batch":[' + b",".join([b'{"type":"page","userId":"u"}'] * 90_000) + b"]}"])
def test_a_body_comes_in_many_pieces(body: bytes, both: tuple[int, int]) -> None:
    head = f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nX-Write-Key: WK\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    # A busy machine takes its time over three megabytes.
    answers = [said(port, head, body, patience=60) for port in both]

    assert answers[0] == answers[1]
    assert answers[0].startswith(b"HTTP/1.1 ")


def test_a_server_that_stops_answers_everybody_whose_message_it_took(tmp_path: Path) -> None:
    lines = []
    with answering(tmp_path, is_on_the_line=True) as (port, _):
        for n in range(50):
            lines.append(socket.create_connection(("127.0.0.1", port), timeout=10))
            lines[-1].sendall(post(f"m{n}"))
        lines[0].recv(1 << 16)

    answered = 1 + sum(b'"stored":1' in heard(line) for line in lines[1:])
    assert ArrivalStore.open(tmp_path).counts() == {("site", "stored"): answered}


def test_a_connection_on_which_nothing_is_said_is_closed(tmp_path: Path) -> None:
    with (
        answering(tmp_path, is_on_the_line=True, keep_alive=1) as (port, _),
        socket.create_connection(("127.0.0.1", port), timeout=10) as silent,
        socket.create_connection(("127.0.0.1", port), timeout=10) as spoken,
    ):
        spoken.sendall(post("first"))
        told, ends = spoken.recv(1 << 16), [silent.recv(1), spoken.recv(1)]

    assert b'"stored":1' in told
    assert ends == [b"", b""]


def test_heads_that_are_remembered_are_few() -> None:
    heads = Heads(KEYS)

    for n in range(3 * REMEMBERED):
        assert heads.read(post("m", **{"X-Request-Id": str(n)}).split(b"{")[0]) is not None

    assert len(heads) <= REMEMBERED
