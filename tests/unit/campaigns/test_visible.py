"""What a person sees of HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.campaigns.visible import looks_like_html, visible


@pytest.mark.parametrize(("html", "text"), [
    ("<p>One</p><p>two</p>", "One\n\ntwo"),
    ("a &amp; b&nbsp;c", "a & b c"),
    ("<style>p { color: red }</style><script>x()</script>seen", "seen"),
    ("<!-- <p>no</p> -->seen", "seen"),
    ("<!--[if mso]><p>no</p><![endif]-->seen", "seen"),
    ('<div style="display: none">no<div>no</div>no</div>seen', "seen"),
    ('<img alt="Summer sale" src="x">', "Summer sale"),
    ('<p title="a > b">seen</p>', "seen"),
    ("<p>never closed <b>bold", "never closed bold"),
    ('<p class="never closed>seen</p>', "seen"),
])
def test_only_what_is_shown_is_seen(html: str, text: str) -> None:
    assert visible(html) == text


@pytest.mark.parametrize(("html", "text"), [
    ('<a href="mailto:a@b.example">Write</a>', "Write (a@b.example)"),
    ('<a href="https://a.example/?x=1&amp;y=2">Shop <b>now</b></a>', "Shop now (https://a.example/?x=1&y=2)"),
    ('<a href="https://b.example"><img alt="Map"></a>', "Map (https://b.example)"),
])
def test_a_plain_twin_says_where_links_lead(html: str, text: str) -> None:
    assert visible(html, is_linked=True) == text


def test_a_quotation_mark_too_many_hides_nothing_on_any_python() -> None:
    assert visible('one <l">""> two') == 'one ""> two'


def test_plain_text_is_not_taken_for_html() -> None:
    assert not looks_like_html("3 < 4 and 5 > 4")
    assert looks_like_html("<p>x</p>")


@given(st.text(alphabet="<>/\"'=ab &-!", max_size=60))
def test_anything_can_be_read(html: str) -> None:
    visible(html)
