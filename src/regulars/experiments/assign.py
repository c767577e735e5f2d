"""Who gets which variant of a list: exact shares, decided by a keyed hash, and never changed afterwards.

Twenty people at 70/30 are fourteen and six, whoever they are. The order of the list does not matter, nor how it is cut
into pieces beyond what rounding forces: places left over are made up for in the next piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from hashlib import blake2b
from numbers import Integral

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.experiments.checks import variant_problems
from regulars.experiments.experiment import Experiment, Variant

STORED = pa.schema([("unit", pa.string()), ("variant", pa.string()), ("epoch", pa.int64())])
"""Assignments of one experiment as the book keeps them; a unit stands there once."""

ALLOCATED = pa.schema([
    ("unit", pa.string()), ("variant", pa.string()), ("epoch", pa.int64()), ("is_new", pa.bool_()),
    ("refusal", pa.string()),
])
"""One row per row asked about, in its order. Either `variant` and `epoch` or `refusal` is there.

`is_new` rows are to be stored under (experiment, unit), the first to be stored wins, and what is stored is read back.
"""

STRATA = pa.schema([("unit", pa.string()), ("stratum", pa.string())])
"""One row per unit: which of the strata it is in, such as keen or not; within each the shares are as exact."""

_NO_ID = "this row has no id: nobody can be assigned"


def allocate(
    units: Iterable[object] | pa.Array | pa.ChunkedArray, *, experiment: Experiment, stored: pa.Table | None = None,
    strata: pa.Table | None = None,
) -> pa.Table:
    """Return the variant of each unit: columns of ALLOCATED.

    Units are ids, text or whole numbers; 7 and "7" are one unit, as are two equal rows. Whoever is in `stored` (STORED,
    all of the experiment's) keeps that variant, be it declared any more or not. The others fill the quotas of the
    experiment's weights over everybody of this epoch, stored and new, as nearly as the stored allow.
    With `strata` (STRATA, of new units and stored ones; who is missing there is a stratum too) they fill them within
    each stratum as well, see `dealt`.
    A row without an id is refused, with the reason in `refusal`; the rest goes on.
    Raises DeclarationError for weights that do not add up, saying which would.
    """
    for problem in variant_problems(experiment):
        raise problem
    ids, refusals = _ids(units)
    known = stored if stored is not None else STORED.empty_table()
    found = pc.index_in(ids, value_set=known["unit"].combine_chunks())
    # Sorted, so that even two units with the same place in the shuffle have an order that is not the list's.
    fresh = pc.unique(ids.filter(pc.and_(pc.is_valid(ids), pc.is_null(found))))
    fresh = fresh.take(pc.sort_indices(fresh))
    given = _shuffled(fresh, experiment, known, STRATA.empty_table() if strata is None else strata)
    own = pc.index_in(ids, value_set=fresh)
    return pa.table({
        "unit": ids,
        "variant": pc.coalesce(known["variant"].combine_chunks().take(found), given.take(own)),
        "epoch": pc.coalesce(
            known["epoch"].combine_chunks().take(found), pc.if_else(pc.is_valid(own), experiment.epoch, None)
        ),
        "is_new": pc.is_valid(own),
        "refusal": refusals,
    }, schema=ALLOCATED)


def quotas(count: int, variants: Sequence[Variant], *, counts: Mapping[str, int], key: str) -> tuple[int, ...]:
    """Return how many of `count` new units each variant gets, `counts` being those it has.

    The totals come as near to the weights as they can: the sum of squared distances is the least there is. Without
    counts that is the largest-remainder rule. Equal remainders are settled by hash of `key`, the variant and the total,
    so that nobody can tell which variant the next single unit gets. A variant without weight gets nobody.
    """
    had = [counts.get(variant.name, 0) for variant in variants]
    whole = sum((variant.weight for variant in variants), Fraction(0))
    total = sum(had) + count
    short = [variant.weight / whole * total - has for variant, has in zip(variants, had, strict=True)]
    exact = _filled(short, count)
    floors = [int(share) for share in exact]
    names = [f"{total}.{variant.name}" for variant in variants]
    ties = _places(names, key=key)
    by_remainder = sorted(range(len(exact)), key=lambda n: (floors[n] - exact[n], ties[n]))
    rest = set(by_remainder[: count - sum(floors)])
    return tuple(each + (n in rest) for n, each in enumerate(floors))


def dealt(
    sizes: Mapping[str, int], variants: Sequence[Variant], *, counts: Mapping[str, Mapping[str, int]], key: str
) -> dict[str, tuple[int, ...]]:
    """Return how many of the new units of each stratum each variant gets, `counts` being those it has there.

    On the whole the totals are those of `quotas`; within a stratum no variant is a whole unit off what is nearest to
    the weights there. Places that rounding leaves over in a stratum go to the variants that are still short on the
    whole: one unit a stratum, as in a list of pairs, and both still come out even. Strata come in the order of a hash.
    """
    whole = sum((variant.weight for variant in variants), Fraction(0))
    overall = {v.name: sum(each.get(v.name, 0) for each in counts.values()) for v in variants}
    short = list(quotas(sum(sizes.values()), variants, counts=overall, key=key))
    exact = {}
    for stratum, size in sizes.items():
        had = [counts.get(stratum, {}).get(variant.name, 0) for variant in variants]
        total = sum(had) + size
        exact[stratum] = _filled([v.weight / whole * total - n for v, n in zip(variants, had, strict=True)], size)
    short = [n - sum(int(each[k]) for each in exact.values()) for k, n in enumerate(short)]
    ties = _places([variant.name for variant in variants], key=key)
    found = {}
    names = sorted(sizes)
    for stratum in (names[n] for n in np.argsort(_places(names, key=key), kind="stable")):
        floors = [int(share) for share in exact[stratum]]
        urgency = [(exact[stratum][k] == floors[k], -short[k], ties[k]) for k in range(len(floors))]
        rest = sorted(range(len(floors)), key=urgency.__getitem__)[: sizes[stratum] - sum(floors)]
        short = [n - (k in rest) for k, n in enumerate(short)]
        found[stratum] = tuple(each + (k in rest) for k, each in enumerate(floors))
    return found


def _filled(short: Sequence[Fraction], count: int) -> list[Fraction]:
    """What each is short of, less the same for all who get anything, so that it adds up to count."""
    deepest = sorted(short, reverse=True)
    level = Fraction(0)
    for n in range(1, len(deepest) + 1):
        level = (sum(deepest[:n], Fraction(0)) - count) / n
        if n == len(deepest) or level >= deepest[n]:
            break
    return [max(Fraction(0), each - level) for each in short]


def _shuffled(fresh: pa.Array, experiment: Experiment, stored: pa.Table, strata: pa.Table) -> pa.Array:
    """The variants of new units, which come sorted: the first in a stratum's shuffle get the first, and so on."""
    of_epoch = stored.filter(pc.equal(stored["epoch"], experiment.epoch))
    theirs = of_epoch.append_column("stratum", _strata_of(of_epoch["unit"].combine_chunks(), strata))
    counts: dict[str, dict[str, int]] = {}
    for row in theirs.group_by(["stratum", "variant"]).aggregate([([], "count_all")]).to_pylist():
        counts.setdefault(row["stratum"], {})[row["variant"]] = row["count_all"]
    own = _strata_of(fresh, strata)
    sizes = {each["values"].as_py(): each["counts"].as_py() for each in own.value_counts()}
    places, groups = _places(fresh.to_pylist(), key=experiment.key), own.to_numpy(zero_copy_only=False)
    codes = np.empty(len(fresh), dtype=np.int32)
    for stratum, numbers in dealt(sizes, experiment.variants, counts=counts, key=experiment.key).items():
        at = np.flatnonzero(groups == stratum)
        codes[at[np.argsort(places[at], kind="stable")]] = np.repeat(np.arange(len(numbers)), numbers)
    return pa.array([variant.name for variant in experiment.variants], pa.string()).take(pa.array(codes))


def _strata_of(units: pa.Array, strata: pa.Table) -> pa.Array:
    """The stratum of each unit, empty for who is in none."""
    at = pc.index_in(units, strata["unit"].combine_chunks())
    return strata["stratum"].combine_chunks().take(at).fill_null("")


def _places(ids: Sequence[str], *, key: str) -> NDArray[np.uint64]:
    """A place in the shuffle for each id: 64 bits that nobody can foretell without the key."""
    start = blake2b(digest_size=8, key=blake2b(key.encode()).digest())
    digests = bytearray()
    for unit in ids:
        place = start.copy()
        place.update(unit.encode())
        digests += place.digest()
    return np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64)


def _ids(units: Iterable[object] | pa.Array | pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Ids as text, null where refused, and why."""
    if isinstance(units, pa.ChunkedArray):
        units = units.combine_chunks()
    if isinstance(units, pa.Array) and (pa.types.is_string(units.type) or pa.types.is_integer(units.type)):
        texts = units.cast(pa.string())
        refusals = pc.if_else(pc.is_null(texts), _NO_ID, None).cast(pa.string())
    else:
        # Mixed rows, as they come out of a sheet.
        said = units.to_pylist() if isinstance(units, pa.Array) else list(units)
        reasons = [_reason(each) for each in said]
        refusals = pa.array(reasons, pa.string())
        texts = pa.array([None if why else str(each) for each, why in zip(said, reasons, strict=True)], pa.string())
    is_blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
    blanks = pc.if_else(is_blank, _NO_ID, None).cast(pa.string())
    return pc.if_else(is_blank, None, texts), pc.coalesce(refusals, blanks)


def _reason(unit: object) -> str | None:
    if unit is None:
        return _NO_ID
    if isinstance(unit, bool) or not isinstance(unit, str | Integral):
        return f"{unit!r} is no id: ids are text or whole numbers"
    return None
