"""`regulars serve` as a process of its own, its people in its book, and browsers that follow forms."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from regulars.pipeline.people import accept, invite
from regulars.storage.book import Book
from regulars.storage.book.people import Person, Role

PASSWORD = "twelve green climbing ropes"
OTHER = "an entirely different sentence"
WRITE_KEY = "wk_of_the_site_a7f3"
TOML = f"""\
[business]
name = "Desk"
timezone = "UTC"
[door]
keys.site = ["{sha256(WRITE_KEY.encode()).hexdigest()}"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A served project, what it printed, and its book."""

    folder: Path
    url: str
    printed: Path
    book: Book

    def person(self, role: Role = "viewer") -> Person:
        """Somebody new, whose password is PASSWORD."""
        now = datetime.now(UTC)
        _, shown = invite(self.book, f"{role}-{uuid4().hex[:8]}@desk.example", role=role, by="test", at=now)
        return accept(self.book, shown, name="Ada Lane", password=PASSWORD, at=now)

    def link(self, role: Role = "viewer") -> tuple[str, str]:
        """An address, and the path of the link with which its person chooses a password."""
        made, shown = invite(self.book, f"{uuid4().hex[:8]}@desk.example", role=role, by="test", at=datetime.now(UTC))
        return made.email, f"/invite/{shown}"

    def browser(self) -> httpx.Client:
        """A browser that follows nothing by itself."""
        return httpx.Client(base_url=self.url, timeout=60, headers={"User-Agent": "Firefox/140"})


def token(page: httpx.Response) -> str:
    """The token in the forms of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def send(browser: httpx.Client, path: str, *, page: str | None = None, **fields: str) -> httpx.Response:
    """Send a form from the page that has it."""
    return browser.post(path, data={"csrf_token": token(browser.get(page or path)), **fields})


def sign_in(browser: httpx.Client, email: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
    """Send the form to sign in."""
    return send(browser, "/sign-in", email=email, password=password, **fields)


def signed_in(desk: Desk, person: Person) -> httpx.Client:
    """A browser in which somebody has signed in."""
    browser = desk.browser()
    assert sign_in(browser, person.email).status_code == 303
    return browser


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Desk]:
    folder.mkdir(exist_ok=True)
    (folder / "regulars.toml").write_text(TOML, encoding="utf-8")
    printed = folder / "printed.txt"
    command = [sys.executable, "-m", "regulars", "serve", "--project", str(folder), "--port", "0", *options]
    with printed.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + 60
        while not (found := re.search(r"http://\S+:\d+", printed.read_text())):
            assert process.poll() is None, printed.read_text()
            assert time.monotonic() < until
            time.sleep(0.05)
        book = Book.open(f"sqlite:///{folder}/data/book.db", home=folder / ".regulars", environment={})
        yield Desk(folder=folder, url=found[0], printed=printed, book=book)
        book.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serving(tmp_path_factory.mktemp("desk")) as found:
        yield found
