"""Baselines: the least anything could do with the same bytes, plain DuckDB without records, people or history."""

from __future__ import annotations

from pathlib import Path

from measured import Usage, measured

CLICK = "click: a group without commands prints its help"
CSV = "DuckDB: read the CSVs, sum per customer and day"
JOIN = "DuckDB: join {:,} check-ins with themselves within half an hour, count days"
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


def self_join(check_ins: Path) -> Usage:
    """Measure joining check-ins with themselves on day, place and half an hour, and keeping pairs of three days."""
    return _duckdb(
        f"create table seen as select * from '{check_ins}'",
        "select a.customer_id, b.customer_id as other_id, count(distinct a.business_day) as days from seen as a "
        "join seen as b on a.business_day = b.business_day and a.location = b.location "
        "and b.at between a.at - interval 30 minute and a.at + interval 30 minute and a.customer_id < b.customer_id "
        "group by all having days >= 3",
    )


def plain_people(profiles: Path) -> Usage:
    """Measure reading profiles and counting who shares an address or a number: what exact rules begin with."""
    return _duckdb(*(
        f"select {contact}, count(distinct name) from '{profiles}' where {contact} is not null group by all"
        for contact in ("email", "phone")
    ))


def _duckdb(*queries: str) -> Usage:
    lines = ["import duckdb", *(f"duckdb.execute({query!r}).fetchall()" for query in queries)]
    return measured(["-c", "\n".join(lines)])
