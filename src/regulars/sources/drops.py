"""Files that are dropped for us: which there are, which are new or changed, and what is in one."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from regulars.check import did_you_mean
from regulars.errors import DeclarationError, SourceIncomplete, SourceUnavailable
from regulars.later import pa, pq
from regulars.sources.ndjson import ndjson_rows
from regulars.sources.source import State
from regulars.sources.tabular import Dialect, Rows, csv_rows, parquet_rows

FileFormat = Literal["csv", "ndjson", "parquet"]
ENDINGS: Mapping[str, FileFormat] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet"
}
_GLOB = frozenset("*?[")
_DATE = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?([0-2]\d|3[01])(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One file, known by its bytes."""

    name: str                                # path below the pattern's fixed folder: part of its rows' key
    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRequest:
    """Which files a stream is in, and how they are written."""

    patterns: tuple[str, ...]
    format: FileFormat | None = None         # None: by the name's ending
    dialect: Dialect = field(default_factory=Dialect)


def find_drops(request: FileRequest, *, within: Path) -> list[Drop]:
    """Return the files that match, in order of their names, with their fingerprints.

    Raises SourceUnavailable when none does: a folder that cannot be seen is not an empty one.
    """
    found = {name: path for pattern in request.patterns for name, path in _matching(pattern, within=within)}
    if not found:
        looked = ", ".join(str(within / pattern) for pattern in request.patterns)
        raise SourceUnavailable(f"no file matches {looked}", hint="check `files:` and `folder:`")
    return [_drop(name, found[name]) for name in sorted(found)]


def newest_whole(drops: list[Drop]) -> list[Drop]:
    """Return the files that are a snapshot's newest whole: those with the latest date in their names, or all undated.

    `2025-03-01.csv` beside `2025-02-28.csv` replaces it; `part-1.csv` and `part-2.csv` belong together.
    """
    dates = [_DATE.search(drop.name) for drop in drops]
    days = ["".join(found.groups()) for found in dates if found]
    if len(days) < len(drops):
        return drops
    return [drop for drop, day in zip(drops, days, strict=True) if day == max(days)]


def changed_drops(drops: list[Drop], known: State, *, is_snapshot: bool) -> list[Drop]:
    """Return the files to read: those with new bytes; all of a snapshot's newest whole when any of it is new or gone.

    A file that only got another name is not new: its rows are known already.
    """
    if is_snapshot and (whole := newest_whole(drops)) != drops:
        is_known = all(drop.name in known and drop.sha256 == _sha256(known[drop.name]) for drop in whole)
        return [] if is_known else whole
    present = {drop.name for drop in drops}
    gone = {_sha256(seen) for name, seen in known.items() if name not in present}
    new = [
        drop for drop in drops
        if (drop.sha256 != _sha256(known[drop.name]) if drop.name in known else drop.sha256 not in gone)
    ]
    if is_snapshot and (new or gone):
        return drops
    return new


def cursor_after(drops: list[Drop], known: State, read: State) -> State:
    """Return the cursor once `read` (file -> size, sha256, rows) was read: what is gone stays known, renames move."""
    by_bytes = {_sha256(seen): seen for seen in known.values()}
    renamed: State = {d.name: by_bytes[d.sha256] for d in drops if d.name not in known and d.sha256 in by_bytes}
    old_names = {name for name, seen in known.items() if any(seen is moved for moved in renamed.values())}
    return {name: seen for name, seen in known.items() if name not in old_names} | renamed | read


def read_drop(drop: Drop, request: FileRequest) -> Iterator[Rows]:
    """Yield what is in a file, in blocks. CSV comes as one block, held in memory.

    Raises SourceIncomplete for a gzip or Parquet file that ends early: nothing of such a file is kept.
    """
    try:
        match request.format or format_of(drop.path):
            case "csv":
                with _opened(drop.path) as file:
                    yield csv_rows(file.read(), file=drop.name, dialect=_dialect(drop, request))
            case "ndjson":
                with _opened(drop.path) as file:
                    yield from ndjson_rows(file, file=drop.name)
            case "parquet":
                yield from _parquet(drop)
    except (EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowInvalid) as error:
        raise SourceIncomplete(
            f"{drop.path.name} is cut off or damaged: {error}", hint="drop the file again; nothing was kept"
        ) from error
    except OSError as error:
        raise SourceUnavailable(f"{drop.path} cannot be read: {error.strerror or error}") from error


def format_of(path: Path) -> FileFormat:
    """Return the format that a file's ending names. Raises DeclarationError for any other."""
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    if ending not in ENDINGS:
        raise DeclarationError(
            f"what is in {path.name}? its ending says nothing", hint=f"add `format:` {', '.join(get_args(FileFormat))}"
        )
    return ENDINGS[ending]


def check_format(form: object, *, path: tuple[str | int, ...]) -> FileFormat | None:
    """Return the format a declaration names; None when it names none. Raises DeclarationError."""
    for known in get_args(FileFormat):
        if form == known:
            return known  # type: ignore[no-any-return]  # one of the literal's own values
    if form is not None:
        raise DeclarationError(
            f"format {form!r} is unknown", hint=did_you_mean(str(form), get_args(FileFormat)), path=(*path, "format")
        )
    return None


def _matching(pattern: str, *, within: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of each file that a pattern, a folder or a plain path means."""
    path = within / pattern
    parts = path.parts
    first_glob = next((n for n, part in enumerate(parts) if _GLOB & set(part)), None)
    if first_glob is not None:
        root = Path(*parts[:first_glob])
        found = list(root.glob(str(Path(*parts[first_glob:]))))
    elif path.is_dir():
        root = path
        found = [p for p in path.rglob("*") if Path(p.name.removesuffix(".gz")).suffix.lower() in ENDINGS]
    else:
        root, found = path.parent, [path] if path.exists() else []
    for file in found:
        # Hidden and half-copied files are somebody's work in progress.
        if file.is_file() and not file.name.startswith((".", "~")) and file.suffix not in {".tmp", ".part"}:
            yield file.relative_to(root).as_posix(), file


def _drop(name: str, path: Path) -> Drop:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Drop(name=name, path=path, size=path.stat().st_size, sha256=digest)
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read: {error.strerror or error}") from error


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    # By content, not by name: vendors rename what browsers unpack.
    if is_gzip:
        return gzip.open(path, "rb")
    if path.suffix == ".gz" and path.stat().st_size:
        raise SourceIncomplete(f"{path.name} is not gzip", hint="drop the file again; nothing was kept")
    return path.open("rb")


def _dialect(drop: Drop, request: FileRequest) -> Dialect:
    is_tsv = drop.path.name.removesuffix(".gz").endswith(".tsv") and request.dialect.delimiter == ","
    if not is_tsv:
        return request.dialect
    return Dialect(delimiter="\t", encoding=request.dialect.encoding, header=request.dialect.header)


def _parquet(drop: Drop) -> Iterator[Rows]:
    if drop.size == 0:
        return
    with pq.ParquetFile(drop.path) as file:
        first_line = 1
        for group in range(file.num_row_groups):
            rows = parquet_rows(file, group, file=drop.name, first_line=first_line)
            first_line += rows.table.num_rows
            yield rows


def _sha256(seen: object) -> str:
    return str(seen.get("sha256")) if isinstance(seen, Mapping) else ""
