"""Where `next` may lead, whose forms are ours, and what counts as this machine."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from regulars.web.sign_in.where import START, is_from_here, is_of_this_machine, is_safe, next_of


def _request(client: str = "127.0.0.1", scheme: str = "http", **headers: str) -> Request:
    return Request({
        "type": "http", "method": "POST", "path": "/sign-in", "query_string": b"", "scheme": scheme, "client": (client, 1),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    })


@pytest.mark.parametrize("text", ["/", "/customers", "/customers?q=a%20b&limit=5", "/segments/regular.csv", "/account"])
def test_a_page_of_ours_is_where_one_goes_on(text: str) -> None:
    assert next_of(text) == text


@pytest.mark.parametrize("text", [
    None, "", "customers", "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)",
    "/\t/evil.example", "/\n/evil.example", " //evil.example", "/a\r\nSet-Cookie: x=1", "/sign-in?next=/sign-in", "/sign-out",
    "/invite/x", "/" + "a" * 2000, "/ä", "/a\\b",
])
def test_every_other_text_leads_to_the_start(text: str | None) -> None:
    assert next_of(text) == START


@given(st.text(alphabet="/\\.:@ \t\n\rhtpsevil%2F?#", max_size=30))
def test_no_text_leads_anywhere_else(text: str) -> None:
    goal = next_of(text)

    # As browsers read it: backslashes are slashes, tabs and line ends are nothing.
    read = goal.replace("\\", "/").translate({9: None, 10: None, 13: None})
    assert urlsplit(urljoin("https://ours.example/sign-in", read)).netloc == "ours.example"


@pytest.mark.parametrize(("headers", "is_ours"), [
    ({"host": "a.example", "origin": "https://a.example"}, True),
    ({"host": "a.example:8080", "origin": "http://a.example:8080"}, True),
    ({"host": "a.example", "sec_fetch_site": "same-origin"}, True),
    ({"host": "a.example", "sec_fetch_site": "none"}, True),
    ({"host": "a.example"}, True),
    ({"host": "a.example", "origin": "null"}, False),
    ({"host": "a.example", "origin": "https://evil.example"}, False),
    ({"host": "a.example", "origin": "https://a.example.evil.example"}, False),
    ({"host": "a.example:8080", "origin": "http://a.example:9090"}, False),
    ({"host": "a.example", "origin": "https://a.example", "sec_fetch_site": "cross-site"}, False),
    ({"host": "a.example", "origin": "https://a.example", "sec_fetch_site": "same-site"}, False),
])
def test_a_form_is_from_here_or_it_is_not(headers: dict[str, str], *, is_ours: bool) -> None:
    assert is_from_here(_request(**headers)) is is_ours


@pytest.mark.parametrize(("request_", "expected"), [
    (_request(host="localhost:8080"), True),
    (_request(host="127.0.0.1:8080"), True),
    (_request(host="[::1]:8080"), True),
    (_request(scheme="https", host="a.example"), True),
    (_request(host="a.example"), False),
    (_request(host="localhost.evil.example"), False),
    (_request(), False),
])
def test_a_password_travels_where_nobody_reads_it(request_: Request, *, expected: bool) -> None:
    assert is_safe(request_) is expected


@pytest.mark.parametrize(("request_", "expected"), [
    (_request(host="localhost:8080"), True),
    (_request(host="127.0.0.1:8080"), True),
    (_request(client="192.0.2.1", host="localhost:8080"), False),
    (_request(host="rebound.evil.example"), False),
    (_request(host="localhost", x_forwarded_for="192.0.2.1"), False),
    (_request(host="localhost", forwarded="for=192.0.2.1"), False),
    (_request(host="localhost", via="1.1 proxy"), False),
])
def test_this_machine_is_nobody_else(request_: Request, *, expected: bool) -> None:
    assert is_of_this_machine(request_) is expected
