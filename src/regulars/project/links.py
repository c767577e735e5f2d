"""Whether what declarations say of each other is so: streams, fields, types, circles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import ibis

from regulars.campaigns.campaign import Campaign
from regulars.check import Finding, did_you_mean
from regulars.connections.pass_use import check as check_transfers
from regulars.connections.purchaser import TRANSFER
from regulars.connections.transfer import TransferRules
from regulars.connections.transfer_events import of_transfers
from regulars.destinations.destination import Destination
from regulars.errors import DeclarationError
from regulars.events import money
from regulars.events.derive import of_money
from regulars.events.event import MONEY, TRANSFERS, EventType, attributes
from regulars.events.vocabulary import Vocabulary
from regulars.experiments.checks import layer_problems
from regulars.experiments.checks import problems as experiment_problems
from regulars.experiments.experiment import Experiment
from regulars.flags.declare import Flag
from regulars.flags.prerequisite import prerequisite_errors
from regulars.flows.flow import Flow
from regulars.identity.family import relation_rows, roster_rows
from regulars.identity.profile import PROFILES, profile_rows
from regulars.metrics.catalogue import catalogue
from regulars.metrics.metric import Metric, Ratio
from regulars.project.campaigns import campaign_errors
from regulars.project.declared import Declared, Reading
from regulars.project.flows import flow_errors
from regulars.project.shops import shop_errors
from regulars.project.tracking import plan_errors
from regulars.records.intake import typed_schema
from regulars.records.record import Stream
from regulars.rules.segment import Segment, with_dependencies
from regulars.shops.shop import Shop
from regulars.shops.told import shop_event_types
from regulars.sources.source import Source
from regulars.sources.tracking.plan import TrackingPlan

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Linked:
    """What a project declares, with the files it stands in."""

    reading: Reading
    sources: tuple[Source, ...]
    events: tuple[EventType, ...]
    segments: tuple[Segment, ...]
    metrics: tuple[Metric, ...]
    experiments: tuple[Experiment, ...] = ()
    flags: tuple[Flag, ...] = ()
    transfers: TransferRules | None = None
    destinations: tuple[Destination, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    flows: tuple[Flow, ...] = ()
    tracking_plans: tuple[TrackingPlan, ...] = ()
    shops: tuple[Shop, ...] = ()
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    @cached_property
    def streams(self) -> Mapping[str, Stream]:
        """Return every stream by its full name."""
        return {stream.full_name: stream for source in self.sources for stream in source.streams}

    @cached_property
    def schemas(self) -> Mapping[str, ibis.Schema]:
        """Return the columns that events may be made of: of every stream, of the money ledger, of transfers."""
        columns = {name: typed_schema(stream) for name, stream in self.streams.items()}
        if TRANSFERS in self.reading.names(""):
            columns[TRANSFERS] = of_transfers(ibis.table(TRANSFER, name=TRANSFERS)).schema()
        return {**columns, MONEY: of_money(ibis.table(money.LINE, name=MONEY)).schema()}

    def file(self, folder: str, name: str) -> Declared:
        """Return the file in which something stands."""
        return next(one for one in self.reading.of(folder) if one.name == name)

    def is_broken(self, source: str) -> bool:
        """Return whether a source is declared but was refused: its streams are not known, nor are they wrong."""
        return self.is_declared(source) and all(made.name != source for made in self.sources)

    def is_declared(self, source: str) -> bool:
        """Return whether there is a file for a source."""
        return source in self.reading.names("sources")


def link_problems(linked: Linked) -> list[Finding]:
    """Return every claim of one declaration about another that does not hold."""
    problems: list[Finding] = []
    for source in linked.sources:
        file = linked.file("sources", source.name)
        for stream in source.streams:
            problems += [file.problem(error) for error in _stream_errors(stream)]
    sound: list[EventType] = []
    # Almost always all hold together: then none has to be tried by itself.
    all_hold = not list(_caught(lambda: attributes(linked.events, linked.schemas)))
    for event in linked.events:
        file = linked.file("events", event.name)
        errors = [*_who_errors(event, linked), *(() if all_hold else _event_errors(event, sound, linked))]
        problems += [file.problem(error) for error in errors]
        sound += [] if errors else [event]
    for metric in linked.metrics:
        file = linked.file("metrics", metric.name)
        problems += [file.problem(error) for error in _ratio_errors(metric, linked)]
    for flag, error in prerequisite_errors(linked.flags, declared=linked.reading.names("flags")):
        problems.append(linked.file("flags", flag.name).problem(error))
    for campaign in linked.campaigns:
        wrong = campaign_errors(
            campaign, destinations=linked.destinations, experiments=linked.experiments, metrics=linked.metrics,
            declared={folder: linked.reading.names(folder) for folder in ("destinations", "experiments", "metrics")},
            vocabulary=linked.vocabulary,
        )
        problems += [linked.file("campaigns", campaign.name).problem(error) for error in wrong]
    for flow in linked.flows:
        file = linked.file("flows", flow.name)
        names = {one: linked.reading.names(one) for one in ("destinations", "experiments", "metrics", "segments")}
        problems += [file.problem(error) for error in flow_errors(
            flow, destinations=linked.destinations, experiments=linked.experiments, metrics=linked.metrics,
            declared=names, vocabulary=linked.vocabulary, data=file.data,
        )]
    if linked.transfers is not None:
        file = linked.file("", TRANSFERS)
        problems += [file.problem(error) for error in _transfer_errors(linked.transfers, linked)]
    declared = linked.reading.names("sources")
    for plan, error in plan_errors(linked.tracking_plans, sources=linked.sources, declared=declared):
        problems.append(linked.file("tracking_plans", plan.name).problem(error))
    return problems + _of_shops(linked) + _circles(linked) + _of_experiments(linked)


def _stream_errors(stream: Stream) -> Iterator[DeclarationError]:
    """What a stream's profile, money and families say of fields that it has not."""
    schema = typed_schema(stream)
    if stream.profile is not None:
        yield from _caught(lambda: profile_rows(ibis.table(schema, name="records"), stream=stream), _within(stream))
        for trait in stream.profile.traits or {}:
            if trait in PROFILES.names:
                hint = f"call it {stream.source}_{trait}"
                path = (*_within(stream), "profile", "traits", trait)
                yield DeclarationError(f"every profile has {trait!r} already", hint=hint, path=path)
    for n, mapping in enumerate(stream.money):
        alone = replace(stream, money=(mapping,))
        for error in _caught(lambda alone=alone: money.check(alone, schema)):  # type: ignore[misc]  # bound now, on purpose
            # The check saw one mapping alone, as the first: its place in the file is n.
            yield _moved(error, (*_within(stream), "money", n, *error.path[2:]))
    records = ibis.table(schema, name="records")
    for n, relation in enumerate(stream.family):
        alone = replace(stream, family=(relation,))
        for error in _caught(lambda alone=alone: relation_rows(records, stream=alone)):  # type: ignore[misc]  # bound now
            yield _moved(error, (*_within(stream), "family", n, *error.path[2:]))
    if stream.roster is not None:
        yield from _caught(lambda: roster_rows(records, stream=stream), _within(stream))


def _who_errors(event: EventType, linked: Linked) -> Iterator[DeclarationError]:
    """An event that happens to profiles of a source that is not there."""
    if event.who_source is not None and not linked.is_declared(event.who_source):
        hint = did_you_mean(event.who_source, [one.name for one in linked.sources])
        yield DeclarationError(f"there is no source {event.who_source!r}", hint=hint, path=("who", "source"))


def _event_errors(event: EventType, sound: list[EventType], linked: Linked) -> Iterator[DeclarationError]:
    """What an event says of a stream, fields and types; each attribute is tried by itself, so that all are told."""
    if event.stream not in linked.schemas and linked.is_broken(event.stream.split(".")[0]):
        return
    errors = list(_caught(lambda: attributes([replace(event, what={})], linked.schemas)))
    yield from errors
    if event.stream not in linked.schemas or any(error.path == ("when",) for error in errors):
        return
    plain = replace(event, who=None, until=None, only_if=None)
    for name, formula in event.what.items():
        alone = replace(plain, what={name: formula})
        yield from _caught(lambda alone=alone: attributes([*sound, alone], linked.schemas))  # type: ignore[misc]  # bound now


def _transfer_errors(rules: TransferRules, linked: Linked) -> Iterator[DeclarationError]:
    if rules.stream in linked.streams:
        yield from _caught(lambda: check_transfers(rules, linked.schemas[rules.stream]))
    elif not linked.is_broken(rules.stream.partition(".")[0]):
        hint = did_you_mean(rules.stream, linked.streams)
        yield DeclarationError(f"there is no stream {rules.stream!r}", hint=hint, path=("from",))


def _ratio_errors(metric: Metric, linked: Linked) -> Iterator[DeclarationError]:
    if not isinstance(metric.formula, Ratio):
        return
    parts = {metric.formula.numerator, metric.formula.denominator}
    broken = linked.reading.names("metrics") - {one.name for one in linked.metrics}
    if parts & broken:
        return
    others = [
        one for one in linked.metrics
        if one is not metric and (one.name in parts or not isinstance(one.formula, Ratio))
    ]
    yield from _caught(lambda: catalogue([metric, *others]))


def _of_experiments(linked: Linked) -> list[Finding]:
    metrics, segments = linked.reading.names("metrics"), linked.reading.names("segments")
    errors = [
        (one, error) for one in linked.experiments
        for error in experiment_problems(one, metrics=metrics, segments=segments)
    ]
    errors += layer_problems(linked.experiments)
    return [linked.file("experiments", one.name).problem(error) for one, error in errors]


def _of_shops(linked: Linked) -> list[Finding]:
    names = {folder: linked.reading.names(folder) for folder in ("sources", "experiments")}
    wrong = [*shop_errors(
        linked.shops, sources=linked.sources, experiments=linked.experiments, declared=names
    )]
    told = shop_event_types(linked.sources, linked.shops)
    # What events say of each other is told where they stand; here it is whether those of pixels fit beside them.
    if told and not wrong and not list(_caught(lambda: attributes(linked.events, linked.schemas))):
        errors = _caught(lambda: attributes([*linked.events, *told], linked.schemas))
        wrong += [(linked.shops[0], _moved(error, ("source",))) for error in errors]
    return [linked.file("shops", shop.name).problem(error) for shop, error in wrong]


def _circles(linked: Linked) -> list[Finding]:
    """Segments that ask about each other in a circle, each circle once."""
    problems: dict[frozenset[str], Finding] = {}
    known = {segment.name for segment in linked.segments}
    whole = [segment for segment in linked.segments if set(segment.depends_on) <= known]
    for segment in whole:
        for error in _caught(lambda name=segment.name: with_dependencies(whole, name)):  # type: ignore[misc]  # bound now
            problems.setdefault(frozenset(error.message.split()), linked.file("segments", segment.name).problem(error))
    return list(problems.values())


def _caught(claim: Callable[[], object], prefix: Path = ()) -> Iterator[DeclarationError]:
    """The error that a claim raises, if it does."""
    try:
        claim()
    except DeclarationError as error:
        yield _moved(error, (*prefix, *error.path))


def _moved(error: DeclarationError, path: Path) -> DeclarationError:
    return DeclarationError(error.message, hint=error.hint, path=path)


def _within(stream: Stream) -> Path:
    return ("streams", stream.name)
