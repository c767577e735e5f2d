"""A drafted plan keeps all that it was drawn from, in whatever order, and reads back from YAML as it was."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.project.marked import as_yaml, read_marked
from regulars.sources.tracking.draft import MOST_NAMES, Draft
from regulars.sources.tracking.judge import Judge
from regulars.sources.tracking.plan import declare

TEXTS = st.sampled_from([
    "", "day", "month", "2026-01-05", "2026-01-05T10:00:00Z", "ann@example.com", "1e5", "null", "yes", "0123", "~", "12",
    "https://example.com/a", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "\u2028 é",
])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)), max_leaves=8,
)
MESSAGES = st.lists(st.fixed_dictionaries({
    "kind": st.sampled_from(["track", "page", "identify", "alias"]), "event": TEXTS.filter(bool),
    "said": st.one_of(st.none(), st.dictionaries(TEXTS, VALUES, max_size=4)),
}), min_size=1, max_size=12)


def stored(message: dict[str, Any]) -> bytes:
    part = "traits" if message["kind"] == "identify" else "properties"
    return json.dumps({"door": {"type": message["kind"], "name": message["event"]}, part: message["said"]}).encode()


def drafted(messages: list[dict[str, Any]]) -> dict[str, Any]:
    draft = Draft()
    draft.add(map(stored, messages))
    return draft.plan("site")


@settings(deadline=None)
@given(MESSAGES)
def test_a_draft_keeps_every_message_it_was_drawn_from(messages: list[dict[str, Any]]) -> None:
    plan = read_marked(as_yaml(drafted(messages))).data

    judge = Judge.of(declare("site", plan))

    assert [
        verdict for one in messages
        if (verdict := judge.verdict(stored(one), kind=one["kind"], event=one["event"])) is not None
    ] == []


@settings(deadline=None)
@given(MESSAGES, st.randoms(use_true_random=False))
def test_the_order_of_messages_makes_no_difference(messages: list[dict[str, Any]], chance: Any) -> None:
    other = list(messages)
    chance.shuffle(other)

    assert drafted(other) == drafted(messages)


def test_few_texts_are_all_there_can_be_and_names_without_end_are_data() -> None:
    said = [{"plan": ("day", "month")[n % 2], "mail": "a@example.com", "by_id": {f"id{n}": 1}} for n in range(MOST_NAMES + 1)]

    plan = drafted([{"kind": "track", "event": "Order", "said": one} for one in said])

    assert plan["track"]["Order"]["properties"] == {
        "type": "object", "required": ["by_id", "mail", "plan"], "properties": {
            "by_id": {"type": "object"}, "mail": {"type": "string", "format": "email"},
            "plan": {"type": "string", "enum": ["day", "month"]},
        },
    }
