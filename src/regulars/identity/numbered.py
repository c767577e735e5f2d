"""Columns of texts as numbers: the key of a profile, the number of a value, the place of a row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.separation import Ints


def profile_keys(source: pa.Array | pa.ChunkedArray, profile: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return one text for each (source, id)."""
    joined = pc.binary_join_element_wise(source.cast(pa.string()), profile.cast(pa.string()), "\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def key_table(keys: pa.Array) -> pa.Table:
    """Return profile_source and profile_id of the keys that `profile_keys` makes."""
    parts = pc.split_pattern(keys, "\0", max_splits=1)
    return pa.table({"profile_source": pc.list_element(parts, 0), "profile_id": pc.list_element(parts, 1)})


def value_numbers(column: pa.Array | pa.ChunkedArray) -> Ints:
    """Return each value's number in the order of first sight, -1 for null."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole_numbers(array.dictionary_encode().indices.fill_null(-1))


def whole_numbers(array: pa.Array | pa.ChunkedArray) -> Ints:
    """Return a column of integers without nulls as an array."""
    return np.array(array.to_numpy(zero_copy_only=False), dtype=np.int64)
