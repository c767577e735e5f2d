"""Signing in with an account elsewhere: whom the issuer knows and we know is let in, and nobody else."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk_server import Desk, serving
from sandbox_issuer import CLIENT, SECRET, SandboxIssuer, issuing

from regulars.cli.main import main
from regulars.errors import RegularsError
from regulars.web.sign_in.issuer import Issuer

START = "/sign-in/elsewhere?next=/account%3Fq%3D1"


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SandboxIssuer, Desk]]:
    with issuing() as issuer, serving(
        tmp_path_factory.mktemp("desk"), "--issuer", issuer.url, "--client-id", CLIENT, "--client-secret", SECRET
    ) as desk:
        yield issuer, desk


@pytest.fixture
def both_sides(truth: tuple[SandboxIssuer, Desk]) -> tuple[SandboxIssuer, Desk]:
    issuer, desk = truth
    issuer.lies, issuer.answer, issuer.is_down = {}, {}, False
    issuer.email = desk.person().email
    return issuer, desk


def _came_back(browser: httpx.Client) -> httpx.Response:
    """Go to the issuer and come back, as a browser does."""
    away = browser.get(START)
    assert away.status_code == 303, away.text
    back = httpx.get(away.headers["location"])
    return browser.get(back.headers["location"])


def _is_in(browser: httpx.Client) -> bool:
    return browser.get("/account").status_code == 200


def test_who_is_known_on_both_sides_is_let_in(both_sides: tuple[SandboxIssuer, Desk]) -> None:
    issuer, desk = both_sides
    issuer.email = issuer.email.upper()
    browser = desk.browser()

    form, answer = browser.get("/sign-in"), _came_back(browser)

    assert "/sign-in/elsewhere" in form.text
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?q=1")
    assert issuer.email.lower() in browser.get("/account").text


def test_nobody_new_is_let_in(both_sides: tuple[SandboxIssuer, Desk]) -> None:
    issuer, desk = both_sides
    issuer.email = "stranger@desk.example"
    browser = desk.browser()

    answer = _came_back(browser)

    assert answer.status_code == 401
    assert not _is_in(browser)


def test_who_was_disabled_is_not_let_in_by_others(both_sides: tuple[SandboxIssuer, Desk]) -> None:
    issuer, desk = both_sides
    desk.book.people.disable(issuer.email, at=datetime.now(UTC), by="test")
    browser = desk.browser()

    assert _came_back(browser).status_code == 401
    assert not _is_in(browser)


@pytest.mark.parametrize("lies", [
    {"email_verified": False}, {"email_verified": "false"}, {"email_verified": None}, {"email": ""}, {"nonce": "another"}, {"nonce": ""},
    {"aud": "another"}, {"aud": ["another"]}, {"aud": [CLIENT, "another"], "azp": "another"},
    {"iss": "https://another.example"}, {"exp": 1}, {"exp": "soon"}, {"iss": None},
])
def test_claims_that_do_not_hold_let_nobody_in(both_sides: tuple[SandboxIssuer, Desk], lies: dict[str, Any]) -> None:
    issuer, desk = both_sides
    issuer.lies = lies
    browser = desk.browser()

    answer = _came_back(browser)

    assert answer.status_code in {401, 502}
    assert not _is_in(browser)


@pytest.mark.parametrize("lies", [{"email_verified": "true"}, {"aud": [CLIENT]}, {"aud": ["another", CLIENT], "azp": CLIENT}])
def test_claims_that_are_written_otherwise_hold(both_sides: tuple[SandboxIssuer, Desk], lies: dict[str, Any]) -> None:
    issuer, desk = both_sides
    issuer.lies = lies
    browser = desk.browser()

    _came_back(browser)

    assert _is_in(browser)


def test_an_answer_is_taken_once_and_only_by_the_browser_that_asked(both_sides: tuple[SandboxIssuer, Desk]) -> None:
    _, desk = both_sides
    mine, theirs = desk.browser(), desk.browser()
    theirs.get(START)
    back = httpx.get(mine.get(START).headers["location"]).headers["location"]

    stolen, first, again = theirs.get(back), mine.get(back), desk.browser().get(back)

    assert [each.status_code for each in (stolen, first, again)] == [403, 303, 403]
    assert not _is_in(theirs)


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x&code=x", "?state=&code=x"])
def test_an_answer_to_nothing_is_refused(both_sides: tuple[SandboxIssuer, Desk], query: str) -> None:
    _, desk = both_sides
    browser = desk.browser()

    without = browser.get(f"/sign-in/back{query}")
    browser.get(START)
    with_cookie = browser.get(f"/sign-in/back{query}")
    deep = base64.urlsafe_b64encode(b'{"x":' + b"[" * 3_000).decode()
    nonsense = [
        desk.browser().get(f"/sign-in/back{query}", headers={"Cookie": f"regulars_issuer_{browser.base_url.port}={shown}"})
        for shown in ("bm90aGluZw", deep)
    ]

    assert [each.status_code for each in (without, with_cookie, *nonsense)] == [403, 403, 403, 403]


def test_who_says_no_there_is_told_so_here(both_sides: tuple[SandboxIssuer, Desk]) -> None:
    issuer, desk = both_sides
    issuer.answer = {"error": "access_denied"}

    answer = _came_back(desk.browser())

    assert (answer.status_code, "not signed in there" in answer.text) == (401, True)


def test_an_issuer_that_is_down_is_not_our_error(both_sides: tuple[SandboxIssuer, Desk]) -> None:
    issuer, desk = both_sides
    issuer.is_down = True

    answer = desk.browser().get(START)

    assert (answer.status_code, "use your password" in answer.text) == (502, True)


def test_what_was_printed_names_nobody(both_sides: tuple[SandboxIssuer, Desk]) -> None:
    issuer, desk = both_sides
    browser = desk.browser()
    _came_back(browser)
    time.sleep(0.1)                          # the line is written after the answer is

    printed = desk.printed.read_text(encoding="utf-8")

    assert "person signed in" in printed
    for secret in (issuer.email, "stranger@desk.example", SECRET, *issuer.codes, "Traceback"):
        assert secret not in printed


def test_an_issuer_for_whom_others_could_answer_is_not_asked() -> None:
    with pytest.raises(RegularsError, match="others could answer"):
        Issuer(url="http://accounts.example.com", client_id="desk")


def test_an_issuer_must_know_who_asks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "regulars.toml").write_text('[business]\nname = "Desk"\ntimezone = "UTC"\n', encoding="utf-8")

    with pytest.raises(SystemExit):
        main(["serve", "--project", str(tmp_path), "--port", "0", "--issuer", "https://accounts.example.com"])

    assert "--client-id" in capsys.readouterr().err
