"""A question is made once, and again when a table of the lake is another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from regulars.pipeline.own import places_for, values_of
from regulars.pipeline.workspace import Questions


def test_what_was_made_is_kept_while_no_table_changes() -> None:
    made, questions = list[int](), Questions()

    for _ in range(3):
        questions.get("who", lambda: made.append(1), versions={"customers": 1})

    assert made == [1]


def test_it_is_made_anew_when_any_table_is_another() -> None:
    questions = Questions()

    found = [questions.get("who", lambda n=n: n, versions={"customers": n, "events": 7}) for n in (1, 1, 2)]

    assert found == [1, 1, 2]


def test_no_more_is_kept_than_may_be() -> None:
    questions = Questions(most=2)

    found = [questions.get(key, lambda n=n: n, versions={}) for n, key in enumerate(["a", "b", "c", "b"])]

    assert found == [0, 1, 2, 3]


@given(st.lists(st.tuples(st.sampled_from(["desk", "shop"]), st.text(max_size=3)), max_size=9))
def test_the_places_of_profiles_hold_exactly_these_profiles(profiles: list[tuple[str, str]]) -> None:
    values, places = values_of(profiles), places_for(profiles)

    assert {(values[f"source_{n}"], values[f"profile_{n}"]) for n in range(places)} == set(profiles)
