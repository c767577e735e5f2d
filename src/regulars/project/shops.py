"""Shops of a project: read by themselves, for the door, and held against the sources and experiments they speak of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from regulars.check import Finding, did_you_mean
from regulars.errors import DeclarationError
from regulars.project.declared import read_declarations, refused
from regulars.shops.shop import Rotation, Shop, Shops, declare, shared_domains
from regulars.sources.door import DoorSource

if TYPE_CHECKING:
    from regulars.config import Business
    from regulars.experiments.experiment import Experiment
    from regulars.sources.source import Source

FOLDER = "shops"


def read_shops(folder: Path, *, business: Business) -> Shops:
    """Return the shops of a project, whatever else is wrong in it.

    Raises DeclarationError with every problem of a shop: a door does not open that would not know whose an event is.
    """
    reading = read_declarations(folder, folders=(FOLDER,), beside=())
    problems: list[Finding] = [one for one in reading.problems if one.where.startswith(f"{FOLDER}/")]
    files, shops = {one.name: one for one in reading.of(FOLDER)}, list[Shop]()
    for one in files.values():
        try:
            made = one.made if one.made is not None else declare(one.name, one.data, business=business)
        except DeclarationError as error:
            problems.append(one.problem(error))
            continue
        assert isinstance(made, Shop)
        shops.append(made)
    problems += [files[shop.name].problem(error) for shop, error in shared_domains(shops)]
    if problems:
        raise refused(problems)
    return Shops(every=tuple(shops))


def shop_errors(
    shops: Iterable[Shop], *, sources: Iterable[Source], experiments: Iterable[Experiment],
    declared: Mapping[str, Collection[str]],
) -> Iterator[tuple[Shop, DeclarationError]]:
    """Yield what shops say that is not so: of sources, of experiments, of domains that another has.

    `declared` are the names of all files of sources and experiments, of those with a problem too.
    """
    shops, made = list(shops), {source.name: source for source in sources}
    known = {one.name: one for one in experiments}
    for shop in shops:
        for error in (
            *_source_errors(shop, made, declared["sources"]), *_order_errors(shop, made, declared["sources"])
        ):
            yield shop, error
        for n, rotation in enumerate(shop.experiments):
            for error in _rotation_errors(rotation, known, declared["experiments"], ("experiments", n)):
                yield shop, error
    yield from _twice(shops, known)
    yield from shared_domains(shops)


def _source_errors(
    shop: Shop, made: Mapping[str, Source], declared: Collection[str]
) -> Iterator[DeclarationError]:
    source = made.get(shop.source)
    if shop.source not in declared:
        hint = did_you_mean(shop.source, declared)
        yield DeclarationError(f"there is no source {shop.source!r}", hint=hint, path=("source",))
    elif source is not None and not isinstance(source, DoorSource):
        hint = "a source of `kind: door`"
        yield DeclarationError(f"{shop.source!r} takes no messages", hint=hint, path=("source",))
    elif source is not None:
        from regulars.shops.pixel_events import taken_fields  # noqa: PLC0415  the door alone needs no expressions

        yield from taken_fields(source)


def _order_errors(shop: Shop, made: Mapping[str, Source], declared: Collection[str]) -> Iterator[DeclarationError]:
    if shop.orders is None:
        return
    source = made.get(shop.orders)
    if shop.orders not in declared:
        hint = did_you_mean(shop.orders, declared)
        yield DeclarationError(f"there is no source {shop.orders!r}", hint=hint, path=("orders",))
    elif source is not None:
        from regulars.shops.order_events import taken_names, tells_orders  # noqa: PLC0415  the same as of pixels

        if tells_orders(source):
            yield from taken_names(source)
        else:
            hint = "a source of `kind: webhook` with `provider: shopify`"
            yield DeclarationError(f"{shop.orders!r} is told of no orders", hint=hint, path=("orders",))


def _rotation_errors(
    rotation: Rotation, known: Mapping[str, Experiment], declared: Collection[str], path: tuple[str | int, ...]
) -> Iterator[DeclarationError]:
    experiment, place = known.get(rotation.experiment), (*path, "experiment")
    if rotation.experiment not in declared:
        hint = did_you_mean(rotation.experiment, declared)
        yield DeclarationError(f"there is no experiment {rotation.experiment!r}", hint=hint, path=place)
    if experiment is None:
        return
    if experiment.unit != "shop_slot":
        hint = f"`unit: shop_slot` in experiments/{experiment.name}.yaml"
        message = f"{experiment.name} splits by {experiment.unit}, and everybody in a slot sees the same"
        yield DeclarationError(message, hint=hint, path=place)
    if len(experiment.variants) != 2 or len({variant.weight for variant in experiment.variants}) != 1:
        hint = "variants: {base: 50, test: 50}"
        yield DeclarationError(f"{experiment.name} has not two variants of equal weight", hint=hint, path=place)


def _twice(
    shops: Iterable[Shop], known: Mapping[str, Experiment]
) -> Iterator[tuple[Shop, DeclarationError]]:
    """Yield experiments that stand twice, and those on a product that is under another on the same days."""
    first: dict[str, Shop] = {}
    for shop in shops:
        before: list[Rotation] = []
        for n, rotation in enumerate(shop.experiments):
            path = ("experiments", n)
            if first.setdefault(rotation.experiment, shop) is not shop or rotation.experiment in {
                one.experiment for one in before
            }:
                message = f"{rotation.experiment} is tried on a product already"
                yield shop, DeclarationError(message, hint="an experiment of its own a product", path=path)
            mine = known.get(rotation.experiment)
            same = [one for one in before if one.product == rotation.product]
            other = next((one for one in same if _share_days(known.get(one.experiment), mine)), None)
            if other is not None:
                message = f"{rotation.product} is under {other.experiment} on the same days"
                yield shop, DeclarationError(message, hint="one after the other: `runs:` says when", path=path)
            before.append(rotation)


def _share_days(one: Experiment | None, other: Experiment | None) -> bool:
    if one is None or other is None or one.begins is None or other.begins is None:
        return False
    first, second = sorted((one, other), key=lambda each: (each.begins, each.name))
    return first.ends is None or (second.begins is not None and second.begins <= first.ends)
