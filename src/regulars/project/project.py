"""A project: everything one business declares, as the objects that the stages work with."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars.campaigns.wording import Wording
from regulars.check import Finding, did_you_mean
from regulars.config import FILE, Config, read_config
from regulars.errors import DeclarationError
from regulars.events.category import Categories
from regulars.events.plan import Plans
from regulars.events.subcategory import Subcategories
from regulars.events.vocabulary import DeclaresCondition, Vocabulary
from regulars.plugins import conditions as installed_conditions
from regulars.project.declared import Declared, Reading, read_declarations, refused
from regulars.project.layout import fingerprint
from regulars.project.remembered import remember, was_right
from regulars.sources.source import MemoryTokens, Surroundings, TokenStore

if TYPE_CHECKING:
    from regulars.campaigns.campaign import Campaign
    from regulars.connections.transfer import TransferRules
    from regulars.destinations.destination import Destination
    from regulars.events.event import EventType
    from regulars.experiments.experiment import Experiment
    from regulars.experiments.holdout import Holdout
    from regulars.flags.declare import Flag
    from regulars.flows.flow import Flow
    from regulars.identity.identifier import IdentifierRules
    from regulars.metrics.metric import Metric
    from regulars.records.record import Stream
    from regulars.rules.segment import Segment
    from regulars.shops.shop import Shop
    from regulars.sources.source import Source
    from regulars.sources.tracking.plan import TrackingPlan

_DECLARES = {
    "sources": "regulars.plugins:declare_source",
    "shops": "regulars.shops.shop:declare",
    "events": "regulars.events.event:declare",
    "segments": "regulars.rules.segment:declare",
    "metrics": "regulars.metrics.metric:declare",
    "experiments": "regulars.experiments.declare:declare",
    "attributes": "regulars.flags.declare:declare_attributes",
    "flags": "regulars.flags.declare:declare",
    "destinations": "regulars.plugins:declare_destination",
    "campaigns": "regulars.campaigns.declare:declare",
    "flows": "regulars.flows.declare:declare",
    "tracking_plans": "regulars.sources.tracking.plan:declare",
    "categories": "regulars.events.category:declare",
    "plans": "regulars.events.plan:declare",
    "subcategories": "regulars.events.subcategory:declare",
    "transfers": "regulars.connections.transfer:declare",
    "holdouts": "regulars.experiments.holdout:declare",
}
"""What reads each kind of declaration; imported when there is one of the kind, since all of them take a second."""

CUSTOMER_COLUMNS = frozenset({
    "customer_id", "name", "first_name", "last_name", "email", "phone", "birthday", "first_seen", "last_seen",
    "profiles", "sources", "is_email_shared", "is_phone_shared", "household_id", "has_parent",
})
"""What every customer has beside the traits that sources declare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One business's declarations; `problems` is empty when all of them hold."""

    config: Config
    sources: tuple[Source, ...] = ()
    events: tuple[EventType, ...] = ()
    segments: tuple[Segment, ...] = ()
    metrics: tuple[Metric, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    holdouts: tuple[Holdout, ...] = ()
    flags: tuple[Flag, ...] = ()
    destinations: tuple[Destination, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    flows: tuple[Flow, ...] = ()
    tracking_plans: tuple[TrackingPlan, ...] = ()
    shops: tuple[Shop, ...] = ()
    categories: Categories
    plans: Plans
    subcategories: Subcategories
    transfers: TransferRules | None = None   # None: no check-in tells of passes shared
    vocabulary: Vocabulary                   # every name that rules and metrics may use; plug-in conditions too
    declared: tuple[Declared, ...] = ()      # the files, for whoever has to say where something stands
    problems: tuple[Finding, ...] = ()
    digest: str | None = None                # `layout.fingerprint`; None: there are problems, or it cannot be told

    @classmethod
    def load(
        cls, folder: Path, *, environment: Mapping[str, str] | None = None, tokens: TokenStore | None = None
    ) -> Project:
        """Read a project in which everything holds.

        Raises DeclarationError with every problem, one a line: `file:line: what is wrong (what would be right)`.
        """
        project = cls._made(folder, environment=environment, tokens=tokens, remembers=True)
        if project.problems:
            raise refused(project.problems)
        return project

    @classmethod
    def read(
        cls, folder: Path, *, environment: Mapping[str, str] | None = None, tokens: TokenStore | None = None
    ) -> Project:
        """Read a project with what is right in it, and the problems of the rest.

        `tokens` is where sources keep what their vendors rotate; without one it lasts as long as the process.
        Raises DeclarationError only when `regulars.toml` itself cannot be read: without it nothing can.
        """
        return cls._made(folder, environment=environment, tokens=tokens, remembers=False)

    @classmethod
    def _made(
        cls, folder: Path, *, environment: Mapping[str, str] | None, tokens: TokenStore | None, remembers: bool
    ) -> Project:
        environment = dict(os.environ) if environment is None else environment
        config = read_config(folder, environment=environment)
        tokens = tokens or MemoryTokens()
        zone = config.business.timezone
        at = Surroundings(folder=config.folder, environment=environment, zone=zone, tokens=tokens)
        digest = fingerprint(folder, environment=environment)          # before: a file may change while it is read
        reading = read_declarations(folder)
        is_known = remembers and digest is not None and not reading.problems and was_right(folder, digest)
        project = _Assembly(config=config, at=at, reading=reading, is_right=is_known).project()
        if project.problems or digest is None:
            return project
        if remembers and not is_known:
            remember(folder, digest)
        return replace(project, digest=digest)

    @property
    def streams(self) -> Mapping[str, Stream]:
        """Return every stream of every source by its full name."""
        return {stream.full_name: stream for source in self.sources for stream in source.streams}

    @property
    def traits(self) -> tuple[str, ...]:
        """Return the names of the traits that sources give their customers."""
        return _traits(self.sources)

    @property
    def identifier_rules(self) -> IdentifierRules:
        """Return what counts as somebody's e-mail address and phone number here."""
        from regulars.identity.identifier import IdentifierRules  # noqa: PLC0415  see _DECLARES

        return IdentifierRules.of(self.config)

    @property
    def wording(self) -> Wording:
        """Return how money, days and numbers are written in messages."""
        return _wording(self.config)

    def stream(self, full_name: str) -> Stream:
        """Return the stream `source.stream`. Raises DeclarationError naming the closest one."""
        if full_name not in self.streams:
            raise DeclarationError(f"there is no stream {full_name!r}", hint=did_you_mean(full_name, self.streams))
        return self.streams[full_name]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Assembly:
    """A project in the making: each kind of declaration may name what was made before it."""

    config: Config
    at: Surroundings
    reading: Reading
    is_right: bool = False                   # what declarations say of each other was looked at before

    def project(self) -> Project:
        sources = self._made("sources", at=self.at)
        shops = self._made("shops", business=self.config.business)
        events = self._made("events")
        sources, told = _with_shops(sources, shops)
        vocabulary = self._vocabulary(sources, events + told)
        wording = _wording(self.config)
        segments = self._made("segments", known=vocabulary)
        metrics = self._made("metrics", known=vocabulary)
        experiments = self._made("experiments")
        attributes = self._beside("attributes", None)
        flags = self._made("flags", attributes=attributes)
        destinations = self._made("destinations", at=self.at)
        campaigns = self._made("campaigns", known=vocabulary, wording=wording)
        flows = self._made("flows", known=vocabulary, wording=wording)
        tracking_plans = self._made("tracking_plans")
        categories = self._beside("categories", Categories())
        plans = self._beside("plans", Plans())
        subcategories = self._beside("subcategories", Subcategories())
        transfers = self._beside("transfers", None)
        holdouts = self._beside("holdouts", ())
        self._check_priority()
        if not self.is_right:
            self._check_links(
                sources=sources, events=events, segments=segments, metrics=metrics, experiments=experiments,
                flags=flags, transfers=transfers, destinations=destinations, campaigns=campaigns, flows=flows,
                tracking_plans=tracking_plans, shops=shops, vocabulary=vocabulary,
            )
        # What a flow is worth is an experiment like any other.
        experiments += tuple(one.holdout for one in flows if one.holdout is not None)
        return Project(
            config=self.config, sources=sources, events=events + told, segments=segments, metrics=metrics,
            experiments=experiments, holdouts=holdouts, flags=flags, destinations=destinations, campaigns=campaigns,
            flows=flows, tracking_plans=tracking_plans, shops=shops, categories=categories, plans=plans,
            subcategories=subcategories, transfers=transfers, vocabulary=vocabulary,
            declared=tuple(self.reading.declared),
            problems=tuple(sorted(self.reading.problems, key=_place)),
        )

    def _check_links(self, **made: Any) -> None:
        """Look at what declarations say of each other; what that takes to import costs a tenth of a second."""
        from regulars.project.links import Linked, link_problems  # noqa: PLC0415  not where it was found right before

        self.reading.problems += link_problems(Linked(reading=self.reading, **made))

    def _check_priority(self) -> None:
        """The sources that `regulars.toml` puts first have to be there."""
        known = self.reading.names("sources")
        for name in self.config.identity.source_priority:
            if name not in known:
                self.reading.problems.append(Finding(
                    name="declaration", status="failed", message=f"source_priority: there is no source {name!r}",
                    hint=did_you_mean(name, known), where=FILE,
                ))

    def _made(self, folder: str, **known: object) -> tuple[Any, ...]:
        """Everything a folder declares that holds; what does not becomes a problem."""
        made: list[object] = []
        for one in self.reading.of(folder):
            if one.made is not None:
                made.append(one.made)        # a Python file gives the object itself
                continue
            try:
                made.append(_declares(folder)(one.name, one.data, **known))
            except DeclarationError as error:
                self.reading.problems.append(one.problem(error))
        return tuple(made)

    def _beside(self, name: str, otherwise: Any) -> Any:
        """What a single file beside `regulars.toml` declares; the other where there is none, or it has a problem."""
        for one in (one for one in self.reading.of("") if one.name == name):
            try:
                return _declares(name)(one.data)
            except DeclarationError as error:
                self.reading.problems.append(one.problem(error))
        return otherwise

    def _vocabulary(self, sources: tuple[Source, ...], events: tuple[EventType, ...]) -> Vocabulary:
        """The names rules may use, those of declarations with a problem too: one fault is told once."""
        attributes: dict[str, frozenset[str]] = {}
        for event in events:
            attributes[event.event] = attributes.get(event.event, frozenset()) | frozenset(event.what)
        for one in self.reading.of("events"):
            what = one.data.get("what")
            names = frozenset(map(str, what)) if isinstance(what, Mapping) else frozenset[str]()
            name = str(one.data.get("event", one.name)) if one.made is None else one.name
            attributes[name] = attributes.get(name, frozenset()) | names
        # What a file that cannot be read would have named is not known: then nothing is called unknown.
        all_events = all(folder != "events" for folder, _ in self.reading.unread)
        all_traits = len(sources) == len(self.reading.names("sources"))
        return Vocabulary(
            events=attributes if all_events else None,
            segments=self.reading.names("segments"),
            traits=CUSTOMER_COLUMNS | frozenset(_traits(sources)) if all_traits else None,
            conditions=self._conditions(),
        )

    def _conditions(self) -> Mapping[str, DeclaresCondition]:
        own: dict[str, DeclaresCondition] = {
            one.name: one.made for one in self.reading.of("conditions")  # type: ignore[misc]  # a function `declare`
        }
        try:
            return {**installed_conditions(), **own}
        except DeclarationError as error:
            self.reading.problems.append(
                Finding(name="declaration", status="failed", message=error.message, hint=error.hint, where="plug-ins")
            )
            return own


def _declares(kind: str) -> Callable[..., Any]:
    module, _, name = _DECLARES[kind].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _with_shops(
    sources: tuple[Source, ...], shops: tuple[Shop, ...]
) -> tuple[tuple[Source, ...], tuple[EventType, ...]]:
    """Return the sources with what shops tell in them, and the types of those events."""
    if not shops:
        return sources, ()
    from regulars.shops.told import shop_event_types, with_shops  # noqa: PLC0415  see _DECLARES

    sources = with_shops(sources, shops)
    return sources, shop_event_types(sources, shops)


def _wording(config: Config) -> Wording:
    return Wording(zone=config.business.timezone, currency=config.business.currency)


def _traits(sources: tuple[Source, ...]) -> tuple[str, ...]:
    mappings = [stream.profile for source in sources for stream in source.streams if stream.profile]
    return tuple(sorted({trait for mapping in mappings for trait in mapping.traits or {}}))


def _place(problem: Finding) -> tuple[str, int, str]:
    file, _, line = problem.where.partition(":")
    return file, int(line) if line.isdigit() else 0, problem.message
