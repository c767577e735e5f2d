"""Do texts arrive: one to a number of one's own, and news of it back through the webhook (C5 row 18)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from regulars.cli.main import main_group
from regulars.clock import FixedClock
from regulars.connectors import twilio
from regulars.connectors.exchange import NOT_OURS, OFF
from regulars.errors import DeclarationError, NotFound
from regulars.pipeline.account import Desk
from regulars.pipeline.receipts import take_into_ledger
from regulars.pipeline.text_check import PATIENCE, TextCheck, check_texts
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox import SandboxServer

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
MINE = "+12548675301"
DESTINATION = 'kind: twilio\nfrom: "{sender}"\naccount: AC{zeros}\ntoken: t0ken\ncallback: {callback}\nurl: {url}\n'


class Posted:
    """What the provider posted, until it is taken."""

    def __init__(self) -> None:
        self.bodies: list[tuple[bytes, str]] = []


@pytest.fixture
def posted() -> Posted:
    return Posted()


@pytest.fixture
def door(posted: Posted) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.bodies.append((self.rfile.read(int(self.headers["content-length"])), self.headers["content-type"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/webhooks"
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SandboxServer]:
    with SandboxServer(["twilio"], tmp_path / "world", as_of=NOON) as running:
        yield running


def project(folder: Path, server: SandboxServer, door: str, *, own: str = MINE, sender: str = "+12545550100") -> Path:
    write_mailing(folder, url="http://127.0.0.1:9")
    written = DESTINATION.format(sender=sender, zeros="0" * 32, callback=door, url=server.url_of("twilio"))
    (folder / "destinations/texts.yaml").write_text(written, encoding="utf-8")
    toml = (folder / "regulars.toml").read_text(encoding="utf-8")
    own_phones = f'country = "US"\nown_phones = ["{own}", "{sender}"]' if own else 'country = "US"'
    (folder / "regulars.toml").write_text(toml.replace('country = "US"', own_phones), encoding="utf-8")
    return folder


def checked(desk: Desk, server: SandboxServer, posted: Posted, *, tells_after: int) -> tuple[TextCheck, float]:
    """Check, with the provider's news coming in after so many looks; say how long it was waited for too."""
    waited = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == tells_after:
            server.tell("twilio", "settle")
            later = NOON + timedelta(seconds=sum(waited))
            news = [one for body, kind in posted.bodies for one in twilio.read(body, kind, later)]
            take_into_ledger(desk.book, news, clock=FixedClock(later))

    told = check_texts(desk.project, desk.book, destination="texts", clock=FixedClock(NOON), pause=pause)
    return told, sum(waited)


def test_c5_row_18_news_of_the_text_is_healthy_with_the_time_it_took(
    tmp_path: Path, server: SandboxServer, door: str, posted: Posted
) -> None:
    with Desk.open(project(tmp_path, server, door)) as desk:
        told, _ = checked(desk, server, posted, tells_after=3)

    (text,) = server.kept("twilio", "messages")
    assert told == TextCheck(state="healthy", after=timedelta(seconds=6))
    assert (text["to"], text["from"], server.violations) == (MINE, "+12545550100", ())
    assert told.finding("texts").status == "ok"


def test_c5_row_18_no_news_is_a_timeout_after_two_minutes(
    tmp_path: Path, server: SandboxServer, door: str, posted: Posted
) -> None:
    with Desk.open(project(tmp_path, server, door)) as desk:
        told, waited = checked(desk, server, posted, tells_after=0)

    assert (told.state, waited) == ("timeout", PATIENCE.total_seconds())
    assert told.finding("texts").status == "failed"


def test_c5_row_18_a_text_that_is_not_taken_failed_at_once(
    tmp_path: Path, server: SandboxServer, door: str, posted: Posted
) -> None:
    with Desk.open(project(tmp_path, server, door, sender=NOT_OURS)) as desk:
        told, waited = checked(desk, server, posted, tells_after=0)

    assert (told.state, waited) == ("failed", 0)
    assert told.reason
    assert told.finding("texts").status == "failed"


def test_c5_row_18_a_text_that_does_not_arrive_failed_though_its_news_came(
    tmp_path: Path, server: SandboxServer, door: str, posted: Posted
) -> None:
    with Desk.open(project(tmp_path, server, door, own=OFF)) as desk:
        told, _ = checked(desk, server, posted, tells_after=1)

    assert (told.state, told.reason) == ("failed", "undelivered: the telephone is off or out of reach")


def test_only_a_number_of_ones_own_is_ever_written_to(tmp_path: Path, server: SandboxServer, door: str) -> None:
    with Desk.open(project(tmp_path, server, door, own="")) as desk:
        with pytest.raises(DeclarationError, match="own_phones"):
            check_texts(desk.project, desk.book, destination="texts", clock=FixedClock(NOON))
        with pytest.raises(NotFound, match="gateway"):
            check_texts(desk.project, desk.book, destination="nowhere", clock=FixedClock(NOON))

    assert server.requests == []


def test_the_doctor_says_what_it_would_send_and_sends_only_when_told_to(
    tmp_path: Path, server: SandboxServer, door: str
) -> None:
    folder = project(tmp_path, server, door, sender=NOT_OURS)

    def findings(*words: str) -> dict[str, str]:
        typed = ["doctor", "--text", "texts", "--json", *words, "--project", str(folder)]
        return {one["name"]: one["status"] for one in json.loads(CliRunner().invoke(main_group, typed).stdout)}

    looked, asked_before = findings()["texts-arrive"], len(server.requests)

    assert (looked, asked_before) == ("skipped", 0)
    assert (findings("--apply")["texts-arrive"], len(server.requests)) == ("failed", 1)
