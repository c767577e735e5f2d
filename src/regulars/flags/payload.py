"""A feature payload as GrowthBook's SDKs read it: taken apart into definitions, and made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from regulars.errors import DeclarationError
from regulars.flags.bucket import KEYED
from regulars.flags.cipher import decrypted, encrypted
from regulars.flags.definition import BanditDefinition, Division, Experiment, Feature, plain
from regulars.flags.feature import Definitions
from regulars.flags.targeting import Path, check_shape

_SECTIONS = ("features", "experiments", "savedGroups", "contextualBandits")


class _Payload(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    features: dict[str, Feature] = {}
    experiments: list[Experiment] | None = None
    saved_groups: dict[str, Any] | None = None
    contextual_bandits: dict[str, BanditDefinition] | None = None


def read_payload(data: Mapping[str, Any] | bytes | str, *, key: str | None = None) -> Definitions:
    """Return the definitions of a payload, given as JSON or decoded; `key` reads encrypted sections.

    Raises DeclarationError for what is no JSON, a field of another type, a condition that cannot be evaluated, or
    sections that the key does not read.
    """
    try:
        said = data if isinstance(data, Mapping) else msgspec.json.decode(data)
        payload = msgspec.convert(_opened(said, key), _Payload)
    except msgspec.ValidationError as error:
        raise DeclarationError(f"the payload cannot be read: {error}", hint="see the fields of a rule") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DeclarationError(f"the payload is no JSON: {error}", hint="an object with `features`") from error
    for path, condition in _conditions(payload):
        check_shape(condition, path)
    return Definitions(
        features=payload.features,
        experiments=tuple(payload.experiments or ()),
        groups=payload.saved_groups or {},
        bandits=payload.contextual_bandits or {},
    )


def payload_of(definitions: Definitions, *, key: str | None = None) -> dict[str, Any]:
    """Return definitions as a payload; encrypted with a key. What SDKs cannot evaluate themselves is left out."""
    left_out = frozenset(for_servers_only(definitions))
    said = plain(_Payload(
        features={name: feature for name, feature in sorted(definitions.features.items()) if name not in left_out},
        experiments=list(definitions.experiments),
        saved_groups=dict(definitions.groups),
        contextual_bandits=dict(definitions.bandits),
    ))
    sections = {name: said[name] for name in _SECTIONS if said[name] or name == "features"}
    if key is None:
        return sections
    return {
        f"encrypted{name[0].upper()}{name[1:]}": encrypted(msgspec.json.encode(section).decode(), key=key)
        for name, section in sections.items()
    } | {"features": {}}


def for_servers_only(definitions: Definitions) -> Iterator[str]:
    """Yield the features that SDKs cannot evaluate themselves: those of our own hash, and those that ask about them."""
    found: set[str] = set()
    grows = True
    while grows:
        grows = False
        for name, feature in sorted(definitions.features.items()):
            if name not in found and (_is_keyed(feature) or not found.isdisjoint(_parents(feature))):
                found.add(name)
                grows = True
    yield from sorted(found)


def _is_keyed(feature: Feature) -> bool:
    return any(
        rule.hash_version == KEYED or any(each.hash_version == KEYED for each in rule.filters or ())
        for rule in feature.rules or ()
    )


def _parents(feature: Feature) -> set[str]:
    return {parent.id for rule in feature.rules or () for parent in rule.parent_conditions or ()}


def _opened(said: object, key: str | None) -> object:
    """Return a payload with its encrypted sections in plain."""
    if not isinstance(said, Mapping):
        return said
    opened = {name: value for name, value in said.items() if not name.startswith("encrypted")}
    for name in _SECTIONS:
        hidden = said.get(f"encrypted{name[0].upper()}{name[1:]}")
        if hidden is None:
            continue
        text = decrypted(str(hidden), key=key or "")
        if text is None:
            hint = "the key of the connection the payload comes from"
            raise DeclarationError(f"this key does not read the {name} of the payload", hint=hint)
        opened[name] = msgspec.json.decode(text)
    return opened


def _conditions(payload: _Payload) -> Iterator[tuple[Path, object]]:
    """Yield every condition of a payload and where it stands."""
    for name, feature in payload.features.items():
        for n, rule in enumerate(feature.rules or ()):
            yield from _of_division(rule, ("features", name, "rules", n))
    for n, experiment in enumerate(payload.experiments or ()):
        yield from _of_division(experiment, ("experiments", n))
    for name, bandit in (payload.contextual_bandits or {}).items():
        for n, leaf in enumerate(bandit.contexts or ()):
            yield ("contextualBandits", name, "contexts", n, "condition"), leaf.condition or {}


def _of_division(division: Division, path: Path) -> Iterator[tuple[Path, object]]:
    yield (*path, "condition"), division.condition or {}
    for n, parent in enumerate(division.parent_conditions or ()):
        yield (*path, "parentConditions", n, "condition"), parent.condition or {}
