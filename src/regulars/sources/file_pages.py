"""Pages out of dropped files: small files gathered, shrunken and empty ones told, and a place to go on from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from regulars.errors import GuardError, SourceIncomplete
from regulars.later import pa
from regulars.records.record import Stream
from regulars.sources.drops import Drop, FileRequest, read_drop
from regulars.sources.source import ROW, Page, Reject, State

PAGE_ROWS = 100_000                          # small files are gathered until a page holds so many


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What is not yet in a page, and what is."""

    read: State = field(default_factory=dict)             # file -> size, sha256, rows
    tables: list[pa.Table] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(table.num_rows for table in self.tables)

    def page(self, resume: State) -> Page:
        table = pa.concat_tables(self.tables) if self.tables else pa.schema(ROW).empty_table()
        page = Page(items=table, resume=resume, rejects=tuple(self.rejects))
        self.tables, self.rejects = [], []
        return page


def file_pages(
    plan: list[Drop], request: FileRequest, *, stream: Stream, known: State, resume: State | None
) -> Iterator[Page]:
    """Yield the pages of the planned files, each with the state to go on after it; the last one's state has all `read`.

    Raises GuardError when a known file lost more than its guarded share of rows.
    """
    begin = resume or {}
    gathered = _Gathered(read=dict(_mapping(begin.get("read"))))
    first, skip = int(str(begin.get("file", 0))), int(str(begin.get("blocks", 0)))
    names = [[drop.name, drop.sha256] for drop in plan]
    for number, drop in enumerate(plan[first:], start=first):
        # A file that is gone on with was partly paged: its rows so far are in the state.
        rows = int(str(begin.get("rows", 0))) if skip else 0
        for block_number, block in enumerate(read_drop(drop, request), start=1):
            if block_number <= skip:
                continue
            rows += block.table.num_rows + len(block.rejects)
            gathered.tables.append(block.table)
            gathered.rejects += block.rejects
            if gathered.rows >= PAGE_ROWS:
                place = {"file": number, "blocks": block_number, "rows": rows}
                yield gathered.page({"plan": names, "read": dict(gathered.read), **place})
        skip = 0
        check_shrink(drop, rows, _mapping(known.get(drop.name)), stream=stream)
        if rows == 0:
            gathered.rejects.append(_empty(drop))
        gathered.read[drop.name] = {"size": drop.size, "sha256": drop.sha256, "rows": rows}
    yield gathered.page({"plan": names, "file": len(plan), "blocks": 0, "rows": 0, "read": dict(gathered.read)})


def planned_drops(resume: State, drops: list[Drop]) -> list[Drop]:
    """Return the files that a resumed pull had planned.

    Raises SourceIncomplete when one of them is not the same any more: its pages would be half old, half new.
    """
    here = {(drop.name, drop.sha256): drop for drop in drops}
    planned = resume["plan"]
    names = [(str(name), str(sha256)) for name, sha256 in planned] if isinstance(planned, list) else []
    for name, sha256 in names:
        if (name, sha256) not in here:
            raise SourceIncomplete(f"{name} changed while it was read", hint="nothing was kept; run again")
    return [here[key] for key in names]


def check_shrink(drop: Drop, rows: int, before: Mapping[str, object], *, stream: Stream) -> None:
    """Raise GuardError when a file came back with fewer rows than the stream's guard allows."""
    was = int(str(before.get("rows", 0)))
    if rows < was * (1 - stream.shrink_guard):
        raise GuardError(
            f"{stream.full_name}: {drop.name} had {was} rows and now has {rows}, {1 - rows / was:.0%} fewer",
            hint=f"drop the whole file again, or raise `shrink_guard:` above {stream.shrink_guard:g} if it is right",
        )


def _empty(drop: Drop) -> Reject:
    what = "has no bytes" if drop.size == 0 else "has no rows"
    return Reject(reason="empty-file", message=f"{drop.name} {what}; was it written whole?", file=drop.name)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
