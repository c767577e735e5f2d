"""Writes docs/reference/ out of the code: `python docs/generate.py`; tests fail when a page is older than its code."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import inspect
import io
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import click

from regulars import config, errors, inquiries
from regulars.campaigns import declare as campaigns
from regulars.cli.main import COMMANDS, main, main_group
from regulars.connections import purchaser, transfer
from regulars.connections.community import COMMUNITY
from regulars.connections.companion import COMPANION
from regulars.connections.connection import CONNECTION
from regulars.connections.interaction import INTERACTION
from regulars.connectors import http, mandrill, sendgrid, smtp
from regulars.destinations import destination
from regulars.events import category, event
from regulars.experiments import experiment, holdout
from regulars.flags import condition as targeting
from regulars.flags import declare as flag
from regulars.flows import declare as flow
from regulars.metrics import metric
from regulars.pipeline.standings import STANDING
from regulars.pipeline.workspace import open_workspace
from regulars.records import quarantine, record
from regulars.records.formula_functions import FUNCTIONS
from regulars.rules import declare as conditions
from regulars.rules import examples, segment
from regulars.shops import shop
from regulars.shops.statistics import SHOP_STATISTICS
from regulars.sources import door, files, messages, rest
from regulars.sources.tracking import plan as tracking_plan
from regulars.sources.webhook import declare as webhook
from regulars.storage.book.tables import metadata
from regulars.web.api import problem
from regulars.web.api.route import ROOT
from regulars.web.api.table import ROUTES

FOLDER = Path(__file__).parent / "reference"
GENERATED = "<!-- Written by `python docs/generate.py` out of the code; change it there. -->"

# A field of a frozen dataclass on its line: name, type, default, comment.
_FIELD = re.compile(r"^    (\w+): (.+?)(?: = (.+?))?(?:\s{2,}# (.*))?$")

LAKE = {
    "contacts": "Which address and number reach each customer, whose they are, and why; a minor's are a guardian's.",
    "customers": "One row a customer, with the best that any of its profiles knows; declared traits follow.",
    "events": "One row an event, partitioned by month; attributes of all event types follow as columns.",
    "compared_profiles": (
        "What was compared of each profile, as numbers: by these the next run finds whom a change can reach. "
        "person: one number for all whom exact evidence holds together; block_…: what is shared with those to compare."
    ),
    "family_links": "Who is whose parent or guardian, grown children too: the surest reason of each two.",
    "household_members": "Which household each customer is in, in which role as of the last run's day, and why.",
    "households": "One row a household, those of one person too.",
    "identity": "Which profile is which customer, and by what evidence.",
    "matches": (
        "One row a pair of profiles that no exact evidence joins and that may be one person, left before right. "
        "weight in bits; tier `medium` (merged), `name` (merged where nobody else is known by it) or `low` (a person "
        "decides); evidence: JSON list of {field, outcome, bits}."
    ),
    "memberships": "Who is in which segment now.",
    "metric_days": "One row per metric and business day with rows behind it.",
    "money": "One row a line of money, in minor units, signed; partitioned by month.",
    "profiles": "One row a profile of one source, normalised; declared traits follow as text.",
    "quarantine": "One row for each reason of each refused record.",
    "records.desk.visits": "Typed records of a stream, a table each: the declared fields, and `<name>_day` of a time.",
    "transitions": "Who entered and left which segment when: the book's ledger, for reading.",
}
OF_OTHERS = {
    "standings": (
        "One row a channel and address of a contact, where campaigns are: what the ledger of consent comes to by now.",
        STANDING,
    ),
    "transfers": ("One row a pass that one bought and another used, where `transfers.yaml` is.", purchaser.TRANSFER),
    "interactions": (
        "One row per type, pair and day on which two people had to do with each other, where events are check-ins.",
        INTERACTION,
    ),
    "connections": ("One row per pair that has an interaction.", CONNECTION),
    "companions": ("One row per pair that was together on three days, or has another tie.", COMPANION),
    "communities": ("One row per member of a community.", COMMUNITY),
    "shop_statistics": (
        ("Where shops are declared: one row per shop, day, product, variant of it, and what an experiment showed. "
         "days: `utc` or `shop`, whose days. shown: the experiment's variant that was on; null while none was. "
         "revenue: minor units of `currency`, less `refunded`, what of these orders was given back; revenue_unknown: "
         "lines of no or another money, not in it."),
        SHOP_STATISTICS,
    ),
}
"""Tables that the project of `regulars init` has no use for."""

INNER = "Kept between two steps, so that only what changed is made again; no promise is made of its columns."
"""What is said of a table of the lake that is not in LAKE."""


FORMULAS = """\
A formula is a small expression over the fields of a stream: `who`, `only_if`, `what`, `until` of events, and every
entry of `profile` and `money`. It is checked against the stream when the project is read.

Operators: `or and not` · `== != < <= > >=` · `in`, `not in` · `is None`, `is not None` · `+ - * / //` ·
`a if condition else b`. Texts in quotes, numbers, `True`, `False`, `None`."""

THE_API = f"""\
What each route takes and gives, to the field, is in the OpenAPI document that a server has at `{ROOT}/openapi.json`.
`GET {ROOT}/health` needs no key; `GET /metrics` (for Prometheus) one of scope read."""

THE_PROBLEMS = """\
A refusal is `application/problem+json`: `type` is `urn:regulars:CODE`; `detail` says what is wrong, `hint` what to do,
`request_id` where the log has it. A code that is not here is 500."""

THE_LAKE = """\
Tables made from the landing and the book; any of them can be made again. Times are UTC without a zone in the type, days
are business days, money is whole minor units. Shown for the project that `regulars init` writes."""


def pages() -> Mapping[str, str]:
    """Return every generated page by its name: its whole text."""
    written = {
        "commands": commands, "configuration": configuration, "formulas": formulas, "declarations": declarations,
        "api": api, "errors": error_codes, "quarantine": reasons, "book": book, "lake": lake,
    }
    return {f"{name}.md": f"{GENERATED}\n\n{write().strip()}\n" for name, write in written.items()}


def commands() -> str:
    """Return the page of the commands: their own help."""
    parts = ["# Commands", "In the order of the flow. Every command of a project takes `--project` and `--json`."]
    for verb, sentence in COMMANDS.items():
        if importlib.util.find_spec(f"regulars.cli.{verb}_command") is None:
            continue
        command: click.Command = importlib.import_module(f"regulars.cli.{verb}_command").command
        context = click.Context(
            command, info_name=f"regulars {verb}", terminal_width=100, max_content_width=100,
            **main_group.context_settings,
        )
        parts += [f"## {verb}", sentence, _fenced("text", command.get_help(context))]
        for name, sub in command.commands.items() if isinstance(command, click.Group) else ():
            inner = click.Context(sub, info_name=name, parent=context, terminal_width=100, max_content_width=100)
            parts.append(_fenced("text", sub.get_help(inner)))
    return "\n\n".join(parts)


def configuration() -> str:
    """Return the page of regulars.toml."""
    tables = {"business": config.Business, "identity": config.IdentityChoices, "stores": config.StoreUrls,
              "engine": config.EngineUrl, "door": config.DoorChoices, "llm": inquiries.ModelChoices,
              "numbers": inquiries.NumberChoices}
    parts = ["# Configuration", _doc(config)]
    for name, kind in tables.items():
        rows = [(f"`{field.removeprefix('is_')}`", of, default, note) for field, of, default, note in _fields(kind)]
        parts += [f"## [{name}]", _doc(kind), _table(("setting", "type", "default", "note"), rows)]
    rows = [(f"`{variable}`", f"`{table}.{key}`") for variable, (table, key) in config.OVERRIDES.items()]
    parts += ["## Variables that go before the file", _table(("variable", "instead of"), rows)]
    return "\n\n".join(parts)


def formulas() -> str:
    """Return the page of the formula language."""
    rows = [(f"`{function.signature}`", function.sentence) for function in FUNCTIONS.values()]
    return "\n\n".join((
        "# Formulas",
        FORMULAS,
        "Missing is not zero and not empty text: what is computed from a missing value is missing.",
        _table(("function", "gives"), rows),
    ))


def declarations() -> str:
    """Return the page of everything that a project's files may say."""
    parts = ["# Declarations", "A file's stem is the name of what it declares. All names below come from the code."]
    parts += ["## Streams and their fields", _doc(record.declare_stream)]
    for kind in (record.Stream, record.Field, record.ProfileMapping, record.MoneyMapping, record.FamilyMapping,
                 record.RosterMapping):
        parts += [f"### {kind.__name__}", _doc(kind), _fields_table(kind)]
    parts.append(f"Field types: {', '.join(f'`{name}`' for name in record.FieldType.__args__)}. "  # type: ignore[attr-defined]  # a Literal
                 f"Kinds of money: {', '.join(f'`{name}`' for name in record.MoneyKind.__args__)}. "  # type: ignore[attr-defined]
                 f"Relations: {', '.join(f'`{name}`' for name in record.Relation.__args__)}.")  # type: ignore[attr-defined]
    titles: Sequence[tuple[str, ModuleType]] = (
        ("sources/*.yaml, kind: files", files), ("sources/*.yaml, kind: rest", rest),
        ("sources/*.yaml, kind: door", door), ("sources/*.yaml, kind: webhook", webhook),
        ("tracking_plans/*.yaml", tracking_plan),
        ("sources/*.yaml, kind: messages", messages), ("events/*.yaml", event),
        ("segments/*.yaml, conditions under `when:`", conditions), ("segments/*.yaml, examples", examples),
        ("metrics/*.yaml", metric), ("experiments/*.yaml", experiment), ("holdouts.yaml", holdout),
        ("campaigns/*.yaml", campaigns), ("flows/*.yaml", flow), ("shops/*.yaml", shop),
        ("destinations/*.yaml", destination),
        ("destinations/*.yaml, kind: http", http),
        ("categories.yaml", category), ("transfers.yaml", transfer),
        ("flags/*.yaml", flag), ("flags/*.yaml, conditions under `when:`", targeting),
        ("destinations/*.yaml, kind: sendgrid", sendgrid), ("destinations/*.yaml, kind: smtp", smtp),
        ("destinations/*.yaml, kind: mandrill", mandrill),
    )
    for title, module in titles:
        parts += [f"## {title}", _doc(module)]
        if module is examples:
            parts += ["## segments/*.yaml, everything else", _doc(segment.Segment), _fields_table(segment.Segment)]
    return "\n\n".join(parts)


def api() -> str:
    """Return the page of the REST API: its table of routes."""
    rows = [
        (
            f"`{route.method} {ROOT}{route.path}`", route.scope or "no key",
            ", ".join(f"`{each.name}`" for each in dataclasses.fields(route.query)),
            f"{route.sentence}{' CSV: `.csv`.' if route.is_list else ''}",
        )
        for route in ROUTES
    ]
    kinds = [kind for kind in _subclasses(errors.RegularsError) if kind.code in problem.STATUS]
    kinds += [kind for kind in vars(problem).values() if isinstance(kind, type) and kind.__module__ == problem.__name__
              and issubclass(kind, errors.RegularsError)]
    codes = [
        (f"`{kind.code}`", str(problem.STATUS[kind.code]), "yes" if kind.retryable else "no", _first(kind))
        for kind in kinds
    ]
    return "\n\n".join((
        "# The REST API",
        THE_API,
        "## Routes", _table(("route", "scope", "parameters", "gives"), rows),
        "## Problems",
        THE_PROBLEMS,
        _table(("code", "status", "again helps", "means"), codes),
    ))


def error_codes() -> str:
    """Return the page of errors and exit codes."""
    rows = [
        (f"`{kind.__name__}`", f"`{kind.code}`", str(kind.exit_code), "yes" if kind.retryable else "no", _first(kind))
        for kind in _subclasses(errors.RegularsError)
    ]
    codes = [
        ("0", "everything asked for is done"), ("1", "a step failed, or what was asked for is not there"),
        ("2", "the command line or a declaration cannot be meant"), ("3", "another run holds the project"),
        ("130", "stopped by Ctrl-C; what was done is kept"),
    ]
    return "\n\n".join((
        "# Errors and exit codes",
        "Every error says what is wrong and what to do next, on stderr; `REGULARS_DEBUG=1` adds where it happened.",
        "## Exit codes", _table(("code", "means"), codes),
        "## Errors", _table(("error", "code in the run ledger", "exit", "again helps", "means"), rows),
    ))


def reasons() -> str:
    """Return the page of quarantine reasons."""
    rows = [
        (f"`{reason.code}`", reason.stage, reason.sentence, reason.repair, "yes" if reason.is_alert else "")
        for reason in quarantine.REASONS.values()
    ]
    return "\n\n".join((
        "# Quarantine", _doc(quarantine), _table(("reason", "found while", "means", "repair", "alert"), rows),
    ))


def book() -> str:
    """Return the page of the book's tables."""
    parts = ["# The book", "The operational database: SQLite or PostgreSQL, the same tables, a tenant in every row."]
    for table in metadata.sorted_tables:
        rows = [
            (f"`{column.name}`", str(column.type).lower(), "key" if column.primary_key else "",
             "may be null" if column.nullable else "")
            for column in table.columns
        ]
        parts += [f"## {table.name}", _table(("column", "type", "", ""), rows)]
    return "\n\n".join(parts)


def lake() -> str:
    """Return the page of the lake's tables, as the project of `regulars init` makes them."""
    parts = ["# The lake", THE_LAKE]
    with tempfile.TemporaryDirectory() as folder:
        for words in (["init", folder], ["run", "--project", folder, "--as-of", "2026-01-20"]):
            _quietly(words)
        workspace = open_workspace(Path(folder))
        try:
            for name in sorted(workspace.lake.tables()):
                if name not in LAKE:
                    parts += [f"## {name}", INNER]
                    continue
                rows = [(f"`{column}`", str(kind)) for column, kind in workspace.lake.table(name).schema().items()]
                parts += [f"## {name}", LAKE[name], _table(("column", "type"), rows)]
        finally:
            workspace.close()
    for name, (sentence, schema) in OF_OTHERS.items():
        rows = [(f"`{column}`", str(kind)) for column, kind in schema.items()]
        parts += [f"## {name}", sentence, _table(("column", "type"), rows)]
    return "\n\n".join(parts)


def _quietly(words: list[str]) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            main(words)
        except SystemExit as ended:
            if ended.code:
                raise RuntimeError(said.getvalue()) from ended


def _doc(of: ModuleType | type | Callable[..., object]) -> str:
    """Return a docstring as Markdown: what is indented becomes a block."""
    lines = inspect.cleandoc(of.__doc__ or "").splitlines()
    written: list[str] = []
    inside = False
    for number, line in enumerate(lines):
        follows = lines[number + 1] if number + 1 < len(lines) else ""
        is_code = line.startswith("    ") or (inside and not line and follows.startswith("    "))
        if is_code != inside:
            # A Markdown block needs an empty line before it.
            written += ["", "```yaml"] if is_code else ["```", ""]
            inside = is_code
        written.append(line.removeprefix("    ") if inside else line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join([*written, *(["```"] if inside else [])])).strip()


def _first(of: type) -> str:
    return inspect.cleandoc(of.__doc__ or "").splitlines()[0]


def _fields(kind: type) -> list[tuple[str, str, str, str]]:
    found = (_FIELD.match(line) for line in inspect.getsource(kind).splitlines())
    return [
        (match[1], f"`{match[2].strip()}`", f"`{match[3].strip()}`" if match[3] else "required", match[4] or "")
        for match in found if match
    ]


def _fields_table(kind: type) -> str:
    rows = [(f"`{name}`", of, default, note) for name, of, default, note in _fields(kind)]
    return _table(("name in the code", "type", "default", "note"), rows)


def _subclasses(kind: type[errors.RegularsError]) -> Iterable[type[errors.RegularsError]]:
    yield kind
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _subclasses(each)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [[*columns], ["---"] * len(columns), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(made)} pages in {FOLDER}", file=sys.stderr)
