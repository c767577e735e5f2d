"""The landing's half of the book: which pages of which set are there, and what became visible when."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from regulars.errors import StoreError
from regulars.storage.book.database import Database
from regulars.storage.book.tables import cursors, page_sets, segments, staged_pages

Within = Callable[[sa.Connection], None]
"""What is written in a transaction of the book that somebody else began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A file of raw items that is visible."""

    seq: int                                 # grows for ever over the whole book; the last covered when compacted
    first_seq: int                           # the first covered; equal to seq unless compacted
    source: str
    stream: str
    set_id: str | None                       # None: compacted, the set is a column of the file
    name: str                                # in the landing's files; its ending tells its form
    rows: int
    recorded_at: datetime                    # when its set was committed, aware
    run_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedSet:
    """A pull that was begun and is not committed: where to go on."""

    set_id: str
    pages: int                               # how many are staged
    next_page: int                           # one after the highest staged
    rows: int
    resume: dict[str, Any] | None            # what the last page left for asking for the next one
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSet:
    """A pull that was committed."""

    set_id: str
    source: str
    stream: str
    seq: int                                 # of its last segment; sets come in the order of it
    is_complete: bool                        # the whole of the stream: what it lacks is gone
    committed_at: datetime
    run_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """How much of a stream is visible."""

    source: str
    stream: str
    rows: int                                # raw items; one that came again counts again
    last_at: datetime                        # when something came last, aware


@dataclass(frozen=True, slots=True)
class PageBook:
    """Page sets, segments and cursors."""

    database: Database

    def stage_page(
        self,
        set_id: str,
        *,
        source: str,
        stream: str,
        page: int,
        segment: str | None,
        rows: int,
        resume: Mapping[str, Any] | None,
        at: datetime,
    ) -> None:
        """Write down that a page of a set is stored, and where to ask next. Not visible before `commit_set`.

        The same page again replaces what was staged for it. A page without rows has no segment.
        Raises StoreError when the set was committed.
        """
        key = {"tenant": self.database.tenant, "set_id": set_id}
        with self.database.writing() as connection:
            self._refuse_committed(connection, set_id)
            statement = self.database.insert(page_sets).values(
                **key, source=source, stream=stream, started_at=at, is_complete=False, resume=_text(resume)
            )
            connection.execute(
                statement.on_conflict_do_update(index_elements=["tenant", "set_id"], set_={"resume": _text(resume)})
            )
            connection.execute(self.database.upsert(staged_pages).values(**key, page=page, segment=segment, rows=rows))

    def staged_set(self, source: str, stream: str) -> StagedSet | None:
        """Return the newest set of a stream that is staged and not committed, so that a killed pull goes on."""
        pages = sa.func.count(staged_pages.c.page)
        query = (
            sa.select(
                page_sets.c.set_id, page_sets.c.resume, page_sets.c.started_at, pages.label("pages"),
                sa.func.max(staged_pages.c.page).label("last"), sa.func.sum(staged_pages.c.rows).label("rows"),
            )
            .join(
                staged_pages,
                (staged_pages.c.tenant == page_sets.c.tenant) & (staged_pages.c.set_id == page_sets.c.set_id),
            )
            .where(*self._of(page_sets, source, stream), page_sets.c.committed_at.is_(None))
            .group_by(page_sets.c.set_id, page_sets.c.resume, page_sets.c.started_at)
            .order_by(page_sets.c.started_at.desc(), page_sets.c.set_id.desc())
            .limit(1)
        )
        with self.database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return StagedSet(
            set_id=row.set_id, pages=row.pages, next_page=row.last + 1, rows=int(row.rows),
            resume=None if row.resume is None else json.loads(row.resume), started_at=row.started_at,
        )

    def commit_set(
        self,
        set_id: str,
        *,
        cursor: Mapping[str, Any] | None,
        is_complete: bool,
        recorded_at: datetime,
        run_id: str | None,
    ) -> list[Segment]:
        """Make all staged pages of a set visible and move the cursor, in one transaction.

        Cursor None leaves the stream's cursor where it is. Committing a set that is committed already changes nothing
        and returns its segments. Raises StoreError for a set of which nothing was ever staged.
        """
        with self.database.writing() as connection:
            found = connection.execute(sa.select(page_sets).where(*self._set(page_sets, set_id))).one_or_none()
            if found is None:
                raise StoreError(f"nothing was staged as {set_id!r}", hint="stage its pages first, or an empty one")
            if found.committed_at is None:
                pages = connection.execute(
                    sa.select(staged_pages)
                    .where(*self._set(staged_pages, set_id), staged_pages.c.segment.is_not(None))
                    .order_by(staged_pages.c.page)
                ).all()
                seq = self._publish(connection, pages, {
                    "tenant": self.database.tenant, "source": found.source, "stream": found.stream, "set_id": set_id,
                    "recorded_at": recorded_at, "run_id": run_id,
                })
                connection.execute(sa.delete(staged_pages).where(*self._set(staged_pages, set_id)))
                connection.execute(sa.update(page_sets).where(*self._set(page_sets, set_id)).values(
                    committed_at=recorded_at, seq=seq, is_complete=is_complete, run_id=run_id, resume=None
                ))
                if cursor is not None:
                    self._move_cursor(connection, found.source, found.stream, cursor, recorded_at)
            rows = connection.execute(
                sa.select(segments).where(*self._set(segments, set_id)).order_by(segments.c.seq)
            ).all()
        return [_segment(row) for row in rows]

    def is_committed(self, set_id: str) -> bool:
        """Return whether a set is visible."""
        query = sa.select(page_sets.c.committed_at).where(*self._set(page_sets, set_id))
        with self.database.reading() as connection:
            return connection.execute(query).scalar_one_or_none() is not None

    def discard_set(self, set_id: str) -> list[str]:
        """Forget a staged set and return the names of its files, which nobody needs any more.

        Raises StoreError when the set was committed.
        """
        with self.database.writing() as connection:
            self._refuse_committed(connection, set_id)
            files = connection.execute(
                sa.select(staged_pages.c.segment).where(
                    *self._set(staged_pages, set_id), staged_pages.c.segment.is_not(None)
                )
            ).scalars()
            names = sorted(name for name in files if name is not None)
            connection.execute(sa.delete(staged_pages).where(*self._set(staged_pages, set_id)))
            connection.execute(sa.delete(page_sets).where(*self._set(page_sets, set_id)))
        return names

    def segments(
        self, source: str, stream: str, *, after_seq: int = 0, until_seq: int | None = None
    ) -> list[Segment]:
        """Return the visible segments of a stream that hold anything after a seq (and up to one), oldest first.

        A compacted segment may begin before `after_seq` or end after `until_seq`; its rows say their own seq.
        """
        query = sa.select(segments).where(*self._of(segments, source, stream), segments.c.seq > after_seq)
        if until_seq is not None:
            query = query.where(segments.c.first_seq <= until_seq)
        with self.database.reading() as connection:
            return [_segment(row) for row in connection.execute(query.order_by(segments.c.seq))]

    def sets(self, source: str, stream: str) -> list[PageSet]:
        """Return the committed sets of a stream, oldest first; among them those that had no rows."""
        query = sa.select(page_sets).where(*self._of(page_sets, source, stream), page_sets.c.committed_at.is_not(None))
        with self.database.reading() as connection:
            return [
                PageSet(
                    set_id=row.set_id, source=row.source, stream=row.stream, seq=row.seq,
                    is_complete=row.is_complete, committed_at=row.committed_at, run_id=row.run_id,
                )
                for row in connection.execute(query.order_by(page_sets.c.seq))
            ]

    def landed(self) -> list[Landed]:
        """Return what is visible of every stream, sorted."""
        t = segments.c
        query = sa.select(
            t.source, t.stream, sa.func.sum(t.rows).label("rows"), sa.func.max(t.recorded_at, type_=t.recorded_at.type)
            .label("last_at"),
        ).where(t.tenant == self.database.tenant).group_by(t.source, t.stream).order_by(t.source, t.stream)
        with self.database.reading() as connection:
            return [
                Landed(source=row.source, stream=row.stream, rows=int(row.rows), last_at=row.last_at)
                for row in connection.execute(query)
            ]

    def streams(self) -> list[tuple[str, str]]:
        """Return source and stream of everything that has visible segments, sorted."""
        query = sa.select(segments.c.source, segments.c.stream).where(segments.c.tenant == self.database.tenant)
        with self.database.reading() as connection:
            return sorted((row.source, row.stream) for row in connection.execute(query.distinct()))

    def cursor(self, source: str, stream: str) -> dict[str, Any] | None:
        """Return where a stream's next pull begins; None before the first commit that gave a cursor."""
        query = sa.select(cursors.c.cursor).where(*self._of(cursors, source, stream))
        with self.database.reading() as connection:
            text = connection.execute(query).scalar_one_or_none()
        return None if text is None else dict(json.loads(text))

    def set_cursor(self, source: str, stream: str, cursor: Mapping[str, Any] | None, *, at: datetime) -> None:
        """Put a stream's cursor somewhere by hand, as a backfill does; None makes the next pull the first one."""
        with self.database.writing() as connection:
            if cursor is None:
                connection.execute(sa.delete(cursors).where(*self._of(cursors, source, stream)))
            else:
                self._move_cursor(connection, source, stream, cursor, at)

    def replace_segments(self, covered: Iterable[Segment], *, name: str, rows: int) -> Segment:
        """Put one compacted segment in the place of several of one stream; it keeps the highest seq.

        Raises StoreError when one of them is no longer there, for then somebody else compacted them.
        """
        old = sorted(covered, key=lambda segment: segment.seq)
        new = Segment(
            seq=old[-1].seq, first_seq=old[0].first_seq, source=old[0].source, stream=old[0].stream, set_id=None,
            name=name, rows=rows, recorded_at=old[-1].recorded_at, run_id=old[-1].run_id,
        )
        condition = (segments.c.tenant == self.database.tenant, segments.c.name.in_([segment.name for segment in old]))
        with self.database.writing() as connection:
            if connection.execute(sa.delete(segments).where(*condition)).rowcount != len(old):
                raise StoreError("segments changed while they were compacted", hint="run it again")
            connection.execute(sa.insert(segments).values(tenant=self.database.tenant, **_columns(new)))
        return new

    def withdraw_segment(
        self, segment: Segment, *, name: str | None, rows: int, proof: Within | None = None
    ) -> None:
        """Put another file in the place of a segment's, under its numbers; no name: nothing of it is left.

        `proof` is written in the same transaction: it says no less and no more than what was done.
        Raises StoreError when it is no longer there, for then somebody else compacted it.
        """
        with self.database.writing() as connection:
            mine = (segments.c.tenant == self.database.tenant, segments.c.name == segment.name)
            if connection.execute(sa.delete(segments).where(*mine)).rowcount != 1:
                raise StoreError("a segment changed while it was rewritten", hint="run it again")
            if name is not None:
                kept = _columns(segment) | {"name": name, "rows": rows, "set_id": None}
                connection.execute(sa.insert(segments).values(tenant=self.database.tenant, **kept))
            if proof is not None:
                proof(connection)

    def files(self) -> set[str]:
        """Return the names of all files that are needed: visible or staged."""
        own = (segments.c.tenant == self.database.tenant, staged_pages.c.tenant == self.database.tenant)
        query = sa.union_all(
            sa.select(segments.c.name).where(own[0]),
            sa.select(staged_pages.c.segment).where(own[1], staged_pages.c.segment.is_not(None)),
        )
        with self.database.reading() as connection:
            return set(connection.execute(query).scalars())

    def _publish(self, connection: sa.Connection, pages: Sequence[Any], shared: dict[str, Any]) -> int:
        first = self.database.next_number(connection, "seq", count=max(len(pages), 1))
        if not pages:
            return first
        connection.execute(sa.insert(segments), [
            {**shared, "seq": seq, "first_seq": seq, "name": page.segment, "rows": page.rows}
            for seq, page in enumerate(pages, first)
        ])
        return first + len(pages) - 1

    def _move_cursor(
        self, connection: sa.Connection, source: str, stream: str, cursor: Mapping[str, Any], at: datetime
    ) -> None:
        connection.execute(self.database.upsert(cursors).values(
            tenant=self.database.tenant, source=source, stream=stream, cursor=_text(cursor), moved_at=at
        ))

    def _refuse_committed(self, connection: sa.Connection, set_id: str) -> None:
        query = sa.select(page_sets.c.committed_at).where(*self._set(page_sets, set_id))
        if connection.execute(query).scalar_one_or_none() is not None:
            raise StoreError(f"the set {set_id!r} is committed", hint="what came is never changed; begin a new set")

    def _set(self, table: sa.Table, set_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (table.c.tenant == self.database.tenant, table.c.set_id == set_id)

    def _of(self, table: sa.Table, source: str, stream: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (table.c.tenant == self.database.tenant, table.c.source == source, table.c.stream == stream)


def _segment(row: Any) -> Segment:
    return Segment(**{name: getattr(row, name) for name in Segment.__dataclass_fields__})


def _columns(segment: Segment) -> dict[str, Any]:
    return {name: getattr(segment, name) for name in Segment.__dataclass_fields__}


def _text(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True)
