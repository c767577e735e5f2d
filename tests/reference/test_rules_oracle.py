"""Every form of condition equals a plain reading of its sentence in Python, customer by customer, in bulk and explained."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regulars.errors import StoreError
from regulars.events.measure import Measure
from regulars.events.vocabulary import Vocabulary
from regulars.events.window import AsOf
from regulars.rules.condition import Facts, Needs
from regulars.rules.evaluate import Tables, evaluate, settled
from regulars.rules.explain import explain, explained, read
from regulars.rules.segment import Segment, declare
from regulars.rules.transition import transitions
from regulars.storage.engines.open import open_engine

ZONE = ZoneInfo("America/Chicago")
DAY = date(2026, 3, 20)
AS_OF = AsOf(at=datetime.combine(DAY, time(18), ZONE), zone="America/Chicago")


@dataclass
class Person:
    id: str
    email: str | None
    city: str | None
    birthday: date | None
    events: list[dict[str, object]] = field(default_factory=list)
    money: list[dict[str, object]] = field(default_factory=list)
    entered: list[datetime] = field(default_factory=list)

    def of(self, *types: str, **attributes: object) -> list[dict[str, object]]:
        """Events that exist as of the moment, of these types, with these attributes."""
        return [
            e for e in self.events
            if e["event_type"] in types and e["occurred_at"] <= AS_OF.moment
            and all(e[name] == value for name, value in attributes.items())
        ]

    def ago(self, *types: str, **attributes: object) -> list[int]:
        return [(DAY - e["business_day"]).days for e in self.of(*types, **attributes)]

    def spent(self, kinds: set[str], days: int = 10_000, category: str | None = None) -> int:
        return sum(
            m["amount"] for m in self.money
            if m["kind"] in kinds and m["occurred_at"] <= AS_OF.moment and (DAY - m["business_day"]).days <= days
            and category in {None, m["category"]}
        )


@dataclass(frozen=True)
class HasManyEvents:
    """A plug-in: more events of any of two types than some number."""

    more_than: int

    def needs(self) -> Needs:
        return Needs(measures=(Measure(take="count", events=("visit", "call")),))

    def holds(self, facts: Facts) -> ir.Value:
        return facts.number(self.needs().measures[0]) > self.more_than

    def actual(self, facts: Facts) -> ir.Value | None:
        return facts.number(self.needs().measures[0])

    def sentence(self) -> str:
        return f"more than {self.more_than} events"


def _span(values: list[int]) -> int | None:
    days = sorted(set(values))
    return days[1] - days[0] if len(days) > 1 else None


def _age(born: date) -> int:
    return DAY.year - born.year - ((born.month, born.day) > (DAY.month, DAY.day))


def _has_parent(person: Person) -> bool:
    return person.id.endswith(("0", "3"))


def _is_minor(person: Person) -> bool:
    return _has_parent(person) if person.birthday is None else _age(person.birthday) < 18


def _bucket(person: Person) -> int:
    return int(hashlib.md5(f"salt.{person.id}".encode()).hexdigest()[:8], 16) % 10_000


def _amounts(person: Person, *types: str) -> list[int]:
    return [e["amount"] for e in person.of(*types) if e["amount"] is not None]


def _in_force(person: Person, **attributes: object) -> int:
    return sum(1 for e in person.of("plan", **attributes) if e["until_day"] is None or e["until_day"] > DAY)


def _rate_fell(person: Person) -> bool:
    ago = person.ago("visit")
    now, before = len({d for d in ago if 1 <= d <= 14}), len({d for d in ago if 15 <= d <= 56})
    return before >= 3 and now / 14 < 0.8 * before / 42


def _returned(person: Person) -> bool:
    visits = person.of("visit", kind="pass")
    entries = [at for at in person.entered if at < AS_OF.moment]
    if not visits or not entries:
        return False
    newest = max(visits, key=lambda e: e["occurred_at"])
    return newest["occurred_at"] > max(entries) and (DAY - newest["business_day"]).days <= 20


def _newest_is_end(person: Person) -> bool:
    both, ends = person.ago("plan", "plan_ended"), person.ago("plan_ended")
    return bool(ends) and min(ends) == min(both) and min(ends) <= 40


def _due(person: Person) -> int:
    return sum(1 for e in person.of("call") if e["due"] is not None and 1 <= (e["due"] - DAY).days <= 7)


PAID = {"sale", "tax", "tip", "discount"}

FORMS: list[tuple[str, dict[str, object], Callable[[Person], bool]]] = [
    ("count", {"count": "visit", "within": "3 days"}, lambda p: any(0 <= d <= 3 for d in p.ago("visit"))),
    ("count_none", {"count": ["visit", "call"], "between": ["60 days", "3 days"], "is": 0},
     lambda p: not any(3 < d <= 60 for d in p.ago("visit", "call"))),
    ("count_where", {"count": "visit", "where": {"kind": "pass", "amount": {"at_least": 50}}, "ever": True, "more_than": 2},
     lambda p: sum(1 for e in p.of("visit", kind="pass") if e["amount"] is not None and e["amount"] >= 50) > 2),
    ("count_in", {"count": "visit", "where": {"kind": ["pass", "guest"]}, "at_most": 5},
     lambda p: sum(1 for e in p.of("visit") if e["kind"] in {"pass", "guest"}) <= 5),
    ("count_not", {"count": "visit", "where": {"kind": {"not": "pass"}}, "at_least": 4},
     lambda p: sum(1 for e in p.of("visit") if e["kind"] != "pass") >= 4),
    ("count_missing", {"count": "visit", "where": {"kind": {"is": "missing"}}, "at_least": 2},
     lambda p: sum(1 for e in p.of("visit") if e["kind"] is None) >= 2),
    ("count_contains", {"count": "visit", "where": {"kind": {"contains": ["AS", "ues"]}}, "at_least": 5},
     lambda p: sum(1 for e in p.of("visit") if e["kind"] and ("as" in e["kind"] or "ues" in e["kind"])) >= 5),
    ("count_matches", {"count": "visit", "where": {"kind": {"matches": "^p.*s$"}}, "at_least": 3},
     lambda p: len(p.of("visit", kind="pass")) >= 3),
    ("sum", {"sum": "amount", "of": "visit", "within": "30 days", "at_least": 100},
     lambda p: sum(e["amount"] or 0 for e in p.of("visit") if (DAY - e["business_day"]).days <= 30) >= 100),
    ("sum_nothing", {"sum": "amount", "of": "call", "at_most": 0}, lambda p: sum(_amounts(p, "call")) <= 0),
    ("min", {"min": "amount", "of": "visit", "less_than": 10},
     lambda p: bool(_amounts(p, "visit")) and min(_amounts(p, "visit")) < 10),
    ("max", {"max": "amount", "of": ["visit", "call"], "more_than": 95},
     lambda p: bool(_amounts(p, "visit", "call")) and max(_amounts(p, "visit", "call")) > 95),
    ("average", {"average": "amount", "of": "visit", "at_least": 50, "or_missing": True},
     lambda p: not _amounts(p, "visit") or sum(_amounts(p, "visit")) / len(_amounts(p, "visit")) >= 50),
    ("distinct", {"distinct": "kind", "of": "visit", "at_least": 2},
     lambda p: len({e["kind"] for e in p.of("visit")} - {None}) >= 2),
    ("distinct_days", {"distinct": "days", "of": "visit", "within": "30 days", "at_least": 3},
     lambda p: len({d for d in p.ago("visit") if d <= 30}) >= 3),
    ("last", {"last": ["plan", "plan_ended"], "is": "plan_ended", "within": "40 days"}, _newest_is_end),
    ("last_where", {"last": "visit", "where": {"kind": "pass"}},
     lambda p: bool(p.ago("visit", kind="pass")) and min(p.ago("visit", kind="pass")) == min(p.ago("visit"))),
    ("first", {"first": ["visit", "call"], "is": "call"},
     lambda p: bool(p.ago("call")) and max(p.ago("call")) == max(p.ago("visit", "call"))),
    ("days_since", {"days_since": "visit", "at_least": 10, "or_never": True},
     lambda p: not p.ago("visit") or min(p.ago("visit")) >= 10),
    ("days_since_known", {"days_since": ["visit", "call"], "at_least": 10},
     lambda p: bool(p.ago("visit", "call")) and min(p.ago("visit", "call")) >= 10),
    ("gap", {"gap_before_last": "visit", "where": {"kind": "pass"}, "at_least": "20 days", "or_first": True},
     lambda p: (gap := _span(p.ago("visit", kind="pass"))) is None or gap >= 20),
    ("gap_known", {"gap_before_last": "visit", "at_most": "5 days"},
     lambda p: (gap := _span(p.ago("visit"))) is not None and gap <= 5),
    ("sequence", {"sequence": [{"entered": "flagged"}, {"event": "visit", "where": {"kind": "pass"}}], "within": "20 days"},
     _returned),
    ("sequence_events", {"sequence": [{"event": "call"}, {"event": "visit"}]},
     lambda p: bool(p.of("call")) and bool(p.of("visit"))
     and max(e["occurred_at"] for e in p.of("visit")) > max(e["occurred_at"] for e in p.of("call"))),
    ("during", {"during": "plan", "where": {"kind": "pass"}}, lambda p: _in_force(p, kind="pass") >= 1),
    ("during_many", {"during": "plan", "at_least": 2}, lambda p: _in_force(p) >= 2),
    ("trait_missing", {"trait": "email", "is": "missing"}, lambda p: not p.email),
    ("trait_present", {"trait": "email", "is": "present"}, lambda p: bool(p.email)),
    ("trait_is", {"trait": "city", "is": "Waco"}, lambda p: p.city == "Waco"),
    ("trait_in", {"trait": "city", "in": ["Waco", "Hewitt"]}, lambda p: p.city in {"Waco", "Hewitt"}),
    ("age", {"age": {"below": 18}}, lambda p: p.birthday is not None and _age(p.birthday) < 18),
    ("age_unknown", {"age": {"at_least": 21}, "or_missing": True}, lambda p: p.birthday is None or _age(p.birthday) >= 21),
    ("minor", {"minor": True}, _is_minor),
    ("no_minor", {"minor": False}, lambda p: not _is_minor(p)),
    ("trend", {"trend": "visit", "recent": "14 days", "before": "42 days", "ratio_below": 0.8, "at_least_before": 3},
     _rate_fell),
    ("on_date", {"on_date": "due", "of": "call", "in_days": [1, 7]}, lambda p: _due(p) >= 1),
    ("spend_net", {"spend": "net", "at_least": 300}, lambda p: p.spent(PAID | {"refund", "dispute"}) >= 300),
    ("spend_gross", {"spend": "gross", "category": ["retail"], "within": "60 days", "at_least": 100},
     lambda p: p.spent(PAID, 60, "retail") >= 100),
    ("spend_nothing", {"spend": "net", "is": 0}, lambda p: p.spent(PAID | {"refund", "dispute"}) == 0),
    ("bucket", {"bucket": "salt", "from": 2500, "below": 6000}, lambda p: 2500 <= _bucket(p) < 6000),
    ("member_of", {"member_of": "trait_missing"}, lambda p: not p.email),
    ("plugin", {"condition": "many_events", "more_than": 6}, lambda p: len(p.of("visit", "call")) > 6),
    ("not", {"not": {"days_since": "visit", "at_most": 20}}, lambda p: not p.ago("visit") or min(p.ago("visit")) > 20),
    ("any", {"any": [{"trait": "city", "is": "Waco"}, {"all": [{"count": "call"}, {"not": {"count": "plan"}}]}]},
     lambda p: p.city == "Waco" or (bool(p.of("call")) and not p.of("plan"))),
]


def _plugin(data: dict[str, object], path: tuple[str | int, ...]) -> HasManyEvents:
    return HasManyEvents(int(str(data["more_than"])))


KNOWN = Vocabulary(conditions={"many_events": _plugin})


def people(seed: int) -> list[Person]:
    rng = random.Random(seed)
    crowd = [
        Person(
            id=f"customer-{n}",
            email=rng.choice(["a@example.com", None, ""]),
            city=rng.choice(["Waco", "Hewitt", "Temple", None]),
            birthday=rng.choice([None, date(1980, 2, 29), date(2008, 3, 20), date(2008, 3, 21), date(2015, 7, 1)]),
        )
        for n in range(40)
    ]
    for person in crowd[2:]:                 # two of them never did anything
        for _ in range(rng.randrange(20)):
            local = datetime.combine(DAY, time(0), ZONE) + timedelta(minutes=rng.randrange(-90 * 1440, 3 * 1440))
            day = local.date()
            person.events.append({
                "event_type": rng.choice(["visit", "visit", "visit", "call", "plan", "plan_ended"]),
                "occurred_at": local.astimezone(UTC).replace(tzinfo=None), "business_day": day,
                "until_day": rng.choice([None, day + timedelta(rng.randrange(1, 60))]),
                "kind": rng.choice(["pass", "guest", None]), "amount": rng.choice([None, rng.randrange(100)]),
                "due": rng.choice([None, day + timedelta(rng.randrange(90))]),
            })
        for _ in range(rng.randrange(5)):
            local = datetime.combine(DAY, time(12), ZONE) - timedelta(days=rng.randrange(-2, 100))
            kind = rng.choice(["sale", "sale", "tax", "refund", "fee", "payout"])
            person.money.append({
                "kind": kind, "amount": rng.randrange(1, 300) * (-1 if kind in {"refund", "fee", "payout"} else 1),
                "category": rng.choice(["retail", "day_pass", None]),
                "occurred_at": local.astimezone(UTC).replace(tzinfo=None), "business_day": local.date(),
            })
        if rng.random() < 0.5:
            person.entered.append(AS_OF.moment - timedelta(minutes=rng.randrange(0, 40 * 1440)))
    return crowd


def tables(crowd: list[Person], rng: random.Random | None = None) -> dict[str, pa.Table]:
    events = [{"customer_id": p.id, **e} for p in crowd for e in p.events]
    if rng:
        rng.shuffle(events)
    moment, day = pa.timestamp("us"), pa.date32()
    event_schema = pa.schema({
        "customer_id": pa.string(), "event_type": pa.string(), "occurred_at": moment, "business_day": day,
        "until_day": day, "kind": pa.string(), "amount": pa.int64(), "due": day,
    }.items())
    money_schema = pa.schema({
        "customer_id": pa.string(), "kind": pa.string(), "amount": pa.int64(), "category": pa.string(),
        "occurred_at": moment, "business_day": day,
    }.items())
    ledger_schema = pa.schema({
        "segment": pa.string(), "customer_id": pa.string(), "at": moment, "business_day": day, "change": pa.string(),
        "reason": pa.string(),
    }.items())
    return {
        "customers": pa.table({
            "customer_id": [p.id for p in crowd], "email": pa.array([p.email for p in crowd], pa.string()),
            "city": [p.city for p in crowd], "birthday": [p.birthday for p in crowd],
            "has_parent": [_has_parent(p) for p in crowd],
        }),
        "events": pa.Table.from_pylist(events, event_schema),
        "money": pa.Table.from_pylist([{"customer_id": p.id, **m} for p in crowd for m in p.money], money_schema),
        "transitions": pa.Table.from_pylist(
            [
                {"segment": "flagged", "customer_id": p.id, "at": at, "business_day": at.date(), "change": "entered"}
                for p in crowd for at in p.entered
            ],
            ledger_schema,
        ),
    }


@pytest.fixture(scope="module")
def engine():
    engine = open_engine()
    yield engine
    engine.close()


def _segments() -> list[Segment]:
    return [declare(name, {"when": when}, known=KNOWN) for name, when, _ in FORMS]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_form_of_condition_equals_its_plain_reading(seed: int, engine) -> None:
    crowd = people(seed)
    world = Tables(**{name: engine.arrow(table) for name, table in tables(crowd).items()})

    found = engine.fetch(evaluate(_segments(), world, as_of=AS_OF).matches).to_pylist()

    bulk = {row["customer_id"]: row for row in found}
    wrong = {
        name: [p.id for p in crowd if bulk[p.id][name] != oracle(p)]
        for name, _, oracle in FORMS
        if any(bulk[p.id][name] != oracle(p) for p in crowd)
    }
    assert wrong == {}
    assert len(bulk) == len(crowd)


def test_the_oracle_tells_the_forms_apart() -> None:
    crowd = [person for seed in (1, 2, 3) for person in people(seed)]

    dull = [name for name, _, oracle in FORMS if len({oracle(p) for p in crowd}) != 2]

    assert dull == []


def test_explaining_a_customer_agrees_with_the_bulk_result_on_every_form_for_everybody(engine) -> None:
    crowd = people(4)
    world = Tables(**{name: engine.arrow(table) for name, table in tables(crowd).items()})
    everything = declare("everything", {"when": {"any": [when for _, when, _ in FORMS]}}, known=KNOWN)
    segments = [*_segments(), everything]
    evaluation = evaluate(segments, world, as_of=AS_OF)
    bulk = {row["customer_id"]: row for row in engine.fetch(evaluation.matches).to_pylist()}

    all_told = {
        row["customer_id"]: read(row, everything, day=AS_OF.day)
        for row in engine.fetch(explained(evaluation, "everything")).to_pylist()
    }
    # Asked for one customer, the tables are cut to that customer first: a sample, each is a query of its own.
    asked = {
        p.id: explain(segments, "everything", customer_id=p.id, tables=world, as_of=AS_OF, engine=engine)
        for p in crowd[:40:8]
    }

    assert set(all_told) == {p.id for p in crowd}
    for told in [*all_told.values(), *asked.values()]:
        row = bulk[told.customer_id]
        assert [line.holds for line in told.lines if line.depth == 1] == [row[name] for name, _, _ in FORMS]
        assert told.matches == told.is_in == row["everything"]
    assert {name: all_told[name] for name in asked} == asked


def test_the_order_of_events_never_matters(engine) -> None:
    crowd = people(5)
    one = Tables(**{name: engine.arrow(t) for name, t in tables(crowd).items()})
    other = Tables(**{name: engine.arrow(t) for name, t in tables(crowd, random.Random(9)).items()})

    first, second = (evaluate(_segments(), world, as_of=AS_OF) for world in (one, other))

    assert _sorted(engine.fetch(first.matches)) == _sorted(engine.fetch(second.matches))


def test_a_moment_in_the_past_sees_what_history_up_to_it_holds(engine) -> None:
    crowd = people(6)
    past = AsOf(at=AS_OF.at - timedelta(days=25), zone=AS_OF.zone)
    whole = Tables(**{name: engine.arrow(t) for name, t in tables(crowd).items()})
    cut = {name: t if name == "customers" else _until(t, past.moment) for name, t in tables(crowd).items()}
    truncated = Tables(**{name: engine.arrow(t) for name, t in cut.items()})

    first, second = (evaluate(_segments(), world, as_of=past) for world in (whole, truncated))

    assert _sorted(engine.fetch(first.matches)) == _sorted(engine.fetch(second.matches))


def test_asking_twice_about_one_moment_changes_nothing(engine) -> None:
    crowd = people(7)
    given = tables(crowd)
    world = {name: engine.arrow(table) for name, table in given.items()}
    first = engine.fetch(transitions(evaluate(_segments(), Tables(**world), as_of=AS_OF)))
    ledger = pa.concat_tables([given["transitions"], first.cast(given["transitions"].schema)])

    again = engine.fetch(
        transitions(evaluate(_segments(), Tables(**(world | {"transitions": engine.arrow(ledger)})), as_of=AS_OF))
    )

    assert first.num_rows > 100
    assert again.num_rows == 0


@pytest.mark.spark
def test_every_form_of_condition_is_the_same_on_spark() -> None:
    try:
        spark = open_engine("spark://local[2]")
    except StoreError as error:
        pytest.skip(str(error))
    duck, crowd = open_engine(), people(8)

    answers = []
    for engine in (duck, spark):
        world = Tables(**{name: engine.arrow(table) for name, table in tables(crowd).items()})
        once = settled(evaluate(_segments(), world, as_of=AS_OF), engine=engine)
        changes = engine.fetch(transitions(once)).to_pylist()
        told = sorted((row["segment"], row["customer_id"], row["change"]) for row in changes)
        answers.append((_sorted(engine.fetch(once.matches)), told))

    assert answers[0] == answers[1]


def _sorted(table: pa.Table) -> list[dict[str, object]]:
    return sorted(table.to_pylist(), key=lambda row: row["customer_id"])


def _until(table: pa.Table, moment: datetime) -> pa.Table:
    name = "at" if "at" in table.column_names else "occurred_at"
    return table.filter([at <= moment for at in table[name].to_pylist()])
