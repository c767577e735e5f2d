"""A source of files: CSV, NDJSON or Parquet, plain or gzipped; one file, a pattern, or a folder that gets drops.

    kind: files
    folder: drops/                 # optional; relative to the project. `file:///srv/drops` works too
    streams:
      lines:
        files: "retail/*.csv.gz"   # a file, a pattern (`**` for sub-folders), a folder, or a list of these
        format: csv                # csv | ndjson | parquet; left out: by the name's ending
        encoding: windows-1252     # CSV; left out: UTF-8, or what a byte order mark says
        delimiter: ";"             # CSV
        header: [day, sku, sold]   # CSV; left out: the first line. `false`: column_1, column_2, ...
        fields: ...                # and key, profile, money as for any stream

The cursor is `{file: {size, sha256, rows}}`: only new and changed files are read. A file that came back shorter by more
than the stream's `shrink_guard` is a GuardError. Of a `snapshot` stream the files with the latest date in their names
are the whole; without dates all files are, and all are read when one changed. A renamed file is not read again.
"""

from __future__ import annotations

import codecs
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from regulars.check import did_you_mean
from regulars.clock import Clock
from regulars.errors import DeclarationError
from regulars.records.record import Stream
from regulars.sources.declared import as_mapping, declare_within, no_strangers, resolve_environment
from regulars.sources.drops import FileRequest, changed_drops, check_format, cursor_after, find_drops
from regulars.sources.file_pages import file_pages, planned_drops
from regulars.sources.source import Page, State, Surroundings, Window
from regulars.sources.tabular import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSource:
    """Files on this machine, read as they are dropped."""

    name: str
    streams: tuple[Stream, ...]
    requests: Mapping[str, FileRequest]      # stream name -> where it is
    folder: str = ""
    is_export: bool = False                  # a vendor's: it may lack the folder of a stream, as long as it always did
    at: Surroundings = field(repr=False)

    def pull(
        self, stream: Stream, *, cursor: State | None, resume: State | None, clock: Clock, window: Window | None = None
    ) -> Iterator[Page]:
        """Read new and changed files. A window reads them all: files are whole, their records find their own days.

        Raises SourceUnavailable when no file matches, SourceIncomplete for a cut one, GuardError for a shrunken one.
        """
        del clock                            # what a file says does not depend on when it is read
        request = self._request(stream)
        known = {} if cursor is None or window is not None else cursor
        folder = self._folder()
        if self.is_export and cursor is None and folder.is_dir() and not (folder / stream.name).exists():
            return
        drops = find_drops(request, within=folder)
        changed = changed_drops(drops, known, is_snapshot=stream.mode == "snapshot")
        plan = planned_drops(resume, drops) if resume else changed
        if not plan:
            return
        pages = file_pages(plan, request, stream=stream, known=known, resume=resume)
        latest = next(pages)
        for page in pages:
            yield latest
            latest = page
        read = as_mapping((latest.resume or {})["read"], path=())
        after = None if window is not None else cursor_after(drops, known, dict(read))
        yield dataclasses.replace(latest, resume=None, is_last=True, cursor=after)

    def _request(self, stream: Stream) -> FileRequest:
        request = self.requests[stream.name]
        patterns = tuple(str(resolve_environment(pattern, self.at, source=self.name)) for pattern in request.patterns)
        return dataclasses.replace(request, patterns=tuple(_local_path(pattern) for pattern in patterns))

    def _folder(self) -> Path:
        return self.at.folder / _local_path(str(resolve_environment(self.folder, self.at, source=self.name)))


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> FilesSource:
    """Return the source of files that a declaration means. Raises DeclarationError."""
    no_strangers(data, {"kind", "folder", "streams"}, path=())
    streams = as_mapping(data.get("streams"), path=("streams",))
    specs = {key: as_mapping(spec, path=("streams", key)) for key, spec in streams.items()}
    requests = {key: declare_files(spec, path=("streams", key)) for key, spec in specs.items() if "parent" not in spec}
    declared = tuple(declare_within(name, key, spec) for key, spec in specs.items())
    return FilesSource(name=name, streams=declared, requests=requests, folder=str(data.get("folder", "")), at=at)


def drops_of(name: str, streams: tuple[Stream, ...], *, folder: str, at: Surroundings) -> FilesSource:
    """Return a vendor's streams read from an export: `<folder>/<stream>/*.ndjson[.gz]`, for bulk loads."""
    requests = {
        stream.name: FileRequest(patterns=(f"{stream.name}/*.ndjson", f"{stream.name}/*.ndjson.gz"), format="ndjson")
        for stream in streams if stream.parent is None
    }
    return FilesSource(name=name, streams=streams, requests=requests, folder=folder, is_export=True, at=at)


def declare_files(data: Mapping[str, object], *, path: tuple[str | int, ...]) -> FileRequest:
    """Return where a stream's files are. Raises DeclarationError."""
    files = data.get("files")
    if not files:
        raise DeclarationError("where are the files?", hint='add `files: "drops/*.csv"`', path=path)
    if data.get("mode") == "snapshot_each":
        hint = "`mode: snapshot`: each file is the whole"
        raise DeclarationError("files are not asked for each", hint=hint, path=(*path, "mode"))
    header = data.get("header", True)
    return FileRequest(
        patterns=tuple(str(pattern) for pattern in files) if isinstance(files, list) else (str(files),),
        format=check_format(data.get("format"), path=path),
        dialect=Dialect(
            delimiter=_delimiter(data.get("delimiter", ","), path=(*path, "delimiter")),
            encoding=_encoding(data.get("encoding"), path=(*path, "encoding")),
            header=tuple(str(column) for column in header) if isinstance(header, list) else bool(header),
        ),
    )


def _delimiter(value: object, *, path: tuple[str | int, ...]) -> str:
    text = "\t" if value in {"tab", "\\t"} else str(value)
    if len(text) != 1:
        raise DeclarationError(f"{value!r} cannot part values", hint='one character: `","`, `";"` or `tab`', path=path)
    return text


def _encoding(value: object, *, path: tuple[str | int, ...]) -> str | None:
    if value is None:
        return None
    try:
        return codecs.lookup(str(value)).name
    except LookupError:
        hint = did_you_mean(str(value), ["utf-8", "utf-16", "windows-1252", "iso-8859-1"])
        raise DeclarationError(f"encoding {value!r} is unknown", hint=hint, path=path) from None


def _local_path(text: str) -> str:
    return unquote(urlsplit(text).path) if text.startswith("file://") else text
