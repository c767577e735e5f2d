"""Conditions beyond the published cases: letters that are not ASCII, kinds that do not fit, versions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.errors import DeclarationError
from regulars.flags.condition import OPERATORS, meets
from regulars.flags.targeting import check_shape, check_targeting

PLAIN = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=3)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3))


@pytest.mark.parametrize(("condition", "attributes", "expected"), [
    ({"city": "Köln"}, {"city": "Köln"}, True),
    ({"city": "Köln"}, {"city": "Ko\u0308ln"}, False),                   # as written, not as it looks
    ({"city": {"$ini": ["KÖLN"]}}, {"city": "köln"}, True),
    ({"tags": {"$alli": ["ÉTÉ"]}}, {"tags": ["été", "x"]}, True),
    ({"name": {"$gt": "😀"}}, {"name": "\uff21"}, True),                # UTF-16 order
    ({"name": {"$regex": "^日.$"}}, {"name": "日本"}, True),
    ({"name": {"$regexi": "é$"}}, {"name": "CAFÉ"}, True),
    ({"name": {"$notRegex": "^日"}}, {"name": "日本"}, False),
    ({"name": {"$notRegexi": "É"}}, {"name": "café"}, False),
    ({"ключ.имя": 1}, {"ключ": {"имя": "1"}}, True),
    ({"id": {"$inGroup": "gruppe ü"}}, {"id": "ß"}, True),
])
def test_letters_of_all_scripts_are_compared(condition: dict[str, Any], attributes: dict[str, Any], expected: object) -> None:
    assert meets(attributes, condition, groups={"gruppe ü": ["ß"]}) is expected


@pytest.mark.parametrize(("wanted", "value", "expected"), [
    ("8", 8, True), (8, "8", True), (8, "8 years", False), ("true", True, True), (True, "no", True), (True, 0, False),
    (False, None, False), (0, None, True), ("null", None, True), ("1,2", [1, 2], True), ({"a": 1.0}, {"a": 1}, True),
    ({"$gt": "10"}, "9", True), ({"$gt": 10}, "9", False), ({"$eq": 8}, "8", False), ({"$in": [8]}, "8", False),
    ({"$lt": 1}, "x", False), ({"$gte": 1}, "x", False), ({"$lt": 5}, True, True), ({"$size": 0}, [], True),
    ({"$type": "array"}, [], True), ({"$exists": False}, None, True), ({"$elemMatch": {"$gt": 1}}, [0, None, 2], True),
    ({"$elemMatch": {"$eq": 0}}, [0], True), ({"$elemMatch": {"$lt": 1}}, [None], False),
    ({"$regex": "null"}, None, True), ({"$regex": 5}, "5", False), ({"$notRegex": "("}, "x", True), ({"$huh": 1}, 1, False),
])
def test_kinds_are_converted_as_javascript_does(wanted: Any, value: Any, expected: object) -> None:
    assert meets({"a": value}, {"a": wanted}) is expected


@pytest.mark.parametrize("versions", [
    ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "v1.0.0", "1.0.1", "1.9.0+build7", "1.10.0", "2.0.0-rc.1", "2.0.0"],
])
def test_versions_are_ordered_by_their_numbers(versions: list[str]) -> None:
    for n, version in enumerate(versions):
        above = [meets({"v": other}, {"v": {"$vgt": version}}) for other in versions]
        below = [meets({"v": other}, {"v": {"$vlt": version}}) for other in versions]

        assert above == [m > n for m in range(len(versions))]
        assert below == [m < n for m in range(len(versions))]


@pytest.mark.parametrize(("group", "is_in", "is_outside"), [
    (["a"], True, False), (["b"], False, True), ({"type": "list", "values": ["a"]}, True, False),
    ({"type": "condition", "condition": {}}, False, False), ("a", False, False), (None, False, False),
])
def test_a_group_that_cannot_be_read_has_nobody_inside_or_outside(group: Any, is_in: object, is_outside: object) -> None:
    groups = {"g": group}

    assert meets({"id": "a"}, {"id": {"$inGroup": "g"}}, groups=groups) is is_in
    assert meets({"id": "a"}, {"id": {"$notInGroup": "g"}}, groups=groups) is is_outside


@settings(deadline=None, max_examples=60)
@given(value=VALUES, operand=VALUES, operator=st.sampled_from(sorted(OPERATORS - {"$not", "$size", "$elemMatch"})))
def test_whatever_is_told_an_operator_has_an_answer(value: Any, operand: Any, operator: str) -> None:
    assert meets({"a": value}, {"a": {operator: operand}}) in {True, False}


@settings(deadline=None, max_examples=60)
@given(value=VALUES, operand=VALUES)
def test_opposites_are_opposite(value: Any, operand: Any) -> None:
    for one, other in (("$eq", "$ne"), ("$veq", "$vne"), ("$inGroup", "$notInGroup"), ("$regex", "$notRegex")):
        assert meets({"a": value}, {"a": {one: operand}}) is not meets({"a": value}, {"a": {other: operand}})


@pytest.mark.parametrize(("condition", "path"), [
    ([], ()), ({"$or": {"a": 1}}, ("$or",)), ({"$and": [{"$not": 3}]}, ("$and", 0, "$not")),
    ({"a": {"$elemMatch": 5}}, ("a", "$elemMatch")), ({"a": {"$not": {"$elemMatch": []}}}, ("a", "$not", "$elemMatch")),
])
def test_a_condition_of_another_shape_is_refused_where_it_stands(condition: Any, path: tuple[str | int, ...]) -> None:
    with pytest.raises(DeclarationError) as refused:
        check_shape(condition, ())

    assert refused.value.path == path


@settings(deadline=None, max_examples=60)
@given(condition=st.dictionaries(st.sampled_from(["$or", "$nor", "$and", "$not", "a", "b.c"]), VALUES | st.fixed_dictionaries({
    "$elemMatch": VALUES, "$size": VALUES, "$not": VALUES, "$in": VALUES,
}), max_size=2), attributes=st.dictionaries(st.sampled_from("abc"), VALUES))
def test_a_condition_that_is_let_through_can_be_evaluated(condition: Any, attributes: Any) -> None:
    try:
        check_shape(condition, ())
    except DeclarationError:
        return

    assert meets(attributes, condition) in {True, False}


@pytest.mark.parametrize(("condition", "says"), [
    ({"countri": "US"}, "did you mean 'country'"), ({"country": {"$inn": ["US"]}}, "did you mean '$in'"),
    ({"country": {"$in": "US"}}, "is not a list"), ({"$orr": []}, "did you mean '$or'"), ({"country": {"$regex": "("}}, "is no pattern"),
    ({"$or": [{"country": {"$not": {"$gtt": 1}}}]}, "did you mean '$gt"), ({"country": {"$inGroup": "x"}}, "declares no groups"),
])
def test_a_declared_condition_says_what_would_be_right(condition: Any, says: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        check_targeting(condition, (), attributes=frozenset({"country"}))

    assert says in str(refused.value)
