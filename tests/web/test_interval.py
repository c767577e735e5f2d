"""An interval is drawn where it is, beside others on one axis, and says so when it goes on."""

from __future__ import annotations

import re
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from regulars.web.interval import Axis, axis_of, characters, svg
from regulars.web.number import percent, quantity

REAL = st.floats(min_value=-1e6, max_value=1e6)
INTERVALS = st.lists(st.tuples(REAL, REAL, REAL).map(lambda ends: tuple(sorted(ends))), min_size=1, max_size=5)
AROUND_ZERO = Axis(low=-1.0, high=1.0)


@given(INTERVALS)
def test_zero_and_every_estimate_are_on_the_axis(intervals: list[tuple[float, float, float]]) -> None:
    axis = axis_of(intervals)

    assert axis.low < 0 < axis.high
    assert all(axis.low <= value <= axis.high for _, value, _ in intervals)


@given(INTERVALS)
def test_a_drawing_has_the_width_asked_for_and_one_dot(intervals: list[tuple[float, float, float]]) -> None:
    axis = axis_of(intervals)

    told = [characters(ends, axis, width=21) for ends in intervals]

    assert all(len(each) == 21 and each.count("●") == 1 for each in told)


def test_one_wild_end_does_not_press_the_others_together() -> None:
    axis = axis_of([(-0.1, 0.0, 0.1), (-0.1, 0.05, 0.2), (-0.2, 0.1, 400.0)])

    assert axis.high < 1
    assert axis.goes_on((-0.2, 0.1, 400.0)) == (False, True)


def test_an_interval_without_ends_is_drawn_with_arrows() -> None:
    axis = axis_of([(-inf, 0.5, inf)])
    told = characters((-inf, 0.5, inf), axis)

    assert (told[0], told[-1]) == ("◂", "▸")
    assert svg((-inf, 0.5, inf), axis, sentence="", is_sure=False).count('class="arrow"') == 2


def test_an_interval_with_ends_has_no_arrow() -> None:
    assert characters((-0.5, 0.0, 0.5), AROUND_ZERO, width=21) == "     ├────●────┤     "
    assert "arrow" not in svg((-0.5, 0.0, 0.5), AROUND_ZERO, sentence="", is_sure=False)


def test_zero_is_marked_inside_and_outside_of_an_interval() -> None:
    assert characters((-0.5, 0.4, 0.5), AROUND_ZERO, width=21)[10] == "┼"
    assert characters((0.2, 0.4, 0.5), AROUND_ZERO, width=21)[10] == "┊"


def test_a_picture_says_in_words_what_it_shows_and_lets_no_markup_in() -> None:
    picture = svg((0.1, 0.2, 0.3), AROUND_ZERO, sentence='+20 % "<b>"', is_sure=True)

    assert 'aria-label="+20 % &quot;&lt;b&gt;&quot;"' in picture


def test_margins_are_drawn_where_they_lie_and_left_out_beyond_the_axis() -> None:
    picture = svg((0.1, 0.2, 0.3), AROUND_ZERO, sentence="", is_sure=True, margins=[-0.5, 7.0])

    assert len(re.findall('class="margin"', picture)) == 1


def test_percent_has_a_decimal_under_ten_and_none_above() -> None:
    assert [percent(each) for each in (0.042, -0.0996, 0.31, -12.0, 0.0, -0.0001)] == [
        "+4.2", "\u221210", "+31", "\u22121,200", "0.0", "0.0"
    ]
    assert [percent(inf), percent(-inf), percent(None)] == ["no end", "no end", "—"]


def test_a_quantity_keeps_three_digits_that_count() -> None:
    assert [quantity(each) for each in (0.16554, 1.976, 43.67, 4367.4, -0.05, 0.0, None)] == [
        "0.166", "1.98", "43.7", "4,367", "\u22120.0500", "0", "—"
    ]
