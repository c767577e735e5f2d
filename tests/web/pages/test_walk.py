"""Every page walked in a real browser on a gym: both themes, as narrow as a telephone, by keyboard, without scripts.

An owner signs in first; the pages of signing in, of a link and of the account are walked like all others.

REGULARS_WALK_SCALE=1 walks a gym of 11,300 customers; it is smaller otherwise, so that it is there sooner.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium, tab, violations
from pages_server import DELIVERY, PASSWORD, WEBHOOK, person, serving

sys.path.insert(0, str(Path(__file__).parents[1]))

from api_server import given_up
from campaigning import declared, half_sent
from invented import shown as invented

from regulars.pipeline.flow import run
from regulars.pipeline.people import invite
from regulars.pipeline.workspace import Workspace
from regulars.testing.gym import generate
from regulars.testing.gym.stage import staged
from regulars.web.pages import result_page
from regulars.web.pages.table import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIGN_IN, LINK, ACCOUNT = "/sign-in", "/invite/{link}", "/account"
OUTSIDE = (SIGN_IN, LINK)                    # before anybody is signed in
PATHS = [*(page.path for page in PAGES), *OUTSIDE, ACCOUNT]
SCALE = float(os.environ.get("REGULARS_WALK_SCALE", "0.02"))
NARROW, WIDE = {"width": 320, "height": 700}, {"width": 1280, "height": 900}

# How the focused element stands out, where it is, and what it is.
FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const all = [...document.querySelectorAll('a[href], button, input, summary, [tabindex]')];
  return {outline: parseFloat(style.outlineWidth) * (style.outlineStyle !== 'none'), place: all.indexOf(one),
          left: box.left, text: (one.textContent || one.name || one.tagName).trim().slice(0, 60), tag: one.tagName};
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """The pages of a gym."""

    url: str
    places: dict[str, str]
    state: Any                               # of a browser in which an owner signed in

    def at(self, template: str) -> str:
        return self.url + template.format(**self.places)

    def options(self, path: str) -> dict[str, Any]:
        """Return how a browser comes to a page: signed in, or not yet."""
        return {} if path in OUTSIDE else {"storage_state": self.state}


def _places(workspace: Workspace) -> dict[str, str]:
    """Somebody with much to see: whoever is in most segments and comes with others."""
    memberships, ties = workspace.table("memberships"), workspace.table("companions")
    tied = ties.select(customer_id=ties.customer_id_1).union(ties.select(customer_id=ties.customer_id_2)).distinct()
    stays = memberships.group_by("customer_id").agg(stays=memberships.count())
    with_ties = stays.semi_join(tied, "customer_id")
    best = workspace.rows(with_ties.order_by(with_ties.stays.desc(), "customer_id").limit(1))[0]["customer_id"]
    segment = workspace.rows(memberships.filter(memberships.customer_id == best).order_by("segment").limit(1))[0]["segment"]
    held = workspace.rows(workspace.table("quarantine").order_by("reason").limit(1))
    return {
        "customer_id": best, "segment": segment, "run_id": workspace.book.runs.last_runs(1)[0].run_id,
        "flow": workspace.project.flows[0].name, "experiment": workspace.project.experiments[0].name, "reason": held[0]["reason"] if held else "missing",
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def gym(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    folder = tmp_path_factory.mktemp("gym")
    world = generate(folder / "world", seed=1, scale=SCALE)
    day = world.last_day - timedelta(days=1)
    patch = pytest.MonkeyPatch()
    # The gym's own experiment has nobody in it after one evening; this one has a course, intervals and a guardrail.
    patch.setattr(result_page, "gather", lambda *_: invented(guarded=(0.05, 0.05)))
    with staged(world, folder, day=day) as stage:
        campaign = declared(stage.project)
        workspace = stage.open(day)
        assert run(workspace).exit_code == 0
        given_up(workspace, DELIVERY)
        half_sent(workspace, campaign)
        email, now = person(workspace, "owner"), workspace.clock.now()
        _, link = invite(workspace.book, "new@desk.example", role="viewer", by="Ada", at=now)
        places = _places(workspace) | {"webhook_id": WEBHOOK, "link": link, "campaign": campaign}
        workspace.close()
        with serving(lambda: stage.open(day), stage.project) as url:
            yield Walked(url=url, places=places, state=_signed_in(browser, url, email))
    patch.undo()


def _signed_in(browser: Browser, url: str, email: str) -> Any:
    """Sign in as a person does, and return what the browser keeps."""
    with tab(browser) as (page, complaints):
        page.goto(f"{url}/settings/people")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        assert page.url == f"{url}/settings/people"
        assert complaints == []
        return page.context.storage_state()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_clean_in_both_themes_and_says_nothing_on_the_console(gym: Walked, browser: Browser, path: str) -> None:
    with tab(browser, color_scheme="light", **gym.options(path)) as (page, complaints):
        page.goto(gym.at(path))
        light, grounds = violations(page), [_ground(page)]
        page.emulate_media(color_scheme="dark")
        dark = violations(page)
        grounds.append(_ground(page))

    assert light == []
    assert dark == []
    assert complaints == []
    assert grounds == ["rgb(251, 251, 250)", "rgb(19, 20, 22)"]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_a_telephone_and_paper(gym: Walked, browser: Browser, path: str) -> None:
    with tab(browser, viewport=NARROW, has_touch=True, **gym.options(path)) as (page, complaints):
        page.goto(gym.at(path))
        width = page.evaluate("document.documentElement.scrollWidth")
        narrow = violations(page)
        page.emulate_media(media="print")
        printed = page.evaluate("[...document.querySelectorAll('.rail, .search')].map(e => getComputedStyle(e).display)")

    assert width <= 320
    assert narrow == []
    assert complaints == []
    assert set(printed) <= {"none"}


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_walked_by_keyboard_in_reading_order_and_the_focus_is_seen(gym: Walked, browser: Browser, path: str) -> None:
    with tab(browser, viewport=WIDE, **gym.options(path)) as (page, _):
        page.goto(gym.at(path))
        page.keyboard.press("Tab")
        first = page.evaluate(FOCUS)
        walked = [first]
        for _step in range(40):
            page.keyboard.press("Tab")
            walked.append(page.evaluate(FOCUS))
        page.goto(gym.at(path))
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        skipped = page.evaluate("document.getElementById('main').contains(document.activeElement)")

    seen = [each for each in walked if each["tag"] != "BODY"]
    assert first["text"] == "Skip to the page"
    assert first["left"] >= 0
    assert [each for each in seen if each["outline"] < 2] == []
    until_the_end = [each["place"] for each in seen]
    turn = next((n for n in range(1, len(until_the_end)) if until_the_end[n] <= until_the_end[n - 1]), len(until_the_end))
    assert turn >= min(12, len(set(until_the_end)))
    assert skipped


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_whole_without_scripts(gym: Walked, browser: Browser, path: str) -> None:
    with tab(browser, java_script_enabled=False, **gym.options(path)) as (page, complaints):
        page.goto(gym.at(path))
        title, ways = page.locator("h1").inner_text(), page.locator("main a, nav a, main button").count()
        shown = page.locator("main").is_visible()

    assert title
    assert shown
    assert ways >= (1 if path in OUTSIDE else 4)
    assert complaints == []


def test_a_customer_is_found_opened_filtered_and_explained_without_scripts(gym: Walked, browser: Browser) -> None:
    with tab(browser, java_script_enabled=False, storage_state=gym.state) as (page, complaints):
        page.goto(gym.at("/customers/{customer_id}"))
        name = page.locator("h1").inner_text()
        page.goto(gym.at("/"))
        page.locator("#search").fill(name)
        page.locator("#search").press("Enter")
        page.locator("tbody th a").filter(has_text=name).first.click()
        page.locator(".chips a").nth(1).click()
        filtered = page.locator(".chips [aria-current]").inner_text()
        page.locator("a", has_text="Why?").first.click()
        rule = page.locator("caption").inner_text()

    assert filtered != "all"
    assert rule.startswith("The rule, line by line")
    assert complaints == []


def test_a_theme_is_chosen_and_kept_without_scripts(gym: Walked, browser: Browser) -> None:
    with tab(browser, java_script_enabled=False, color_scheme="light", storage_state=gym.state) as (page, _):
        page.goto(gym.at("/customers?seen=90"))
        page.get_by_role("button", name="Dark").click()
        at, theme = page.url, page.locator("html").get_attribute("data-theme")
        page.goto(gym.at("/health"))
        kept = page.locator("html").get_attribute("data-theme")

    assert at.endswith("/customers?seen=90")
    assert (theme, kept) == ("dark", "dark")


def test_keys_go_to_pages_and_rows_and_can_be_switched_off(gym: Walked, browser: Browser) -> None:
    with tab(browser, storage_state=gym.state) as (page, complaints):
        page.goto(gym.at("/"))
        page.keyboard.press("g")
        page.keyboard.press("c")
        page.wait_for_url("**/customers")
        page.keyboard.press("j")
        page.keyboard.press("j")
        row = page.evaluate("[...document.querySelectorAll('main tbody th a')].indexOf(document.activeElement)")
        page.keyboard.press("/")
        page.keyboard.type("gh/")
        typed = page.locator("#search").input_value()
        page.get_by_role("button", name="Keys are on").click()
        page.keyboard.press("/")
        off = page.evaluate("document.activeElement.id")

    assert (row, typed, off) == (1, "gh/", "")
    assert complaints == []


def test_an_owner_invites_somebody_who_comes_in_and_leaves_without_scripts(gym: Walked, browser: Browser) -> None:
    with tab(browser, java_script_enabled=False, storage_state=gym.state) as (page, complaints):
        page.goto(gym.at("/settings/people"))
        page.get_by_label("E-mail address").fill("bob@desk.example")
        page.locator("#role").select_option("analyst")
        page.get_by_role("button", name="Make a link").click()
        link = page.locator("[role=status] code").inner_text()

    with tab(browser, java_script_enabled=False) as (page, complaints_of_bob):
        page.goto(link)
        page.get_by_label("Your name").fill("Bob")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("The same again").fill(PASSWORD)
        page.keyboard.press("Enter")
        title, role = page.locator("h1").inner_text(), page.locator(".visitor").inner_text()
        page.get_by_role("button", name="Sign out").click()
        out = page.url

    assert title
    assert role.split()[-2:] == ["Bob", "analyst"]
    assert out == f"{gym.url}/sign-in"
    assert complaints + complaints_of_bob == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_was_wrong_stands_at_its_field_which_has_the_focus(gym: Walked, browser: Browser, scheme: str) -> None:
    with tab(browser, color_scheme=scheme, viewport=NARROW) as (page, _):
        page.goto(gym.at(LINK))
        page.get_by_label("Your name").fill("Eve")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("The same again").fill("something else here")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        at = page.evaluate("[document.activeElement.id, document.activeElement.getAttribute('aria-describedby')]")
        said, kept, found = page.locator("#again-trouble").inner_text(), page.get_by_label("Your name").input_value(), violations(page)

    assert at == ["again", "again-trouble"]
    assert "not the same" in said
    assert kept == "Eve"
    assert found == []


def _ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))
