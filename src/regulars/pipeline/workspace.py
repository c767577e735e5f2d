"""A project with its stores open: what every step of the pipeline and every command works on."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from regulars.clock import Clock, SystemClock
from regulars.config import HOME
from regulars.errors import NotFound
from regulars.identity.identifier import IdentifierRules
from regulars.pipeline.asked import FreshEvents, Made
from regulars.pipeline.tokens import BookTokens
from regulars.project import Project
from regulars.runs.workers import Workers
from regulars.sources.source import Source
from regulars.storage.book import Book
from regulars.storage.book.memberships import MembershipBook
from regulars.storage.engines import Question
from regulars.storage.engines.connection import ColumnMissing, answered
from regulars.storage.engines.cores import AtWork
from regulars.storage.kept import QUESTIONS, Kept, Text
from regulars.storage.lake import Lake
from regulars.storage.landing import Landing
from regulars.storage.pandas_left_out import leave_pandas_out
from regulars.storage.points import Points, Tables
from regulars.storage.stores import Stores

MOST = 4
"""Workers where nobody says how many: a run seldom has more steps to begin at once."""


@dataclass(slots=True)
class Questions:
    """What was asked before, compiled, for as long as every table of the lake is as it was then.

    A table that was published between the look at the versions and the compiling is read sooner than the versions say;
    the next look sees it, and everything is compiled anew.
    """

    most: int = 500
    _versions: dict[str, int] = field(default_factory=dict)
    _kept: dict[Hashable, Any] = field(default_factory=dict)
    _texts: dict[Hashable, Text] = field(default_factory=dict)

    def text(self, key: Hashable, make: Callable[[], Text], *, tables: Tables) -> Text:
        """Return what is kept as text under a key while it holds for the tables, whatever their versions."""
        found = self._texts.get(key)
        if found is None or not found.holds(tables):
            if len(self._texts) >= self.most:
                self._texts.clear()
            found = self._texts[key] = make()
        return found

    def get(self, key: Hashable, make: Callable[[], Made], *, versions: dict[str, int]) -> Made:
        """Return what is kept under a key while these are the current versions of all tables; made when nothing is."""
        if versions != self._versions or len(self._kept) >= self.most:
            self._kept.clear()
            self._versions = versions
        if key not in self._kept:
            self._kept[key] = make()
        found: Made = self._kept[key]
        return found


@dataclass(slots=True)
class Answers:
    """What was answered before, each with what it held for."""

    most: int = 100
    _kept: dict[Hashable, tuple[object, Any]] = field(default_factory=dict)

    def get(self, key: Hashable, make: Callable[[], Made], *, while_: object) -> Made:
        """Return what is kept under a key if it holds for the same as now; else it is made, and kept."""
        held = self._kept.get(key)
        if held is None or held[0] != while_:
            if len(self._kept) >= self.most:
                self._kept.clear()
            held = self._kept[key] = (while_, make())
        found: Made = held[1]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One business: what it declares, where its data lies, and what time it is."""

    project: Project
    stores: Stores
    clock: Clock
    allow_shrink: bool = False               # a person said that losing more than the guarded share is right
    fresh: FreshEvents | None = None         # where the door is open in this process
    questions: Questions = field(default_factory=Questions, compare=False)
    answers: Answers = field(default_factory=Answers, compare=False)
    workers: Workers | None = None           # processes that carry out steps; None: this one does
    kept: Kept | None = None                 # what was compiled before; None: nothing is kept
    points: Points | None = None             # while a question is made: its tables

    @property
    def book(self) -> Book:
        """Return the operational database."""
        return self.stores.book

    @property
    def lake(self) -> Lake:
        """Return the derived tables."""
        return self.stores.lake

    @property
    def landing(self) -> Landing:
        """Return what came from outside, unchanged."""
        return self.stores.landing

    @property
    def zone(self) -> str:
        """Return the business time zone."""
        return self.project.config.business.timezone

    def source(self, name: str) -> Source:
        """Return a declared source. Raises NotFound naming those there are."""
        from regulars.check import did_you_mean  # noqa: PLC0415  only on the way to an error

        for source in self.project.sources:
            if source.name == name:
                return source
        raise NotFound(f"there is no source {name!r}", hint=did_you_mean(name, [s.name for s in self.project.sources]))

    def has(self, table: str) -> bool:
        """Return whether a table of the lake was ever published."""
        return self.lake.exists(table) if self.points is None else self.points.has(table)

    def table(self, name: str) -> ir.Table:
        """Return the current version of a table of the lake. Raises NotFound before the first run."""
        if self.points is not None:
            return self.points.table(name)
        if not self.lake.exists(name):
            raise NotFound(f"there is no table {name!r} yet", hint="regulars run")
        return self.lake.table(name)

    def fetch(self, expr: ir.Table) -> pa.Table:
        """Carry out an expression."""
        return self.stores.engine.fetch(expr)

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        """Return an expression's rows as mappings: for screens and pages, never for bulk work."""
        return list(self.fetch(expr).to_pylist())

    @property
    def memberships(self) -> MembershipBook:
        """Return who is in which segment."""
        return self.book.memberships

    @property
    def lasting(self) -> Mapping[str, int | None]:
        """Return every declared segment and how many days a stay in it lasts; None while the rule holds."""
        return {segment.name: segment.holds_for for segment in self.project.segments}

    @property
    def identifier_rules(self) -> IdentifierRules:
        """Return what counts as somebody's e-mail address and phone number here."""
        return self.project.identifier_rules

    def ask(self, make: Callable[..., ir.Table], *shape: Hashable, **values: object) -> pa.Table:
        """Carry out what is asked again and again; see `Asked`."""
        return self.ask_for((), make, *shape, **values)

    def ask_for(
        self, profile_ids: Sequence[str], make: Callable[..., ir.Table], *shape: Hashable, **values: object
    ) -> pa.Table:
        """Do the same where no other profiles' rows are wanted of the tables that are kept by profile."""
        if self.stores.engine is not self.stores.border:
            return self.once(_planned, make, *shape)(values)
        tables = self.once(_tables)
        text = self.questions.text((make, *shape), partial(self._compiled, make, shape, tables), tables=tables)
        told = text.told(tables, profile_ids)
        try:
            return answered(self.stores.border.con, text.text, {**told, **values}, schema=text.schema)
        except ColumnMissing:
            return self.once(_planned, make, *shape)(values)

    def once(self, make: Callable[..., Made], *shape: Hashable) -> Made:
        """Return what is made of this workspace and a shape, kept until a table of the lake is another."""
        return self.questions.get(
            (make, *shape), lambda: make(self, *shape), versions=self.book.versions.current_numbers()
        )

    def _compiled(self, make: Callable[..., ir.Table], shape: tuple[Hashable, ...], tables: Tables) -> Text:
        """Return a question as text, as it was kept or compiled now."""
        found = None if self.kept is None else self.kept.text(make, shape, tables)
        if found is not None:
            return found
        points = Points(tables, self.stores.border)
        statement = self.stores.border.statement(make(replace(self, points=points), *shape))
        text = Text(
            text=statement.text, schema=statement.schema.to_pyarrow(), states=points.states, held=statement.held
        )
        if self.kept is not None and statement.held is None:
            self.kept.keep(make, shape, text)
            self.kept.tell({"lasting": self.lasting})
        return text

    def compile_ahead(self, make: Callable[..., ir.Table], *shape: Hashable) -> None:
        """See to it that a question is kept, unless nothing is."""
        if self.kept is not None and self.stores.engine is self.stores.border:
            self._compiled(make, shape, self.once(_tables))

    def value(self, expr: ir.Scalar) -> Any:
        """Return the one value of an aggregate."""
        return self.fetch(expr.name("value").as_table())["value"][0].as_py()

    def count(self, expr: ir.Table) -> int:
        """Return how many rows an expression has."""
        return int(self.value(expr.count()))

    def close(self) -> None:
        """Give back connections, memory and processes."""
        if self.workers is not None:
            self.workers.stop()
        self.stores.close()


def _tables(workspace: Workspace) -> Tables:
    return Tables(workspace.book.versions, workspace.lake.files)


def _planned(workspace: Workspace, make: Callable[..., ir.Table], *shape: Hashable) -> Question:
    """Return a question that reads the tables as they are now, and no others."""
    return workspace.stores.engine.question(make(workspace, *shape))


def open_workspace(
    folder: Path,
    *,
    clock: Clock | None = None,
    environment: Mapping[str, str] | None = None,
    allow_shrink: bool = False,
    fresh: FreshEvents | None = None,
    bears_problems: bool = False,
    with_workers: bool = False,
) -> Workspace:
    """Load a project and open its stores, made if they are new.

    `with_workers` says that steps are to be carried out, so that processes may be forked for them: ask for it only
    where nothing else of this process is open yet.
    Raises DeclarationError with every file and line that is wrong, or with `bears_problems` only when `regulars.toml`
    is; StoreError when a store cannot be opened.
    """
    if with_workers:
        leave_pandas_out()                   # before there are workers: each would import it for itself
    environment = dict(os.environ) if environment is None else environment
    clock = clock or SystemClock()
    tokens = BookTokens(clock)
    load = Project.read if bears_problems else Project.load
    project = load(folder, environment=environment, tokens=tokens)
    number = how_many(project, cores=len(os.sched_getaffinity(0))) if with_workers and _can_fork() else 1
    opening = _Opening(
        folder=folder, project=project, tokens=tokens, clock=clock, allow_shrink=allow_shrink, sharers=number
    )
    workers = Workers.fork(number, opening.opened) if number > 1 else None
    try:
        return replace(opening.opened(), fresh=fresh, workers=workers)
    except BaseException:
        if workers is not None:
            workers.stop()
        raise


def how_many(project: Project, *, cores: int) -> int:
    """Return in how many processes a project's steps are carried out; 1: in this one.

    With nothing said: one a core, at most four: with one source too, who is who and what happened are found out side
    by side. Spark has workers of its own.
    """
    engine = project.config.engine
    if not engine.url.startswith("duckdb:"):
        return 1
    if engine.workers is not None:
        return engine.workers
    return min(cores, MOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    """A project that was loaded, about to be opened: by this process, and by each of its workers."""

    folder: Path
    project: Project
    tokens: BookTokens
    clock: Clock
    allow_shrink: bool
    sharers: int                             # processes that share the memory of one

    def opened(self, worker: int = 0, at_work: AtWork | None = None) -> Workspace:
        """Open the stores, for a worker of this number or for the process that has them."""
        config = self.project.config
        stores = Stores.open(
            landing_url=config.stores.landing,
            lake_url=config.stores.lake,
            book_url=config.stores.book,
            engine_url=config.engine.url,
            home=self.folder / HOME,
            clock=self.clock,
            worker=worker,
            sharers=self.sharers,
            at_work=at_work,
        )
        self.tokens.book = stores.book
        # What packages bring for rules is in no digest while somebody works on it.
        digest = None if self.project.vocabulary.conditions else self.project.digest
        return Workspace(
            project=self.project, stores=stores, clock=self.clock, allow_shrink=self.allow_shrink,
            kept=None if digest is None else Kept(folder=self.folder / HOME / QUESTIONS, digest=digest),
        )


def _can_fork() -> bool:
    """Return whether a fork of this process is safe: libraries of macOS do not bear it, nor do other threads' locks."""
    return sys.platform == "linux" and threading.active_count() == 1
