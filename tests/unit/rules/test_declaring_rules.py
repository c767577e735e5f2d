"""A rule that cannot mean anything is refused with the place of the mistake and what would be right."""

from __future__ import annotations

import pytest

from regulars.errors import DeclarationError
from regulars.events.vocabulary import Vocabulary
from regulars.rules.declare import declare_condition
from regulars.rules.segment import declare, in_order, with_dependencies

KNOWN = Vocabulary(
    events={"check_in": frozenset({"kind"}), "party": frozenset({"party_day"})},
    segments=frozenset({"member", "lapsed"}),
    traits=frozenset({"email"}),
)

WRONG = [
    ({"cout": "check_in"}, ("cout",), "did you mean 'count'?"),
    ({"count": "chek_in"}, ("count",), "did you mean 'check_in'?"),
    ({"count": ["check_in", "chek_in"]}, ("count", 1), "did you mean 'check_in'?"),
    ({"count": "check_in", "where": {"knd": "x"}}, ("where", "knd"), "did you mean 'kind'?"),
    ({"count": "check_in", "where": {"kind": {"contain": "x"}}}, ("where", "kind", "contain"), "did you mean 'contains'?"),
    ({"count": "check_in", "where": {"kind": {"matches": "("}}}, ("where", "kind", "matches"), "missing )"),
    ({"count": "check_in", "withn": "3 days"}, ("withn",), "did you mean 'within'?"),
    ({"count": "check_in", "within": "3 hours"}, ("within",), "1 day"),
    ({"count": "check_in", "within": "soon"}, ("within",), "3 days"),
    ({"count": "check_in", "between": ["3 days", "60 days"]}, ("between",), "older end comes first"),
    ({"count": "check_in", "within": "3 days", "ever": True}, ("ever",), "keep one"),
    ({"count": "check_in", "at_least": "many"}, ("at_least",), "3 days"),
    ({"count": "check_in", "sum": "kind"}, ("sum",), "under `all:`"),
    ({"sum": "amount", "of": "check_in", "at_least": 1}, ("sum",), "known: "),
    ({"days_since": "check_in"}, (), "at_least"),
    ({"all": [{"count": "check_in"}, {"not": {"count": "chek_in"}}]}, ("all", 1, "not", "count"), "check_in"),
    ({"all": []}, ("all",), "one `- {…}` a line"),
    ({"member_of": "membr"}, ("member_of",), "did you mean 'member'?"),
    ({"trait": "emial", "is": "missing"}, ("trait",), "did you mean 'email'?"),
    ({"trait": "email"}, (), "is: missing"),
    ({"last": ["check_in"], "is": "party"}, ("is",), "check_in"),
    ({"sequence": [{"entered": "lapsd"}, {"event": "check_in"}]}, ("sequence", 0, "entered"), "did you mean 'lapsed'?"),
    ({"sequence": [{"event": "check_in"}]}, ("sequence",), "later second"),
    ({"trend": "check_in"}, ("ratio_below",), "ratio_below: 0.5"),
    ({"on_date": "party_day", "of": "party"}, ("in_days",), "in_days: [1, 7]"),
    ({"spend": "nett", "at_least": 1}, ("spend",), "net"),
    ({"age": {"under": 18}}, ("age", "under"), "below"),
    ({"minor": "yes"}, ("minor",), "true or false"),
    ({"bucket": "k", "from": 9, "below": 3}, (), "0 to 10000"),
    ({"condition": "weather"}, ("condition",), "nothing is declared yet"),
    (["count"], (), "count: EVENT"),
]


@pytest.mark.parametrize(("data", "path", "hint"), WRONG, ids=[str(data) for data, _, _ in WRONG])
def test_a_mistake_is_named_with_its_place_and_what_would_be_right(data, path, hint) -> None:
    with pytest.raises(DeclarationError) as refused:
        declare_condition(data, ("when",), known=KNOWN)

    assert refused.value.path == ("when", *path)
    assert hint in str(refused.value)


def test_segments_that_ask_each_other_in_a_circle_are_refused_by_name() -> None:
    circle = [declare(a, {"when": {"member_of": b}}) for a, b in (("x", "y"), ("y", "z"), ("z", "x"))]

    with pytest.raises(DeclarationError, match="x -> y -> z -> x"):
        in_order(circle)


def test_a_segment_comes_after_those_it_asks_about() -> None:
    segments = [declare("a", {"when": {"member_of": "b"}}), declare("b", {"when": {"member_of": "c"}}),
                declare("c", {"when": {"count": "check_in"}}), declare("d", {"when": {"count": "check_in"}})]

    assert [segment.name for segment in in_order(segments)] == ["c", "b", "a", "d"]
    assert [segment.name for segment in with_dependencies(segments, "b")] == ["c", "b"]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, ()),
        ({"when": {"count": "x"}, "priority": "urgent"}, ("priority",)),
        ({"when": {"count": "x"}, "holds_for": "0 days"}, ("holds_for",)),
        ({"when": {"count": "x"}, "examples": [{"given": [], "expect": "maybe"}]}, ("examples", 0, "expect")),
        ({"when": {"count": "x"}, "data": {"n": {"cnt": "x"}}}, ("data", "n")),
        ({"when": {"count": "x"}, "hold_for": "3 days"}, ("hold_for",)),
    ],
)
def test_a_segment_says_where_its_mistake_is(data, path) -> None:
    with pytest.raises(DeclarationError) as refused:
        declare("s", data)

    assert refused.value.path == path


def test_a_sentence_reads_as_the_rule_is_meant() -> None:
    rule = declare_condition({"count": "check_in", "where": {"kind": "day_pass"}, "between": ["60 days", "3 days"], "is": 0})

    assert rule.sentence() == "number of check_in where kind is day_pass, 4 to 60 days ago: 0"
