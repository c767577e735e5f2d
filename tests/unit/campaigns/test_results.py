"""Which variant is better: by what people did, once everybody was sent to, and never one that drives people away."""

from __future__ import annotations

from regulars.campaigns.results import MEASURES, Better, better, differences, share


def counts(sent: int = 1_000, **told: int) -> dict[str, int]:
    return {"sent": sent, **dict.fromkeys(MEASURES, 0), **told}


def judged(*, is_over: bool = True, **variants: dict[str, int]) -> Better:
    return better(variants, differences(variants, control="old"), control="old", is_over=is_over)


def test_more_agreeing_replies_win() -> None:
    found = judged(old=counts(agreed=30), new=counts(agreed=90))

    assert (found.winner, found.measure) == ("new", "agreed")


def test_clicks_decide_where_nobody_agreed() -> None:
    found = judged(old=counts(clicked=30), new=counts(clicked=90))

    assert (found.winner, found.measure) == ("new", "clicked")


def test_agreeing_replies_go_before_clicks() -> None:
    assert judged(old=counts(agreed=50, clicked=10), new=counts(agreed=50, clicked=200)).winner is None


def test_the_control_wins_when_every_other_is_worse() -> None:
    assert judged(old=counts(agreed=90), new=counts(agreed=30), odd=counts(agreed=20)).winner == "old"


def test_a_variant_that_drives_people_away_does_not_win() -> None:
    found = judged(old=counts(agreed=30, left=5), new=counts(agreed=90, left=60))

    assert (found.winner, found.reason) == (None, "it drives people away")


def test_nothing_is_better_while_it_is_sent() -> None:
    assert judged(is_over=False, old=counts(agreed=30), new=counts(agreed=90)).winner is None


def test_a_difference_that_may_be_chance_has_no_winner() -> None:
    assert judged(old=counts(agreed=30), new=counts(agreed=36)).winner is None


def test_opens_are_no_measure() -> None:
    assert not {"opened", "open_rate"} & set(MEASURES)


def test_one_variant_alone_is_compared_with_nothing() -> None:
    assert judged(old=counts(agreed=30)).reason == "there is nothing to compare"


def test_a_share_of_nobody_is_unknown_and_not_zero() -> None:
    assert share(0, of=0).share is None
