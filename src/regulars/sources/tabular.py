"""Rows out of one CSV or Parquet file: JSON objects with their line, and what could not be read."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from dataclasses import dataclass

from regulars.errors import SourceChanged, SourceIncomplete
from regulars.later import arrow_csv, np, pa, pc, pq
from regulars.sources.json_text import rows_as_json
from regulars.sources.source import ROW, Reject

RAW_LIMIT = 2_000                            # characters of a bad row that are kept
_BAD_BYTES = "\U0010fffe"                    # a noncharacter: no valid text holds it, so it marks bytes that were none

codecs.register_error("regulars-mark", lambda error: (_BAD_BYTES, error.end))  # type: ignore[attr-defined]  # decoding


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a CSV file is written."""

    delimiter: str = ","
    encoding: str | None = None              # None: UTF-8, or what a byte order mark says
    header: bool | tuple[str, ...] = True    # the names, when the file has no line of its own for them


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What one file, or one block of it, holds."""

    table: pa.Table                          # ROW
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What one CSV file holds, as columns."""

    table: pa.Table                          # a string column per column of the file, in its order
    lines: np.ndarray                        # int64, one a row; the header is line 1
    rejects: tuple[Reject, ...] = ()


def csv_rows(data: bytes, *, file: str, dialect: Dialect) -> Rows:
    """Return the rows of a CSV file as JSON objects of strings; otherwise as `csv_columns`."""
    columns = csv_columns(data, file=file, dialect=dialect)
    if not columns.table.num_columns:
        return Rows(table=pa.schema(ROW).empty_table())
    return Rows(table=_as_rows(file, columns.lines, rows_as_json(columns.table)), rejects=columns.rejects)


def csv_columns(data: bytes, *, file: str, dialect: Dialect) -> Columns:
    """Return the columns of a CSV file as strings exactly as written (an empty value stays "").

    Rows with too few or too many values and rows with undecodable bytes are rejected one by one. The line counts rows,
    the header being line 1: the same as in an editor as long as no quoted value spans lines.
    Raises SourceChanged for a header that names a column twice or cannot be decoded.
    """
    text, is_marked = _as_utf8(data, dialect.encoding, file=file)
    text = text if b"\n" in text else text + b"\n"      # Arrow refuses a lone header line without its end
    names = _header(text, file=file, dialect=dialect)
    if not names:
        return Columns(table=pa.table({}), lines=np.empty(0, dtype=np.int64))
    first_line = 2 if dialect.header is True else 1
    ragged: list[arrow_csv.InvalidRow] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(text),
            # One thread and one block: only so does Arrow tell the number of a bad row.
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=max(len(text) + 1, 4096), column_names=list(names), encoding="utf8",
                skip_rows_after_names=1 if dialect.header is True else 0,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter, invalid_row_handler=skip, ignore_empty_lines=False, newlines_in_values=True
            ),
            convert_options=arrow_csv.ConvertOptions(default_column_type=pa.string(), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise SourceChanged(f"{file} is not CSV: {error}", hint="check `delimiter:` and `encoding:`") from error
    _check_closed(table, text, file=file)
    lines = _line_numbers(table.num_rows, first=first_line, gaps=[row.number for row in ragged])
    rejects = [_ragged(row, file) for row in ragged]
    table, lines = _without_blank(table, lines)
    if is_marked:
        table, lines, bad = _without_marked(table, lines, file=file)
        rejects += bad
    return Columns(table=table, lines=lines, rejects=tuple(rejects))


def parquet_rows(source: pq.ParquetFile, group: int, *, file: str, first_line: int) -> Rows:
    """Return the rows of one row group of a Parquet file as JSON objects; nulls stay null."""
    table = source.read_row_group(group)
    lines = np.arange(first_line, first_line + table.num_rows, dtype=np.int64)
    return Rows(table=_as_rows(file, lines, rows_as_json(table)))


def _as_rows(file: str, lines: np.ndarray, payload: pa.ChunkedArray) -> pa.Table:
    names = pa.repeat(pa.scalar(file, pa.string()), len(lines))
    return pa.Table.from_arrays([names, pa.array(lines, pa.int64()), payload], schema=pa.schema(ROW))


def _as_utf8(data: bytes, encoding: str | None, *, file: str) -> tuple[bytes, bool]:
    """Return the text as UTF-8 without byte order mark, and whether undecodable bytes were marked in it."""
    if encoding is None and data[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        encoding = "utf-16"
    data = data.removeprefix(codecs.BOM_UTF8)
    is_utf8 = encoding is None or codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}
    if is_utf8 and data.isascii():
        return data, False
    name = "utf-8" if is_utf8 else str(encoding)
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        return data.decode(name, errors="regulars-mark").encode(), True
    except UnicodeError as error:
        raise SourceChanged(f"{file} is not {name}: {error}", hint="set `encoding:` to what it is") from error
    return data if is_utf8 else text.encode(), False


def _header(text: bytes, *, file: str, dialect: Dialect) -> tuple[str, ...]:
    if isinstance(dialect.header, tuple):
        return dialect.header
    # A header line longer than this is not one; more would copy the file.
    start = io.StringIO(text[:1_000_000].decode(errors="ignore"), newline="")
    names = next(csv.reader(start, delimiter=dialect.delimiter), [])
    if dialect.header is False:
        return tuple(f"column_{n}" for n in range(1, len(names) + 1))
    if _BAD_BYTES in "".join(names):
        raise SourceChanged(f"{file}: the header has bytes that are no text", hint="set `encoding:` to what it is")
    twice = [name or "(empty)" for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SourceChanged(
            f"{file}: the header names {', '.join(map(repr, twice))} more than once",
            hint="rename one of the columns in the file",
        )
    return tuple(names)


def _line_numbers(count: int, *, first: int, gaps: list[int]) -> np.ndarray:
    """Return the lines of the rows that were kept: all from the first on but those of rejected rows."""
    lines = np.arange(first, first + count + len(gaps), dtype=np.int64)
    return lines if not gaps else np.delete(lines, np.array(gaps) - first)


def _check_closed(table: pa.Table, text: bytes, *, file: str) -> None:
    """Raise SourceIncomplete when the file ends inside a quoted value: everything after the quote was swallowed."""
    if table.num_rows == 0 or text.count(b'"') % 2 == 0:
        return
    if any("\n" in str(value) for value in table.slice(table.num_rows - 1).to_pylist()[0].values()):
        raise SourceIncomplete(f"{file} ends inside a quoted value", hint="it was cut off, or a quote is never closed")


def _without_blank(table: pa.Table, lines: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """Leave out lines without a single value: they are no records and no fault."""
    blank = pc.equal(table.column(0), "").to_numpy()
    if not blank.any():
        return table, lines
    for column in table.columns[1:]:
        blank &= pc.equal(column, "").to_numpy()
    return table.filter(pa.array(~blank)), lines[~blank]


def _ragged(row: arrow_csv.InvalidRow, file: str) -> Reject:
    return Reject(
        reason="ragged-row",
        message=f"{row.actual_columns} values where the header has {row.expected_columns}",
        file=file,
        line=row.number,
        raw=row.text.replace(_BAD_BYTES, "\ufffd")[:RAW_LIMIT],
    )


def _without_marked(table: pa.Table, lines: np.ndarray, *, file: str) -> tuple[pa.Table, np.ndarray, list[Reject]]:
    """Split off the rows that hold bytes that were no text."""
    marked = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        marked |= pc.match_substring(column, _BAD_BYTES).to_numpy()
    bad = table.filter(pa.array(marked)).to_pylist()
    rejects = [
        Reject(
            reason="invalid-utf8",
            message="the row has bytes that are no text in the file's encoding",
            file=file,
            line=int(line),
            raw=",".join(row.values()).replace(_BAD_BYTES, "\ufffd")[:RAW_LIMIT],
        )
        for row, line in zip(bad, lines[marked], strict=True)
    ]
    return table.filter(pa.array(~marked)), lines[~marked], rejects
