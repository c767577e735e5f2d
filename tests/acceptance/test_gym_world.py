"""The example world keeps its promises: the same from the same seed, of the reference's size, with every trap in it."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from regulars.testing.gym import World, drops, generate, plant_bad_input
from regulars.testing.gym.oracle import HOLDS, SEGMENTS, Oracle
from regulars.testing.gym.parties import DATE_FORMATS

LAST_EVENING = datetime(2026, 2, 1, 5, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return generate(tmp_path_factory.mktemp("gym"), seed=1, scale=0.05)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> World:
    return generate(tmp_path_factory.mktemp("gym1"), seed=2, scale=1)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> World:
    return generate(tmp_path_factory.mktemp("gym3"), seed=3, scale=0.25)


def items(world: World, stream: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (world.sandbox / f"{stream}.ndjson").read_text(encoding="utf-8").splitlines()]


def current(world: World, stream: str) -> list[dict[str, Any]]:
    return [line["item"] for line in items(world, stream) if line["visible_until"] is None]


def truth(world: World, table: str) -> list[dict[str, Any]]:
    return pq.read_table(world.truth / f"{table}.parquet").to_pylist()


def digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return whole.hexdigest()


def test_the_same_seed_gives_the_same_bytes(world: World, tmp_path: Path) -> None:
    again = generate(tmp_path, seed=1, scale=0.05)

    assert digest(again.folder) == digest(world.folder)


def test_another_seed_gives_another_world(world: World, tmp_path: Path) -> None:
    other = generate(tmp_path, seed=9, scale=0.05)

    assert digest(other.folder) != digest(world.folder)


@pytest.mark.parametrize("scale", [0.01, 0.02])
@pytest.mark.parametrize("seed", range(4))
def test_the_smallest_worlds_work(tmp_path: Path, seed: int, scale: float) -> None:
    small = generate(tmp_path, seed=seed, scale=scale)

    assert len(current(small, "capitan/check_ins")) > 100


def test_at_scale_1_the_sizes_are_the_references_within_2_percent(reference: World) -> None:
    memberships = truth(reference, "memberships")
    today = reference.last_day
    active = [m for m in memberships if m["start_day"] <= today and (m["end_day"] is None or m["end_day"] > today)
              and not (m["freeze_from"] and m["freeze_from"] <= today < m["freeze_until"])]
    check_ins = truth(reference, "check_ins")
    payments = {(p["source"], p["payment_id"]) for p in truth(reference, "purchases")}
    found = {
        "customers": len(current(reference, "capitan/customers")), "check_ins": len(check_ins),
        "payments": len(payments), "memberships": len(memberships), "active": len(active),
        "events": len(current(reference, "capitan/events")), "links": len(truth(reference, "family_links")),
        "transfers": sum(c["purchaser_id"] is not None for c in check_ins),
    }

    wanted = {"customers": 11_300, "check_ins": 37_700, "payments": 23_000, "memberships": 1_300, "active": 436,
              "events": 2_504, "links": 905, "transfers": 1_892}
    assert {name: value for name, value in found.items() if abs(value / wanted[name] - 1) > 0.02} == {}


def test_a_third_are_minors_and_a_third_have_no_email(reference: World) -> None:
    people = [p for p in truth(reference, "people") if p["has_account"]]
    minors = [p for p in people if p["is_minor"]]

    assert len(minors) / len(people) == pytest.approx(0.35, abs=0.01)
    assert sum(p["email"] is not None for p in minors) / len(minors) == pytest.approx(0.156, abs=0.01)
    assert sum(p["email"] is None for p in people) / len(people) == pytest.approx(0.35, abs=0.02)


def test_payouts_add_up_to_their_movements_to_the_cent(world: World) -> None:
    paid: Counter[tuple[str, str]] = Counter()
    for movement in truth(world, "settlements"):
        paid[movement["source"], movement["payout_id"]] += movement["net"]

    stripe = {("stripe", p["id"]): p["amount"] for p in current(world, "stripe/payouts")}
    square = {("square", p["id"]): p["amount_money"]["amount"] for p in current(world, "square/payouts")}
    assert {key: value for key, value in paid.items() if key[1] is not None} == stripe | square


def test_what_the_vendors_say_was_paid_is_what_was_truly_paid(world: World) -> None:
    true: Counter[str] = Counter()
    for line in truth(world, "purchases"):
        true[line["order_id"] or line["payment_id"]] += line["amount"]

    told: Counter[str] = Counter()
    for intent in current(world, "stripe/payment_intents"):
        if intent["status"] == "succeeded" and intent["livemode"]:
            told[intent["id"]] += intent["amount_received"]
    bad = {row["order_id"] for row in truth(world, "typing_errors")}
    for payment in current(world, "square/payments"):
        if payment["status"] == "COMPLETED" and payment["order_id"] not in bad:
            told[payment["order_id"] or payment["id"]] += payment["total_money"]["amount"]
    assert told == true


def test_orders_add_up_to_their_lines_and_tenders(world: World) -> None:
    for order in current(world, "square/orders"):
        lines = sum(line["total_money"]["amount"] for line in order["line_items"])
        assert order["total_money"]["amount"] == lines + order["total_tip_money"]["amount"]
        if order["state"] == "COMPLETED":
            tenders = sum(t["amount_money"]["amount"] for t in order["tenders"])
            assert tenders == order["total_money"]["amount"]


def test_refunds_are_divided_among_categories_whole(world: World) -> None:
    parts: Counter[str] = Counter()
    for line in truth(world, "refund_lines"):
        parts[line["refund_id"]] += line["amount"]

    assert parts == {refund["refund_id"]: refund["amount"] for refund in truth(world, "refunds")}


def test_the_versions_of_a_record_follow_each_other_without_a_gap(world: World) -> None:
    for stream in ("capitan/customers", "capitan/memberships", "stripe/payment_intents", "square/orders"):
        ends: dict[object, str | None] = {}
        for line in items(world, stream):
            key = line["item"]["id"]
            assert ends.get(key, line["visible_from"]) == line["visible_from"], (stream, key)
            ends[key] = line["visible_until"]
        assert set(ends.values()) == {None}, stream


def test_the_people_traps_are_there(world: World) -> None:
    customers = current(world, "capitan/customers")
    emails = Counter(c["email"] for c in customers if c["email"])
    phones = Counter(c["telephone"] for c in customers if c["telephone"])
    names = Counter((c["first_name"], c["last_name"]) for c in customers)
    before = {line["item"]["id"]: line["item"]["email"] for line in items(world, "capitan/customers")
              if line["visible_until"]}

    assert emails["none@none.com"] > 1
    assert phones["0000000000"] > 1
    assert phones["+12545550100"] > 1
    assert any(n > 1 for email, n in emails.items() if email.endswith(("gmail.com", ".example")))
    assert max(names.values()) > 1
    assert any(c["email"] is None and c["telephone"] is None for c in customers)
    assert any(before.get(c["id"]) not in (None, c["email"]) for c in customers)
    assert any("(" in c["first_name"] for c in customers)
    assert any("ø" in c["first_name"] or "é" in c["first_name"] for c in customers)


def test_the_membership_traps_are_there(world: World) -> None:
    memberships = truth(world, "memberships")
    versions = truth(world, "membership_versions")
    roster = truth(world, "membership_people")
    statuses = {(v["membership_id"], v["status"]) for v in versions}
    told = current(world, "capitan/memberships")
    by_owner: dict[str, list[dict[str, Any]]] = {}
    for membership in memberships:
        by_owner.setdefault(membership["owner_id"], []).append(membership)
    gaps = [(b["start_day"] - a["end_day"]).days for held in by_owner.values()
            for a, b in pairwise(held) if a["end_day"]]

    assert {"ACT", "FRZ", "END"} == {status for _, status in statuses}
    assert any(m["freeze_from"] and m["end_day"] is None for m in memberships)
    assert any(0 <= gap <= 30 for gap in gaps)
    assert any(gap > 30 for gap in gaps)
    assert any(m["start_day"] > world.last_day for m in memberships)
    assert any(m["known_day"] < m["start_day"] <= world.last_day for m in memberships)
    assert any(r["frozen_day"] for r in roster)
    assert {m["membership_id"] for m in memberships if m["size"] == "youth"} & {
        r["membership_id"] for r in roster if not r["is_owner"]}
    assert any(m["status"] == "ACT" and m["end_date"] > world.last_day.isoformat() for m in told)
    assert {m["name"] for m in memberships} >= {"Staff", "2-Week Pass", "90 for 90"}
    assert all(m["membership_id"] < 100 < m["id"] for m in told)


def test_the_check_in_texts_hold_every_form(world: World) -> None:
    texts = [c["description"] for c in truth(world, "check_ins")]

    for pattern in (r"^5 Climb Punch Pass from .+ \(\d remaining\)$", r"^Guest Pass from [^(]+$",
                    r"^Day Pass \(14 and up\) from .+ \(\d remaining\)$", r"^Day Pass \(14 and up\) \(0 remaining\)$",
                    r"^Pass from Home from .+", r" from \w+ \(\w+ie\) \w+", r"^5 Climb Punch Pass \(\d remaining\)$"):
        assert any(re.search(pattern, text) for text in texts), pattern
    assert any(c["kind"] == "member" and "pass" in c["description"] for c in truth(world, "check_ins"))


def test_the_money_traps_are_there(world: World) -> None:
    lines = truth(world, "purchases")
    intents, refunds = items(world, "stripe/payment_intents"), truth(world, "refunds")
    orders, payments = current(world, "square/orders"), current(world, "square/payments")
    category = {line["description"]: line["category"] for line in lines if line["kind"] == "sale"}
    paid_on = {line["payment_id"]: line["business_day"] for line in lines}
    sold = Counter((line["amount"], line["business_day"]) for line in lines if line["kind"] == "sale")
    party = [r for r in refunds if r["amount"] == -37_888]

    for name in ("Company hoodie", "Compression shorts", "Campus board", "Passion fruit bar"):
        assert category[name] == "Retail"
    assert {line["category"] for line in lines} >= {
        "Day Pass", "Team", "New Membership", "Membership Renewal", "Programming", "Retail", "Event Booking"}
    assert any((r["business_day"] - paid_on[r["payment_id"]]).days > 14 for r in refunds if r["payment_id"] in paid_on)
    assert any(sold[35_000, r["business_day"] - timedelta(days=1)] for r in party)
    assert {r["kind"] for r in refunds} == {"refund", "dispute"}
    assert {True, False} == {r["is_partial"] for r in refunds}
    assert {i["item"]["livemode"] for i in intents} == {True, False}
    late = [i for i in intents if i["item"]["status"] == "requires_payment_method" and i["visible_until"]]
    assert late
    assert {o["state"] for o in orders} == {"COMPLETED", "OPEN", "CANCELED"}
    assert any(len(o["tenders"]) == 2 for o in orders)
    assert any(len(o["line_items"]) == 3 for o in orders)
    assert any(p["order_id"] is None and p["buyer_email_address"] for p in payments)
    assert {line["kind"] for line in lines} == {"sale", "tax", "discount", "tip"}
    assert any(p["total_money"]["amount"] > 100_000_000 for p in payments)
    assert any(line["units"] > line["quantity"] for line in lines)
    assert min(line["business_day"] for line in lines) < date(2024, 10, 1)


def test_a_sale_at_2330_on_the_last_of_the_month_belongs_to_that_month(world: World) -> None:
    late = [line for line in truth(world, "purchases") if line["at"].hour in (4, 5) and line["at"].minute == 30
            and line["at"].day == 1]

    assert late
    assert all((line["business_day"] + timedelta(days=1)).day == 1 for line in late)


def test_parties_dates_come_in_four_shapes_that_the_declared_formats_can_read(world: World) -> None:
    true = {party["party_id"]: party["party_day"] for party in truth(world, "parties")}
    used = set()
    for party in current(world, "parties/parties"):
        for form in ("%Y-%m-%d", *DATE_FORMATS):
            try:
                day = datetime.strptime(party["party_date"], form).date()  # noqa: DTZ007  # a day has no zone
            except ValueError:
                continue
            used.add(form)
            assert day == true[party["party_id"]]

    assert len(used) == 4


def test_the_experiment_has_an_effect_and_its_units_are_households(reference: World) -> None:
    rows = truth(reference, "experiment")
    joined = Counter(row["variant"] for row in rows if row["has_joined"])
    exposed = Counter(row["variant"] for row in rows)

    assert len({row["unit"] for row in rows}) == len(rows)
    assert joined["two_week_pass"] / exposed["two_week_pass"] > joined["no_offer"] / exposed["no_offer"]


def test_the_first_drop_is_everything_and_the_next_one_what_is_new(world: World, tmp_path: Path) -> None:
    days = [date(2026, 1, 29), date(2026, 1, 30), date(2026, 1, 31)]
    for day in days:
        drops(world, day, tmp_path)

    together: dict[str, dict[str, Any]] = {}
    for path in sorted((tmp_path / "stripe" / "payment_intents").iterdir()):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            item = json.loads(line)
            together[item["id"]] = item
    assert together == {item["id"]: item for item in current(world, "stripe/payment_intents")}
    last = gzip.decompress((tmp_path / "capitan" / "customers" / "2026-01-31.ndjson.gz").read_bytes())
    assert len(last.splitlines()) == len(current(world, "capitan/customers"))


def test_every_bad_input_is_planted(world: World, tmp_path: Path) -> None:
    drops(world, date(2026, 1, 31), tmp_path / "drops")

    planted = plant_bad_input(tmp_path / "drops", tmp_path / "bad")

    kinds = {item.kind: item for item in planted}
    assert kinds["bom"].path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert kinds["empty_file"].path.read_bytes() == b""
    with pytest.raises(UnicodeDecodeError):
        kinds["invalid_utf8"].path.read_text(encoding="utf-8")
    with pytest.raises(EOFError):
        gzip.decompress(kinds["truncated_gz"].path.read_bytes())
    assert set(kinds) >= {"duplicate_header", "renamed_header", "mixed_dates", "bad_dates", "ids_as_floats",
                          "negative_quantity", "unknown_currency", "shrunken_file", "html_page"}


def test_the_oracle_finds_somebody_in_every_segment(town: World) -> None:
    people = {row["person_id"]: f"c_{row['person_id']}" for row in truth(town, "people")}
    oracle = Oracle.read(town.truth, customer_ids=people)

    found: Counter[str] = Counter()
    for ago in (12, 8, 4, 0):
        answers = oracle.evaluate(LAST_EVENING - timedelta(days=ago))
        found.update({segment: len(persons) for segment, persons in answers.items()})

    assert [segment for segment in SEGMENTS if found[segment] == 0] == []


def test_the_oracle_keeps_people_for_the_days_a_segment_holds(world: World) -> None:
    oracle = Oracle.read(world.truth)
    evenings = [LAST_EVENING - timedelta(days=ago) for ago in range(40, -1, -1)]

    series = oracle.series(evenings)

    stays: Counter[str] = Counter()
    for answers in series:
        stays.update(answers["first_day_pass"])
    whole = [p for p in stays if p not in series[0]["first_day_pass"] and p not in series[-1]["first_day_pass"]]
    assert whole
    assert {stays[person] for person in whole} == {HOLDS["first_day_pass"]}


def test_active_memberships_of_the_oracle_are_those_of_the_truth(town: World) -> None:
    answers = Oracle.read(town.truth).evaluate(LAST_EVENING)
    today = town.last_day
    running = {m["membership_id"] for m in truth(town, "memberships")
               if m["start_day"] <= today and (m["end_day"] is None or m["end_day"] > today)
               and not (m["freeze_from"] and m["freeze_from"] <= today < m["freeze_until"])}
    people = {r["person_id"] for r in truth(town, "membership_people")
              if r["membership_id"] in running and r["frozen_day"] is None}

    assert answers["active_membership"] == people
