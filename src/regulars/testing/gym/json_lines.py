"""Vendor objects as columns: a JSON shape with holes, filled for all rows at once and written line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from regulars.testing.gym.business_time import iso_utc
from regulars.testing.gym.chance import Columns, Flags, Numbers, Texts, taken

CHUNK = 50_000
NEVER = np.iinfo(np.int64).max
"""`visible_until` of the version that is still the current one."""

_HOLE = re.compile(r'"\\u0001(.*?)\\u0001"')


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in a shape that takes a column: text is quoted, numbers and booleans are not, a missing value is null.

    With `is_json` the column holds JSON text already (a list of lines, a nested object).
    """

    column: str
    is_json: bool = False


def rendered(shape: Mapping[str, object], columns: Columns) -> pa.Array:
    """Return one JSON text per row: the shape with every hole filled from its column."""
    parts = _HOLE.split(json.dumps(shape, default=_mark, separators=(",", ":"), ensure_ascii=False))
    tokens: dict[str, pa.Array] = {}
    for mark in set(parts[1::2]):
        kind, name = mark[0], mark[1:]
        tokens[mark] = _token(columns[name], is_json=kind == "j")
    pieces = [tokens[part] if n % 2 else part for n, part in enumerate(parts)]
    return pc.binary_join_element_wise(*pieces, "")


def joined(texts: pa.Array, groups: Numbers, size: int) -> pa.Array:
    """Return the JSON list of each group's texts, `[]` for a group without any; rows come sorted by group."""
    offsets = np.searchsorted(groups, np.arange(size + 1)).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), texts)
    return pc.binary_join_element_wise("[", pc.binary_join(lists, ","), "]", "")


def write_versions(path: Path, shape: Mapping[str, object], columns: Columns) -> int:
    """Write a stream's versions and return how many: one line each, in the order in which they became visible.

    `columns` holds, beside the shape's, `visible_from` and `visible_until` in UTC seconds (NEVER: current). A column
    `payout_id` stands in the envelope: vendors can be asked for a payout's movements, but do not say it in the item.
    """
    return write_versions_of(path, shape, columns["visible_from"], lambda rows: taken(columns, rows))


def write_versions_of(
    path: Path, shape: Mapping[str, object], visible_from: Numbers, rows_of: Callable[[Numbers], Columns]
) -> int:
    """Do the same for a large stream: `rows_of` makes the columns of some rows, so that never all are in memory."""
    size = len(visible_from)
    order = np.argsort(visible_from, kind="stable")
    envelope: dict[str, object] = {"visible_from": Hole("visible_from"), "visible_until": Hole("visible_until")}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for start in range(0, size, CHUNK):
            rows = order[start : start + CHUNK]
            chunk = {**rows_of(rows), "visible_from": visible_from[rows]}
            chunk["item"] = rendered(shape, chunk)
            payout = {"payout": Hole("payout_id")} if "payout_id" in chunk else {}
            chunk["visible_from"] = iso_utc(chunk["visible_from"])
            chunk["visible_until"] = _until(chunk["visible_until"])
            texts = rendered({**envelope, **payout, "item": Hole("item", is_json=True)}, chunk)
            lines = pc.binary_join_element_wise(texts, "\n", "")
            file.write(_bytes(lines))
    return size


def money(column: str) -> dict[str, object]:
    """Return Square's money object around a column of minor units."""
    return {"amount": Hole(column), "currency": "USD"}


def numbered(prefix: str, numbers: Numbers, *, width: int = 8) -> pa.Array:
    """Return ids like `cus_00000042`."""
    padded = pc.utf8_lpad(pc.cast(pa.array(np.asarray(numbers)), pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, padded, "")


def objects(values: pa.Array | pa.ChunkedArray) -> Texts:
    """Return Arrow text as an array of Python text, missing as None."""
    array: Texts = values.to_numpy(zero_copy_only=False)
    return array


def kept(values: npt.ArrayLike, where: Flags) -> Texts:
    """Return texts where a condition holds, None elsewhere; one text stands for all rows."""
    texts = np.full(len(where), None, dtype=object)
    chosen = np.asarray(values, dtype=object)
    texts[where] = chosen[where] if chosen.ndim else chosen.item()
    return texts


def _until(values: Numbers) -> pa.Array:
    ends = values != NEVER
    return pa.array(iso_utc(np.where(ends, values, 0)), mask=~ends)


def _mark(value: object) -> str:
    if not isinstance(value, Hole):
        raise TypeError(f"a shape holds JSON values and holes, not {value!r}")
    return f"\x01{'j' if value.is_json else 'v'}{value.column}\x01"


def _token(values: object, *, is_json: bool) -> pa.Array:
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_boolean(array.type):
        array = pc.if_else(array, "true", "false")
    elif pa.types.is_null(array.type):
        array = pa.nulls(len(array), pa.string())
    elif not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        array = pc.cast(array, pa.string())
    elif not is_json:
        array = pc.binary_join_element_wise('"', array, '"', "")
    return pc.fill_null(pc.cast(array, pa.string()), "null")


def _bytes(lines: pa.Array) -> memoryview:
    """The text of all lines, which Arrow keeps one after the other already."""
    if len(lines) == 0:
        return memoryview(b"")
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)
    first, last = offsets[lines.offset], offsets[lines.offset + len(lines)]
    return memoryview(lines.buffers()[2])[first:last]
