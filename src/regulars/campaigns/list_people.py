"""Who of a list is the same person, and what an import does with people who are known already."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.list_columns import FIELDS
from regulars.identity.name import can_be_one, first_word, last_word, normalise_names, stripped

Strategy = Literal["merge", "replace", "skip"]

VERDICT = pa.schema([("row", pa.int64()), ("known", pa.string()), ("verdict", pa.string()),
                     *((name, pa.string()) for name in FIELDS)])
"""One row per recipient of a list: the id of the person it is, if known; created, merged, replaced or skipped; and what
is then held of the person.
"""

_NONE = pa.scalar(None, pa.string())


def against(known: pa.Table, recipients: pa.Table, *, strategy: Strategy = "merge") -> pa.Table:
    """Say what importing a list does to people who are known already. Columns of VERDICT, in the list's order.

    Args:
        known: One row per person: id, and the fields that are held; fields it lacks count as blank.
        recipients: Of the list: columns row and FIELDS.
        strategy: merge fills blanks, replace overwrites with what the list says, skip leaves the person alone.

    A person is known by the address, and by a name that can be theirs: a shared phone merges nobody. The same list
    twice creates nobody the second time.

    """
    blank = pa.chunked_array([pa.nulls(known.num_rows, pa.string())])
    held = {name: known[name].cast(pa.string()) if name in known.column_names else blank for name in FIELDS}
    held |= {name: without_numbers(held[name]) for name in ("first_name", "last_name")}
    both = pa.concat_tables([pa.table(held), recipients.select(FIELDS)])
    leader, _ = same_people(both)
    chief = leader[known.num_rows:]
    is_known = chief < known.num_rows
    at = pa.array(np.where(is_known, chief, 0), mask=~is_known)
    before = pa.table(held).take(at) if known.num_rows else recipients.select(FIELDS).slice(0, 0)
    verdict = {"merge": "merged", "replace": "replaced", "skip": "skipped"}[strategy]
    columns = {}
    for name in FIELDS:
        new = recipients[name]
        old = before[name] if known.num_rows else pa.nulls(recipients.num_rows, pa.string())
        first, second = (new, old) if strategy == "replace" else (old, new)
        columns[name] = pc.if_else(pa.array(is_known), old if strategy == "skip" else pc.coalesce(first, second), new)
    ids = known["id"].take(at) if known.num_rows else pa.nulls(recipients.num_rows, pa.string())
    words = pc.if_else(pa.array(is_known), verdict, "created")
    return pa.table({"row": recipients["row"], "known": ids, "verdict": words} | columns).cast(VERDICT)


def same_people(fields: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return for each row the position of the row that tells of the same person first, and of the first at its address.

    Rows are of one person when they have one address and their names can be one person's, or one has no name. The
    address is the phone, or the e-mail where there is none. Every round takes the first person left at each address:
    as many rounds as people share one.
    """
    rows = fields.num_rows
    address = pc.coalesce(fields["phone"], fields["email"]).combine_chunks().dictionary_encode().indices.to_numpy()
    full = pc.coalesce(pc.binary_join_element_wise(fields["first_name"], fields["last_name"], " "), fields["name"],
                       fields["first_name"], fields["last_name"]).combine_chunks()
    names = stripped(normalise_names(full))
    first = first_word(names).fill_null("").to_numpy(zero_copy_only=False).astype(str)
    last = last_word(names).fill_null("").to_numpy(zero_copy_only=False).astype(str)
    leader, shares = np.full(rows, -1, dtype=np.int64), np.full(rows, -1, dtype=np.int64)
    left = np.arange(rows)
    while len(left):
        _, at, which = np.unique(address[left], return_index=True, return_inverse=True)
        chief = left[at][which]
        same = (chief == left) | (first[left] == "") | (first[chief] == "")
        alike = can_be_one(first[chief], first[left]) | (first[chief] == first[left])
        same |= alike & ((last[chief] == last[left]) | (last[chief] == "") | (last[left] == ""))
        leader[left[same]] = chief[same]
        shares[left] = np.where(shares[left] < 0, chief, shares[left])
        left = left[~same]
    return leader, shares


def without_numbers(names: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return names without those that are telephone numbers: a phone fills in its own for a stranger."""
    bare = pc.utf8_trim_whitespace(pc.replace_substring(names, "(from OpenPhone)", ""))
    is_number = pc.or_(pc.match_substring_regex(bare, r"^\+?[0-9().\s\-]{7,}$"), pc.equal(bare, ""))
    return pc.if_else(is_number, _NONE, bare)
