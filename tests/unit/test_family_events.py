"""Families on one membership are events of both people, as the example gym declares them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import ibis
import pyarrow as pa
import yaml

from regulars.events.derive import drafts
from regulars.events.event import declare
from regulars.records.intake import typed_schema
from regulars.records.record import Stream, declare_stream

ROOT = Path(__file__).parents[2]
EVENTS, CONNECTOR = ROOT / "examples/gym/events", ROOT / "src/regulars/connectors/capitan/connector.yaml"


def _stream() -> Stream:
    declared = yaml.safe_load(CONNECTOR.read_text())["streams"]["membership_people"]
    return declare_stream("capitan", "membership_people", declared)


def _linked(*people: dict[str, object]) -> list[tuple[object, ...]]:
    """Return who is linked to whom, as what, since when and until when, of records of people on memberships."""
    schema = typed_schema(_stream())
    plain = {"record_key": "1", "record_n": 0, "fingerprint": "f", "recorded_at": datetime(2026, 1, 1, tzinfo=UTC), "seq": 1,
             "membership_id": "m", "name": "Family Monthly", "status": "ACT", "start_date": date(2026, 1, 5), "owner_id": "ann"}
    rows = ibis.memtable(pa.Table.from_pylist([dict.fromkeys(schema.names) | plain | one for one in people], schema=schema.to_pyarrow()))
    types = [declare(name, yaml.safe_load((EVENTS / f"{name}.yaml").read_text())) for name in ("family_linked", "family_linked_owner")]
    found = [row for part in drafts(rows, types, source="capitan", stream="membership_people") for row in part.to_pyarrow().to_pylist()]
    assert {row["event_type"] for row in found} <= {"family_linked"}
    return [(row["profile_id"], row["other_id"], row["relation"], row["business_day"], row["until_day"]) for row in found]


def test_who_is_on_anothers_membership_and_its_owner_are_linked_since_it_began() -> None:
    since = date(2026, 1, 5)

    assert _linked({"customer_id": "ann"}, {"customer_id": "bob"}) == [
        ("bob", "ann", "covered", since, None), ("ann", "bob", "owner", since, None),
    ]


def test_a_link_ends_with_the_membership() -> None:
    end = date(2026, 3, 1)

    assert {link[-1] for link in _linked({"customer_id": "bob", "status": "END", "end_date": end})} == {end}


def test_colleagues_on_a_corporate_membership_are_no_family() -> None:
    assert _linked({"customer_id": "bob", "name": "Corporate Monthly"}) == []
