"""Whether what a campaign says of its destination, its experiment and its goals is so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from regulars.campaigns.campaign import Campaign
from regulars.check import did_you_mean
from regulars.destinations.destination import Destination
from regulars.errors import DeclarationError
from regulars.events.vocabulary import Vocabulary
from regulars.experiments.experiment import Experiment
from regulars.metrics.metric import Metric, countable

WHO = ("customer", "household")
"""Units of experiments that people can be told of by."""


def campaign_errors(
    campaign: Campaign, *, destinations: Iterable[Destination], experiments: Iterable[Experiment],
    metrics: Iterable[Metric], declared: Mapping[str, frozenset[str]], vocabulary: Vocabulary,
) -> Iterator[DeclarationError]:
    """Return everything that a campaign says of others and that does not hold.

    `declared` are the names of all files of destinations, experiments and metrics, of those with a problem too: these
    are told there, and not here again. `vocabulary`: what events carry.
    """
    ways = {one.name: one for one in destinations}
    if campaign.destination not in declared["destinations"]:
        yield _missing("destination", campaign.destination, ways, path=("by",))
    elif campaign.destination in ways:
        yield from _way_errors(campaign, ways[campaign.destination])
    yield from _goal_errors(campaign, {one.name: one for one in metrics}, declared["metrics"], vocabulary)
    if campaign.experiment is None:
        return
    known = {one.name: one for one in experiments}
    if campaign.experiment not in declared["experiments"]:
        yield _missing("experiment", campaign.experiment, known, path=("experiment",))
    elif campaign.experiment in known:
        yield from _variant_errors(campaign, known[campaign.experiment])


def _way_errors(campaign: Campaign, way: Destination) -> Iterator[DeclarationError]:
    if way.channel != campaign.channel:
        yield DeclarationError(
            f"{way.name} sends by {way.channel}, not by {campaign.channel}",
            hint=f"`channel: {way.channel}`, or another destination", path=("by",),
        )
    elif campaign.channel == "email" and campaign.purpose == "marketing" and not way.links:
        yield DeclarationError(
            f"{way.name} does not say where an unsubscribe link leads",
            hint=f"`links: https://go.gym.example` in destinations/{way.name}.yaml", path=("by",),
        )


def _goal_errors(
    campaign: Campaign, metrics: Mapping[str, Metric], declared: frozenset[str], vocabulary: Vocabulary
) -> Iterator[DeclarationError]:
    for n, goal in enumerate(campaign.goals):
        if goal.metric not in declared:
            yield _missing("metric", goal.metric, metrics, path=("goals", n, "metric"))
        elif goal.metric in metrics and countable(metrics[goal.metric]) is None:
            yield DeclarationError(
                f"{goal.metric} is a number of a day, and nobody converts to it",
                hint="count what people do: `count: membership_started`", path=("goals", n, "metric"),
            )
        elif goal.code is not None and goal.metric in metrics:
            events = getattr(metrics[goal.metric].formula, "events", ())
            carried = vocabulary.attributes(events) if events else frozenset({"description", "sku"})
            if carried is not None and goal.code not in carried:
                yield DeclarationError(
                    f"what {goal.metric} counts carries no {goal.code!r}", hint=did_you_mean(goal.code, carried),
                    path=("goals", n, "code"),
                )


def _variant_errors(campaign: Campaign, experiment: Experiment) -> Iterator[DeclarationError]:
    if experiment.unit not in WHO:
        yield DeclarationError(
            f"{experiment.name} splits by {experiment.unit}, and messages go to people",
            hint="an experiment with `unit: customer` or `unit: household`", path=("experiment",),
        )
    names = [variant.name for variant in experiment.variants]
    for name in campaign.templates:
        if name not in names:
            yield DeclarationError(
                f"{experiment.name} has no variant {name!r}", hint=did_you_mean(name, names), path=("variants", name)
            )
    for name in names:
        if name not in campaign.templates:
            yield DeclarationError(
                f"nothing is said to variant {name!r}", hint=f"`{name}: {{text: …}}`, or `{name}: nothing`",
                path=("variants",),
            )


def _missing(kind: str, name: str, known: Iterable[str], *, path: tuple[str | int, ...]) -> DeclarationError:
    return DeclarationError(f"there is no {kind} {name!r}", hint=did_you_mean(name, known), path=path)
