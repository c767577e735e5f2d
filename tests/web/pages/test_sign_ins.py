"""Owners look after people: a link for whoever is invited, another role, an end; all of it in the audit."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from api_server import opened
from pages_server import Shown, person, showing

from regulars.storage.book.people import Person, Role

PATH = "/settings/people"


def somebody(desk: Path, role: Role = "viewer") -> Person:
    workspace = opened(desk)
    found = workspace.book.people.named(person(workspace, role))
    workspace.close()
    return found


def now(desk: Path, email: str) -> Person:
    workspace = opened(desk)
    found = workspace.book.people.named(email)
    workspace.close()
    return found


def sent(pages: Shown, path: str, **fields: str) -> httpx.Response:
    return pages.client.post(PATH + path, data={"csrf_token": pages.token, **fields})


def audited(desk: Path) -> tuple[str, str]:
    workspace = opened(desk)
    (line, *_) = workspace.book.audit.lines(limit=1)
    workspace.close()
    return line.what, line.by


def test_a_link_for_somebody_new_is_shown_once_and_leads_in(desk: Path, pages: Shown) -> None:
    email = f"{uuid4().hex[:6]}@desk.example"

    answer = sent(pages, "/invite", email=email, role="analyst")
    (link,) = re.findall(rf"<code>({re.escape(str(pages.client.base_url).rstrip('/'))}/invite/[^<]+)</code>", answer.text)

    assert answer.headers["cache-control"] == "no-store"
    assert f"You are invited as analyst, with the address {email}" in httpx.get(link, timeout=60).text
    assert email in pages.text(PATH)
    assert link.rpartition("/")[2] not in pages.text(PATH)
    assert audited(desk) == ("person.invite", "Ada")


@pytest.mark.parametrize(("email", "said"), [("nobody", "This is no e-mail address."), ("known", "may log in already")])
def test_what_is_wrong_with_an_invite_stands_at_its_field_with_what_was_typed(
    desk: Path, pages: Shown, email: str, said: str
) -> None:
    typed = somebody(desk).email if email == "known" else email

    answer = sent(pages, "/invite", email=typed, role="owner")

    assert answer.status_code == 422
    (field,) = re.findall(r'<input id="email"[^>]*>', answer.text)
    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="email-trouble' in field
    assert f'value="{typed}"' in field
    assert said in answer.text
    assert "<option selected>owner" in answer.text


def test_a_link_that_was_not_used_is_taken_back(pages: Shown) -> None:
    email = f"{uuid4().hex[:6]}@desk.example"
    link = re.findall(r"<code>[^<]+(/invite/[^<]+)</code>", sent(pages, "/invite", email=email, role="viewer").text)[0]

    sent(pages, "/withdraw", email=email)

    assert email not in pages.text(PATH)
    assert httpx.get(pages.client.base_url.join(link), timeout=60).status_code == 404


def test_another_role_holds_from_the_next_click(desk: Path, pages: Shown) -> None:
    them = somebody(desk)

    answer = sent(pages, f"/{them.person_id}/role", role="marketer")

    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    assert now(desk, them.email).role == "marketer"
    assert audited(desk) == ("person.role", "Ada")


def test_who_is_shut_out_is_out_at_once_and_can_be_let_in_again(desk: Path, pages: Shown) -> None:
    with showing(desk, as_="viewer") as shown:
        them = now(desk, shown.email)
        sent(pages, f"/{them.person_id}/disable")
        out = shown.client.get("/").status_code
    audit = audited(desk)
    sent(pages, f"/{them.person_id}/enable")

    assert out == 303
    assert audit == ("person.disable", "Ada")
    assert now(desk, them.email).disabled_at is None


def test_a_new_password_ends_the_old_one_and_its_link_is_shown_once(desk: Path, pages: Shown) -> None:
    them = somebody(desk)

    answer = sent(pages, f"/{them.person_id}/reset")
    link = re.findall(r"<code>([^<]+/invite/[^<]+)</code>", answer.text)[0]

    assert them.email in httpx.get(link, timeout=60).text
    assert audited(desk) == ("person.reset", "Ada")


@pytest.mark.parametrize("fields", [{"role": "king"}, {}])
def test_a_role_that_is_none_is_refused(desk: Path, pages: Shown, fields: dict[str, str]) -> None:
    them = somebody(desk)

    answer = sent(pages, f"/{them.person_id}/role", **fields)

    assert answer.status_code == 422
    assert "A person is one of viewer, analyst, marketer, owner." in answer.text
    assert now(desk, them.email).role == "viewer"


def test_somebody_who_is_not_there_is_not_found(pages: Shown) -> None:
    assert sent(pages, "/p_nobody/disable").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "analyst", "marketer"])
def test_nobody_but_an_owner_sees_or_changes_people(desk: Path, role: Role) -> None:
    with showing(desk, as_=role) as shown:
        seen = [shown.client.get(PATH + end).status_code for end in ("", ".json", ".csv")]
        changed = sent(shown, "/invite", email=f"{uuid4().hex[:6]}@desk.example", role="owner").status_code

    assert (seen, changed) == ([403, 403, 403], 403)


def test_a_form_from_elsewhere_changes_nobody(desk: Path, pages: Shown) -> None:
    them = somebody(desk)

    answer = pages.client.post(f"{PATH}/{them.person_id}/role", data={"csrf_token": "guessed", "role": "owner"})

    assert answer.status_code == 403
    assert now(desk, them.email).role == "viewer"
