"""Requests for pages that nobody makes by clicking: odd names, fields and methods, cursors of another list."""

from __future__ import annotations

import re
from dataclasses import fields
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
from api_server import NOW, lost, opened
from pages_server import Shown

from regulars.pipeline.workspace import Workspace
from regulars.runs.run import StepResult
from regulars.web.pages import customers_page, messages_page
from regulars.web.pages.page import DashboardPage
from regulars.web.pages.table import FORMS, PAGES

LISTS = [page for page in PAGES if "cursor" in {each.name for each in fields(page.query)}]
ODD = ["\0", "a\0b", "\ud800", "-1", str(10**30), "NaN", "[]", "x" * 10_000, "\u202e", "..", "%s{0}{{x}}", "\r\nSet-Cookie: a=b"]


def _odd(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def _name(page: DashboardPage) -> str:
    return page.name


def _paths(page: DashboardPage) -> list[str]:
    return [page.path, f"{page.twin}.json", *([f"{page.twin}.csv"] if page.csv else [])]


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_odd_names_and_parameters_are_answered_and_are_no_trouble(pages: Shown, page: DashboardPage) -> None:
    asked = [
        f"{pages.path(path)}?{each.name}={_odd(text)}"
        for path in _paths(page) for each in fields(page.query) for text in ODD
    ] + [
        pages.path(path.replace(f"{{{part}}}", "@")).replace("@", _odd(text))
        for path in _paths(page) for part in re.findall(r"{(\w+)}", path) for text in ODD
    ]

    found = {path: pages.client.get(path) for path in asked}

    assert {answer.status_code for answer in found.values()} <= {200, 404, 422}
    assert not [path for path, answer in found.items() if "Traceback" in answer.text or "set-cookie" in answer.headers]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_odd_names_in_the_path_of_a_form_are_refused(pages: Shown, form: Any) -> None:
    paths = [
        pages.path(form.path.replace(f"{{{part}}}", "@")).replace("@", _odd(text))
        for part in re.findall(r"{(\w+)}", form.path) if part in {"customer_id", "webhook_id", "campaign", "flow"}
        for text in ODD
    ]

    answers = [pages.client.post(path, data={"csrf_token": pages.token}) for path in paths]

    assert {answer.status_code for answer in answers} <= {404, 409}


@pytest.mark.parametrize("path", ["/sign-in", "/theme", "/customers/{customer_id}/reveal", "/account/password"])
def test_a_field_of_a_form_that_no_store_keeps_is_refused(pages: Shown, path: str) -> None:
    answer = pages.client.post(pages.path(path), data={"csrf_token": pages.token, "email": "a\0b", "next": "/"})

    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/account/sessions/%00/end", "/invite/a%00_b"])
def test_a_name_that_no_store_keeps_is_nobodys_session_and_no_link(pages: Shown, path: str) -> None:
    assert pages.client.post(path, data={"csrf_token": pages.token}).status_code in {403, 404}
    assert pages.client.get("/invite/a%00_b").status_code == 404


@pytest.mark.parametrize("page", [page for page in PAGES if fields(page.query)], ids=_name)
def test_a_parameter_that_stands_there_twice_is_refused_and_not_chosen_from(pages: Shown, page: DashboardPage) -> None:
    name = fields(page.query)[0].name

    answers = [pages.client.get(f"{pages.path(path)}?{name}=a&{name}=b") for path in _paths(page)]

    assert {answer.status_code for answer in answers} == {422}
    assert "twice" in answers[0].text


@pytest.mark.parametrize("page", LISTS, ids=_name)
def test_a_cursor_of_another_list_is_refused(pages: Shown, monkeypatch: pytest.MonkeyPatch, page: DashboardPage) -> None:
    cursors = _cursors(pages, monkeypatch)

    refused = {
        of: pages.client.get(pages.path(page.path), params={"cursor": cursor}).status_code
        for of, cursor in cursors.items() if of != page.name
    }

    assert set(refused.values()) == {422}, refused


def _cursors(pages: Shown, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A cursor of each of two lists whose places look like those of others."""
    workspace = opened(pages.folder)
    lost(workspace)
    lost(workspace)
    workspace.close()
    shortened: dict[str, ModuleType] = {"customers": customers_page, "messages": messages_page}
    for module in shortened.values():
        monkeypatch.setattr(module, "ROWS", 1)
    return {name: pages.client.get(f"/{name}.json").json()["next"] for name in shortened}


def test_a_cursor_leads_on_in_its_own_list_and_in_its_own_order(pages: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customers_page, "ROWS", 1)
    first = pages.client.get("/customers.json", params={"sort": "name"}).json()

    same, other = (pages.client.get("/customers.json", params={"sort": order, "cursor": first["next"]})
                   for order in ("name", "last_seen"))

    assert same.json()["rows"][0]["name"] > first["rows"][0]["name"]
    assert (other.status_code, other.json()["type"]) == (422, "urn:regulars:request-meaningless")


def test_nobody_can_be_revealed_who_is_not_there_and_nothing_is_written_down(pages: Shown) -> None:
    answer = pages.client.post("/customers/c_nobody/reveal", data={"csrf_token": pages.token})

    workspace = opened(pages.folder)
    subjects = [each.subject for each in workspace.book.audit.lines(limit=100)]
    workspace.close()
    assert answer.status_code == 404
    assert "c_nobody" not in subjects


def test_the_error_of_a_step_names_nobody_to_people_and_to_programs(pages: Shown) -> None:
    workspace = opened(pages.folder)
    run_id = _failed(workspace, "no way for ann@lee.example and +12548675302")
    workspace.close()

    texts = [pages.client.get(f"/health/runs/{run_id}{kind}").text for kind in ("", ".json", ".csv")]

    assert all("no way for a•••@lee.example and +1•••••5302" in text for text in texts)


def _failed(workspace: Workspace, error: str) -> str:
    book = workspace.book.runs
    run_id = book.start_run("run", NOW.replace(year=2025))
    book.start_step(run_id, "take", NOW)
    book.finish_step(run_id, StepResult(name="take", outcome="failed", seconds=1.0, error=error), NOW)
    book.finish_run(run_id, "failed", NOW)
    return run_id
