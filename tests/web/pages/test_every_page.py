"""What holds of every page: who may look, what it is as JSON and CSV, what it forbids, what it says of errors."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import httpx
import pytest
from api_server import ADDRESSES, made, opened
from pages_server import PASSWORD, Shown, person, serving, showing

from regulars.web.assets import asset
from regulars.web.pages.table import PAGES

PATHS = [page.path for page in PAGES]
TWINS = [f"{page.twin}.{kind}" for page in PAGES for kind in ("json", *(["csv"] if page.csv else []))]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_a_title_a_sentence_and_one_word_of_the_navigation(pages: Shown, path: str) -> None:
    text = pages.text(path)

    assert text.count("<h1>") == 1
    assert re.search(r'<p class="answer">\w', text)
    assert len(re.findall(r'<nav class="rail".*?</nav>', text, re.DOTALL)[0].split('aria-current="page"')) == 2


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_safe_by_its_headers_and_has_neither_script_nor_style_among_its_markup(pages: Shown, path: str) -> None:
    answer = pages.client.get(pages.path(path))

    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<style|style=|<script>|\son\w+=|https?://(?!www\.w3\.org)", answer.text)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_that_did_not_change_is_not_sent_again(pages: Shown, path: str) -> None:
    first = pages.client.get(pages.path(path))

    second = pages.client.get(pages.path(path), headers={"If-None-Match": first.headers["etag"]})

    assert (second.status_code, second.content) == (304, b"")
    assert "private" in first.headers["cache-control"]


@pytest.mark.parametrize("path", TWINS)
def test_the_twins_of_a_page_are_read_by_programs(pages: Shown, path: str) -> None:
    answer = pages.client.get(pages.path(path))

    assert answer.status_code == 200
    if path.endswith(".json"):
        assert answer.json()
    else:
        assert len(next(csv.reader(io.StringIO(answer.text)))) > 1


@pytest.mark.parametrize("path", [*PATHS, *TWINS])
def test_nobodys_address_or_number_is_anywhere(pages: Shown, path: str) -> None:
    text = pages.text(path)

    assert [each for each in ADDRESSES if each in text] == []


@pytest.mark.parametrize("path", PATHS)
def test_a_parameter_nobody_knows_is_refused_within_the_page(pages: Shown, path: str) -> None:
    answer = pages.client.get(pages.path(path), params={"nobody": "knows"})

    assert answer.status_code == 422
    assert "There is no" in answer.text
    assert "Back to the overview" in answer.text


@pytest.mark.parametrize("path", ["/customers/c_nobody", "/customers/{customer_id}/why/nothing", "/experiments/nothing",
                                  "/campaigns/nothing", "/campaigns/nothing/people", "/flows/nothing",
                                  "/health/runs/nothing", "/health/webhooks/nothing", "/health/quarantine/nothing", "/?metric=nothing"])
def test_what_is_not_there_is_said_with_its_code_and_the_navigation_stays(pages: Shown, path: str) -> None:
    answer = pages.client.get(pages.path(path))

    assert answer.status_code == 404
    assert "not-found" in answer.text
    assert "Data health" in answer.text


@pytest.mark.parametrize("path", [*PATHS, *TWINS])
def test_nobody_is_shown_a_page_without_signing_in(pages: Shown, path: str) -> None:
    answer = httpx.get(pages.client.base_url.join(pages.path(path)))

    assert answer.status_code == (401 if path in TWINS else 303)
    assert "Ann" not in answer.text


def test_before_the_first_run_pages_say_what_to_type_and_health_is_there(tmp_path: Path) -> None:
    folder = made(tmp_path / "new", name="New", stores=tmp_path)

    workspace = opened(folder)
    email = person(workspace, "viewer")
    workspace.close()

    with serving(lambda: opened(folder), folder) as url, httpx.Client(base_url=url, timeout=60) as browser:
        form = re.findall(r'name="csrf_token" value="([^"]+)"', browser.get("/sign-in").text)
        browser.post("/sign-in", data={"csrf_token": form[0], "email": email, "password": PASSWORD})
        first, health = browser.get("/customers"), browser.get("/health")

    assert "<code>regulars run</code>" in first.text
    assert "Nothing was run yet" in health.text
    assert (first.status_code, health.status_code) == (200, 200)


def test_the_sheet_of_a_page_has_a_name_of_its_content_and_is_kept_for_ever(pages: Shown) -> None:
    found = asset("regulars.css")

    answer = pages.client.get(found.path)

    assert found.path in pages.text("/")
    assert answer.content == found.body
    assert "immutable" in answer.headers["cache-control"]
    assert pages.client.get(found.path.replace(".css", "0.css")).status_code == 404


def test_a_chosen_theme_is_kept_and_another_sites_address_is_not_gone_to(pages: Shown) -> None:
    chosen = pages.client.post("/theme", data={"theme": "dark", "next": "/customers?seen=7"})
    away = [pages.client.post("/theme", data={"theme": "dark", "next": to}).headers["location"]
            for to in ("//evil.example", "/\\evil.example", "https://evil.example")]
    dark = pages.client.get("/")
    pages.client.cookies.delete("theme")

    assert (chosen.status_code, chosen.headers["location"]) == (303, "/customers?seen=7")
    assert "theme=dark" in chosen.headers["set-cookie"]
    assert away == ["/", "/", "/"]
    assert '<html lang="en" data-theme="dark">' in dark.text


def test_who_signed_in_is_named_and_signs_out_from_every_page(pages: Shown) -> None:
    text = pages.text("/")

    assert "Ada" in text
    assert f'action="/sign-out"><input type="hidden" name="csrf_token" value="{pages.token}"' in text
    assert 'href="/account"' in text


def test_what_a_role_may_not_is_not_offered(desk: Path) -> None:
    with showing(desk, as_="viewer") as shown:
        text = shown.text("/")

    assert "/settings" not in text


def test_a_large_form_is_refused(pages: Shown) -> None:
    assert pages.client.post("/theme", content=b"a=" + b"x" * 1_100_000).status_code == 403
