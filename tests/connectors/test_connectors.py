"""Capitan, Stripe and Square against their sandboxes: everything comes once, and every request is one the vendor takes."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from regulars.errors import DeclarationError, SourceRefused, SourceUnavailable
from regulars.plugins import declare_source
from regulars.records.formula import Formula
from regulars.records.record import WHOLE
from regulars.sources.source import Surroundings, pulled_streams
from regulars.testing.sandbox.contract import Contract
from regulars.testing.sandbox.schema import operation_of

SHARED = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[3] / "shared"))
TODAY = datetime(2025, 3, 1, 12, tzinfo=UTC)
COUNTS = {
    "capitan": {"memberships": 130, "customers": 250, "associations": 27, "association_members": 27, "events": 27, "referrals": 27},
    "stripe": {"payment_intents": 350, "refunds": 3, "disputes": 3, "balance_transactions": 300, "payouts": 5,
               "payout_transactions": 300, "customers": 3},
    "square": {"locations": 2, "payments": 260, "orders": 240, "refunds": 4, "payouts": 4, "customers": 120},
}


@pytest.mark.parametrize(("kind", "stream", "count"), [(k, s, n) for k, streams in COUNTS.items() for s, n in streams.items()])
def test_every_record_of_a_stream_comes_once(sandbox, source, pull, ids, kind, stream, count) -> None:  # noqa: PLR0917  # fixtures
    server = sandbox()

    found = ids(pull(source(kind, server), stream))

    assert len(found) == count
    assert len(set(found)) == count
    assert server.violations == ()


def test_check_ins_since_the_cursor_are_asked_for_with_seven_days_of_overlap(sandbox, source, pull, ids) -> None:
    server = sandbox()
    capitan = source("capitan", server)
    first = pull(capitan, "check_ins")
    server.set_clock(TODAY + timedelta(days=1))

    second = pull(capitan, "check_ins", cursor=first[-1].cursor, at=TODAY + timedelta(days=1))

    new = set(ids(second)) - set(ids(first))
    assert len(new) == 44                                         # one every 33 minutes
    asked = datetime.fromisoformat(server.requests[-1].call.text("check_in_datetime__gte"))
    newest = max(json.loads(item)["check_in_datetime"] for page in first for item in page.items)
    assert asked == datetime.fromisoformat(newest) - timedelta(days=7)
    assert server.violations == ()


def test_a_payment_that_succeeds_late_is_found_because_thirty_days_are_asked_for_again(sandbox, source, pull) -> None:
    server = sandbox()
    stripe = source("stripe", server)
    first = pull(stripe, "payment_intents")

    pull(stripe, "payment_intents", cursor=first[-1].cursor)

    newest = datetime.fromisoformat(str(first[-1].cursor["newest"]))
    assert server.requests[-1].call.number("created[gte]", 0) == int((newest - timedelta(days=30)).timestamp())


def test_stripe_charges_come_with_their_payments_and_not_one_by_one(sandbox, source, pull) -> None:
    server = sandbox()

    pages = pull(source("stripe", server), "payment_intents")

    assert json.loads(pages[0].items[0])["latest_charge"]["billing_details"]["name"] == "José"
    assert len(server.requests) == 4


def test_each_movement_of_stripes_balance_is_linked_to_the_payout_that_took_it(sandbox, source, pull, ids) -> None:
    pages = pull(source("stripe", sandbox()), "payout_transactions")

    taken = dict(zip(ids(pages), ids(pages, "payout"), strict=True))
    assert taken["txn_0"] == "po_1"                               # on hand when po_0 went: the next one takes it
    assert taken["txn_150"] == "po_2"


def test_relations_are_asked_for_only_where_family_can_matter_and_say_whose_they_are(sandbox, source, pull, ids) -> None:
    server = sandbox()
    capitan = source("capitan", server, streams={"relations": {"enabled": True}})

    pages = pull(capitan, "relations")

    items = [json.loads(item) for page in pages for item in page.items]
    assert [item["customer_id"] for item in items if WHOLE not in item] == list(range(10, 240, 10))
    assert len([item for item in items if WHOLE in item]) == 100
    assert len(server.requests) == 3 + 100
    assert server.violations == ()


def test_relations_are_not_asked_for_unless_a_project_wants_them(sandbox, source) -> None:
    assert "relations" not in [stream.name for stream in source("capitan", sandbox()).streams]


def test_square_is_asked_location_by_location(sandbox, source, pull) -> None:
    server = sandbox()

    pull(source("square", server), "payments")

    asked = [r.call.text("location_id") for r in server.requests if r.call.path.endswith("payments")]
    assert sorted(set(asked)) == ["L0", "L1"]


def test_a_window_asks_for_its_own_time_and_keeps_no_cursor(sandbox, source, pull, ids) -> None:
    window = (datetime(2025, 1, 3, tzinfo=UTC), datetime(2025, 1, 4, tzinfo=UTC))

    pages = pull(source("stripe", sandbox()), "payment_intents", window=window, cursor={"newest": "2025-02-01T00:00:00+00:00"})

    assert len(ids(pages)) == 24
    assert pages[-1].cursor is None


def test_a_wrong_key_is_refused_with_the_next_thing_to_do(sandbox, source, pull) -> None:
    with pytest.raises(SourceRefused, match=r"401.*check the key"):
        pull(source("capitan", sandbox(), key="not a key"), "customers")


@pytest.mark.parametrize("kind", ["capitan", "stripe", "square"])
def test_every_formula_of_a_connector_names_fields_of_its_stream(kind, tmp_path) -> None:
    streams = declare_source(kind, {"kind": kind, "key": "k"}, at=Surroundings(folder=tmp_path)).streams

    for stream in streams:
        fields = {field.name for field in stream.fields}
        for line in stream.money:
            texts = [line.amount, line.who, line.currency, line.only_if, line.payment, line.order, line.refund_of]
            assert all(Formula.parse(text).names <= fields for text in texts if text), line
        if stream.profile is not None:
            assert Formula.parse(stream.profile.id).names <= fields


def test_the_tax_rate_of_a_project_reaches_the_formulas(tmp_path) -> None:
    data = {"kind": "stripe", "key": "k", "tax_rate": "0.0825"}

    stripe = declare_source("stripe", data, at=Surroundings(folder=tmp_path))

    assert '"0.0825"' in stripe.streams[0].money[0].amount


def test_an_export_is_read_with_the_same_streams_and_no_key(tmp_path, pull) -> None:
    (tmp_path / "customers").mkdir()
    (tmp_path / "customers" / "2025.ndjson").write_text('{"id": "cus_1"}\n')

    stripe = declare_source("stripe", {"kind": "stripe", "url": f"file://{tmp_path}"}, at=Surroundings(folder=tmp_path))
    pages = pull(stripe, "customers")

    assert pages[-1].items["payload"].to_pylist() == ['{"id": "cus_1"}']


def test_an_export_may_lack_a_stream_but_not_lose_one(tmp_path, pull) -> None:
    stripe = declare_source("stripe", {"kind": "stripe", "url": f"file://{tmp_path}"}, at=Surroundings(folder=tmp_path))

    assert pull(stripe, "disputes") == []
    with pytest.raises(SourceUnavailable, match="no file matches"):
        pull(stripe, "disputes", cursor={"2025.ndjson": {"size": 1, "sha256": "x", "rows": 1}})


def test_an_unknown_kind_names_the_closest(tmp_path) -> None:
    with pytest.raises(DeclarationError, match="did you mean 'square'"):
        declare_source("till", {"kind": "sqare"}, at=Surroundings(folder=tmp_path))


def test_a_missing_option_says_what_to_write(tmp_path) -> None:
    with pytest.raises(DeclarationError, match=r"add `key: \$\{KEY\}`"):
        declare_source("stripe", {"kind": "stripe"}, at=Surroundings(folder=tmp_path))


def test_an_unknown_stream_of_a_connector_names_the_closest(tmp_path) -> None:
    data = {"kind": "stripe", "key": "k", "streams": {"refund": {"expect_every": "2 days"}}}

    with pytest.raises(DeclarationError, match="did you mean 'refunds'"):
        declare_source("stripe", data, at=Surroundings(folder=tmp_path))


@pytest.mark.parametrize(("kind", "absent"), [
    ("stripe", {"GET /v1/disputes", "GET /v1/payouts"}),          # left out of the trimmed document
    ("square", {"GET /v2/payouts"}),
])
def test_our_contract_agrees_with_the_vendors_own_document(kind, absent) -> None:
    path = SHARED / f"data/specs/{kind}_trim.json"
    if not path.exists():
        pytest.skip("the vendors' documents are not here: set REGULARS_SHARED")
    spec = json.loads(path.read_text())

    for route, words in Contract.of(kind).routes.items():
        method, _, where = route.partition(" ")
        operation = operation_of(spec, method, where.replace("{", "").replace("}", ""))
        assert (operation is None) == (route in absent), route
        known = {p["name"] for p in (operation or {}).get("parameters") or []}
        ours = {name.split("[")[0] for name in words or {}} - {"body"}
        assert operation is None or ours <= known, route


def test_every_pulled_stream_of_a_connector_is_in_its_contract(tmp_path) -> None:
    for kind in COUNTS:
        shipped = yaml.safe_load((Path(declare_source.__code__.co_filename).parent / f"connectors/{kind}/connector.yaml").read_text())
        on = pulled_streams(declare_source(kind, {"kind": kind, "key": "k"}, at=Surroundings(folder=tmp_path)))
        routes = "\n".join(Contract.of(kind).routes)
        for stream in on:
            assert shipped["streams"][stream.name]["request"]["path"].split("$")[0].strip("/") in routes
