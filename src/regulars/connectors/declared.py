"""A connector: a folder whose `connector.yaml` is a REST source with options, to which a project adds little.

A project writes `kind: stripe`, the options (`key: ${STRIPE_KEY}`) and, if it likes, its own `url`, `rate`, `timeout`,
`retries`, or words for single streams (`streams: {relations: {enabled: true}}`). With `url: file:///folder` the same
streams are read from an export, `<folder>/<stream>/*.ndjson[.gz]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.records.record import Stream
from regulars.sources import rest
from regulars.sources.declared import as_mapping, declare_within
from regulars.sources.files import drops_of
from regulars.sources.reference import references, replace_references
from regulars.sources.source import Source, Surroundings

# The same safe loader in C, where PyYAML has it: 2-6 ms for a connector, not 26-48.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OVERRIDES = {"url", "rate", "timeout", "retries", "headers"}


@cache
def shipped(package: str) -> Mapping[str, object]:
    """Return what a connector's own `connector.yaml` says; the package is its dotted name."""
    text = (files(package) / "connector.yaml").read_text(encoding="utf-8")
    return as_mapping(yaml.load(text, Loader=_LOADER), path=())  # noqa: S506  # a safe one, see there


def declare_connector(package: str, name: str, data: Mapping[str, object], *, at: Surroundings) -> Source:
    """Return the source that a project's few lines and the connector's own declaration mean together.

    Raises DeclarationError for an option that is missing or that the connector does not have.
    """
    own = shipped(package)
    options = _options(as_mapping(own.get("options", {}), path=()), data, at=at)
    whole = {key: value for key, value in own.items() if key not in {"options", "streams"}}
    whole |= {key: data[key] for key in _OVERRIDES if key in data}
    whole["streams"] = _streams(as_mapping(own["streams"], path=()), data)
    filled = replace_references(whole, options.get)
    assert isinstance(filled, dict)
    url = str(filled["url"])
    if _environment(url, at).startswith("file:"):
        streams = as_mapping(filled["streams"], path=("streams",))
        return drops_of(name, tuple(_stream(name, key, spec) for key, spec in streams.items()), folder=url, at=at)
    return rest.declare(name, filled, at=at)


def _options(known: Mapping[str, object], data: Mapping[str, object], *, at: Surroundings) -> dict[str, object]:
    """Return each option's value: the project's, or the connector's default. None in the connector: required."""
    allowed = {"kind", "streams", *_OVERRIDES, *known}
    for key in data:
        if key not in allowed:
            raise DeclarationError(f"{key!r} means nothing here", hint=did_you_mean(key, allowed), path=(key,))
    is_export = _environment(str(data.get("url", "")), at).startswith("file:")
    for key, default in known.items():
        if default is None and data.get(key) is None and not is_export:
            hint = f"add `{key}: ${{{key.upper()}}}`"
            raise DeclarationError(f"the option {key!r} is missing", hint=hint, path=(key,))
    return {key: default if data.get(key) is None else data[key] for key, default in known.items()}


def _streams(own: Mapping[str, object], data: Mapping[str, object]) -> dict[str, object]:
    """Return the streams that are on, each with the project's words over the connector's."""
    wishes = as_mapping(data.get("streams", {}), path=("streams",))
    merged: dict[str, dict[str, object]] = {key: dict(as_mapping(spec, path=())) for key, spec in own.items()}
    for key, wish in wishes.items():
        words = as_mapping(wish, path=("streams", key))
        if key not in merged and "fields" not in words:
            raise DeclarationError(
                f"there is no stream {key!r}", hint=did_you_mean(key, merged), path=("streams", key)
            )
        merged[key] = {**merged.get(key, {}), **words}
    on = {key for key, spec in merged.items() if spec.get("enabled", True)}
    return {
        key: {word: value for word, value in spec.items() if word != "enabled"}
        for key, spec in merged.items() if key in on and spec.get("parent", key) in on
    }


def _stream(source: str, key: str, spec: object) -> Stream:
    return declare_within(source, key, as_mapping(spec, path=("streams", key)))


def _environment(text: str, at: Surroundings) -> str:
    """Return a text with what the environment has of its references; the rest stays."""
    return str(replace_references(text, at.environment.get)) if references(text) else text
