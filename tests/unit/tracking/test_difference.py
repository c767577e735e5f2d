"""What changes from plan to plan is named, and what breaks senders is told from what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.cli.main import main_group
from regulars.sources.tracking.difference import differences
from regulars.sources.tracking.plan import declare
from regulars.sources.tracking.schema import compiled

TOTAL = {"required": ["total"], "properties": {"total": {"type": "number", "minimum": 0}}}


def changed(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[bool, str, str, str]]:
    found = differences(declare("site", old), declare("site", new))
    return [(one.is_breaking, one.where, one.place, one.said) for one in found]


def of_schema(old: Any, new: Any) -> list[tuple[bool, str, str]]:
    plans = [{"track": {"Paid": {"properties": schema}}} for schema in (old, new)]
    return [(breaks, place, said) for breaks, _, place, said in changed(*plans)]


@pytest.mark.parametrize(("old", "new", "expected"), [
    (TOTAL, TOTAL, []),
    ({}, {"required": ["id"]}, [(True, "properties.id", "is required now")]),
    (TOTAL, {"properties": TOTAL["properties"]}, [(False, "properties.total", "is required no longer")]),
    ({"properties": {"n": {"type": "number"}}}, {"properties": {"n": {"type": "integer"}}},
     [(True, "properties.n", "number became integer")]),
    ({"properties": {"n": {"type": "integer"}}}, {"properties": {"n": {"type": ["number", "string"]}}},
     [(False, "properties.n", "integer became number or string")]),
    ({"properties": {"n": {}}}, {"properties": {"n": {"type": "null"}}}, [(True, "properties.n", "any type became null")]),
    ({"properties": {"p": {"enum": ["day", "month"]}}}, {"properties": {"p": {"enum": ["month", "year"]}}},
     [(True, "properties.p", "'day' is allowed no longer"), (False, "properties.p", "'year' is allowed too")]),
    ({"properties": {"p": {}}}, {"properties": {"p": {"const": 1}}}, [(True, "properties.p", "only 1 is allowed now")]),
    ({"properties": {"p": {"enum": [1]}}}, {"properties": {"p": {}}}, [(False, "properties.p", "any value is allowed now")]),
    (TOTAL, {**TOTAL, "properties": {"total": {"type": "number", "minimum": 1}}},
     [(True, "properties.total", "minimum 0 became 1")]),
    (TOTAL, {**TOTAL, "properties": {"total": {"type": "number"}}}, [(False, "properties.total", "minimum 0 is gone")]),
    ({"properties": {"n": {"maxLength": 5}}}, {"properties": {"n": {"maxLength": 9}}},
     [(False, "properties.n", "maxLength 5 became 9")]),
    ({}, {"properties": {"n": {"type": "string"}}}, [(False, "properties.n", "is planned now")]),
    (TOTAL, {"required": ["total"]}, [(False, "properties.total", "is planned no longer")]),
    ({}, {"additionalProperties": False}, [(True, "properties.*", "additionalProperties True became False")]),
    ({"properties": {"n": {}}, "additionalProperties": False}, {"additionalProperties": False},
     [(True, "properties.n", "is planned no longer")]),
    ({"properties": {"l": {"items": {"type": "string"}}}}, {"properties": {"l": {"items": {"type": "number"}}}},
     [(True, "properties.l[]", "string became number")]),
    ({"properties": {"d": {}}}, {"properties": {"d": {"format": "date"}}}, [(True, "properties.d", "format is 'date' now")]),
    ({"anyOf": [{"required": ["a"]}]}, {}, [(False, "properties", "anyOf [{'required': ['a']}] is gone")]),
    ({"properties": {"n": {"title": "N"}}}, {"properties": {"n": {"description": "an N"}}}, []),
    ({"properties": {"n": {}}}, {"properties": {"n": False}}, [(True, "properties.n", "nothing is allowed now")]),
])
def test_a_schema_is_compared_word_by_word(old: Any, new: Any, expected: list[tuple[bool, str, str]]) -> None:
    assert of_schema(old, new) == expected


@pytest.mark.parametrize(("old", "new", "expected"), [
    ({"track": {"Paid": {}}}, {"track": {}}, [(False, "track Paid", "", "is planned no longer, and allowed as unplanned")]),
    ({"on_unplanned": "block", "track": {"Paid": {}}}, {"on_unplanned": "block", "track": {}},
     [(True, "track Paid", "", "is planned no longer, and not kept as unplanned")]),
    ({}, {"on_unplanned": "block", "track": {}},
     [(True, "every", "on_unplanned", "allow became block"),
      (True, "track", "", "events that the plan does not name are unplanned now")]),
    ({"track": {}}, {"track": {"Paid": {"properties": TOTAL}}}, [(False, "track Paid", "", "is planned now")]),
    ({}, {"identify": {"traits": {"required": ["email"]}}}, [(True, "identify", "traits.email", "is required now")]),
    ({"on_violation": "omit"}, {"on_violation": "allow"}, [(False, "every", "on_violation", "omit became allow")]),
    ({"on_violation": "omit", "page": {"on_violation": "allow"}}, {"on_violation": "omit", "page": {}},
     [(True, "page", "on_violation", "allow became omit")]),
    ({"every": {}}, {"needs_consent": ["ads"]}, [(True, "every", "needs_consent", "ads is needed now")]),
    ({"track": {"Paid": {"versions": {"1": {}, "2": {}}}}}, {"track": {"Paid": {"versions": {"2": {}, "3": {}}}}},
     [(True, "track Paid, version 1", "", "is gone: its messages mean the last version"),
      (False, "track Paid, version 3", "", "is new")]),
])
def test_events_policies_consent_and_versions_are_compared(
    old: dict[str, Any], new: dict[str, Any], expected: list[tuple[bool, str, str, str]]
) -> None:
    assert changed(old, new) == expected


NAMES = ("a", "b")
VALUES = st.one_of(st.integers(-2, 2), st.sampled_from(["", "x", "long"]), st.none(), st.booleans(), st.just(0.5))
LEAVES = st.fixed_dictionaries({}, optional={
    "type": st.sampled_from(["integer", "number", "string", ["string", "null"], "boolean"]),
    "enum": st.lists(VALUES, min_size=1, max_size=3), "minimum": st.integers(-1, 1), "maximum": st.integers(-1, 1),
    "maxLength": st.integers(0, 3),
})
SCHEMAS = st.fixed_dictionaries(
    {"properties": st.fixed_dictionaries(dict.fromkeys(NAMES, LEAVES))},
    optional={"required": st.lists(st.sampled_from(NAMES), unique=True), "additionalProperties": st.booleans()},
)


@settings(max_examples=1_500)
@given(old=SCHEMAS, new=SCHEMAS, sent=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1))
def test_what_was_as_planned_is_so_still_where_nothing_breaks(old: Any, new: Any, sent: dict[str, Any]) -> None:
    was, is_ = (compiled({"type": "object", **schema}).is_valid(sent) for schema in (old, new))

    assert any(breaks for breaks, _, _ in of_schema(old, new)) or is_ or not was


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place, text in {
        "regulars.toml": '[business]\nname = "Shop"\ntimezone = "UTC"\n', "sources/site.yaml": "kind: door\n",
        "sources/sent.yaml": "kind: messages\n",
    }.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    return tmp_path


def typed(folder: Path, *words: str, given: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(main_group, ["plan", *words, "-p", str(folder)], input=given)
    return result.exit_code, result.output


def test_a_plan_is_begun_once_and_compared_with_what_it_was(folder: Path) -> None:
    assert typed(folder, "new", "site", "--apply")[0] == 0
    file = folder / "tracking_plans" / "site.yaml"
    before = file.read_text()
    assert "Order Completed" in before

    same = typed(folder, "diff", "site", "--against", str(file))
    file.write_text(before.replace("on_unplanned: allow", "on_unplanned: quarantine"))
    code, output = typed(folder, "diff", "site", "--against", "-", "--json", given=before)

    assert same == (0, "0 differences, 0 breaking\n")
    assert (code, json.loads(output)["breaking"]) == (1, 1)
    assert json.loads(output)["differences"][0]["said"] == "allow became quarantine"


@pytest.mark.parametrize(("words", "said"), [
    (("new", "sent"), "takes no messages"), (("new", "sight"), "there is no source 'sight'"),
    (("diff", "site", "--against", "-"), "has no tracking plan"),
])
def test_a_plan_is_of_a_door_that_has_one(folder: Path, words: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(main_group, ["plan", *words, "-p", str(folder)], input="")

    assert said in str(result.exception)


@pytest.mark.parametrize(("before", "said"), [
    (b"track: {Paid: {properties: {requires: [a]}}}", "before.yaml: JSON Schema has no word 'requires'"),
    (b"\xff\xfe", "before.yaml is no text"), (b"- a list", "before.yaml: "),
])
def test_a_former_plan_that_cannot_be_read_is_named(folder: Path, before: bytes, said: str) -> None:
    assert typed(folder, "new", "site", "--apply")[0] == 0
    (folder / "before.yaml").write_bytes(before)

    result = CliRunner().invoke(main_group, [
        "plan", "diff", "site", "--against", str(folder / "before.yaml"), "-p", str(folder),
    ])

    assert said in str(result.exception)
