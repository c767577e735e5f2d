"""People sign in, over real HTTP at a process of its own: links, sessions, forms, cookies, lockout."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
import pytest
from desk_server import OTHER, PASSWORD, Desk, send, sign_in, signed_in, token

from regulars.web.sign_in.signing import WRONG


def _is_in(browser: httpx.Client) -> bool:
    return browser.get("/account").status_code == 200


def _cookies(answer: httpx.Response) -> list[str]:
    return [value for name, value in answer.headers.multi_items() if name == "set-cookie"]


# --- links -------------------------------------------------------------------------------------------------------


def test_who_follows_a_link_chooses_a_password_and_is_in(desk: Desk) -> None:
    email, link = desk.link("analyst")
    browser = desk.browser()

    page = browser.get(link)
    answer = send(browser, link, name="Ada Lane", password=PASSWORD, again=PASSWORD)
    first, account = browser.get(answer.headers["location"]), browser.get("/account")

    assert answer.headers["location"] == "/"
    assert first.status_code == 200
    assert "analyst" in page.text
    assert (answer.status_code, account.status_code) == (303, 200)
    assert email in account.text
    assert sign_in(desk.browser(), email).status_code == 303


def test_a_link_that_was_used_says_so(desk: Desk) -> None:
    _, link = desk.link()
    browser = desk.browser()
    send(browser, link, name="Ada", password=PASSWORD, again=PASSWORD)

    again = desk.browser().get(link)

    assert again.status_code == 404
    assert "ask for another one" in again.text


@pytest.mark.parametrize(("fields", "said"), [
    ({"name": "Ada", "password": "short", "again": "short"}, "at least 12 characters"),
    ({"name": "Ada", "password": PASSWORD, "again": OTHER}, "not the same"),
    ({"name": "", "password": PASSWORD, "again": PASSWORD}, "A name has"),
])
def test_a_choice_that_will_not_do_is_told_and_can_be_made_again(desk: Desk, fields: dict[str, str], said: str) -> None:
    _, link = desk.link()
    browser = desk.browser()

    answer = send(browser, link, **fields)

    assert answer.status_code == 422
    assert said in answer.text
    assert PASSWORD not in answer.text
    assert send(browser, link, name="Ada", password=PASSWORD, again=PASSWORD).status_code == 303


def test_who_used_the_browser_before_is_out_when_somebody_follows_a_link_in_it(desk: Desk) -> None:
    browser = signed_in(desk, desk.person())
    before = {name: value for name, value in browser.cookies.items() if "session" in name}

    send(browser, desk.link()[1], name="Bob", password=PASSWORD, again=PASSWORD)

    assert _is_in(browser)
    assert not _is_in(httpx.Client(base_url=desk.url, cookies=before))


# --- in and out --------------------------------------------------------------------------------------------------


def test_one_goes_on_where_one_wanted_to(desk: Desk) -> None:
    person, browser = desk.person(), desk.browser()
    asked = browser.get("/account?q=1")

    form = browser.get(asked.headers["location"])
    answer = browser.post("/sign-in", data={
        "csrf_token": token(form), "email": person.email.upper(), "password": PASSWORD, "next": "/account?q=1",
    })

    assert 'name="next" value="/account?q=1"' in form.text
    assert answer.headers["location"] == "/account?q=1"


@pytest.mark.parametrize("goal", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "/sign-in"])
def test_nobody_is_led_elsewhere(desk: Desk, goal: str) -> None:
    person, browser = desk.person(), desk.browser()

    form = browser.get("/sign-in", params={"next": goal})
    answer = browser.post("/sign-in", data={"csrf_token": token(form), "email": person.email, "password": PASSWORD, "next": goal})
    again = browser.get("/sign-in", params={"next": goal})

    assert 'name="next" value="/"' in form.text
    assert [each.headers["location"] for each in (answer, again)] == ["/", "/"]


def test_wrong_and_unknown_are_answered_with_the_same_words(desk: Desk) -> None:
    person, browser = desk.person(), desk.browser()

    answers = [sign_in(browser, person.email, "not the right one"), sign_in(browser, "nobody@desk.example")]

    assert [each.status_code for each in answers] == [422, 422]
    assert all(WRONG in each.text for each in answers)
    assert "not the right one" not in answers[0].text
    assert not any("session" in cookie for each in answers for cookie in _cookies(each))


def test_signing_out_ends_the_session_and_not_only_the_cookie(desk: Desk) -> None:
    browser = signed_in(desk, desk.person())
    kept = dict(browser.cookies)

    answer = send(browser, "/sign-out", page="/account")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert not _is_in(browser)
    assert not _is_in(httpx.Client(base_url=desk.url, cookies=kept))


def test_a_session_that_was_put_into_a_browser_is_not_the_one_it_gets(desk: Desk) -> None:
    thief, person, browser = signed_in(desk, desk.person()), desk.person(), desk.browser()
    name, theirs = next((name, value) for name, value in thief.cookies.items() if "session" in name)

    found = []
    for planted in (theirs, "attackers_choice", ""):
        form = desk.browser().get("/sign-in")
        tie = next(f"{key}={value}" for key, value in form.cookies.items())
        answer = browser.post("/sign-in", headers={"Cookie": f"{tie}; {name}={planted}"}, data={
            "csrf_token": token(form), "email": person.email, "password": PASSWORD,
        })
        found.append(next(each.partition(";")[0].partition("=")[2] for each in _cookies(answer) if "session" in each))

    assert len(set(found)) == 3
    assert not {theirs, "attackers_choice", ""} & set(found)


def test_signing_in_again_ends_the_session_of_before(desk: Desk) -> None:
    person = desk.person()
    browser = signed_in(desk, person)
    before = {name: value for name, value in browser.cookies.items() if "session" in name}
    form = desk.browser().get("/sign-in")

    browser.cookies.update(form.cookies)
    answer = browser.post("/sign-in", data={"csrf_token": token(form), "email": person.email, "password": PASSWORD})

    assert answer.status_code == 303
    assert not _is_in(httpx.Client(base_url=desk.url, cookies=before))
    assert len(desk.book.sessions.of(person.person_id)) == 1


def test_who_tries_too_often_is_told_how_long_to_wait(desk: Desk) -> None:
    person, browser = desk.person(), desk.browser()
    for _ in range(5):
        sign_in(browser, person.email, "wrong")

    answer = sign_in(browser, person.email)

    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 15
    assert "seconds" in answer.text


def test_who_is_disabled_is_out_with_the_next_click(desk: Desk) -> None:
    person = desk.person()
    browser = signed_in(desk, person)

    desk.book.people.disable(person.email, at=datetime.now(UTC), by="test")

    assert browser.get("/account").headers["location"].startswith("/sign-in")


# --- forms and cookies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("token_", "headers"), [
    (None, {}), ("", {}), ("guessed", {}),
    ("right", {"Origin": "https://evil.example"}), ("right", {"Origin": "null"}), ("right", {"Origin": "http://[half"}),
    ("right", {"Sec-Fetch-Site": "cross-site"}), ("right", {"Sec-Fetch-Site": "same-site"}),
])
@pytest.mark.parametrize("path", ["/sign-out", "/account/password", "/account/sessions/end-others"])
def test_a_form_that_is_not_ours_changes_nothing(desk: Desk, token_: str | None, headers: dict[str, str], path: str) -> None:
    browser = _shared(desk)
    said = token(browser.get("/account")) if token_ == "right" else token_

    answer = browser.post(path, data={} if said is None else {"csrf_token": said}, headers=headers)

    assert answer.status_code == 403
    assert _is_in(browser)


_SHARED: dict[str, httpx.Client] = {}


def _shared(desk: Desk) -> httpx.Client:
    if desk.url not in _SHARED:
        _SHARED[desk.url] = signed_in(desk, desk.person())
    return _SHARED[desk.url]


def test_the_token_of_another_session_is_not_ours(desk: Desk) -> None:
    theirs, browser = signed_in(desk, desk.person()), _shared(desk)

    answer = browser.post("/sign-out", data={"csrf_token": token(theirs.get("/account"))})

    assert answer.status_code == 403


@pytest.mark.parametrize(("fields", "headers"), [
    ({}, {}), ({"csrf_token": "guessed"}, {}), ({"csrf_token": "right"}, {"Origin": "https://evil.example"}),
])
def test_nobody_is_signed_in_by_a_form_of_others(desk: Desk, fields: dict[str, str], headers: dict[str, str]) -> None:
    person, browser = desk.person(), desk.browser()
    said = token(browser.get("/sign-in"))

    answer = browser.post("/sign-in", headers=headers, data={
        "email": person.email, "password": PASSWORD, **{name: value.replace("right", said) for name, value in fields.items()},
    })

    assert answer.status_code == 403
    assert not _is_in(browser)


def test_a_cookie_is_for_no_script_and_no_other_place(desk: Desk) -> None:
    person = desk.person()
    plain, secure = desk.browser(), desk.browser()
    secure.headers["X-Forwarded-Proto"] = "https"            # as a proxy on this machine says it

    form = secure.get("/sign-in")
    name, _, value = _cookies(form)[0].partition(";")[0].partition("=")
    by_https = secure.post("/sign-in", headers={"Cookie": f"{name}={value}"}, data={
        "csrf_token": token(form), "email": person.email, "password": PASSWORD,
    })
    by_http = sign_in(plain, person.email)

    [https], [http] = ([c for c in _cookies(each) if "session" in c.partition("=")[0]] for each in (by_https, by_http))
    assert https.startswith("__Host-regulars_session=")
    assert by_https.headers["strict-transport-security"]
    for cookie, is_https in ((https, True), (http, False)):
        parts = {part.strip().lower() for part in cookie.split(";")}
        assert {"httponly", "samesite=lax", "path=/"} <= parts
        assert ("secure" in parts) is is_https
        assert "domain" not in cookie.lower()


@pytest.mark.parametrize("host", ["desk.example", "[::1", "[desk]", ""])
def test_a_password_is_not_taken_where_others_can_read_it(desk: Desk, host: str) -> None:
    person, browser = desk.person(), desk.browser()
    form = browser.get("/sign-in")

    answer = browser.post("/sign-in", headers={"Host": host}, data={
        "csrf_token": token(form), "email": person.email, "password": PASSWORD,
    })

    assert answer.status_code == 403
    assert "https" in answer.text


def test_pages_work_without_scripts_and_carry_nothing_inline(desk: Desk) -> None:
    _, link = desk.link()

    for page in (desk.browser().get("/sign-in"), desk.browser().get(link), _shared(desk).get("/account")):
        # One script of ours, from a file, for whoever is in; everything works without it.
        assert "<script" not in re.sub(r'<script src="/static/[^"]+" defer></script>', "", page.text)
        assert "style=" not in page.text
        assert not re.search(r"\son\w+=", page.text)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=" + b"x" * 1_100_000, b"&".join([b"a=1"] * 1_100)])
def test_a_form_that_is_none_is_refused(desk: Desk, body: bytes) -> None:
    browser = _shared(desk)

    answer = browser.post("/sign-out", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert answer.status_code == 403
    assert _is_in(browser)


# --- the account -------------------------------------------------------------------------------------------------


def test_a_new_password_signs_out_everywhere_else(desk: Desk) -> None:
    person = desk.person()
    here, there = signed_in(desk, person), signed_in(desk, person)
    before = dict(here.cookies)

    answer = send(here, "/account/password", page="/account", old=PASSWORD, password=OTHER, again=OTHER)

    assert answer.status_code == 303
    assert [_is_in(here), _is_in(there)] == [True, False]
    assert not _is_in(httpx.Client(base_url=desk.url, cookies=before))
    assert [sign_in(desk.browser(), person.email, each).status_code for each in (PASSWORD, OTHER)] == [422, 303]


@pytest.mark.parametrize(("fields", "said"), [
    ({"old": "wrong", "password": OTHER, "again": OTHER}, "not the password you have now"),
    ({"old": PASSWORD, "password": "short", "again": "short"}, "at least 12 characters"),
    ({"old": PASSWORD, "password": OTHER, "again": PASSWORD}, "not the same"),
])
def test_a_password_is_kept_when_the_new_one_will_not_do(desk: Desk, fields: dict[str, str], said: str) -> None:
    browser = _shared(desk)

    answer = send(browser, "/account/password", page="/account", **fields)

    assert answer.status_code == 422
    assert said in answer.text
    assert _is_in(browser)


def test_one_sees_where_one_is_signed_in_and_ends_it(desk: Desk) -> None:
    person = desk.person()
    here, there, far = (signed_in(desk, person) for _ in range(3))
    sessions = {each.session_id for each in desk.book.sessions.of(person.person_id)}

    page = here.get("/account").text
    one = next(each for each in sessions if f"/account/sessions/{each}/end" in page)
    send(here, f"/account/sessions/{one}/end", page="/account")
    left = [_is_in(each) for each in (here, there, far)]
    send(here, "/account/sessions/end-others", page="/account")

    assert page.count("Firefox/140") >= 3
    assert page.count("(this one)") == 1
    assert sorted(left) == [False, True, True]
    assert [_is_in(each) for each in (here, there, far)] == [True, False, False]


def test_nobody_ends_the_session_of_another(desk: Desk) -> None:
    victim = desk.person()
    browser, theirs = _shared(desk), signed_in(desk, victim)
    session_id = desk.book.sessions.of(victim.person_id)[0].session_id

    send(browser, f"/account/sessions/{session_id}/end", page="/account")

    assert _is_in(theirs)
