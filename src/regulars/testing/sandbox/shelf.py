"""The records of one vendor at one moment, out of a world's files of versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from regulars.connectors.sandbox import Listing


class _Version(msgspec.Struct):
    """One line of a world's file: a record as the vendor writes it, and when it could be seen."""

    visible_from: datetime
    item: msgspec.Raw
    visible_until: datetime | None = None


_VERSIONS = msgspec.json.Decoder(_Version)


@dataclass(slots=True, kw_only=True)
class FolderShelf:
    """`<folder>/<stream>.ndjson`, each line `{"visible_from", "visible_until", "item"}`, seen at `now`."""

    folder: Path
    now: datetime
    versions: dict[str, list[_Version]] = field(default_factory=dict)
    listings: dict[tuple[str, str], Listing] = field(default_factory=dict)
    given: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)

    def move_to(self, at: datetime) -> None:
        """Go to another moment; what is kept for the present one is forgotten."""
        if at != self.now:
            self.now = at
            self.listings.clear()

    def listing(
        self,
        stream: str,
        *,
        by: Callable[[dict[str, object]], object],
        shape: Callable[[dict[str, object]], object] | None = None,
        name: str = "",
    ) -> Listing:
        """Return a stream's visible records sorted by a key. See `connectors.sandbox.Shelf`."""
        known = self.listings.get((stream, name))
        if known is None:
            known = self.listings[stream, name] = _listing(self._visible(stream), by=by, shape=shape)
        return known

    def keep(self, stream: str, item: Mapping[str, object]) -> None:
        """Keep what the vendor was given. See `connectors.sandbox.Shelf`."""
        self.given.setdefault(stream, []).append(item)

    def kept(self, stream: str) -> Sequence[Mapping[str, object]]:
        """Return what the vendor was given, in the order it came."""
        return tuple(self.given.get(stream, ()))

    def _visible(self, stream: str) -> list[msgspec.Raw]:
        if stream not in self.versions:
            path = self.folder / f"{stream}.ndjson"
            self.versions[stream] = _VERSIONS.decode_lines(path.read_bytes()) if path.exists() else []
        now = self.now
        return [
            version.item for version in self.versions[stream]
            if _aware(version.visible_from) <= now
            and (version.visible_until is None or now < _aware(version.visible_until))
        ]


def _listing(
    items: list[msgspec.Raw],
    *,
    by: Callable[[dict[str, object]], object],
    shape: Callable[[dict[str, object]], object] | None,
) -> Listing:
    """Write each record once: a page is then a slice of bytes."""
    rows = []
    for raw in items:
        item = msgspec.json.decode(raw, type=dict[str, object])
        made = item if shape is None else shape(item)
        if made is not None:
            rows.append((by(item), item.get("id"), bytes(raw) if made is item else msgspec.json.encode(made)))
    rows.sort(key=lambda row: row[0])  # type: ignore[arg-type,return-value]  # keys of one stream compare
    return Listing(
        items=[row[2] for row in rows],
        keys=[row[0] for row in rows],
        ids={row[1]: n for n, row in enumerate(rows)},
    )


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
