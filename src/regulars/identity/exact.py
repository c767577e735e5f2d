"""Exact evidence of who is one person: rulings, systems that name each other's ids, e-mail addresses, phone numbers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.component import Conflict, Links, components, untangled
from regulars.identity.contact import contact_links
from regulars.identity.evidence import EMAIL, EMAIL_AND_NAME, PHONE, PHONE_AND_NAME, RULED, SAME_AS
from regulars.identity.name_parts import name_parts
from regulars.identity.numbered import profile_keys, value_numbers, whole_numbers
from regulars.identity.portrait import text_hashes
from regulars.identity.separation import NO_BIRTHDAY, Ints, Separation, Strictness, Traces
from regulars.identity.spelling import spelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """What exact evidence says of profiles."""

    links: Links
    conflicts: list[Conflict]
    persons: Separation                      # whom the links hold together; rulings and exclusive ids keep apart


def exact_evidence(people: pa.Table, *, keys: pa.Array, rulings: pa.Table) -> Exact:
    """Return all exact evidence that stands, strongest first: weaker is heard about what stronger made.

    Args:
        people: Profiles by age.
        keys: The key of each profile.
        rulings: `resolve.RULINGS`.

    """
    same, apart = _ruled(rulings, keys)
    traces, given_names, full_name = _traces(people, apart)
    count = len(people)
    held, conflicts = untangled(same, persons=_persons(Links.none(), count, traces, "rulings"))
    persons = _persons(held, count, traces, "ids")
    named, more = untangled(_same_as(people, keys), persons=persons)
    held, conflicts = Links.joined([held, named]), conflicts + more
    persons = _persons(held, count, traces, "people")

    def by(contact: str, kind: int, named_kind: int) -> Links:
        return contact_links(
            value_numbers(people[contact]), full_name,
            given_names=given_names, persons=persons, kind=kind, named_kind=named_kind,
        )

    with ThreadPoolExecutor(2) as threads:
        by_email = threads.submit(by, "email", EMAIL, EMAIL_AND_NAME)
        by_phone = threads.submit(by, "phone", PHONE, PHONE_AND_NAME)
        by_contact = Links.joined([by_email.result(), by_phone.result()])
    met, more = untangled(by_contact, persons=persons)
    links = Links.joined([held, met])
    return Exact(links=links, conflicts=conflicts + more, persons=_persons(links, count, traces, "ids"))


def known_persons(people: pa.Table, person: Ints, *, keys: pa.Array, rulings: pa.Table) -> Separation:
    """Return persons of whom it is known who they are, and how ids and rulings keep them apart.

    Args:
        people: Profiles by age; of each person all there are.
        person: A number for each profile's person.
        keys: The key of each profile.
        rulings: `resolve.RULINGS`.

    """
    numbers, of = np.unique(person, return_inverse=True)
    unknown = np.full(len(people), -1)
    traces = Traces(
        exclusive=_exclusive(people), first=unknown, last=unknown, apart=_ruled(rulings, keys)[1],
        birthday=np.full(len(people), NO_BIRTHDAY), words=np.zeros(0, dtype=str),
    )
    return Separation(traces=traces, person=of, count=len(numbers), strictness="ids")


def named_profiles(people: pa.Table, numbers: pa.Array | Ints) -> tuple[pa.Array, pa.Array]:
    """Return who names another system's id, by the number or key of each profile, and the key that is named."""
    names = people.select(["same_as_source", "same_as_id"]).append_column("who", pa.array(numbers))
    names = names.filter(pc.is_valid(names["same_as_id"])).combine_chunks()
    sources = pc.split_pattern(names["same_as_source"].combine_chunks(), "\n")
    who = names["who"].combine_chunks().take(pc.list_parent_indices(sources))
    ids = pc.list_flatten(pc.split_pattern(names["same_as_id"].combine_chunks(), "\n"))
    return who, profile_keys(pc.list_flatten(sources), ids)


def ruling_marks(rulings: pa.Table, keys: pa.Array) -> Ints:
    """Return a number for each profile that changes with the rulings about it."""
    marks = np.zeros(len(keys), dtype=np.uint64)
    if not len(rulings):
        return marks.view(np.int64)
    texts = [rulings[name] for name in rulings.column_names[:5]] + [rulings["ruled_at"].cast(pa.string())]
    told = pc.binary_join_element_wise(*texts, "\0").to_pylist()
    hashes = text_hashes(np.array(told, dtype=str))
    for side in ("left", "right"):
        ruled = profile_keys(rulings[f"{side}_source"], rulings[f"{side}_id"])
        at = whole_numbers(pc.index_in(ruled, keys).fill_null(-1))
        np.add.at(marks, at[at >= 0], hashes[at >= 0])
    return marks.view(np.int64)


def _persons(links: Links, count: int, traces: Traces, strictness: Strictness) -> Separation:
    found, person = components(links.left, links.right, count=count)
    return Separation(traces=traces, person=person, count=found, strictness=strictness)


def _ruled(rulings: pa.Table, keys: pa.Array) -> tuple[Links, Ints]:
    """The newest ruling of each pair of present profiles: links of those ruled the same, pairs ruled different."""
    if not len(rulings):
        return Links.none(), np.zeros((0, 2), dtype=np.int64)
    one = pc.index_in(profile_keys(rulings["left_source"], rulings["left_id"]), keys)
    other = pc.index_in(profile_keys(rulings["right_source"], rulings["right_id"]), keys)
    is_present = pc.and_(pc.is_valid(one), pc.is_valid(other))
    left, right = whole_numbers(one.filter(is_present)), whole_numbers(other.filter(is_present))
    at = rulings["ruled_at"].filter(is_present).cast(pa.int64()).to_numpy()
    is_same = pc.equal(rulings["verdict"].filter(is_present), "same").to_numpy()
    pair = np.minimum(left, right) * len(keys) + np.maximum(left, right)
    order = np.lexsort((is_same, -at, pair))             # of two rulings of one moment the careful one counts
    newest = order[np.unique(pair[order], return_index=True)[1]]
    same, different = newest[is_same[newest]], newest[~is_same[newest]]
    apart = np.column_stack([left[different], right[different]])
    number = np.arange(len(same))
    kind = np.full(len(same), RULED, dtype=np.int64)
    return Links(left=left[same], right=right[same], kind=kind, group=number), apart


def _same_as(people: pa.Table, keys: pa.Array) -> Links:
    """Links to the profiles that other systems name; a name of nobody present links nobody."""
    namers, names = named_profiles(people, np.arange(len(people)))
    to = pc.index_in(names, keys)
    left, right = whole_numbers(namers.filter(pc.is_valid(to))), whole_numbers(to.drop_null())
    kind = np.full(len(left), SAME_AS, dtype=np.int64)
    return Links(left=left, right=right, kind=kind, group=np.arange(len(left)))


def _traces(people: pa.Table, apart: Ints) -> tuple[Traces, Ints, Ints]:
    """What tells people apart, how many given names each tells (0 an initial, -1 none), and each full name's number."""
    called = name_parts(people)
    traces = Traces(
        exclusive=_exclusive(people),
        first=called.given,
        last=called.family,
        birthday=people["birthday"].to_numpy(zero_copy_only=False).astype("datetime64[D]"),
        words=spelled(called.words),
        apart=apart,
    )
    several = np.where(pc.equal(pc.utf8_length(called.words), 1), 0, pc.add(pc.count_substring(called.words, " "), 1))
    return traces, np.append(several, -1)[called.given], called.whole


def _exclusive(people: pa.Table) -> Ints:
    """The number of each profile's exclusive source, -1 where its ids prove nothing."""
    is_exclusive = people["is_exclusive"].fill_null(False).to_numpy(zero_copy_only=False)
    return np.where(is_exclusive, value_numbers(people["profile_source"]), -1)
