"""The overview: what happened on the last day that is over, and what needs somebody."""

from __future__ import annotations

from datetime import timedelta

from api_server import NOW, PEOPLE
from markupsafe import escape
from pages_server import ODD, Shown


def test_a_metric_stands_with_its_value_on_the_last_day_that_is_over(pages: Shown) -> None:
    said = pages.client.get("/overview.json").json()

    (visits,) = [each for each in said["metrics"] if each["metric"] == "visits"]
    # Everybody came yesterday, and member n also on the n % 5 days before.
    assert said["day"] == (NOW.date() - timedelta(days=1)).isoformat()
    assert visits["value"] == PEOPLE
    assert visits["days"][-2:] == [sum(n % 5 >= 1 for n in range(1, PEOPLE + 1)), PEOPLE]


def test_a_ratio_is_divided_and_a_day_before_any_data_is_no_zero(pages: Shown) -> None:
    said = pages.client.get("/overview.json").json()

    (each,) = [each for each in said["metrics"] if each["metric"] == "visits_each"]
    assert each["value"] == 1
    assert each["usual"] is None
    assert each["days"][0] is None


def test_choosing_a_metric_draws_it_with_its_numbers_beneath(pages: Shown) -> None:
    text = pages.text("/?metric=visitors")

    assert "Visitors by day" in text
    assert "Show the numbers" in text
    assert 'fill="var(--v1)"' in text


def test_a_metric_is_drawn_whatever_its_title(pages: Shown) -> None:
    text = pages.text("/?metric=odd")

    assert f"{escape(ODD)} by day" in text
    assert "Show the numbers" in text


def test_segments_say_who_came_since_yesterday(pages: Shown) -> None:
    said = pages.client.get("/overview.json").json()

    assert said["segments"] == [{"segment": "regular", "title": "Regular", "members": PEOPLE, "entered": PEOPLE, "left": 0}]


def test_experiments_that_run_stand_with_their_day(pages: Shown) -> None:
    said = pages.client.get("/overview.json").json()

    running = [(each["experiment"], each["days"], each["units"]) for each in said["experiments"]]
    assert running == [("gallery", 25, 0), ("greeting", 21, PEOPLE)]
