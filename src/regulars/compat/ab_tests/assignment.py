"""Recipients get their variant: by quota or by hash, once, whoever asks; and the remaining get the winner."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from regulars.experiments.assign import STORED, allocate
from regulars.experiments.enrol import enrol
from regulars.experiments.experiment import Experiment
from regulars.storage.book.experiments import ASSIGNMENTS, ExperimentBook

Known = Callable[[Collection[str]], Collection[str]]
"""Which of some contact ids there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """Who of a list got what, in the order of the list; the refused with the reason."""

    rows: list[tuple[Any, str]]              # the id as it was given, the variant
    refused: list[tuple[Any, str]]           # the id as it was given, why
    new: int                                 # how many had no variant before


def assign(
    book: ExperimentBook, experiment: Experiment, contacts: Sequence[object], *, at: datetime, how: str | None = None,
    known: Known | None = None,
) -> Assigned:
    """Give everybody of a list a variant who has none, keep it, and return what is kept.

    Contacts are ids, or mappings or objects that have one. Of two who assign at once, the first to be kept wins.
    """
    given = [id_of(contact) for contact in contacts]
    strangers = _strangers(given, known)
    asked = [None if _text(each) in strangers else each for each in given]
    before = stored(book, experiment.name)
    table = allocate(asked, experiment=experiment, stored=before)
    fresh = pc.unique(table.filter(table["is_new"])["unit"])
    if len(fresh):
        given_now = enrol(fresh, experiment=experiment, day=at.date(), stored=before)
        book.assign(experiment.name, _rows(given_now, at=at, how=how))
        # Read back, as somebody else may have been faster.
        table = allocate(asked, experiment=experiment, stored=stored(book, experiment.name))
    variants, refusals = table["variant"].to_pylist(), table["refusal"].to_pylist()
    places = range(len(given))
    return Assigned(
        rows=[(given[n], variants[n]) for n in places if refusals[n] is None],
        refused=[
            (given[n], "there is no such contact" if _text(given[n]) in strangers else refusals[n])
            for n in places if refusals[n] is not None
        ],
        new=len(fresh),
    )


def stored(book: ExperimentBook, name: str) -> pa.Table:
    """Return the variants an experiment has given so far, as `experiments.assign` wants them."""
    return book.assignments(name).select(STORED.names).cast(STORED)


def units_with(book: ExperimentBook, name: str, *, variant: str | None = None) -> pa.Table:
    """Return ASSIGNMENTS of an experiment, of one variant or all."""
    rows = book.assignments(name)
    return rows if variant is None else rows.filter(pc.equal(rows["variant"], variant))


def id_of(contact: object) -> object:
    """Return a contact's id, from the id itself or from what has one; None where there is none."""
    if isinstance(contact, Mapping):
        return contact.get("id", contact.get("contact_id"))
    if contact is None or isinstance(contact, str | int):
        return contact
    return getattr(contact, "id", None)


def by_hand(variants: Iterable[tuple[str, str]], *, epoch: int, at: datetime) -> pa.Table:
    """Return ASSIGNMENTS of units whose variant somebody chose."""
    rows = [
        {"unit": unit, "variant": variant, "epoch": epoch, "propensity": 1.0, "assigned_at": at.replace(tzinfo=None),
         "how": "manual"}
        for unit, variant in variants
    ]
    return pa.Table.from_pylist(rows, schema=ASSIGNMENTS)


def _rows(enrolled: pa.Table, *, at: datetime, how: str | None) -> pa.Table:
    count = len(enrolled)
    return pa.table({
        "unit": enrolled["unit"], "variant": enrolled["variant"], "epoch": enrolled["epoch"],
        "propensity": enrolled["propensity"],
        "assigned_at": pa.repeat(pa.scalar(at.replace(tzinfo=None), pa.timestamp("us")), count),
        "how": enrolled["how"] if how is None else pa.repeat(how, count),
    }, schema=ASSIGNMENTS)


def _strangers(given: Sequence[object], known: Known | None) -> set[str]:
    if known is None:
        return set()
    asked = {text for each in given if (text := _text(each)) is not None}
    return asked - set(known(asked))


def _text(contact_id: object) -> str | None:
    is_id = isinstance(contact_id, str | int) and not isinstance(contact_id, bool)
    return str(contact_id) if is_id else None
