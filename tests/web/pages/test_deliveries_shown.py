"""Webhooks within the dashboard: what was given up stands with its reason, and is tried again by whoever may repair."""

from __future__ import annotations

from pathlib import Path

from api_server import given_up, opened
from pages_server import WEBHOOK, Shown, showing

PATH = "/health/webhooks"


def test_what_was_given_up_is_found_from_health_with_its_reason(pages: Shown) -> None:
    health, dead, none = (pages.text(path) for path in ("/health", f"{PATH}?state=dead", f"{PATH}?state=waiting"))

    assert f'href="{PATH}?state=dead"' in health
    assert WEBHOOK in dead
    assert "store: full" in dead
    assert "None are waiting" in none


def test_a_delivery_says_what_it_says_with_addresses_and_numbers_hidden(pages: Shown) -> None:
    text = pages.text(f"{PATH}/{WEBHOOK}")

    assert "Given up after 1 attempt: store: full." in text
    assert "STOP" in text
    assert "+12548675302" not in text


def test_an_analyst_has_it_tried_again_and_that_is_in_the_audit(desk: Path) -> None:
    workspace = opened(desk)
    webhook_id = given_up(workspace, "d-again")

    with showing(desk, as_="analyst") as shown:
        answer = shown.client.post(f"{PATH}/{webhook_id}/replay", data={"csrf_token": shown.token})
        after = shown.client.get(answer.headers["location"])
        again = shown.client.post(f"{PATH}/{webhook_id}/replay", data={"csrf_token": shown.token})

    (line, *_) = workspace.book.audit.lines(limit=1)
    workspace.close()
    assert answer.status_code == 303
    assert "Handed on" in after.text
    assert "no longer kept here" in after.text
    assert (line.what, line.by, line.subject) == ("webhook.replay", "Ada", webhook_id)
    assert (again.status_code, "was handed on already" in again.text) == (409, True)


def test_nobody_else_does_nor_a_form_from_elsewhere(desk: Path) -> None:
    for role, token in (("viewer", None), ("marketer", None), ("owner", "guessed")):
        with showing(desk, as_=role) as shown:
            answer = shown.client.post(f"{PATH}/{WEBHOOK}/replay", data={"csrf_token": token or shown.token})
        assert answer.status_code == 403
