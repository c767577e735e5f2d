"""`regulars serve`: a project over HTTP: pages, flags, the doors for those who post, and the REST API."""

from __future__ import annotations

import gc
import ipaddress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.screen import counted, project_options, show_json
from regulars.errors import RegularsError

if TYPE_CHECKING:
    from regulars.web.serving import Said
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

    Events are posted to /v1/track, /v1/batch and the like, with a write key of [door] in regulars.toml; providers post
    to /webhooks/SOURCE what became of messages, and replies.

    The REST API is at /api/v1, what it takes and gives at /api/v1/openapi.json; its keys are made by `regulars key`.

    Pages are at / for people who sign in; `regulars person invite` gives them the link to choose a password with.
    """
    _load()
    from regulars.flags.cipher import is_key  # noqa: PLC0415  help must answer at once
    from regulars.web.listen import listening, serve  # noqa: PLC0415
    from regulars.web.serving import Choices, serving  # noqa: PLC0415

    if not keys and not _is_this_machine(host):
        hint = "--key KEY, a long random text"
        raise RegularsError(f"{host} can be reached by others, and there is no key", hint=hint)
    if encryption_key is not None and not is_key(encryption_key):
        raise RegularsError("the encryption key is none", hint="16 bytes in base 64: openssl rand -base64 16")
    if without_sign_in and not _is_this_machine(host):
        raise RegularsError(f"{host} can be reached by others, who must sign in", hint="leave --without-sign-in out")
    choices = Choices(
        keys=keys, rate=rate, workers=workers, encryption_key=encryption_key, origins=origins, is_open=without_sign_in,
        issuer=_issuer(issuer, client_id, client_secret),
    )
    with listening(host, port) as socket, serving(folder, choices) as ready:
        _say(f"http://{host}:{socket.getsockname()[1]}", ready.said, is_open=without_sign_in, as_json=as_json)
        serve(ready.app, socket, door=ready.door)


def _load() -> None:
    """Load what serving takes: without pandas, and looking for no garbage, because all of it stays."""
    from regulars.storage.pandas_left_out import leave_pandas_out  # noqa: PLC0415  help must answer at once

    gc.disable()
    try:
        leave_pandas_out()
        import_module("regulars.web.serving")
    finally:
        gc.enable()


def _issuer(url: str | None, client_id: str | None, client_secret: str | None) -> Issuer | None:
    """Return who else is asked who people are. Raises RegularsError where the issuer does not know us."""
    if url is None:
        return None
    from regulars.web.sign_in.issuer import Issuer  # noqa: PLC0415  help must answer at once

    if client_id is None:
        raise RegularsError("the issuer must know who asks", hint="--client-id, as the issuer gave it")
    return Issuer(url=url, client_id=client_id, client_secret=client_secret)


def _say(url: str, said: Said, *, is_open: bool, as_json: bool) -> None:
    """Say where everything is."""
    if as_json:
        show_json({"url": url, **asdict(said)})
        return
    click.echo(f"{counted(len(said.flags), 'flag')} at {url}; Ctrl-C ends it.")
    for name in said.door:
        click.echo(f"events of {name} are taken at {url}/v1/batch")
    for name in said.webhooks:
        click.echo(f"deliveries of {name} are taken at {url}/webhooks/{name}")
    if said.shops:
        click.echo(f"pixels of {', '.join(said.shops)} are heard at {url}/track")
    if is_open:
        click.echo(f"pages are at {url}/, for this machine alone")
    elif said.has_people:
        click.echo(f"people sign in at {url}/sign-in")
    elif said.has_people is False:
        click.echo(f"nobody can sign in yet: regulars person invite ADDRESS --role owner --url {url}")
    for name in said.not_in_payload:
        click.echo(f"{name} is not in the payload of GrowthBook SDKs: `hash: growthbook` puts it there")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
