"""Baselines: the least anything could do with the same bytes, plain DuckDB without records, people or history."""

from __future__ import annotations

from pathlib import Path

from measured import Usage, measured

CLICK = "click: a group without commands prints its help"
CSV = "DuckDB: read the CSVs, sum per customer and day"
PEOPLE = "DuckDB: read the profiles, count the people per e-mail address and per phone number"
JSON = "DuckDB: read the JSON lines, sum charges and count check-ins per customer and day"


def bare_help() -> Usage:
    """Measure a command line that does nothing."""
    return measured(["-c", "import click; click.Group('x').main(['--help'], standalone_mode=False)"])


def plain_csv(files: Path) -> Usage:
    """Measure reading a folder of invoices and adding them up."""
    return _duckdb(
        "select CustomerID, left(InvoiceDate, 10), count(*), sum(Quantity::bigint * UnitPrice::decimal(18, 2)) "
        f"from read_csv('{files}/*.csv', header=true, all_varchar=true) group by all"
    )


def plain_json(*, charges: str, check_ins: str, item: str) -> Usage:
    """Measure reading charges and check-ins, given as globs, and adding up; `item` leads to the record in a line."""
    return _duckdb(
        f"select {item}customer, {item}created // 86400, count(*), sum({item}amount) "
        f"from read_json('{charges}', format='newline_delimited') group by all",
        f"select {item}customer_id, left({item}check_in_datetime::varchar, 10), count(*) "
        f"from read_json('{check_ins}', format='newline_delimited') group by all",
    )


def plain_people(profiles: Path) -> Usage:
    """Measure reading profiles and counting who shares an address or a number: what exact rules begin with."""
    return _duckdb(*(
        f"select {contact}, count(distinct name) from '{profiles}' where {contact} is not null group by all"
        for contact in ("email", "phone")
    ))


def _duckdb(*queries: str) -> Usage:
    lines = ["import duckdb", *(f"duckdb.sql({query!r}).fetchall()" for query in queries)]
    return measured(["-c", "\n".join(lines)])
