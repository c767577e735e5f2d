"""Whoever is decided otherwise on a later day, though nothing happened, is among those whom days may turn."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta

import ibis
import pyarrow as pa
import pytest

from regulars.events.window import AsOf
from regulars.rules.backtest import LEDGER
from regulars.rules.evaluate import Tables, evaluate
from regulars.rules.segment import declare, with_dependencies
from regulars.rules.transition import transitions
from regulars.rules.turning import Turns, had_birthday, stood, turned, turns_of
from regulars.storage.engines.open import open_engine

FIRST = date(2026, 1, 20)
DAYS = 18
PEOPLE = 60

RULES = {
    "count": {"when": {"count": "visit", "where": {"kind": "day"}, "within": "9 days", "at_least": 2}},
    "between": {"when": {"count": "visit", "between": ["30 days", "12 days"], "is": 1}},
    "since": {"when": {"days_since": "visit", "at_least": 9}},
    "since_exactly": {"when": {"days_since": ["visit", "buy"], "is": 5}},
    "since_at_most": {"when": {"days_since": "buy", "at_most": 3}},
    "since_more": {"when": {"days_since": "buy", "more_than": 7, "less_than": 20}},
    "gap": {"when": {"gap_before_last": "visit", "at_least": 10}},
    "days": {"when": {"distinct": "days", "of": "visit", "within": "8 days", "at_least": 2}},
    "most": {"when": {"max": "amount", "of": "buy", "within": "15 days", "at_least": 50}},
    "during": {"when": {"during": "plan"}},
    "ahead": {"when": {"on_date": "party_day", "of": "party", "in_days": [2, 4]}},
    "last": {"when": {"last": ["visit", "buy"], "is": "buy", "within": "4 days"}},
    "after": {"when": {"sequence": [{"entered": "often"}, {"event": "visit"}], "within": "5 days"}},
    "often": {"when": {"count": "visit", "within": "1 day"}},
    "entries": {"when": {"count": "visit", "within": "3 days"}, "holds_for": "5 days", "reenter_after": "11 days"},
    "held": {"when": {"count": "visit", "ever": True}, "holds_for": "6 days"},
    "cool": {"when": {"count": "buy", "within": "1 day"}, "reenter_after": "8 days"},
    "trend": {"when": {"trend": "visit", "recent": "7 days", "before": "21 days", "ratio_below": 0.8,
                       "at_least_before": 2}},
    "spend": {"when": {"spend": "net", "within": "10 days", "at_least": 100}},
    "grown": {"when": {"age": {"at_least": 18}}},
    "minor": {"when": {"minor": True}},
    "score": {"when": {"engagement": {"opened": "visit", "clicked": "buy"}, "at_least": 12}},
    "nested": {"when": {"all": [{"not": {"member_of": "during"}}, {"any": [{"days_since": "buy", "at_least": 25},
                                                                         {"trait": "email", "is": "missing"}]}]}},
    "bucket": {"when": {"all": [{"bucket": "test", "below": 5000}, {"member_of": "held"}]}},
}


@pytest.fixture(scope="module")
def engine():
    engine = open_engine()
    yield engine
    engine.close()


def world(seed: int) -> dict[str, pa.Table]:
    """All that happens, before and after the first day."""
    chance, customers = random.Random(seed), [f"c{n}" for n in range(PEOPLE)]
    events, money = [], []
    for who in customers:
        for _ in range(chance.randrange(18)):
            day = FIRST + timedelta(days=chance.randrange(-60, DAYS))
            at = datetime.combine(day, time(chance.randrange(24)))
            kind = chance.choice(["visit", "visit", "buy", "plan", "party"])
            events.append({
                "customer_id": who, "event_type": kind, "occurred_at": at, "business_day": day,
                "until_day": day + timedelta(days=chance.randrange(1, 40)) if kind == "plan" else None,
                "kind": chance.choice(["day", "member"]), "amount": chance.randrange(100),
                "party_day": day + timedelta(days=chance.randrange(30)) if kind == "party" else None,
            })
            if kind == "buy":
                money.append({"customer_id": who, "kind": "sale", "amount": chance.randrange(200), "category": "x",
                              "occurred_at": at, "business_day": day})
    born = [FIRST + timedelta(days=chance.randrange(DAYS)) for _ in customers]
    people = [{"customer_id": who, "birthday": day.replace(year=2008, day=min(day.day, 28)), "has_parent": False,
               "email": chance.choice([None, "a@example.com"])} for who, day in zip(customers, born, strict=True)]
    moment, day = pa.timestamp("us"), pa.date32()
    own = {"customer_id": pa.string(), "occurred_at": moment, "business_day": day, "kind": pa.string(), "amount": pa.int64()}
    return {
        "customers": pa.Table.from_pylist(people, pa.schema({"customer_id": pa.string(), "birthday": day,
                                                             "has_parent": pa.bool_(), "email": pa.string()})),
        "events": pa.Table.from_pylist(events, pa.schema({**own, "event_type": pa.string(), "until_day": day,
                                                          "party_day": day})),
        "money": pa.Table.from_pylist(money, pa.schema({**own, "category": pa.string()})),
    }


def moments(seed: int) -> list[AsOf]:
    """Runs: mostly one a day, at times two, at times none for days."""
    chance, at, found = random.Random(seed), datetime.combine(FIRST, time(9), UTC), []
    while at.date() < FIRST + timedelta(days=DAYS):
        found.append(AsOf(at=at, zone="Europe/Berlin"))
        at += timedelta(hours=chance.choice([24, 24, 24, 24, 24, 24, 24, 5, 19, 72]))
    return found


def those_turned(tables: Tables, segments, since: AsOf, now: AsOf, turns: Turns) -> ibis.Table:
    def who(rows, name):
        return rows.filter(turned(rows, [t for t in turns.rows if t.rows == name], since=since, now=now))

    parts = [who(tables.events, "events"), who(tables.money, "money")]
    if turns.has_birthdays:
        parts.append(tables.customers.filter(had_birthday(tables.customers, since=since, now=now)))
    return ibis.union(*(rows.select("customer_id") for rows in parts),
                      stood(tables.transitions, segments, turns, since=since, now=now)).distinct()


@pytest.mark.parametrize("name", RULES)
def test_who_is_decided_otherwise_was_among_those_whom_days_turn(engine, name: str) -> None:
    segments = with_dependencies([declare(each, rule) for each, rule in RULES.items()], name)
    segments += [declare("often", RULES["often"])] if name == "after" else []
    rows, ledger, turns = world(7), LEDGER.empty_table(), turns_of(segments)
    assert turns is not None
    before, changes, decided = None, 0, 0

    for now in moments(7):
        tables = Tables(**{name: engine.arrow(table) for name, table in rows.items()}, transitions=engine.arrow(ledger))
        whole = engine.fetch(transitions(evaluate(segments, tables, as_of=now))).select(LEDGER.names).cast(LEDGER)
        if before is not None:
            turn = set(engine.fetch(those_turned(tables, segments, before, now, turns))["customer_id"].to_pylist())
            other = set(whole["customer_id"].to_pylist())
            assert other <= turn, (now.at, [row for row in whole.to_pylist() if row["customer_id"] not in turn][:3])
            changes, decided = changes + len(other), decided + len(turn)
        ledger, before = pa.concat_tables([ledger, whole]), now

    assert name in ledger["segment"].to_pylist()
    assert changes > 2
    assert decided < 0.7 * PEOPLE * len(moments(7))


def test_a_condition_that_does_not_say_by_what_it_turns_makes_everybody_be_decided() -> None:
    class Odd:
        pass

    segment = declare("s", {"when": {"count": "visit", "within": "1 day"}})
    object.__setattr__(segment, "when", Odd())

    assert turns_of([segment]) is None
