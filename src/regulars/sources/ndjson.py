"""Rows out of NDJSON: each line checked to be one JSON object and otherwise kept as it is."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from regulars.later import np, pa, pc
from regulars.sources.source import ROW, Reject
from regulars.sources.tabular import RAW_LIMIT, Rows

BLOCK_BYTES = 16_000_000                     # text held at once: about 50,000 rows
_LINE_FEED = 10
_VALUES = msgspec.json.Decoder(msgspec.Raw)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def ndjson_rows(source: BinaryIO | gzip.GzipFile, *, file: str, block_bytes: int = BLOCK_BYTES) -> Iterator[Rows]:
    """Yield the rows of an NDJSON file in blocks; blank lines are no rows, bad lines are rejected one by one."""
    line, rest = 1, b""
    while block := source.read(block_bytes):
        text = rest + block
        end = text.rfind(b"\n") + 1
        text, rest = text[:end], text[end:]
        if line == 1:
            text = text.removeprefix(codecs.BOM_UTF8)
        if text:
            yield _block(text, file=file, first_line=line)
        line += text.count(b"\n")
    if rest.strip():
        yield _block(rest.removeprefix(codecs.BOM_UTF8), file=file, first_line=line)


def _block(text: bytes, *, file: str, first_line: int) -> Rows:
    rows = _if_all_good(text)
    if rows is not None:
        lines = np.arange(first_line, first_line + len(rows), dtype=np.int64)
        return Rows(table=_table(file, pa.array(lines), rows))
    return _one_by_one(text, file=file, first_line=first_line)


def _if_all_good(text: bytes) -> pa.Array | None:
    """Return the lines, when every one is one JSON object: checked at C speed, without a loop over rows."""
    try:
        text.decode()
        count = len(_VALUES.decode_lines(text))
    except (UnicodeDecodeError, msgspec.DecodeError):
        return None
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _LINE_FEED) + 1
    if not text.endswith(b"\n"):
        ends = np.append(ends, len(text))
    if len(ends) != count:
        return None
    places = np.concatenate(([0], ends)).astype(np.int64)
    # Places of 64 bits: lines that 32 cannot count are refused by the cast, where they would else be cut anywhere.
    lines = pa.Array.from_buffers(pa.large_string(), count, [None, pa.py_buffer(places), pa.py_buffer(text)])
    return pc.ascii_rtrim(lines, "\r\n").cast(pa.string()) if pc.all(pc.starts_with(lines, "{")).as_py() else None


def _one_by_one(text: bytes, *, file: str, first_line: int) -> Rows:
    """Look at each line of a block that holds a bad one."""
    numbers: list[int] = []
    payloads: list[str] = []
    rejects: list[Reject] = []
    for number, line in enumerate(text.removesuffix(b"\n").split(b"\n"), start=first_line):
        if not line.strip():
            continue
        refusal = _fault(line)
        if refusal is None:
            numbers.append(number)
            payloads.append(line.strip().decode())
        else:
            reason, message = refusal
            raw = line.decode(errors="replace")[:RAW_LIMIT]
            rejects.append(Reject(reason=reason, message=message, file=file, line=number, raw=raw))
    table = _table(file, pa.array(numbers, pa.int64()), pa.array(payloads, pa.string()))
    return Rows(table=table, rejects=tuple(rejects))


def _fault(line: bytes) -> tuple[str, str] | None:
    """Return why a line is no record: reason code and sentence; None when it is one."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return "invalid-utf8", "the line has bytes that are no UTF-8 text"
    try:
        _OBJECT.decode(line)
    except msgspec.DecodeError as error:
        return "bad-json", f"the line is not one JSON object: {error}"
    return None


def _table(file: str, lines: pa.Array, payload: pa.Array) -> pa.Table:
    names = pa.repeat(pa.scalar(file, pa.string()), len(lines))
    return pa.Table.from_arrays([names, lines, payload], schema=pa.schema(ROW))
