"""`regulars serve`: a project over HTTP: flags, the door for those who post events, the REST API, and people."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from starlette.types import ASGIApp

from regulars.cli.screen import counted, project_options, show_json
from regulars.errors import DeclarationError, RegularsError, StoreError

if TYPE_CHECKING:
    from regulars.pipeline.workspace import Workspace
    from regulars.storage.door.arrival_store import ArrivalStore
    from regulars.web.api.answering import Api
    from regulars.web.declared_flags import DeclaredFlags
    from regulars.web.freshness import Freshness
    from regulars.web.sign_in.entrance import Entrance
    from regulars.web.sign_in.issuer import Issuer


@click.command("serve")
@project_options
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free one.")
@click.option(
    "--key", "keys", multiple=True, envvar="REGULARS_SERVE_KEYS",
    help="An API key that may ask; may be repeated. REGULARS_SERVE_KEYS: several with spaces between them.",
)
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Requests a second that each key may make.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=4, show_default=True, help="API requests answered at once."
)
@click.option(
    "--encryption-key", envvar="REGULARS_FLAGS_ENCRYPTION_KEY",
    help="Encrypt the payload of GrowthBook SDKs: 16 bytes in base 64. REGULARS_FLAGS_ENCRYPTION_KEY.",
)
@click.option("--origin", "origins", multiple=True, help="Web pages whose browsers may ask: https://shop.example.")
@click.option(
    "--without-sign-in", is_flag=True, help="Show pages to this machine without signing in, while nobody is invited."
)
@click.option(
    "--issuer", envvar="REGULARS_ISSUER",
    help="Sign people in who are known there, too: the URL of an OpenID Connect issuer. REGULARS_ISSUER.",
)
@click.option("--client-id", envvar="REGULARS_CLIENT_ID", help="What the issuer knows this server as.")
@click.option(
    "--client-secret", envvar="REGULARS_CLIENT_SECRET",
    help="What it knows it by; better in REGULARS_CLIENT_SECRET, because others see what is typed.",
)
def command(
    folder: Path, *, host: str, port: int, keys: tuple[str, ...], rate: float | None, workers: int,
    encryption_key: str | None, origins: tuple[str, ...], without_sign_in: bool, issuer: str | None,
    client_id: str | None, client_secret: str | None, as_json: bool,
) -> None:
    """Answer applications that ask for flags, post events or read customers, until Ctrl-C.

    Files of flags that change are read again within a second. OpenFeature clients ask at /ofrep/v1, GrowthBook SDKs at
    /api/features/KEY and /api/eval/KEY. Without a key only programs of this machine are answered.

    Events are posted to /v1/track, /v1/batch and the like, with a write key of [door] in regulars.toml.

    The REST API is at /api/v1, what it takes and gives at /api/v1/openapi.json; its keys are made by `regulars key`.

    People sign in at /sign-in; `regulars person invite` gives them the link with which they choose a password.
    """
    import time  # noqa: PLC0415  help must answer at once

    from regulars.flags.cipher import is_key  # noqa: PLC0415
    from regulars.flags.payload import for_servers_only  # noqa: PLC0415
    from regulars.web.app import flag_app  # noqa: PLC0415
    from regulars.web.freshness import Freshness  # noqa: PLC0415
    from regulars.web.gate import Gate  # noqa: PLC0415
    from regulars.web.listen import listening, serve  # noqa: PLC0415
    from regulars.web.sign_in.routes import sign_in_routes  # noqa: PLC0415

    if not keys and not _is_this_machine(host):
        hint = "--key KEY, a long random text"
        raise RegularsError(f"{host} can be reached by others, and there is no key", hint=hint)
    if encryption_key is not None and not is_key(encryption_key):
        raise RegularsError("the encryption key is none", hint="16 bytes in base 64: openssl rand -base64 16")
    if without_sign_in and not _is_this_machine(host):
        raise RegularsError(f"{host} can be reached by others, who must sign in", hint="leave --without-sign-in out")
    flags, close = _flags(folder)
    gate = Gate(keys=keys, rate=rate, clock=time.monotonic)
    freshness = Freshness(_opening(folder), folder=folder)
    api = _api(folder, rate=rate, workers=workers, freshness=freshness)
    entrance, leave = _entrance(folder, is_open=without_sign_in)
    answering = flag_app(
        flags.now, gate=gate, encryption_key=encryption_key, origins=origins, api=api.routes(),
        pages=sign_in_routes(entrance, issuer=_issuer(issuer, client_id, client_secret)),
    )
    app, posting, store = _behind_door(folder, answering)
    found = flags.now()
    apart = list(for_servers_only(found.definitions))
    with closing(api.workers), listening(host, port) as socket:
        url = f"http://{host}:{socket.getsockname()[1]}"
        has_people = _has_people(entrance, is_open=without_sign_in)
        _say(url, flags=found.keys, apart=apart, posting=posting, has_people=has_people, as_json=as_json)
        if store is not None:
            freshness.begin(store)
        try:
            serve(app, socket)
        finally:
            freshness.close()
            close()
            leave()


def _behind_door(folder: Path, app: ASGIApp) -> tuple[ASGIApp, list[str], ArrivalStore | None]:
    """Put the project's door in front of an app, if it has write keys; return its sources and store too."""
    import os  # noqa: PLC0415

    from regulars.clock import SystemClock  # noqa: PLC0415
    from regulars.config import HOME, read_config  # noqa: PLC0415
    from regulars.web.ingest.open_door import open_door  # noqa: PLC0415

    config = read_config(folder, environment=os.environ)
    if not config.door.keys:
        return app, [], None
    home = folder / HOME
    home.mkdir(parents=True, exist_ok=True)
    door = open_door(config, home=home, clock=SystemClock(), behind=app)
    return door, sorted(config.door.keys), door.commits.store


def _flags(folder: Path) -> tuple[DeclaredFlags, Callable[[], None]]:
    """Return the flags of a folder, with exposures into and decisions out of its book, and their end."""
    import time  # noqa: PLC0415  help must answer at once

    from regulars.clock import SystemClock  # noqa: PLC0415
    from regulars.pipeline.judge import served_everywhere  # noqa: PLC0415
    from regulars.pipeline.seen import write_sights  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415
    from regulars.web.declared_flags import DeclaredFlags  # noqa: PLC0415
    from regulars.web.sights import SightLog  # noqa: PLC0415

    opened = cache(lambda: open_workspace(folder))

    def served() -> dict[str, str]:
        try:
            return served_everywhere(opened())
        except DeclarationError:
            return {}                        # flags are answered for, whatever else in the project is wrong

    def close() -> None:
        sights.close()
        if opened.cache_info().currsize:
            opened().close()

    sights = SightLog(lambda seen: write_sights(opened(), seen), clock=SystemClock())
    return DeclaredFlags(folder, clock=time.monotonic, on_exposure=sights.note, served=served), close


def _opening(folder: Path) -> Callable[..., Workspace]:
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  help must answer at once

    return partial(open_workspace, folder)


def _api(folder: Path, *, rate: float | None, workers: int, freshness: Freshness) -> Api:
    import time  # noqa: PLC0415

    from regulars.web.api.answering import Api  # noqa: PLC0415
    from regulars.web.api.workers import Workers  # noqa: PLC0415
    from regulars.web.rate import Rates  # noqa: PLC0415

    opened = partial(_opening(folder), fresh=freshness)
    asked = Workers(opened, folder=folder, clock=time.monotonic, count=workers)
    return Api(workers=asked, rates=None if rate is None else Rates(rate=rate, clock=time.monotonic))


def _issuer(url: str | None, client_id: str | None, client_secret: str | None) -> Issuer | None:
    """Return who else is asked who people are. Raises RegularsError where the issuer does not know us."""
    if url is None:
        return None
    from regulars.web.sign_in.issuer import Issuer  # noqa: PLC0415  help must answer at once

    if client_id is None:
        raise RegularsError("the issuer must know who asks", hint="--client-id, as the issuer gave it")
    return Issuer(url=url, client_id=client_id, client_secret=client_secret)


def _entrance(folder: Path, *, is_open: bool) -> tuple[Entrance, Callable[[], None]]:
    """Return who lets people in, and the end of it; the book is opened when it is first asked for."""
    import os  # noqa: PLC0415  help must answer at once

    from regulars.clock import SystemClock  # noqa: PLC0415
    from regulars.config import HOME, read_config  # noqa: PLC0415
    from regulars.storage.book import Book  # noqa: PLC0415
    from regulars.web.sign_in.entrance import Entrance  # noqa: PLC0415

    config, home = read_config(folder, environment=os.environ), folder / HOME
    home.mkdir(parents=True, exist_ok=True)
    opened = cache(lambda: Book.open(config.stores.book, home=home))

    def leave() -> None:
        if opened.cache_info().currsize:
            opened().close()

    return Entrance(opened=opened, clock=SystemClock(), is_open=is_open), leave


def _has_people(entrance: Entrance, *, is_open: bool) -> bool | None:
    """Return whether anybody can sign in; None when the book does not say. Raises RegularsError when it is open too."""
    try:
        has_people = entrance.has_people()
    except StoreError:
        return None                          # flags are answered for, whatever else is wrong
    if has_people and is_open:
        raise RegularsError("people are invited, who sign in", hint="leave --without-sign-in out")
    return has_people


def _say(
    url: str, *, flags: Sequence[str], apart: Sequence[str], posting: Sequence[str], has_people: bool | None,
    as_json: bool,
) -> None:
    """Say where everything is."""
    if as_json:
        show_json({
            "url": url, "flags": flags, "not_in_payload": apart, "door": posting, "has_people": has_people,
        })
        return
    click.echo(f"{counted(len(flags), 'flag')} at {url}; Ctrl-C ends it.")
    for name in posting:
        click.echo(f"events of {name} are taken at {url}/v1/batch")
    if has_people:
        click.echo(f"people sign in at {url}/sign-in")
    elif has_people is False:
        click.echo(f"nobody can sign in yet: regulars person invite ADDRESS --role owner --url {url}")
    for name in apart:
        click.echo(f"{name} is not in the payload of GrowthBook SDKs: `hash: growthbook` puts it there")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
