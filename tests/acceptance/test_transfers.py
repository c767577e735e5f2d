"""Passes shared at the example gym: every one is read, and who bought it is right or left open."""

from __future__ import annotations

from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from regulars.connections.pass_use import PASS_USE, pass_uses, taken
from regulars.connections.purchaser import PAIR, evidence, pairs, purchases, transfers, weighed
from regulars.connections.transfer import declare
from regulars.identity.name import normalise_names
from regulars.records.intake import typed_schema
from regulars.records.record import declare_stream
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.testing.gym import generate
from regulars.testing.gym.grade import IdentityGrade, TransferGrade, grade_transfers
from regulars.testing.gym.stage import examples

LEFT_OUT = ("recorded_at", "seq")
STREAM = declare_stream("capitan", "check_ins", {
    "key": "id",
    "fields": {"id": "id", "customer_id": "id", "checked_in_at": "timestamp", "description": "text",
               "entry_method": "text", "location_name": "text"},
})


def graded(truth: Path) -> TransferGrade:
    """Read and match a world's check-ins with everybody known for who he is: what these two stages are worth alone."""
    engine = DuckDBEngine.open({"threads": "2"})
    rules = declare(yaml.safe_load((examples() / "gym/transfers.yaml").read_text(encoding="utf-8")))
    people = pq.read_table(truth / "people.parquet")
    people = people.filter(people["has_account"])
    source = pa.array(["capitan"] * len(people))
    profiles = engine.arrow(pa.table({
        "profile_source": source, "profile_id": people["person_id"], "raw_name": people["name"],
        "name": normalise_names(people["name"].combine_chunks()), "created_at": people["created_day"].cast(pa.timestamp("us")),
    }))
    identity = engine.arrow(pa.table({
        "profile_source": source, "profile_id": people["person_id"], "customer_id": people["person_id"],
    }))
    told = pq.read_table(truth / "check_ins.parquet")
    columns = {
        "id": told["check_in_id"], "record_key": told["check_in_id"], "customer_id": told["person_id"],
        "checked_in_at": told["at"], "checked_in_at_day": told["business_day"], "description": told["description"],
        "entry_method": told["entry_method"], "recorded_at": told["at"],
    }
    schema = typed_schema(STREAM).to_pyarrow()
    empty = {name: pa.nulls(len(told), schema.field(name).type) for name in schema.names if name not in columns}
    empty["record_n"] = pa.array([0] * len(told))
    records = engine.arrow(pa.table({**columns, **empty}).select(schema.names).cast(schema))
    money = engine.arrow(pq.read_table(truth / "purchases.parquet")).filter(ibis._.kind == "sale")
    packs = money.description.lower().re_extract("([0-9]+)[ -]?(?:pack|punch|climb)", 1).nullif("").cast("int64").fill_null(1)
    money = money.mutate(
        profile_source=ibis.literal("capitan"), profile_id=money.person_id, units=money.quantity * packs,
        occurred_at=money["at"], line_id=money.payment_id + money.description,
    )
    # An Arrow table has moments of a stated precision, which is another type to a union.
    uses = engine.arrow(taken(engine.fetch(pass_uses(records, rules)))[0]).cast(PASS_USE)
    met = engine.arrow(engine.fetch(pairs(uses, profiles, identity))).cast(PAIR)
    visits = records.select(checkin_id="id", profile_id="customer_id", day="checked_in_at_day", location_name="location_name")
    kinds = evidence(met, uses=uses, visits=visits, sales=purchases(money, identity, rules.bought), identity=identity)
    reasons = engine.arrow(pa.concat_tables([engine.fetch(kind) for kind in kinds]))
    found = engine.fetch(transfers(uses, weighed(met, reasons), profiles=profiles, identity=identity))
    return grade_transfers(found, truth, IdentityGrade(
        profiles=0, dropped=(), merged={}, merged_households=(), split={},
        customer_of={person: person for person in people["person_id"].to_pylist()},
    ))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_transfer_is_read_and_hardly_a_purchaser_is_wrong(seed: int, tmp_path: Path) -> None:
    world = generate(tmp_path, seed=seed, scale=0.3)

    grade = graded(world.truth)

    assert grade.read.is_exact, (grade.read.missing_shown, grade.read.extra_shown)
    assert grade.read.right == 568
    assert grade.precision >= 0.99, grade.wrong
    assert grade.recall >= 0.98, grade.unresolved
