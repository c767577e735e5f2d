"""Ids that last, of customers and of households: who keeps one when members come together or part, how one is made.

A customer's id is a keyed hash of the founding profile, so that a rebuild from the same landing gives the same ids
(docs/decisions/customer-ids.md). Once given it stays: the identity map is read first, and a hash is only made for those
whom the map does not know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.separation import Bools, Ints

ID_PREFIX = "c_"

Given = Callable[[pa.Array], pa.Array]
"""Returns those of some ids that were ever given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Which former customer each component goes on as, and where those went that none goes on as."""

    former: Ints                             # of each component: number of a former customer, -1 for none
    retired: Ints                            # numbers of former customers who are now part of another
    into: Ints                               # of each retired one: number of the former customer who keeps its id


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """The id of each component, and what that changes in the register of ids."""

    ids: pa.Array
    is_new: pa.Array                         # components whose id is new
    again: Ints                              # numbers of retired ids that are in use again
    kept: Kept


def call(
    component: Ints, former: Ints, *, founder: Ints, is_strong: Bools, founders: pa.Table, ids: pa.Array,
    merged_into: pa.ChunkedArray, salt: bytes, given: Given | None = None, prefix: str = "c_",
) -> Called:
    """Give each component its id: the one it goes on with, the one its founder had before a merge, or a new one.

    Args:
        component: Of each member; components are numbered by their founding member, oldest first.
        former: The number of each member's id until now, -1 for none (see `formers`).
        founder: The founding member of each id ever given, -1 when it is gone.
        is_strong: Whether a member counts before all others (see `keep_ids`).
        founders: The key of the founding member of each component, which a new id is made of.
        ids: Every id ever given that members had or founded, oldest first; their positions are the numbers.
        merged_into: Of each of them: the id that goes on in its place, null while it is in use.
        salt: The project's own key (see `mint`).
        given: Says which of some ids were ever given, where `ids` are only some of these.
        prefix: Says what an id is of.

    """
    kept = keep_ids(
        component, former, is_strong=is_strong, components=len(founders), formers=len(ids),
        founder=np.append(component, -1)[founder],
    )
    is_retired = np.asarray(merged_into.is_valid())
    back = revived(component, founder, is_new=kept.former < 0, is_retired=is_retired)
    goes_on = np.where(kept.former < 0, back, kept.former)
    is_new = pa.array(goes_on < 0)
    fresh = mint(founders.filter(is_new), given=given or _among(ids), salt=salt, prefix=prefix)
    known = pc.take(ids, pa.array(goes_on, mask=goes_on < 0))
    return Called(
        ids=pc.replace_with_mask(known, is_new, fresh), is_new=is_new, again=back[back >= 0], kept=kept
    )


def entries(called: Called, register: pa.Table, founders: pa.Table, *, now: datetime) -> tuple[pa.Table, pa.Table]:
    """Return what ids change in their register: rows of those that are new or in use again, and of those that merged.

    Args:
        called: what `call` gave.
        register: the id, the founder's key, minted_at, merged_into; as `call` saw it, oldest first.
        founders: the key of the founding member of each component.
        now: the moment of the run, aware.

    """
    name, last = register.column_names[0], len(register.column_names) - 1
    at = pa.scalar(now.astimezone(UTC).replace(tzinfo=None), register.schema.field("minted_at").type)
    new = founders.filter(called.is_new)
    rows = [called.ids.filter(called.is_new), *new.columns, pa.repeat(at, len(new)), pa.nulls(len(new), pa.string())]
    again = register.take(pa.array(called.again))
    again = again.set_column(last, "merged_into", pa.nulls(len(again), pa.string()))
    retired = register.take(pa.array(called.kept.retired))
    into = register[name].take(pa.array(called.kept.into))
    minted = pa.concat_tables([pa.table(rows, register.column_names).cast(register.schema), again])
    return minted, retired.set_column(last, "merged_into", into)


def keep_ids(
    component: Ints, former: Ints, *, is_strong: Bools, components: int, formers: int, founder: Ints | None = None
) -> Kept:
    """Decide who keeps an id: the component with most of its former profiles; in a tie, its founder's, then the oldest.

    Profiles with exclusive ids count before all others: visits and contracts hang on them, and a member who changes the
    address that two shop accounts know stays who they are.

    Args:
        component: Of each profile; components are numbered by their founding profile, oldest first.
        former: The customer of each profile until now, -1 for none; customers are numbered by age, oldest first.
        is_strong: Whether a profile's id is exclusive in its source.
        components: How many components there are.
        formers: How many former customers there are.
        founder: Of each former customer, the component that its founding profile is in now, -1 for none.

    """
    founder = np.full(formers, -1, dtype=np.int64) if founder is None else founder
    known = former >= 0
    pair = component[known] * formers + former[known]
    key, back, votes = np.unique(pair, return_inverse=True, return_counts=True)
    strong = np.bincount(back[is_strong[known]], minlength=len(key))
    part, customer = key // max(formers, 1), key % max(formers, 1)
    order = np.lexsort((part, customer, founder[customer] != part, -votes, -strong))
    part, customer = part[order], customer[order]
    goes_on = np.full(components, -1, dtype=np.int64)
    is_alone = (np.bincount(part, minlength=components)[part] == 1) & (
        np.bincount(customer, minlength=formers)[customer] == 1
    )
    goes_on[part[is_alone]] = customer[is_alone]
    taken: set[int] = set()
    # Only customers who merged or split today are looked at one by one, largest overlap first.
    for a, b in zip(part[~is_alone].tolist(), customer[~is_alone].tolist(), strict=True):
        if goes_on[a] < 0 and b not in taken:
            goes_on[a] = b
            taken.add(b)
    lost, first = np.unique(customer[~is_alone], return_index=True)
    is_lost = ~np.isin(lost, goes_on)
    return Kept(former=goes_on, retired=lost[is_lost], into=goes_on[part[~is_alone][first[is_lost]]])


def revived(component: Ints, founder: Ints, *, is_new: Bools, is_retired: Bools) -> Ints:
    """Return, of each component, the number of the retired customer whose founding profile it holds, -1 for none.

    A merge that is taken back, or falls apart by itself, so gives everybody the id they had. Only components that go on
    as nobody ask; of several retired customers the oldest answers.

    Args:
        component: Of each profile.
        founder: The founding profile of each customer ever, oldest customer first; -1 when it is gone.
        is_new: Whether a component goes on as no former customer.
        is_retired: Whether a customer is part of another now.

    """
    found = np.full(len(is_new), -1, dtype=np.int64)
    asked = np.flatnonzero(is_retired & (founder >= 0))
    part = component[founder[asked]]
    asked, part = asked[is_new[part]], part[is_new[part]]
    found[part[::-1]] = asked[::-1]
    return found


def formers(before: pa.Array, given: pa.ChunkedArray, *, ids: pa.ChunkedArray, merged_into: pa.ChunkedArray) -> Ints:
    """Return the number of each member's customer until now, -1 for none; retired ids lead to their heirs.

    Args:
        before: Of each member: its row in the map, null for none.
        given: Of each row of the map: the id.
        ids: Every id ever given, oldest first; their positions are the numbers.
        merged_into: Of each of them: the id that goes on in its place, null while it is in use.

    """
    heir = _ints(pc.index_in(merged_into, ids))
    heir = np.where(heir < 0, np.arange(len(heir)), heir)
    while not np.array_equal(heir, heir[heir]):
        heir = heir[heir]
    number = pc.index_in(given, ids)
    if number.null_count:
        raise ValueError(f"{number.null_count} rows of the map name ids that the register does not know")
    former = _ints(pc.take(number, before))
    known = former >= 0
    former[known] = heir[former[known]]
    return former


def heirs(ids: pa.Array | pa.ChunkedArray, register: pa.Table) -> pa.Array:
    """Return who goes on in the place of each id, itself where it is in use; `register` has those that are retired."""
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    into = register["merged_into"].combine_chunks()
    while (to := pc.index_in(ids, value_set=register[register.column_names[0]])).null_count < len(to):
        ids = pc.coalesce(into.take(to), ids)
    return ids


def mint(founders: pa.Table, *, given: Given, salt: bytes, prefix: str = ID_PREFIX) -> pa.Array:
    """Make an id for each founder: `c_` and 16 hexadecimal digits.

    Args:
        founders: The key of each founder, one row a new id: of a customer the profile_source and profile_id.
        given: Says which of some ids were ever given; a hash that is one of them is made again with a counter.
        salt: The project's own key, up to 64 bytes, so that ids say nothing about the profile.
        prefix: Says what the id is of.

    """
    # No column kernel hashes with a key; an id is minted once.
    texts = ["\0".join(key) for key in zip(*(column.to_pylist() for column in founders.columns), strict=True)]
    made: dict[str, str] = {}
    asked, again = texts, 0
    # All that are taken are made again together: to ask who was ever given may be to read them all.
    while asked:
        fresh = {text: prefix + _hashed(f"{text}\0{again}" if again else text, salt) for text in asked}
        seen = _were_given([*fresh.values()], given) | set(made.values())
        for text, name in fresh.items():
            if name not in seen:
                made[text] = name
                seen.add(name)
        asked, again = [text for text in asked if text not in made], again + 1
    return pa.array([made[text] for text in texts], pa.string())


def _among(ids: pa.Array) -> Given:
    return lambda asked: asked.filter(pc.is_in(asked, value_set=ids))


def _were_given(ids: list[str], given: Given) -> set[str]:
    return set(given(pa.array(ids, pa.string())).to_pylist())


def _hashed(text: str, salt: bytes) -> str:
    return hashlib.blake2b(text.encode(), key=salt, digest_size=8).hexdigest()


def _ints(array: pa.Array | pa.ChunkedArray) -> Ints:
    """Whole numbers, -1 where there is none."""
    return np.array(array.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
