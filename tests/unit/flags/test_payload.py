"""A payload is read, written and encrypted without a change, and refused where it cannot be meant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.errors import DeclarationError
from regulars.flags import Flags, payload_of, read_payload
from regulars.flags.cipher import decrypted, encrypted

KEY = "Zvwv/+uhpFDznZ6SX28Yjg=="
PAYLOAD: dict[str, Any] = {
    "features": {
        "banner": {"defaultValue": "grün", "rules": [
            {"id": "r", "force": None, "condition": {"country": {"$in": ["US", "日本"]}}, "coverage": 0.5, "hashVersion": 2},
            {"key": "exp", "variations": ["a", "b"], "meta": [{"key": "x"}, {"key": "y", "passthrough": True}],
             "ranges": [[0.0, 0.25], [0.5, 1.0]], "filters": [{"seed": "n", "ranges": [[0.0, 0.5]]}], "namespace": ["ns", 0.0, 1.0]},
        ]},
        "plain": {"defaultValue": 3},
    },
    "experiments": [{"key": "go", "variations": [{}, {"urlRedirect": "https://x.example/"}],
                     "urlPatterns": [{"type": "simple", "pattern": "/a", "include": False}]}],
    "savedGroups": {"vip": ["1", 2]},
    "contextualBandits": {"cb": {"banditVersion": 1, "contexts": [{"leafId": 1, "weights": [1.0, 0.0]}]}},
}


def test_a_payload_is_written_as_it_was_read() -> None:
    written = payload_of(read_payload(json.dumps(PAYLOAD)))

    assert written == PAYLOAD


def test_an_encrypted_payload_is_the_same_payload() -> None:
    hidden = payload_of(read_payload(PAYLOAD), key=KEY)

    assert "grün" not in json.dumps(hidden, ensure_ascii=False)
    assert payload_of(read_payload(hidden, key=KEY)) == PAYLOAD


def test_an_encrypted_payload_can_be_cached() -> None:
    assert payload_of(read_payload(PAYLOAD), key=KEY) == payload_of(read_payload(PAYLOAD), key=KEY)


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_what_was_encrypted_is_read_with_the_key_alone(text: str) -> None:
    hidden = encrypted(text, key=KEY)

    assert decrypted(hidden, key=KEY) == text
    assert decrypted(hidden, key="AAAAAAAAAAAAAAAAAAAAAA==") != text


@pytest.mark.parametrize(("payload", "says"), [
    ("{", "is no JSON"),
    ("[]", "cannot be read"),
    ({"features": {"a": {"rules": [{"coverage": "half"}]}}}, "$.features[...].rules[0].coverage"),
    ({"features": {"a": {"rules": [{"condition": {"$or": 1}}]}}}, "is not a list"),
    ({"encryptedFeatures": "x.y"}, "this key does not read the features"),
])
def test_a_payload_that_cannot_be_meant_says_where(payload: Any, says: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        read_payload(payload, key=KEY)

    assert says in str(refused.value)


def test_what_sdks_cannot_decide_is_left_out_with_all_that_ask_about_it() -> None:
    flags = Flags.load({"features": {
        "ours": {"defaultValue": 0, "rules": [{"force": 1, "coverage": 0.5, "hashVersion": 3}]},
        "child": {"defaultValue": 0, "rules": [{"force": 1, "parentConditions": [{"id": "ours", "condition": {"value": 1}}]}]},
        "grandchild": {"defaultValue": 0, "rules": [{"force": 1, "parentConditions": [{"id": "child"}]}]},
        "other": {"defaultValue": 0},
    }})

    assert list(payload_of(flags.definitions)["features"]) == ["other"]
