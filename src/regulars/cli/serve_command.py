"""`regulars serve`: a project over HTTP: pages, flags, the door for those who post events, and the REST API."""

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
from regulars.errors import DeclarationError, RegularsError

if TYPE_CHECKING:
    from regulars.web.api.answering import Api
    from regulars.web.declared_flags import DeclaredFlags
    from regulars.web.ingest.ingest_door import IngestDoor


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
def command(
    folder: Path, *, host: str, port: int, keys: tuple[str, ...], rate: float | None, workers: int,
    encryption_key: str | None, origins: tuple[str, ...], as_json: bool,
) -> None:
    """Show people the dashboard, and answer applications that ask for flags, events or customers, until Ctrl-C.

    The pages are at /, for a browser on this machine.

    Files of flags that change are read again within a second. OpenFeature clients ask at /ofrep/v1, GrowthBook SDKs at
    /api/features/KEY and /api/eval/KEY. Without a key only programs of this machine are answered.

    Events are posted to /v1/track, /v1/batch and the like, with a write key of [door] in regulars.toml.

    The REST API is at /api/v1, what it takes and gives at /api/v1/openapi.json; its keys are made by `regulars key`.
    """
    import time  # noqa: PLC0415  help must answer at once

    from regulars.flags.cipher import is_key  # noqa: PLC0415
    from regulars.flags.payload import for_servers_only  # noqa: PLC0415
    from regulars.web.app import flag_app  # noqa: PLC0415
    from regulars.web.gate import Gate  # noqa: PLC0415
    from regulars.web.listen import listening, serve  # noqa: PLC0415
    from regulars.web.pages.answering import Pages  # noqa: PLC0415

    if not keys and not _is_this_machine(host):
        hint = "--key KEY, a long random text"
        raise RegularsError(f"{host} can be reached by others, and there is no key", hint=hint)
    if encryption_key is not None and not is_key(encryption_key):
        raise RegularsError("the encryption key is none", hint="16 bytes in base 64: openssl rand -base64 16")
    flags, close = _flags(folder)
    gate = Gate(keys=keys, rate=rate, clock=time.monotonic)
    api = _api(folder, rate=rate, workers=workers)
    pages = Pages(workers=api.workers, counts=api.counts)
    routes = [*api.routes(), *pages.open_routes(), *pages.revealing_routes(), *pages.routes()]
    answering = flag_app(flags.now, gate=gate, encryption_key=encryption_key, origins=origins, api=routes)
    door = _behind_door(folder, answering)
    if door is not None:
        pages.door = door.commits.store.counts
    posting = sorted(set(door.keys.sources.values())) if door else []
    found = flags.now()
    apart = list(for_servers_only(found.definitions))
    with closing(api.workers), listening(host, port) as socket:
        url = f"http://{host}:{socket.getsockname()[1]}"
        _say(url, flags=found.keys, apart=apart, posting=posting, as_json=as_json)
        try:
            serve(door or answering, socket)
        finally:
            close()


def _behind_door(folder: Path, app: ASGIApp) -> IngestDoor | None:
    """Return the project's door in front of an app; None where it has no write keys."""
    import os  # noqa: PLC0415

    from regulars.clock import SystemClock  # noqa: PLC0415
    from regulars.config import HOME, read_config  # noqa: PLC0415
    from regulars.web.ingest.open_door import open_door  # noqa: PLC0415

    config = read_config(folder, environment=os.environ)
    if not config.door.keys:
        return None
    home = folder / HOME
    home.mkdir(parents=True, exist_ok=True)
    return open_door(config, home=home, clock=SystemClock(), behind=app)


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


def _api(folder: Path, *, rate: float | None, workers: int) -> Api:
    import time  # noqa: PLC0415

    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415
    from regulars.web.api.answering import Api  # noqa: PLC0415
    from regulars.web.api.workers import Workers  # noqa: PLC0415
    from regulars.web.rate import Rates  # noqa: PLC0415

    opened = Workers(partial(open_workspace, folder), folder=folder, clock=time.monotonic, count=workers)
    return Api(workers=opened, rates=None if rate is None else Rates(rate=rate, clock=time.monotonic))


def _say(url: str, *, flags: Sequence[str], apart: Sequence[str], posting: Sequence[str], as_json: bool) -> None:
    """Say where everything is."""
    if as_json:
        show_json({"url": url, "flags": flags, "not_in_payload": apart, "door": posting})
        return
    click.echo(f"{counted(len(flags), 'flag')} at {url}; Ctrl-C ends it.")
    for name in posting:
        click.echo(f"events of {name} are taken at {url}/v1/batch")
    for name in apart:
        click.echo(f"{name} is not in the payload of GrowthBook SDKs: `hash: growthbook` puts it there")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
