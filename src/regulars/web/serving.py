"""Serving: everything a project answers over HTTP, put together in one process; what was opened is closed again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from starlette.types import ASGIApp

from regulars.clock import SystemClock
from regulars.config import HOME, read_config
from regulars.errors import DeclarationError, RegularsError, StoreError
from regulars.flags.payload import for_servers_only
from regulars.pipeline.judge import served_everywhere
from regulars.pipeline.seen import write_sights
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.project import Project
from regulars.storage.book import Book
from regulars.web.api.ahead import Ahead
from regulars.web.api.answering import Api
from regulars.web.api.workers import Workers
from regulars.web.app import flag_app
from regulars.web.declared_flags import DeclaredFlags
from regulars.web.freshness import Freshness
from regulars.web.gate import Gate
from regulars.web.ingest.ingest_door import IngestDoor
from regulars.web.ingest.open_door import open_commits, open_door
from regulars.web.ingest.shop_pixels import Shown, nothing_shown
from regulars.web.links import link_routes
from regulars.web.on_show import OnShow
from regulars.web.outbox import Outbox
from regulars.web.pages.answering import Pages
from regulars.web.rate import Rates
from regulars.web.reference import reference_routes
from regulars.web.sights import SightLog
from regulars.web.sign_in.entrance import Entrance
from regulars.web.sign_in.issuer import Issuer
from regulars.web.sign_in.routes import sign_in_routes
from regulars.web.webhooks.counts import DeliveryCounts
from regulars.web.webhooks.open_webhooks import webhooks_of, with_webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How a project is served."""

    keys: tuple[str, ...] = ()               # that may ask for flags; none: programs of this machine may
    rate: float | None = None                # requests a second of each key; None: as many as it likes
    workers: int = 4                         # requests answered at once that read the project
    encryption_key: str | None = None        # of GrowthBook payloads, 16 bytes in base 64
    origins: tuple[str, ...] = ()            # of web pages whose browsers may ask
    is_open: bool = False                    # pages are shown to this machine without signing in
    issuer: Issuer | None = None             # who else knows people


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is served."""

    flags: tuple[str, ...]
    not_in_payload: tuple[str, ...]          # flags that GrowthBook SDKs cannot evaluate themselves
    door: tuple[str, ...]                    # sources whose events are taken
    webhooks: tuple[str, ...]                # sources that outside systems post to
    shops: tuple[str, ...]                   # whose pixels are heard
    has_people: bool | None                  # whether anybody can sign in; None: the book does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """An application that is ready, and what is in it."""

    app: ASGIApp
    said: Said
    door: IngestDoor | None                  # in front of it, where the project has one


@contextmanager
def serving(folder: Path, choices: Choices) -> Iterator[Serving]:
    """Put a project's application together for a `with`; what works beside it has begun.

    Raises DeclarationError for a flag or tracking plan with a mistake, LeaseHeld while another process has the
    door open.
    """
    with ExitStack() as opened:
        flags = _flags(folder, opened)
        found = flags.now()
        freshness = Freshness(partial(open_workspace, folder), folder=folder, clock=SystemClock())
        counts = DeliveryCounts()
        api = _api(folder, choices, freshness, counts, opened)
        entrance = _entrance(folder, opened, is_open=choices.is_open)
        pages = Pages(workers=api.workers, counts=api.counts)
        answering = flag_app(
            flags.now, gate=Gate(keys=choices.keys, rate=choices.rate, clock=time.monotonic),
            encryption_key=choices.encryption_key, origins=choices.origins,
            api=[*api.routes(), *reference_routes(api.workers)], pages=[
                *link_routes(api.workers), *sign_in_routes(entrance, issuer=choices.issuer), *pages.open_routes(),
                *pages.routes(entrance),
            ],
        )
        door, said = _door(flags, answering, counts, shown=_on_show(flags.project, opened))
        _send_beside(flags.project, opened)
        if door is not None:
            store = door.commits.store
            pages.door, pages.lag = store.counts, freshness.lag
            freshness.begin(store)
            opened.callback(freshness.close)
        yield Serving(app=door or answering, door=door, said=Said(
            flags=tuple(found.keys), not_in_payload=tuple(for_servers_only(found.definitions)), door=said[0],
            webhooks=said[1], shops=tuple(shop.name for shop in flags.project.shops),
            has_people=_has_people(entrance, is_open=choices.is_open),
        ))


def _door(
    flags: DeclaredFlags, app: ASGIApp, counts: DeliveryCounts, *, shown: Shown
) -> tuple[IngestDoor | None, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Put the project's doors in front of an app, if it has any.

    Returns with them the sources that clients post to with a write key and those that outside systems post to.
    """
    project, clock = flags.project, SystemClock()
    config, sources = project.config, webhooks_of(project)
    if not config.door.keys and not sources and not project.shops:
        return None, ((), ())
    commits = open_commits(config, home=_home(config.folder), clock=clock)
    if sources:
        app = with_webhooks(config.folder, sources, commits=commits, counts=counts, clock=clock, behind=app)
    door = open_door(
        config, home=_home(config.folder), clock=clock, behind=app, commits=commits, flags=flags.now, shown=shown
    )
    return door, (tuple(sorted(config.door.keys)), tuple(source.name for source in sources))


def _on_show(project: Project, opened: ExitStack) -> Shown:
    """Return what says to pixels what products show, where any is under test."""
    if not any(shop.experiments for shop in project.shops):
        return nothing_shown
    on_show = OnShow(partial(open_workspace, project.config.folder))
    on_show.begin()
    opened.callback(on_show.close)
    return on_show.shown


def _send_beside(project: Project, opened: ExitStack) -> None:
    """Send what was ordered, where the project has a way out."""
    folder = project.config.folder
    if project.destinations:
        # Whatever else in the project is wrong: who said STOP is answered.
        outbox = Outbox(partial(open_workspace, folder, bears_problems=True), folder=folder)
        outbox.start()
        opened.callback(outbox.stop)


def _flags(folder: Path, opened: ExitStack) -> DeclaredFlags:
    """Return the flags of a folder, with exposures into and decisions out of its book."""
    workspace = cache(lambda: open_workspace(folder))

    def served() -> dict[str, str]:
        try:
            return served_everywhere(workspace())
        except DeclarationError:
            return {}                        # flags are answered for, whatever else in the project is wrong

    def close() -> None:
        sights.close()
        if workspace.cache_info().currsize:
            workspace().close()

    sights = SightLog(lambda seen: write_sights(workspace(), seen), clock=SystemClock())
    opened.callback(close)
    return DeclaredFlags(folder, clock=time.monotonic, on_exposure=sights.note, served=served)


def _api(
    folder: Path, choices: Choices, freshness: Freshness, counts: DeliveryCounts, opened: ExitStack
) -> Api:
    ahead = Ahead(partial(open_workspace, folder), folder=folder)

    def workspace() -> Workspace:
        ahead.begin()                        # whoever serves flags alone opens no project
        return open_workspace(folder, fresh=freshness)

    workers = Workers(workspace, folder=folder, clock=time.monotonic, count=choices.workers)
    opened.callback(workers.close)
    opened.callback(ahead.close)
    rates = None if choices.rate is None else Rates(rate=choices.rate, clock=time.monotonic)
    return Api(workers=workers, rates=rates, more_counts=lambda: counts.text() + freshness.text())


def _entrance(folder: Path, opened: ExitStack, *, is_open: bool) -> Entrance:
    """Return who lets people in; the book is opened when it is first asked for."""
    config, home = read_config(folder, environment=os.environ), _home(folder)
    book = cache(lambda: Book.open(config.stores.book, home=home))

    def leave() -> None:
        if book.cache_info().currsize:
            book().close()

    opened.callback(leave)
    return Entrance(opened=book, clock=SystemClock(), is_open=is_open, business=config.business.name)


def _has_people(entrance: Entrance, *, is_open: bool) -> bool | None:
    """Return whether anybody can sign in; None when the book does not say. Raises RegularsError when it is open too."""
    try:
        has_people = entrance.has_people()
    except StoreError:
        return None                          # flags are answered for, whatever else is wrong
    if has_people and is_open:
        raise RegularsError("people are invited, who sign in", hint="leave --without-sign-in out")
    return has_people


def _home(folder: Path) -> Path:
    home = folder / HOME
    home.mkdir(parents=True, exist_ok=True)
    return home
