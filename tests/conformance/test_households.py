"""Families, households and contacts are the same rows on every engine."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pyarrow as pa

from regulars.identity.family import relation_rows, roster_rows
from regulars.records.intake import typed_schema
from regulars.records.record import declare_stream
from regulars.storage.engines import Engine
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.testing.families import Decided, decide

ON = date(2026, 1, 5)
RELATIONS = ("child", "ward", "parent", "guardian", "sibling", "partner")


def town(engine: Engine, seed: int = 7, size: int = 80) -> Decided:
    """Decide a town of people thrown together by chance: every rule applies to somebody."""
    rng = Random(seed)
    persons = {
        f"p{n:02}": {
            "name": f"Kim {rng.choice(['Lee', 'Ray', 'José'])}", "email": rng.choice([None, f"{n // 3}@x.org"]),
            "phone": rng.choice([None, f"+1254867{n // 2:04}"]),
            "birthday": rng.choice([None, ON - timedelta(days=rng.randrange(-400, 25_000))]),
        }
        for n in range(size)
    }
    near = [(a, b) for a, b in ((rng.randrange(size), rng.randrange(-3, 4)) for _ in range(60)) if 0 <= a + b < size]
    keys = [(f"p{a:02}", f"p{a + b:02}") for a, b in near]
    return decide(
        engine, persons, on=ON,
        relations=[(who, rng.choice(RELATIONS), whom) for who, whom in keys[:30]],
        addresses=[(who, f"{int(whom[1:]) // 3}@x.org") for who, whom in keys[30:40]],
        rosters=[(str(n // 4), who, n % 4 == 0) for n, (who, _) in enumerate(keys[40:])],
    )


def test_a_town_is_the_same_on_every_engine(engine: Engine, duck: DuckDBEngine) -> None:
    found, expected = town(engine), town(duck)

    for name in expected.tables:
        assert found.rows(name) == expected.rows(name), name
        assert found.rows(name), name


def test_relations_and_contracts_are_read_alike_on_every_engine(engine: Engine) -> None:
    stream = declare_stream("gym", "desk", {
        "key": "id",
        "fields": {"id": "id", "who": "id", "whom": "id", "word": "text", "email": "text", "name": "text", "owner": "id"},
        "family": [
            {"who": "who", "whom": "whom", "whom_is": "word", "words": {"CHI": "child", "GUA": "guardian"}},
            {"who": "who", "whom_email": "lower(email)", "whom_is": "guardian", "confidence": "medium", "only_if": 'word(name, "youth")'},
        ],
        "roster": {"id": "id", "who": "who", "owner": "owner", "only_if": 'not word(name, "corporate")'},
    })
    schema = typed_schema(stream)
    rows = [
        {"id": "1", "who": "a", "whom": "b", "word": "CHI", "email": "A@x.org", "name": "Youth", "owner": "b"},
        {"id": "2", "who": "a", "whom": "c", "word": "FRI", "email": "B@x.org", "name": "Corporate Youth", "owner": "b"},
        {"id": "3", "who": "d", "whom": None, "word": "GUA", "email": None, "name": "Youth", "owner": None},
        {"id": "4", "who": "d", "whom": "a", "word": "GUA", "email": "D@x.org", "name": "Solo", "owner": "d"},
    ]
    plain = dict.fromkeys(schema.names) | {"recorded_at": datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None), "record_n": 0, "seq": 1}
    records = engine.arrow(pa.Table.from_pylist([plain | row | {"record_key": row["id"]} for row in rows], schema.to_pyarrow()))

    named, addressed = (engine.fetch(each).to_pylist() for each in relation_rows(records, stream=stream))
    contracts = engine.fetch(roster_rows(records, stream=stream)).to_pylist()

    assert [(r["who"], r["relation"], r["whom"], r["confidence"]) for r in sorted(named, key=str)] == [
        ("a", "child", "b", "high"), ("d", "guardian", "a", "high"),
    ]
    assert sorted((r["who"], r["whom_email"], r["confidence"]) for r in addressed) == [("a", "a@x.org", "medium"), ("a", "b@x.org", "medium")]
    assert sorted((r["roster"], r["who"], r["is_owner"]) for r in contracts) == [
        ("1", "a", False), ("1", "b", True), ("3", "d", False), ("4", "d", False), ("4", "d", True),
    ]


def test_it_never_matters_in_which_order_people_are_told_of(duck: DuckDBEngine) -> None:
    persons = {f"p{n}": {"name": "Kim Lee", "email": f"{n // 3}@x.org", "birthday": date(1980 + 3 * n, 1, 1)} for n in range(12)}
    relations = [(f"p{n}", "child", f"p{n + 6}") for n in range(6)] + [("p7", "child", "p1")]
    rosters = [(str(n // 3), f"p{n}", n % 3 == 0) for n in range(12)]

    one = decide(duck, persons, relations=relations, rosters=rosters, on=ON)
    other = decide(duck, dict(reversed(persons.items())), relations=relations[::-1], rosters=rosters[::-1], on=ON)

    assert {name: one.rows(name) for name in one.tables} == {name: other.rows(name) for name in other.tables}
