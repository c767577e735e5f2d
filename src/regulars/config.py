"""What is true of one business and where its data lies: `regulars.toml`, read strictly.

    [business]
    name = "Summit Climbing"        # required
    timezone = "America/Chicago"    # required: where a person's day begins
    currency = "USD"                # ISO 4217
    country = "US"                  # ISO 3166; phone numbers without a country code are from here
    opened_on = 2024-10-01          # sales before it are real, visits before it are not
    tax_rate = "0.0825"             # contained in prices where a source does not say
    own_emails = ["desk@summit.example", "@summit.example"]     # nobody's identifier
    own_phones = ["+12545550100"]
    largest_amount = "25000.00"     # a money line beyond it is set aside, not counted
    needs_approval = true           # a campaign's words are sent only as somebody approved them

    [identity]
    source_priority = ["capitan"]   # whose word counts first about a customer; then the newest
    gmail_folded = true             # a.lee+gym@gmail.com is alee@gmail.com
    merge_from = 0.95               # two profiles this probably one person are merged; 1: only exact evidence merges
    review_from = 0.5               # and these are shown to a person
    desk_from = 10                  # an address or number of so many different names is a desk's, or nobody's

    [stores]
    landing = "file:./data/landing"
    lake = "file:./data/lake"
    book = "sqlite:./data/book.db"
    exports = "file:./data/exports" # files for others, such as the daily statistics of shops

    [engine]
    url = "duckdb://"
    workers = 2                     # processes that carry out steps side by side, up to 64; 1: one after the other

    [door]                          # where SDKs post events; only read by who opens it
    folder = "data/door"            # on a disk of this machine
    land_every = 60                 # seconds after which what came is landed
    keys.site = ["9f86d0…"]         # SHA-256 of each write key of the source `site`

    [llm]                           # only where a language model reads what rules read otherwise
    dialect = "anthropic"           # or "openai", which many other servers speak
    model = "claude-haiku-4-5"
    reads = ["offers"]              # of campaigns; and "replies": then words of people leave the house
    key = "${ANTHROPIC_API_KEY}"    # looked up when the model is asked; left out, none is shown
    requests_per_day = 100          # no more are asked on a day of the business
    tokens_per_day = 500000         # in and out
    price = "5.00"                  # of a million tokens, the dearer of in and out; a dry run tells the cost by it

    [numbers]                       # only where Numverify is asked about telephone numbers
    key = "${NUMVERIFY_KEY}"        # looked up when it is asked
    per_second = 10                 # requests; your plan says how many

`${NAME}` means a variable of the environment. REGULARS_LANDING, REGULARS_LAKE, REGULARS_BOOK, REGULARS_EXPORTS and
REGULARS_ENGINE go before the file. Relative paths begin at the project's folder.
REGULARS_TEXTS names a folder in which all projects keep what their runs compile, in place of each its own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.inquiries import ModelChoices, NumberChoices, read_model, read_numbers
from regulars.setting import (
    REFERENCE,
    as_country,
    as_currency,
    as_date,
    as_positive,
    as_probability,
    as_share,
    as_table,
    as_text,
    as_texts,
    as_timezone,
    as_truth,
    checked,
    no_strangers,
)
from regulars.setting import Path as Where

FILE = "regulars.toml"
HOME = ".regulars"
"""Folder of a project for what belongs to this machine: the key file, caches."""
OVERRIDES = {
    "REGULARS_LANDING": ("stores", "landing"), "REGULARS_LAKE": ("stores", "lake"),
    "REGULARS_BOOK": ("stores", "book"), "REGULARS_EXPORTS": ("stores", "exports"),
    "REGULARS_ENGINE": ("engine", "url"),
}
"""Variables of the environment that go before the file, and what they replace."""
MOST_WORKERS = 64
"""More processes than a run has steps to begin at once are of no use."""

_ASKED = frozenset({"llm", "numbers"})
_SHA256 = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """What is true of the business."""

    name: str
    timezone: str                            # IANA name
    currency: str = "USD"                    # ISO 4217
    country: str = "US"                      # ISO 3166, two letters
    opened_on: date | None = None
    tax_rate: Decimal = Decimal(0)           # share of the net price: 0.0825
    own_emails: tuple[str, ...] = ()         # addresses, or domains written `@summit.example`
    own_phones: tuple[str, ...] = ()
    largest_amount: Decimal = Decimal(100_000)       # major units; a money line beyond it is quarantined
    needs_approval: bool = False             # words of campaigns are sent only as somebody approved them

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone of the business."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChoices:
    """How people are told apart and described."""

    source_priority: tuple[str, ...] = ()    # whose word counts first about a customer
    is_gmail_folded: bool = True             # dots and what follows a plus sign mean nothing to that provider
    merge_from: float = 0.95                 # probability from which two profiles are merged
    review_from: float = 0.5                 # probability from which a person is asked
    desk_from: int = 10                      # different first and last names on a contact from which it is nobody's


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUrls:
    """Where the three stores are, and files for others. Local paths are absolute."""

    landing: str
    lake: str
    book: str
    exports: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineUrl:
    """What computes the tables."""

    url: str = "duckdb://"
    workers: int | None = None               # processes that carry out steps; None: one a core, at most 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorChoices:
    """Who may post events, and where they wait until they are landed."""

    folder: Path
    land_every: float = 60.0                 # seconds
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)   # source -> SHA-256 of its write keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """`regulars.toml` of one project, with the environment's words over it."""

    folder: Path
    business: Business
    identity: IdentityChoices
    stores: StoreUrls
    engine: EngineUrl
    door: DoorChoices
    llm: ModelChoices | None = None          # None: no model is ever asked
    numbers: NumberChoices | None = None     # None: nobody is ever asked about numbers
    origins: Mapping[str, str] = field(default_factory=dict)   # "stores.book" -> "REGULARS_BOOK", a file or "default"


def read_config(folder: Path, *, environment: Mapping[str, str]) -> Config:
    """Read a project's `regulars.toml`.

    Raises DeclarationError with `regulars.toml:line` for a file that is missing, no TOML, or says what it cannot mean.
    """
    file = folder / FILE
    if not file.is_file():
        raise DeclarationError(f"{file} is not there", hint="regulars init starts a project")
    text = file.read_text(encoding="utf-8-sig")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{FILE}:{line[1] if line else 1}"
        raise DeclarationError(f"{where}: {error}", hint='a line is `name = "value"`') from error
    try:
        return _config(folder.resolve(), data, environment)
    except DeclarationError as error:
        where = f"{FILE}:{line_of(text, error.path)}"
        raise DeclarationError(f"{where}: {error.message}", hint=error.hint, path=error.path) from error


def line_of(text: str, path: Where) -> int:
    """Return the line, from 1, on which a TOML file says a key of a table; the table's or 1 if it does not."""
    table, key, inside = 1, 1, False
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.split("#")[0].strip()
        if bare.startswith("["):
            inside = bare.strip("[] ") == str(path[0] if path else "")
            table = number if inside else table
        elif inside and len(path) > 1 and bare.split("=")[0].strip(" \"'") == path[1]:
            key = number
    return key if key > 1 else table


def _config(folder: Path, data: Mapping[str, Any], environment: Mapping[str, str]) -> Config:
    known = {"business", "identity", "stores", "engine", "door", "llm", "numbers"}
    for name in data:
        if name not in known:
            raise DeclarationError(f"table [{name}] means nothing here", hint=did_you_mean(name, known), path=(name,))
    tables = {name: dict(as_table(data.get(name, {}), name)) for name in sorted(known)}
    origins = {f"{table}.{key}": FILE for table, values in tables.items() for key in values}
    for variable, (table, key) in OVERRIDES.items():
        if environment.get(variable):
            tables[table][key] = environment[variable]
            origins[f"{table}.{key}"] = variable
    # Keys of the asked stay references: everything but asking works without them.
    filled = {name: _filled(values, environment, (name,)) for name, values in tables.items() if name not in _ASKED}
    return Config(
        folder=folder, business=_business(filled["business"]), identity=_identity(filled["identity"]),
        stores=_stores(filled["stores"], folder), engine=_engine(filled["engine"]), door=_door(filled["door"], folder),
        llm=read_model(tables["llm"]) if "llm" in data else None,
        numbers=read_numbers(tables["numbers"]) if "numbers" in data else None,
        origins=origins,
    )


def _business(data: dict[str, Any]) -> Business:
    read: dict[str, Callable[[Any, Where], Any]] = {
        "name": as_text, "timezone": as_timezone, "currency": as_currency, "country": as_country, "opened_on": as_date,
        "tax_rate": as_share, "own_emails": as_texts, "own_phones": as_texts, "largest_amount": as_positive,
        "needs_approval": as_truth,
    }
    no_strangers(data, read, "business")
    for name in ("name", "timezone"):
        if name not in data:
            hint = {"name": 'name = "Summit Climbing"', "timezone": 'timezone = "America/Chicago"'}[name]
            raise DeclarationError(f"[business] has no {name}", hint=hint, path=("business",))
    return Business(**{name: read[name](value, ("business", name)) for name, value in data.items()})


def _identity(data: dict[str, Any]) -> IdentityChoices:
    known = {"source_priority": as_texts, "gmail_folded": bool, "merge_from": float, "review_from": float}
    no_strangers(data, {**known, "desk_from": int}, "identity")
    folded, desk = data.get("gmail_folded", True), data.get("desk_from", 10)
    merge, review = (as_probability(data.get(name, default), ("identity", name)) for name, default in (
        ("merge_from", 0.95), ("review_from", 0.5),
    ))
    checked(
        review, ("identity", "review_from"), holds=review <= merge,
        hint=f"at most merge_from, which is {merge:g}: what is merged need not be asked",
    )
    return IdentityChoices(
        source_priority=as_texts(data.get("source_priority", []), ("identity", "source_priority")),
        is_gmail_folded=checked(
            folded, ("identity", "gmail_folded"), holds=isinstance(folded, bool), hint="true or false"
        ),
        merge_from=merge, review_from=review,
        desk_from=checked(
            desk, ("identity", "desk_from"), holds=type(desk) is int and desk > 1, hint="a whole number from 2 on: 10"
        ),
    )


def _stores(data: dict[str, Any], folder: Path) -> StoreUrls:
    urls: dict[str, Any] = {
        "landing": "file:./data/landing", "lake": "file:./data/lake", "book": "sqlite:./data/book.db",
        "exports": "file:./data/exports",
    }
    no_strangers(data, urls, "stores")
    urls |= data
    return StoreUrls(**{name: placed(as_text(url, ("stores", name)), folder=folder) for name, url in urls.items()})


def _engine(data: dict[str, Any]) -> EngineUrl:
    no_strangers(data, {"url": as_text, "workers": int}, "engine")
    workers = data.get("workers")
    is_number = workers is None or (type(workers) is int and 1 <= workers <= MOST_WORKERS)
    checked(workers, ("engine", "workers"), holds=is_number, hint=f"a whole number from 1 to {MOST_WORKERS}: 2")
    url = as_text(data.get("url", "duckdb://"), ("engine", "url"))
    scheme = url.split("://")[0]
    if "://" not in url or scheme not in {"duckdb", "spark"}:
        hint = "duckdb:// or spark://local[2]"
        raise DeclarationError(f"{url!r} is no engine", hint=hint, path=("engine", "url"))
    return EngineUrl(url=url, workers=workers)


def _door(data: dict[str, Any], folder: Path) -> DoorChoices:
    no_strangers(data, {"folder": as_text, "land_every": float, "keys": dict}, "door")
    path, every = ("door", "land_every"), data.get("land_every", 60.0)
    is_length = isinstance(every, int | float) and not isinstance(every, bool) and every > 0
    keys = as_table(data.get("keys", {}), "door.keys")
    read = {source: as_texts(hashes, ("door", f"keys.{source}")) for source, hashes in keys.items()}
    for source, hashes in read.items():
        for one in hashes:
            is_hash = bool(_SHA256.match(one))
            checked(one, ("door", f"keys.{source}"), holds=is_hash, hint="printf %s KEY | sha256sum")
    return DoorChoices(
        folder=folder / as_text(data.get("folder", "data/door"), ("door", "folder")),
        land_every=float(checked(every, path, holds=is_length, hint="seconds, above 0: 60")), keys=read,
    )


def placed(url: str, *, folder: Path) -> str:
    """Return a URL whose relative path begins at the folder: `file:./data` becomes `file:///project/data`."""
    scheme, colon, rest = url.partition(":")
    if scheme == "file" and colon:
        return (folder / _local(rest)).resolve().as_uri()
    if scheme == "sqlite" and colon:
        path, question, options = rest.partition("?")
        # SQLAlchemy writes an absolute path behind three slashes of its own: sqlite:////project/data/book.db.
        path = path[1:] if path.startswith("///") else path
        return f"sqlite:///{(folder / _local(path)).resolve()}{question}{options}"
    if "://" in url:
        return url
    return (folder / url).resolve().as_uri()


def _local(path: str) -> str:
    return path.removeprefix("//")


def _filled(values: dict[str, Any], environment: Mapping[str, str], path: Where) -> dict[str, Any]:
    def fill(value: Any, at: Where) -> Any:
        if isinstance(value, list):
            return [fill(item, (*at, n)) for n, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        for name in REFERENCE.findall(value):
            if name not in environment:
                raise DeclarationError(f"${{{name}}} is not set", hint=f"export {name}=…", path=at)
        return REFERENCE.sub(lambda m: environment[m[1]], value)

    return {name: fill(value, (*path, name)) for name, value in values.items()}
