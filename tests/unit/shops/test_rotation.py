"""What is shown when: every slot once, both variants in every two, nothing while it is stopped."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from regulars.experiments.experiment import Experiment, Variant
from regulars.shops.rotation import Rotated, dealt, showing_at, showings, stops_of
from regulars.shops.shop import Rotation, Shop

HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 2, 2, 6, tzinfo=UTC)      # midnight in Chicago


def rotated(*decisions: tuple[str, datetime], ends: date | None = date(2026, 2, 3), salt: str = "", product: str = "p") -> Rotated:
    return Rotated(
        shop=Shop(name="gear", domain="g.myshopify.com", source="site", timezone="America/Chicago", currency="USD"),
        rotation=Rotation(experiment="gallery", product=product, slot=HOUR), stops=stops_of(decisions),
        experiment=Experiment(
            name="gallery", variants=tuple(Variant(name=name, weight=Fraction(50)) for name in ("base", "test")), control="base",
            primary=(), unit="shop_slot", begins=date(2026, 2, 2), ends=ends, salt=salt,
        ),
    )


def test_slots_follow_each_other_without_a_gap_from_the_first_midnight_of_the_shop_to_the_last() -> None:
    found = list(showings(rotated(), first=BEGIN - HOUR * 100, end=BEGIN + HOUR * 100))

    assert (found[0].begins, found[-1].ends) == (BEGIN, BEGIN + HOUR * 48)
    assert all(one.ends == after.begins for one, after in pairwise(found))
    assert len(found) == 48


@given(block=st.integers(min_value=0, max_value=10_000), salt=st.text(max_size=3))
def test_both_variants_are_shown_in_every_two_slots(block: int, salt: str) -> None:
    one = rotated(salt=salt)

    assert {dealt(one, 2 * block), dealt(one, 2 * block + 1)} == {"base", "test"}


def test_which_variant_is_first_is_as_good_as_tossed() -> None:
    firsts = [dealt(rotated(), 2 * block) for block in range(4000)]
    others = [dealt(rotated(product="q"), 2 * block) for block in range(4000)]

    # Five standard deviations of 4,000 tosses of a coin.
    assert abs(firsts.count("base") - 2000) < 158
    assert abs(sum(a == b for a, b in zip(firsts, others, strict=True)) - 2000) < 158


def test_nothing_is_shown_while_the_experiment_is_stopped_and_slots_go_on_where_they_are() -> None:
    stop, on = BEGIN + HOUR * 2.5, BEGIN + HOUR * 5.5
    one = rotated(("started", BEGIN), ("stopped", stop), ("tripped", stop + HOUR), ("undone", on))

    found = list(showings(one, first=BEGIN, end=BEGIN + HOUR * 8))

    assert [(s.begins - BEGIN, s.ends - BEGIN) for s in found] == [
        (HOUR * a, HOUR * b) for a, b in ((0, 1), (1, 2), (2, 2.5), (5.5, 6), (6, 7), (7, 8))
    ]
    assert [s.variant for s in found[2:4]] == [dealt(one, 2), dealt(one, 5)]


def test_what_is_shown_at_a_moment_is_the_slot_it_lies_in() -> None:
    one = rotated(("winner", BEGIN + HOUR * 10))

    assert showing_at(one, BEGIN - timedelta(microseconds=1)) is None
    assert [getattr(showing_at(one, BEGIN + HOUR * n), "variant", None) for n in (0, 1.999, 9.5, 10)] == [
        dealt(one, 0), dealt(one, 1), dealt(one, 9), None
    ]


def test_an_experiment_without_an_end_goes_on_and_a_draft_shows_nothing() -> None:
    endless, draft = rotated(ends=None), rotated()
    object.__setattr__(draft.experiment, "begins", None)

    assert showing_at(endless, BEGIN + HOUR * 9999) is not None
    assert showing_at(draft, BEGIN) is None
