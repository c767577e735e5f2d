"""What numbers come to: counted over those that somebody was asked about."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from regulars.campaigns.line import Line, counts, kinds

MOBILE, LANDLINE, NOBODYS = (
    Line(is_valid=True, kind="mobile"), Line(is_valid=True, kind="landline"), Line(is_valid=False, kind="mobile"),
)


def test_c5_row_7_shares_are_of_the_answered_and_of_those_that_exist() -> None:
    told = counts([MOBILE] * 600 + [LANDLINE] * 250 + [NOBODYS] * 150, total=1200)

    assert (told.total, told.answered, told.valid, told.mobile) == (1200, 1000, 850, 600)
    assert (told.valid_percent, told.mobile_percent) == (Decimal("85.0"), Decimal("70.6"))


def test_c5_row_6_nothing_counts_as_nothing_and_has_no_share() -> None:
    told = counts([], total=0)

    assert (told.total, told.answered, told.valid, told.mobile) == (0, 0, 0, 0)
    assert (told.valid_percent, told.mobile_percent) == (None, None)


@given(st.lists(st.sampled_from([MOBILE, LANDLINE, NOBODYS])), st.randoms())
def test_the_order_of_answers_never_matters(lines: list[Line], random: Random) -> None:
    mixed = random.sample(lines, len(lines))

    assert counts(mixed, total=len(lines)) == counts(lines, total=len(lines))


def test_a_list_is_told_kinds_and_numbers_that_nobody_has_but_not_what_nobody_knows() -> None:
    told = kinds({"+1": MOBILE, "+2": NOBODYS, "+3": Line(is_valid=True)})

    assert told == {"+1": "mobile", "+2": "nonexistent"}
