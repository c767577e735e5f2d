"""The picture of a flow: a box a step, ways that go round never run into each other, nothing in it is markup."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from regulars.web.flow_picture import Box, Way, picture

PLACES = st.integers(2, 9)


def _drawn(count: int, ways: list[Way]) -> str:
    return picture([Box(name=f"s{n}", words="says <hello>", number=f"{n} rest") for n in range(count)], ways, sentence="a & b")


def test_each_step_is_a_box_and_what_people_wrote_is_no_markup() -> None:
    drawn = _drawn(3, [Way(start=-1, end=0, words="at once"), Way(start=0, end=1, words="<b>"), Way(start=1, end=2, words="")])

    assert drawn.count('<rect class="step"') == 3
    assert "says &lt;hello&gt;" in drawn
    assert "<b>" not in drawn
    assert 'aria-label="a &amp; b"' in drawn


@given(st.lists(st.tuples(st.integers(-1, 7), st.integers(2, 9)), max_size=12, unique=True))
def test_ways_that_go_round_beside_each_other_have_lanes_of_their_own(pairs: list[tuple[int, int]]) -> None:
    ways = [Way(start=start, end=end, words="") for start, end in pairs if end - start > 1]

    paths = [tuple(map(int, each)) for each in re.findall(r'd="M\d+ (\d+) H(\d+) V(\d+) H\d+"', _drawn(10, ways))]

    assert len(paths) == len(ways)
    by_lane: dict[int, list[tuple[int, int]]] = {}
    for top, lane, end in paths:
        by_lane.setdefault(lane, []).append((top, end))
    for spans in by_lane.values():
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(spans)))
