"""Where a link of ours may lead: to web pages by an address that is what it seems."""

from __future__ import annotations

import pytest

from regulars.pipeline.clicks import leads_on


@pytest.mark.parametrize("url", [
    "https://studio.example/pass?v=long#top", "http://studio.example:8080/ünder", "https://[2001:db8::1]/x",
])
def test_a_web_page_may_be_led_to(url: str) -> None:
    assert leads_on(url)


@pytest.mark.parametrize("url", [
    "javascript:alert(1)", "data:text/html,x", "//studio.example/x", "/x", "", "https://", "ftp://studio.example/x",
    "https://studio.example@evil.example/", "https://studio.example\\@evil.example", "https://studio.example/\r\nSet-Cookie: a",
    "https://studio.example/\u202egpj.exe", "https://[::1", "file:///etc/passwd",
])
def test_what_is_no_web_page_or_seems_another_is_not_led_to(url: str) -> None:
    assert not leads_on(url)
