"""A door in a process of its own, which can be killed, and a line to it that can be bad."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

from regulars.clock import FixedClock, SystemClock
from regulars.config import read_config
from regulars.storage.door.arrival_store import ArrivalStore
from regulars.storage.door.collect import collect
from regulars.storage.door.landed import ArrivalLanding
from regulars.storage.stores import Stores
from regulars.web.ingest.open_door import open_door

KEY = "a-write-key"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def project(folder: Path, *, land_every: float = 0.3) -> Path:
    """Make a project whose door takes events of `site`."""
    folder.mkdir(parents=True)
    (folder / "sources").mkdir()
    (folder / "sources" / "site.yaml").write_text("kind: door\n")
    (folder / "regulars.toml").write_text(
        '[business]\nname = "Summit"\ntimezone = "UTC"\n\n'
        f'[door]\nland_every = {land_every}\nkeys.site = ["{hashlib.sha256(KEY.encode()).hexdigest()}"]\n'
    )
    return folder


def post(folder: Path, *messages: dict[str, Any], at: datetime = NOW, query: str = "") -> dict[str, Any]:
    """Open the project's door, post a batch, and close it."""
    async def posted() -> dict[str, Any]:
        home = folder / ".regulars"
        home.mkdir(exist_ok=True)
        door = open_door(read_config(folder, environment={}), home=home, clock=FixedClock(at))
        await door.commits.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://door") as client:
            answer = await client.post(f"/v1/batch{query}", json={"batch": list(messages), "writeKey": KEY})
        await door.commits.stop()
        told: dict[str, Any] = answer.json()
        return told

    return asyncio.run(posted())


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(slots=True)
class DoorProcess:
    """A server, and how to start it again."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "regulars.web.ingest", "--project", str(self.folder), "--port", str(self.port)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self.process.poll() is None, "the door did not open"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
                continue
            return
        raise AssertionError("the door did not answer in a minute")

    def kill(self) -> None:
        """End it as a power cut of the process would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it as a person would."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(timeout=60) in (0, -signal.SIGTERM)


@contextmanager
def door(folder: Path, **more: Any) -> Iterator[DoorProcess]:
    """Open a project's door for the length of a `with`."""
    process = DoorProcess(project(folder, **more))
    process.start()
    try:
        yield process
    finally:
        if process.process is not None and process.process.poll() is None:
            process.stop()


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a closed door has: payloads of events and rejects as landed, and its counts."""

    events: list[str]
    rejects: list[str]
    counts: dict[str, int]


def taken(folder: Path) -> Taken:
    """Land what a closed or killed door left, and return everything it ever took."""
    stores = Stores.open(
        f"file://{folder}/data/landing", f"file://{folder}/data/lake", f"sqlite:///{folder}/data/book.db",
        home=folder / ".regulars",
    )
    landing = ArrivalLanding(files=stores.landing.files, book=stores.book, clock=SystemClock())
    collect(folder / "data" / "door", landing.land)
    rows = {
        stream: [row["payload"] for row in stores.border.fetch(stores.landing.rows("site", stream)).to_pylist()]
        for stream in ("events", "events.rejects")
    }
    stores.close()
    store = ArrivalStore.open(folder / "data" / "door")
    counts = {outcome: count for (_, outcome), count in store.counts().items()}
    store.close()
    return Taken(events=rows["events"], rejects=rows["events.rejects"], counts=counts)


FAULTS: tuple[str | int, ...] = (429, 500, 503, "cut unread", "cut before", "cut after")
"""What a bad line does to a request: an answer that is none of the door's, or no answer; the last was taken first."""


@contextmanager
def bad_line(to: int, *, good_every: int = 3) -> Iterator[int]:
    """Yield a port behind which only every so many requests get through whole; the others meet each fault in turn."""
    faults, numbers, guard = cycle(FAULTS), cycle(range(good_every)), threading.Lock()

    class Line(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            with guard:
                fault = None if next(numbers) == good_every - 1 else next(faults)
            body = b"" if fault == "cut unread" else self.rfile.read(int(self.headers["Content-Length"]))
            if fault in (None, "cut after"):
                answer = self._passed_on(body)
            if isinstance(fault, str):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, text = (fault, b"{}") if isinstance(fault, int) else answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            if status == 429:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(text)

        def _passed_on(self, body: bytes) -> tuple[int, bytes]:
            line = http.client.HTTPConnection("127.0.0.1", to, timeout=30)
            line.request("POST", self.path, body, dict(self.headers))
            found = line.getresponse()
            said = found.status, found.read()
            line.close()
            return said

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Line)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
