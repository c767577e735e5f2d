"""Whether what a flow says of destinations, experiments and metrics is so, with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from regulars.check import did_you_mean
from regulars.destinations.destination import Destination
from regulars.errors import DeclarationError
from regulars.experiments.checks import problems as experiment_problems
from regulars.experiments.experiment import Experiment
from regulars.flows.flow import Flow, Split
from regulars.project.campaigns import WHO, campaign_errors

Path = tuple[str | int, ...]


def flow_errors(
    flow: Flow, *, destinations: Iterable[Destination], experiments: Iterable[Experiment],
    declared: Mapping[str, frozenset[str]], data: Mapping[str, object],
) -> Iterator[DeclarationError]:
    """Return everything that a flow says of others and that does not hold.

    `declared` are the names of all files of a kind, of those with a problem too; `data` is the flow's file.
    """
    ways, known = list(destinations), list(experiments)
    places = dict(_places(data.get("steps"), ("steps",)))
    for step in flow.steps:
        place = places.get(step.name, ("steps",))
        match step:
            case Split():
                yield from _split_errors(step, known, declared["experiments"], place)
            case _ if (campaign := getattr(step, "campaign", None)) is not None:
                for error in campaign_errors(campaign, destinations=ways, experiments=known, declared=declared):
                    # What the flow says for all its messages is told where it stands.
                    of_all = error.path and error.path[0] in data
                    yield _moved(error, error.path if of_all else (*place, *error.path))
    if flow.holdout is not None:
        yield from _holdout_errors(flow.holdout, declared)


def _split_errors(
    step: Split, experiments: list[Experiment], declared: frozenset[str], place: Path
) -> Iterator[DeclarationError]:
    if step.experiment not in declared:
        hint = did_you_mean(step.experiment, declared)
        yield DeclarationError(f"there is no experiment {step.experiment!r}", hint=hint, path=(*place, "split"))
        return
    for one in experiments:
        if one.name != step.experiment:
            continue
        if one.unit not in WHO:
            hint = "an experiment with `unit: customer` or `unit: household`"
            yield DeclarationError(f"{one.name} splits by {one.unit}, and flows are of people", hint=hint, path=place)
        names = [variant.name for variant in one.variants]
        for name in step.ways:
            if name not in names:
                hint = did_you_mean(name, names)
                yield DeclarationError(f"{one.name} has no variant {name!r}", hint=hint, path=(*place, "ways", name))


def _holdout_errors(holdout: Experiment, declared: Mapping[str, frozenset[str]]) -> Iterator[DeclarationError]:
    if holdout.name in declared["experiments"]:
        yield DeclarationError(
            f"there is an experiment {holdout.name!r} already", hint="call that one something else", path=("holdout",)
        )
    for error in experiment_problems(holdout, metrics=declared["metrics"], segments=declared["segments"]):
        yield _moved(error, ("holdout", *error.path))


def _places(data: object, path: Path) -> Iterator[tuple[str, Path]]:
    """Return name and place of every step that has a name of its own."""
    for n, item in enumerate(data if isinstance(data, list) else []):
        if not isinstance(item, Mapping):
            continue
        place: Path = (*path, n)
        for key in ("message", "name", "mark"):
            if key in item:
                yield str(item[key]), place
        for key in ("yes", "no"):
            yield from _places(item.get(key), (*place, key))
        ways, wait = item.get("ways"), item.get("wait")
        for name, way in (ways if isinstance(ways, Mapping) else {}).items():
            yield from _places(way, (*place, "ways", str(name)))
        if isinstance(wait, Mapping):
            yield from _places(wait.get("otherwise"), (*place, "wait", "otherwise"))


def _moved(error: DeclarationError, path: Path) -> DeclarationError:
    return DeclarationError(error.message, hint=error.hint, path=path)
