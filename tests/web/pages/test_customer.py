"""One customer: hidden in part, with the timeline, consent, why they are in a segment, and who belongs to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from api_server import opened
from pages_server import Shown, showing

from regulars.storage.book.people import Role
from regulars.web.pages import customer_page

CUSTOMER = "/customers/{customer_id}"


def test_addresses_are_hidden_in_part_and_who_may_show_them_is_said(desk: Path) -> None:
    with showing(desk, as_="viewer") as shown:
        text = shown.text(CUSTOMER)

    assert "a•••@lee.example" in text
    assert "An owner or a marketer" in text
    assert "/reveal" not in text


def test_a_marketer_shows_them_whole_and_that_is_in_the_audit(desk: Path) -> None:
    with showing(desk, as_="marketer") as shown:
        path = shown.path(CUSTOMER)
        answer = shown.client.post(f"{path}/reveal", data={"csrf_token": shown.token})

    workspace = opened(desk)
    (line, *_) = workspace.book.audit.lines(limit=1)
    workspace.close()
    assert "ann@lee.example" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert (line.what, line.by, line.subject) == ("customer.reveal", "Ada", shown.customer_id)


@pytest.mark.parametrize(("role", "token"), [("viewer", None), ("analyst", None), ("owner", ""), ("owner", "guessed")])
def test_nobody_else_shows_them_nor_a_form_from_elsewhere(desk: Path, role: Role, token: str | None) -> None:
    with showing(desk, as_=role) as shown:
        said = shown.token if token is None else token
        answer = shown.client.post(f"{shown.path(CUSTOMER)}/reveal", data={"csrf_token": said})

    assert answer.status_code == 403
    assert "ann@lee.example" not in answer.text


def test_the_timeline_has_every_event_by_day_and_goes_on(pages: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_page, "EVENTS", 1)
    first = pages.client.get(pages.path(CUSTOMER) + ".json").json()
    second = pages.client.get(pages.path(CUSTOMER) + ".json", params={"cursor": first["next"]}).json()

    assert first["types"] == [{"event_type": "visit", "events": 2}]
    assert [day["day"] for day in first["days"] + second["days"]] == ["2026-01-04", "2026-01-03"]
    assert second["next"] is None


def test_a_filter_shows_events_of_one_type_and_an_empty_one_says_so(pages: Shown) -> None:
    assert len(pages.client.get(pages.path(CUSTOMER) + ".json", params={"type": "visit"}).json()["days"]) == 2
    assert "No refund of this customer" in pages.text(CUSTOMER + "?type=refund")


def test_consent_stands_for_each_channel_with_its_reason(pages: Shown) -> None:
    said = pages.client.get(pages.path(CUSTOMER) + ".json").json()

    assert {(each["channel"], each["purpose"]) for each in said["consent"]} >= {("email", "marketing"), ("sms", "marketing")}
    assert all(each["reason"] for each in said["consent"])


def test_a_segment_says_why_line_by_line(pages: Shown) -> None:
    link = re.findall(r'href="(/customers/[^"]*/why/regular)"', pages.text(CUSTOMER))

    text = pages.text(link[0])

    assert "in since" in text.lower()
    assert "✓ yes" in text


def test_the_variant_of_an_experiment_is_told(pages: Shown) -> None:
    said = pages.client.get(pages.path(CUSTOMER) + ".json").json()

    assert [(each["experiment"], each["variant"] in {"silent", "greeted"}) for each in said["experiments"]] == [("greeting", True)]


def test_people_say_who_lives_and_comes_along_or_that_nobody_does(pages: Shown) -> None:
    text = pages.text(CUSTOMER + "/people")

    assert "Ann Lee" in text
    assert "Comes alone" in text


def test_events_alike_in_a_row_are_one_line(pages: Shown) -> None:
    said = pages.client.get(pages.path(CUSTOMER) + ".json").json()

    assert [event["times"] for day in said["days"] for event in day["events"]] == [1, 1]
