"""Searched: every store looked through for people who were erased, by the hashes that are all that is left of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regulars.config import HOME
from regulars.pipeline.erased import Key, find, meant_among
from regulars.pipeline.workspace import Workspace
from regulars.records import mention

PARQUET = ".parquet"

WINDOW, OVERLAP = 16 << 20, 256
"""Bytes of a file that are looked at together, and how many of them again with the next ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What was looked through in one store, and where an erased person was found."""

    store: str                               # landing, lake, book or files
    looked: int                              # streams, tables or files
    found: tuple[str, ...]                   # of them, those that speak of somebody who was erased


def search(workspace: Workspace, keys: Collection[Key]) -> list[Search]:
    """Look for people by their keys through the landing, the lake, the book, and the files around them.

    Every address and number of a text is looked at, wherever it stands, and every id that stands beside its source.
    """
    return [
        _searched("landing", _landing(workspace, keys)),
        _searched("lake", _lake(workspace, keys)),
        _searched("book", _book(workspace, keys)),
        _searched("files", _files(workspace, keys)),
    ]


def proof_of(searches: Iterable[Search]) -> dict[str, Any]:
    """Return what was searched, by store, as it is kept with an erasure."""
    return {one.store: {name: value for name, value in asdict(one).items() if name != "store"} for one in searches}


def _searched(store: str, looked: Iterator[tuple[str, bool]]) -> Search:
    every = list(looked)
    return Search(store=store, looked=len(every), found=tuple(name for name, is_found in every if is_found))


def _landing(workspace: Workspace, keys: Collection[Key]) -> Iterator[tuple[str, bool]]:
    for source, stream in workspace.book.pages.streams():
        _, rows, _ = find(workspace, source, stream, keys=keys)
        yield f"{source}.{stream}", bool(rows)


def _lake(workspace: Workspace, keys: Collection[Key]) -> Iterator[tuple[str, bool]]:
    """Look through every version that is kept, for an older one is as readable as the newest, and through copies."""
    lake = workspace.lake.on(workspace.stores.border)
    for name in lake.stored():
        for version in lake.versions(name):
            with workspace.stores.border.bench() as bench:
                told = mention.told_in(lake.table(name, version=version.number), bench=bench)
            places = zip(told["place"].to_pylist(), told["value"].to_pylist(), strict=True)
            yield f"{name} {version.number}", _is_meant(workspace, places, keys)


def _book(workspace: Workspace, keys: Collection[Key]) -> Iterator[tuple[str, bool]]:
    for table, texts in workspace.book.forgetting.texts().items():
        told = {place for text in texts for place in mention.spoken(text)}
        yield table, _is_meant(workspace, told, keys)


def _files(workspace: Workspace, keys: Collection[Key]) -> Iterator[tuple[str, bool]]:
    """Look through the bytes of what lies on this machine beside the stores' own files, and of a book in a file."""
    folder = workspace.project.config.folder / HOME
    door = workspace.project.config.door.folder
    for path in sorted([*_within(folder), *_within(door), *workspace.book.forgetting.files()]):
        if path.suffix != PARQUET:
            told = {place for text in _windows(path) for place in mention.spoken(text)}
            yield str(path), _is_meant(workspace, told, keys)


def _within(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []


def _windows(path: Path) -> Iterator[str]:
    """Yield the bytes of a file as text, a window at a time; what is cut by one's end is whole in the next."""
    kept = b""
    with path.open("rb") as file:
        while data := file.read(WINDOW):
            yield (kept + data).decode("latin-1")
            kept = data[-OVERLAP:]


def _is_meant(workspace: Workspace, told: Iterable[tuple[int, str]], keys: Collection[Key]) -> bool:
    by_place: dict[int, set[str]] = defaultdict(set)
    profiles: dict[str, set[str]] = defaultdict(set)
    for place, text in told:
        if place == mention.PROFILE:
            source, _, profile = text.partition("/")
            profiles[source].add(profile)
        else:
            by_place[place].add(text)
    return (
        bool(meant_among(workspace, "email", sorted(by_place[mention.ADDRESS]), keys))
        or bool(meant_among(workspace, "sms", sorted(by_place[mention.NUMBER]), keys))
        or any(
            meant_among(workspace, "profile", sorted(several), keys, source=source)
            for source, several in profiles.items()
        )
    )
