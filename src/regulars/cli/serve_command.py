"""`regulars serve`: a project over HTTP: flags, the door for those who post events, and the REST API."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from starlette.types import ASGIApp

from regulars.cli.screen import counted, project_options, show_json
from regulars.errors import RegularsError

if TYPE_CHECKING:
    from regulars.web.api.answering import Api


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
    """Answer applications that ask for flags, post events or read customers, until Ctrl-C.

    Files of flags that change are read again within a second. OpenFeature clients ask at /ofrep/v1, GrowthBook SDKs at
    /api/features/KEY and /api/eval/KEY. Without a key only programs of this machine are answered.

    Events are posted to /v1/track, /v1/batch and the like, with a write key of [door] in regulars.toml.

    The REST API is at /api/v1, what it takes and gives at /api/v1/openapi.json; its keys are made by `regulars key`.
    """
    import os  # noqa: PLC0415
    import time  # noqa: PLC0415  help must answer at once

    from regulars.clock import SystemClock  # noqa: PLC0415
    from regulars.config import HOME, read_config  # noqa: PLC0415
    from regulars.flags.payload import for_servers_only  # noqa: PLC0415
    from regulars.web.app import flag_app  # noqa: PLC0415
    from regulars.web.declared_flags import DeclaredFlags  # noqa: PLC0415
    from regulars.web.gate import Gate  # noqa: PLC0415
    from regulars.web.ingest.open_door import open_door  # noqa: PLC0415
    from regulars.web.listen import listening, serve  # noqa: PLC0415

    if not keys and not _is_this_machine(host):
        hint = "--key KEY, a long random text"
        raise RegularsError(f"{host} can be reached by others, and there is no key", hint=hint)
    flags = DeclaredFlags(folder, clock=time.monotonic)
    gate = Gate(keys=keys, rate=rate, clock=time.monotonic)
    api = _api(folder, rate=rate, workers=workers)
    app: ASGIApp = flag_app(
        flags.now, gate=gate, encryption_key=encryption_key, origins=origins, api=api.routes()
    )
    config = read_config(folder, environment=os.environ)
    posting = sorted(config.door.keys)
    if posting:
        (folder / HOME).mkdir(parents=True, exist_ok=True)
        app = open_door(config, home=folder / HOME, clock=SystemClock(), behind=app)
    found = flags.now()
    apart = list(for_servers_only(found.definitions))
    with closing(api.workers), listening(host, port) as socket:
        url = f"http://{host}:{socket.getsockname()[1]}"
        _say(url, flags=found.keys, apart=apart, posting=posting, as_json=as_json)
        serve(app, socket)


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
