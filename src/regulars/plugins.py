"""Plug-ins by entry point: kinds of source and destination, conditions, readers of news. Ours use the same door."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

from regulars.check import did_you_mean
from regulars.destinations.destination import Destination, SenderFactory
from regulars.destinations.destination import declare as declare_way
from regulars.destinations.news import ReadsNews
from regulars.errors import DeclarationError
from regulars.events.vocabulary import DeclaresCondition
from regulars.sources.source import Source, SourceFactory, Surroundings

SOURCES = "regulars.sources"
"""Entry-point group whose objects are SourceFactory: `acme = "acme_regulars:declare"`."""

SENDERS = "regulars.senders"
"""Entry-point group whose objects are SenderFactory: what a destination's own keys mean, as a Dialect."""

CONDITIONS = "regulars.conditions"
"""Entry-point group whose objects make a rule's condition out of the keys beside `condition: NAME`."""

READERS = "regulars.readers"
"""Entry-point group whose objects are ReadsNews, by the `provider:` of webhooks: `acme = "acme_regulars.news:read"`."""

_BUILT_IN = {
    "files": "regulars.sources.files:declare",
    "rest": "regulars.sources.rest:declare",
    "door": "regulars.sources.door:declare",
    "webhook": "regulars.sources.webhook.declare:declare",
    "messages": "regulars.sources.messages:declare",
    "capitan": "regulars.connectors.capitan:declare",
    "klaviyo": "regulars.connectors.klaviyo:declare",
    "mailchimp": "regulars.connectors.mailchimp:declare",
    "square": "regulars.connectors.square:declare",
    "stripe": "regulars.connectors.stripe:declare",
}

_SENDERS = {
    "http": "regulars.connectors.http:declare",
    "mandrill": "regulars.connectors.mandrill:declare",
    "quo": "regulars.connectors.quo:declare",
    "sendgrid": "regulars.connectors.sendgrid:declare",
    "smtp": "regulars.connectors.smtp:declare",
    "twilio": "regulars.connectors.twilio:declare",
}


def installed() -> Any:                    # what importlib gives: EntryPoints, whose type differs by Python
    """Return every entry point of this environment, looked for once: each look reads a file of every package."""
    return _installed(tuple(sys.path))


@cache
def _installed(_path: tuple[str, ...]) -> Any:
    return entry_points()


def sources() -> Mapping[str, EntryPoint]:
    """Return every kind of source by name; none is loaded yet. A plug-in may replace a built-in kind."""
    built_in = {name: EntryPoint(name=name, value=value, group=SOURCES) for name, value in _BUILT_IN.items()}
    return built_in | {point.name: point for point in installed().select(group=SOURCES)}


def senders() -> Mapping[str, EntryPoint]:
    """Return every kind of destination by name; none is loaded yet. A plug-in may replace a built-in kind."""
    built_in = {name: EntryPoint(name=name, value=value, group=SENDERS) for name, value in _SENDERS.items()}
    return built_in | {point.name: point for point in installed().select(group=SENDERS)}


def declare_destination(name: str, data: Mapping[str, object], *, at: Surroundings) -> Destination:
    """Return the destination that a file `destinations/<name>.yaml` declares.

    Raises DeclarationError for an unknown `kind:`, for a plug-in that cannot be loaded, and for what the kind refuses.
    """
    def factory(kind: str) -> SenderFactory:
        found: SenderFactory = _loaded(kind, senders())
        return found

    return declare_way(name, data, at=at, factory=factory)


def declare_source(name: str, data: Mapping[str, object], *, at: Surroundings) -> Source:
    """Return the source that a file `sources/<name>.yaml` declares.

    Raises DeclarationError for an unknown `kind:`, for a plug-in that cannot be loaded, and for what the kind refuses.
    """
    factory: SourceFactory = _loaded(str(data.get("kind")), sources())
    return factory(name, data, at=at)


def conditions() -> Mapping[str, DeclaresCondition]:
    """Return the conditions that installed plug-ins add to rules, by name.

    Raises DeclarationError for a plug-in that cannot be loaded.
    """
    found: dict[str, DeclaresCondition] = {}
    for point in installed().select(group=CONDITIONS):
        try:
            found[point.name] = point.load()
        except (ImportError, AttributeError) as error:
            raise DeclarationError(
                f"the condition {point.name!r} cannot be loaded: {error}", hint="install its plug-in again"
            ) from error
    return found


def reader(provider: str) -> ReadsNews | None:
    """Return what reads the news of a provider; None when nothing does: its deliveries are records only.

    A connector that comes with Regulars has it in its module `news`. Raises DeclarationError for a plug-in that cannot
    be loaded.
    """
    module = f"regulars.connectors.{provider}"
    is_built_in = find_spec(module) is not None and find_spec(f"{module}.news") is not None
    built_in = [EntryPoint(name=provider, value=f"{module}.news:read", group=READERS)] if is_built_in else []
    points = [*installed().select(group=READERS, name=provider), *built_in]
    if not points:
        return None
    try:
        found: ReadsNews = points[0].load()
    except (ImportError, AttributeError) as error:
        raise DeclarationError(
            f"the reader for {provider!r} cannot be loaded: {error}", hint="install its plug-in again"
        ) from error
    return found


def _loaded(kind: str, known: Mapping[str, EntryPoint]) -> Any:
    if kind not in known:
        raise DeclarationError(f"kind {kind!r} is unknown", hint=did_you_mean(kind, known), path=("kind",))
    try:
        return known[kind].load()
    except (ImportError, AttributeError) as error:
        raise DeclarationError(
            f"the plug-in for {kind!r} cannot be loaded: {error}", hint="install it again", path=("kind",)
        ) from error
