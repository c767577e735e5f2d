"""Links through our own door: found, short, signed, and never a way to send people elsewhere."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.campaigns.bot import CLICK, marked
from regulars.campaigns.link import (
    Click,
    Door,
    Leaving,
    answer_unsubscribe,
    links,
    read_click,
    shortened,
    tracked,
    tracked_text,
    tracked_url,
    unsubscribe_url,
)
from regulars.campaigns.mail import unsubscribe_headers

DOOR = Door(origin="https://go.gym.example", keys=(b"a" * 16,))
LATER = Door(origin="https://go.gym.example", keys=(b"b" * 16, b"a" * 16))
STRANGER = Door(origin="https://go.gym.example", keys=(b"c" * 16,))
LEAVING = Leaving(message="camp:7:1", channel="email", purpose="marketing")


def test_links_end_where_the_sentence_goes_on() -> None:
    assert links("See https://a.example/x?y=1, (https://b.example/w_(z)). Not www.c.example") == [
        "https://a.example/x?y=1", "https://b.example/w_(z)"
    ]


def test_short_links_are_the_same_every_time_and_differ_by_message() -> None:
    text, made = shortened("Go https://a.example/very/long?x=1.", message="m1", door=DOOR)

    assert (text, made) == shortened("Go https://a.example/very/long?x=1.", message="m1", door=DOOR)
    assert text == f"Go https://go.gym.example/l/{made[0].code}."
    assert made[0].url == "https://a.example/very/long?x=1"
    assert made[0].code != shortened("Go https://a.example/very/long?x=1.", message="m2", door=DOOR)[1][0].code


@given(url=st.text(min_size=1), message=st.text(min_size=1, max_size=20), position=st.integers(0, 9999))
def test_a_tracked_address_says_what_it_was_made_of(url: str, message: str, position: int) -> None:
    door, href = DOOR, "https://a.example/" + url.encode("utf-8", "ignore").decode()
    message = message.encode("utf-8", "ignore").decode() or "m"

    made = tracked_url(href, message=message, position=position, door=door)

    assert read_click(made, door=door) == Click(message=message, position=position, url=href)
    assert read_click(made, door=STRANGER) is None


def test_nobody_is_sent_to_an_address_that_we_did_not_sign() -> None:
    made = tracked_url("https://a.example/", message="m", position=0, door=DOOR)

    assert read_click(made.replace("a.example", "evil.example"), door=DOOR) is None
    assert read_click("/c/m/0?u=https%3A%2F%2Fevil.example", door=DOOR) is None


def test_a_changed_key_still_reads_older_links() -> None:
    made = tracked_url("https://a.example/", message="m", position=0, door=DOOR)

    assert read_click(made, door=LATER) is not None


def test_html_links_lead_through_the_door_and_other_links_stay() -> None:
    html = '<a href="https://a.example/?a=1&amp;b=2">x</a> <a href="mailto:a@b.example">m</a> <img src="https://i.example">'

    made = tracked(html, message="m", door=DOOR)

    assert '"https://go.gym.example/c/m/0?u=https%3A%2F%2Fa.example%2F%3Fa%3D1%26b%3D2&amp;s=' in made
    assert 'href="mailto:a@b.example"' in made
    assert 'src="https://i.example"' in made
    assert tracked(made, message="m", door=DOOR) == made


def test_a_plain_text_is_tracked_alike() -> None:
    made = tracked_text("Go https://a.example/x.", message="m", door=DOOR)

    assert read_click(links(made)[0], door=DOOR) == Click(message="m", position=0, url="https://a.example/x")


@pytest.mark.parametrize(("method", "action", "status"), [
    ("POST", "unsubscribe", 200), ("GET", "ask", 200), ("HEAD", "ask", 200), ("PUT", "refuse", 405),
])
def test_only_a_post_unsubscribes(method: str, action: str, status: int) -> None:
    path = unsubscribe_url(LEAVING, door=DOOR).removeprefix(DOOR.origin)

    answer = answer_unsubscribe(method, path, door=DOOR)

    assert (answer.action, answer.status, answer.leaving) == (action, status, LEAVING)


@pytest.mark.parametrize("path", ["/u/abc.def", "/u/", "/u/WyJt.x", "/c/m/0"])
def test_a_link_that_is_not_ours_unsubscribes_nobody(path: str) -> None:
    assert answer_unsubscribe("POST", path, door=DOOR).action == "refuse"


def test_an_unsubscribe_link_of_another_key_is_refused() -> None:
    path = unsubscribe_url(LEAVING, door=STRANGER).removeprefix(DOOR.origin)

    assert answer_unsubscribe("POST", path, door=DOOR).status == 404


def test_one_click_headers_need_https_and_hold_nothing_else() -> None:
    headers = unsubscribe_headers("https://go.gym.example/u/x", mailto="leave@gym.example")

    assert headers == {
        "List-Unsubscribe": "<https://go.gym.example/u/x>, <mailto:leave@gym.example?subject=unsubscribe>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    for url in ("http://go.gym.example/u/x", "https://go.gym.example/u/x>\r\nBcc: a@b.example"):
        with pytest.raises(ValueError, match=r"https|header"):
            unsubscribe_headers(url)


def test_short_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Door(origin="https://x.example", keys=(b"short",))


def test_clicks_that_no_person_made_are_marked_with_the_reason() -> None:
    sent = datetime(2026, 1, 1)  # noqa: DTZ001 - engines hold UTC without saying so
    clicks = [
        ("person", "a", 0, 60, "GET", "Mozilla"), ("fast", "b", 0, 1, "GET", "Mozilla"), ("says", "c", 0, 60, "GET", "Slackbot"),
        ("head", "d", 0, 60, "HEAD", "Mozilla"), ("none", "e", 0, 60, "GET", None), ("x1", "f", 0, 60, "GET", "Mozilla"),
        ("x2", "f", 1, 62, "GET", "Mozilla"), ("x3", "f", 2, 63, "GET", "Mozilla"), ("later", "f", 0, 900, "GET", "Mozilla"),
    ]
    rows = [
        {"click_id": i, "message": m, "position": p, "at": sent + timedelta(seconds=s), "sent_at": sent, "method": v, "user_agent": a}
        for i, m, p, s, v, a in clicks
    ]
    table = ibis.memtable(pa.Table.from_pylist(rows, schema=CLICK.to_pyarrow()))

    found = ibis.duckdb.connect().to_pyarrow(marked(table)).to_pylist()

    assert {row["click_id"]: row["bot_reason"] for row in found} == {
        "person": None, "fast": "too-soon", "says": "says-so", "head": "looks-only", "none": "no-agent", "x1": "all-links",
        "x2": "all-links", "x3": "all-links", "later": None,
    }
