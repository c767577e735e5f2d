"""The list of customers: found, narrowed, sorted, and gone on with."""

from __future__ import annotations

import re

import pytest
from api_server import PEOPLE
from pages_server import Shown

from regulars.web.pages import customers_page


def names(pages: Shown, **params: str) -> list[str]:
    return [each["name"] for each in pages.client.get("/customers.json", params=params).json()["rows"]]


@pytest.mark.parametrize("text", ["ann lee", "ANN", "ann@lee.example", "(254) 867-5301", "desk/1"])
def test_a_customer_is_found_by_whatever_a_person_has(pages: Shown, text: str) -> None:
    assert "Ann Lee" in names(pages, q=text)
    assert "Ben Ray" not in names(pages, q=text)


def test_a_customer_is_found_by_id(pages: Shown) -> None:
    assert names(pages, q=pages.customer_id) == ["Ann Lee"]


def test_nobody_found_says_what_to_do(pages: Shown) -> None:
    assert "No customer matches" in pages.text("/customers?q=zzz")


def test_facets_count_what_one_more_wish_would_leave(pages: Shown) -> None:
    said = pages.client.get("/customers.json", params={"source": "shop"}).json()
    every = pages.client.get("/customers.json").json()

    assert said["total"] == len(said["rows"])
    assert {each["value"]: each["customers"] for each in every["sources"]}["shop"] == said["total"]
    assert {each["value"]: each["customers"] for each in every["segments"]} == {"regular": PEOPLE}


def test_who_was_seen_lately_and_who_was_not_are_everybody(pages: Shown) -> None:
    counts = {seen: pages.client.get("/customers.json", params={"seen": seen}).json()["total"] for seen in ("90", "longer")}

    assert counts["90"] + counts["longer"] == pages.client.get("/customers.json").json()["total"]


@pytest.mark.parametrize("sort", ["name", "last_seen", "first_seen"])
def test_pages_in_any_order_give_everybody_once(pages: Shown, monkeypatch: pytest.MonkeyPatch, sort: str) -> None:
    monkeypatch.setattr(customers_page, "ROWS", 7)
    found, params = [], {"sort": sort}
    while True:
        said = pages.client.get("/customers.json", params=params).json()
        found += [(each["name"], each[sort], each["customer_id"]) for each in said["rows"]]
        if said["next"] is None:
            break
        params["cursor"] = said["next"]

    assert len({customer_id for *_, customer_id in found}) == len(found) == said["total"]
    known = [value for _, value, _ in found if value is not None]
    assert known == sorted(known, key=str.lower, reverse=sort != "name")
    assert all(value is None for _, value, _ in found[len(known):])


def test_a_sorted_column_says_so_and_its_links_keep_what_narrows(pages: Shown) -> None:
    text = pages.text("/customers?sort=name&segment=regular")

    (header,) = re.findall(r"<th[^>]*aria-sort[^>]*>.*?</th>", text)
    assert 'aria-sort="ascending"' in header
    assert "segment=regular" in header


def test_what_narrows_the_list_can_be_taken_away_one_by_one(pages: Shown) -> None:
    text = pages.text("/customers?segment=regular&seen=7")

    chips = re.findall(r'<a href="([^"]*)">', text[text.index("What narrows"):text.index("</ul>", text.index("What narrows"))])
    assert chips == ["/customers?seen=7", "/customers?segment=regular"]


def test_a_cursor_of_another_list_is_refused(pages: Shown) -> None:
    assert pages.client.get("/customers?cursor=nonsense").status_code == 422
