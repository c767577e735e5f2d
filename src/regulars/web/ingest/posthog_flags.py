"""The project's flags as PostHog's clients read them.

There a flag is on or off, and one that is on may have a variant and a payload. So a truth value is whether it is on,
a text is the variant, and any other value is the payload of one that is on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:                            # a door alone has no flags, and is spared what they load
    from regulars.flags import Flags, FlagValue

_WHY = {"SPLIT": "in the share of a split", "TARGETING_MATCH": "a rule decides", "STATIC": "for everybody"}


def flags_for(flags: Flags | None, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return every flag for whoever a body is about, in the shapes of all versions: `flags`, and the older two.

    Raises TypeError for a body that names nobody.
    """
    person = said.get("distinct_id") or said.get("$distinct_id")
    if not isinstance(person, str) or not person:
        raise TypeError("the body has no `distinct_id`, a text that tells people apart")
    known = said.get("person_properties")
    context = {**(known if isinstance(known, Mapping) else {}), "id": person}
    told = {key: _told(flags.evaluate(key, context)) for key in flags.keys} if flags is not None else {}
    payloads = {key: one["metadata"]["payload"] for key, one in told.items()}
    return {
        "flags": told,
        "featureFlags": {key: one["variant"] or one["enabled"] for key, one in told.items()},
        "featureFlagPayloads": {key: payload for key, payload in payloads.items() if payload is not None},
        "errorsWhileComputingFlags": False,
    }


def _told(found: FlagValue) -> dict[str, Any]:
    value = found.value
    is_text = isinstance(value, str)
    has_payload = value is not None and not is_text and not isinstance(value, bool)
    return {
        "key": found.key, "enabled": value is not None and value is not False and value != "",
        "variant": value if is_text and value else None,
        "reason": {
            "code": "condition_match", "condition_index": None,
            "description": _WHY.get(found.reason, "no rule decides"),
        },
        "metadata": {
            "id": 0, "version": 1, "description": None,
            "payload": msgspec.json.encode(value).decode() if has_payload else None,
        },
    }
