"""Flags evaluated here and now: value, variant and reason, and each exposure handed over once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from regulars.flags.context import Context, Exposure
from regulars.flags.feature import Definitions, Evaluation, evaluate
from regulars.flags.payload import read_payload

Reason = Literal["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"]
"""Why a flag has its value, in OpenFeature's words that its remote evaluation protocol allows."""

REMEMBERED = 100_000
"""Exposures that are remembered as handed over; after as many others one may be handed over again."""


class FlagValue(msgspec.Struct, frozen=True, kw_only=True):
    """What a flag answers."""

    key: str
    value: Any                               # None: use the code's default
    variant: str                             # of an experiment its variant, else which rule; never empty
    reason: Reason
    evaluation: Evaluation                   # how it came about


class Flags:
    """The flags of a payload or a project, evaluated in this process.

    Args:
        definitions: What the flags are.
        on_exposure: Called with each exposure once for a unit and an experiment, while the flag is evaluated.

    """

    def __init__(self, definitions: Definitions, *, on_exposure: Callable[[Exposure], None] | None = None) -> None:
        self.definitions = definitions
        self._on_exposure = on_exposure
        self._told: dict[tuple[str, str, str], None] = {}

    @classmethod
    def load(
        cls,
        payload: Path | Mapping[str, Any] | bytes | str,
        *,
        key: str | None = None,
        on_exposure: Callable[[Exposure], None] | None = None,
    ) -> Flags:
        """Return the flags of a payload: a file, JSON, or what JSON decodes to; `key` reads an encrypted one.

        Raises DeclarationError for a payload that cannot be read.
        """
        said = payload.read_bytes() if isinstance(payload, Path) else payload
        return cls(read_payload(said, key=key), on_exposure=on_exposure)

    def evaluate(self, key: str, context: Context | Mapping[str, Any]) -> FlagValue:
        """Return a flag's value for whoever a context is about: a context, or their attributes alone.

        A flag that there is not has no value, and the reason UNKNOWN.
        """
        whole = context if isinstance(context, Context) else Context(attributes=context)
        found = evaluate(key, whole, definitions=self.definitions)
        if self._on_exposure is not None:
            for exposure in found.exposures:
                self._tell(exposure, self._on_exposure)
        return FlagValue(
            key=key, value=found.value, variant=_variant(found), reason=self._reason(found), evaluation=found
        )

    def is_on(self, key: str, context: Context | Mapping[str, Any]) -> bool:
        """Return whether a flag's value counts as true."""
        return self.evaluate(key, context).evaluation.is_on

    def __contains__(self, key: object) -> bool:
        return key in self.definitions.features

    @property
    def keys(self) -> list[str]:
        """Return the names of all flags, sorted."""
        return sorted(self.definitions.features)

    def _tell(self, exposure: Exposure, on_exposure: Callable[[Exposure], None]) -> None:
        if exposure.identity in self._told:
            return
        on_exposure(exposure)
        self._told[exposure.identity] = None
        if len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]

    def _reason(self, found: Evaluation) -> Reason:
        """Return why. A default behind rules is no STATIC: clients may keep that for everybody."""
        match found.source:
            case "experiment" if found.result is not None and found.result.hash_used:
                return "SPLIT"
            case "force" if found.is_rolled_out:
                return "SPLIT"
            case "prerequisite":
                return "DISABLED"
            case "unknownFeature" | "cyclicPrerequisite":
                return "UNKNOWN"
            case "defaultValue" if not self.definitions.features[found.key].rules:
                return "STATIC"
            case _:
                return "TARGETING_MATCH"


def _variant(found: Evaluation) -> str:
    match found.source:
        case "experiment" if found.result is not None:
            return found.result.key
        case "force":
            return found.rule or "forced"
        case "defaultValue":
            return "default"
        case "override":
            return "override"
        case _:
            return "none"
