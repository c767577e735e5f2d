"""Nobody is written to outside the hours of any place they may be in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.consent.place import UNKNOWN_US, Place, area_codes, place_of, state_zones
from regulars.consent.quiet_hours import (
    EVERYWHERE,
    Window,
    business_hours,
    next_allowed,
    next_allowed_of,
    quiet_windows,
    sending_hours,
)

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
VECTORS = SHARED / "webhooks" / "quiet_hours_vectors.json"
RULES = SHARED / "specs" / "us_quiet_hours.json"
ZONES = sorted({*UNKNOWN_US, "America/Boise", "America/Detroit", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu"})
moments = st.integers(0, 5 * 365 * 86_400).map(lambda second: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=second))
places = st.builds(
    Place, zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True).map(lambda z: tuple(sorted(z))),
    states=st.lists(st.sampled_from([*sorted(sending_hours()), "NY"]), max_size=2, unique=True).map(tuple),
)


def is_open(at: datetime, place: Place) -> bool:
    """The rule as it is said, one clock after the other."""
    rules = [sending_hours()[rule] for rule in (EVERYWHERE, *place.states) if rule in sending_hours()]
    for zone in place.zones:
        local = at.astimezone(ZoneInfo(zone))
        now = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
        for week in rules:
            start, end = (timedelta(minutes=minute) for minute in week[local.weekday()])
            if not start <= now < end:
                return False
    return True


@pytest.mark.skipif(not VECTORS.exists(), reason="the recorded decisions are not on this machine")
def test_recorded_decisions_are_ours() -> None:
    cases = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
    wrong = []
    for case in cases:
        at = datetime.fromisoformat(case["now_utc"])
        states = () if case["state"] == "FED" else (case["state"],)
        found = next_allowed(at, quiet_windows(Place(zones=tuple(case["candidate_zones"]), states=states)))
        if (found == at) != case["allowed"] or found != datetime.fromisoformat(case["next_allowed_utc"]):
            wrong.append(case["name"])

    assert len(cases) > 30
    assert wrong == []


@pytest.mark.skipif(not RULES.exists(), reason="the table of state rules is not on this machine")
def test_the_rules_of_the_states_are_those_of_the_table() -> None:
    told = json.loads(RULES.read_text(encoding="utf-8"))["windows"]

    ours = {("FED" if state == EVERYWHERE else state): week for state, week in sending_hours().items()}
    assert ours == {state: tuple((60 * a + b, 60 * c + d) for a, b, c, d in week) for state, week in told.items()}


@given(moments, places)
def test_a_message_waits_for_the_next_opening_and_no_longer(at: datetime, place: Place) -> None:
    found = next_allowed(at, quiet_windows(place))

    if found is None:
        steps = (at.replace(minute=0, second=0) + timedelta(minutes=15 * n) for n in range(8 * 96))
        assert not any(is_open(step, place) for step in steps)
        return
    assert is_open(found, place)
    assert (found == at) == is_open(at, place)
    # Rules change on whole minutes, zones by quarters of an hour at most: nothing was open in between.
    between = [at + (found - at) * n / 40 for n in range(40)]
    assert found == at or not any(is_open(moment, place) for moment in [*between, found - timedelta(seconds=1)])


def test_many_are_decided_as_one_is() -> None:
    rng = Random(5)
    some = [Place(zones=tuple(sorted(rng.sample(ZONES, 2))), states=(rng.choice(sorted(sending_hours())),)) for _ in range(20)]
    windows = [*(quiet_windows(place) for place in some), ()]
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    at = [begin + timedelta(seconds=rng.randrange(365 * 86_400)) for _ in range(2_000)]
    which = [rng.randrange(len(windows)) for _ in at]

    found = next_allowed_of(
        np.array([moment.replace(tzinfo=None) for moment in at], "datetime64[s]"), np.array(which), windows
    )

    alone = [next_allowed(moment, windows[place]) for moment, place in zip(at, which, strict=True)]
    assert [None if np.isnat(f) else f.astype(datetime).replace(tzinfo=UTC) for f in found] == alone


def test_business_hours_narrow_the_day_and_a_closed_day_is_skipped() -> None:
    desk = business_hours("America/Chicago", ["09:00-18:00"] * 5 + ["", ""])
    friday_evening = datetime(2026, 7, 18, 0, 0, tzinfo=UTC)

    monday = next_allowed(friday_evening, [desk, *quiet_windows(Place(zones=("America/Los_Angeles",)))])

    assert monday == datetime(2026, 7, 20, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize("hours", [["09:00-18:00"] * 6, ["18:00-09:00"] * 7, ["9-18"] * 7])
def test_hours_that_do_not_read_are_refused(hours: list[str]) -> None:
    with pytest.raises(ValueError):
        business_hours("UTC", hours)


def test_a_local_time_that_comes_twice_is_read_to_be_late() -> None:
    night = Window(zone="America/New_York", week=((90, 480),) * 7)
    first_half_past_one = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)

    assert next_allowed(first_half_past_one, [night]) == first_half_past_one + timedelta(hours=1)


def test_hours_that_never_meet_open_never() -> None:
    shut = Window(zone="UTC", week=((0, 0),) * 7)

    assert next_allowed(datetime(2026, 1, 1, tzinfo=UTC), [shut]) is None


def test_without_a_window_any_hour_will_do() -> None:
    midnight = datetime(2026, 1, 1, tzinfo=UTC)

    assert next_allowed(midnight, []) == midnight


def test_everything_that_speaks_for_a_place_counts() -> None:
    place = place_of(phone="+12084565678", state="fl", zone="Asia/Tokyo", business_zone="America/Chicago")

    assert {"America/Boise", "America/Los_Angeles", "America/Chicago", "America/New_York", "Asia/Tokyo"} <= set(place.zones)
    assert place.states == ("FL", "ID")


@pytest.mark.parametrize(("phone", "zones"), [
    ("+18504321234", ("America/Chicago", "America/New_York")),
    ("+18002255288", UNKNOWN_US),
    (None, UNKNOWN_US),
    ("+442071838750", ("Europe/London",)),
    ("+1", UNKNOWN_US),
    ("nonsense", UNKNOWN_US),
])
def test_a_number_speaks_for_all_zones_of_its_area(phone: str | None, zones: tuple[str, ...]) -> None:
    assert place_of(phone=phone, business_zone="America/Chicago").zones == zones


def test_elsewhere_an_unknown_place_is_that_of_the_business() -> None:
    assert place_of(business_zone="Europe/Madrid", country="ES").zones == ("Europe/Madrid",)


def test_all_zones_of_the_facts_exist() -> None:
    assert all(ZoneInfo(zone) for entry in area_codes().values() for zone in entry["zones"])
    assert len(state_zones()) >= 51
