"""What an export of the example gym says is the truth, to the cent and to the person."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from regulars.cli.main import main_group
from regulars.compat.describe import described
from regulars.compat.export import plan_export
from regulars.compat.files import write_export
from regulars.compat.layout import REFERENCE
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import Workspace
from regulars.testing.gym import World, generate
from regulars.testing.gym.grade import grade_identity, grade_transfers
from regulars.testing.gym.stage import staged

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    world: World
    workspace: Workspace
    folder: Path                             # the written reference layout
    environment: dict[str, str]
    project: Path


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    folder = tmp_path_factory.mktemp("export")
    world = generate(folder / "world", seed=1, scale=0.05)
    with staged(world, folder, day=world.last_day) as stage:
        workspace = stage.open(world.last_day)
        assert run(workspace).exit_code == 0
        list(write_export(workspace, plan_export(workspace), to=folder / "out"))
        yield Exported(world=world, workspace=workspace, folder=folder / "out", project=stage.project,
                       environment=dict(stage.environment))
        workspace.close()


def rows(gym: Exported, path: str) -> list[dict[str, str]]:
    with (gym.folder / f"{path}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def truth(gym: Exported, table: str) -> list[dict[str, Any]]:
    return pq.read_table(gym.world.truth / f"{table}.parquet").to_pylist()


def people(gym: Exported) -> dict[str, str]:
    return {row["profile_id"]: row["person_id"] for row in truth(gym, "accounts") if row["source"] == "capitan"}


def cents(text: str) -> int:
    return int(Decimal(text) * 100)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_memberships_are_all_there_with_both_ids_and_their_size(gym: Exported) -> None:
    known = people(gym)

    told = {(r["membership_id"], r["membership_type_id"], r["name"], r["start_date"], known[r["owner_id"]])
            for r in rows(gym, "capitan/memberships")}

    assert told == {(r["membership_id"], r["type_id"], r["name"], r["start_day"].isoformat(), r["owner_id"])
                    for r in truth(gym, "memberships")}
    sizes = {r["membership_id"]: r["size"] for r in truth(gym, "memberships")}
    for row in rows(gym, "capitan/memberships"):
        expected = "corporate" if "Corporate" in row["name"] else sizes[row["membership_id"]]
        assert row["size"] == (expected if expected in {"family", "duo", "corporate"} else "solo")
        assert (row["is_bcf"] == "true") == (sizes[row["membership_id"]] == "staff")
        assert (row["is_team_dues"] == "true") == (sizes[row["membership_id"]] == "youth")


def test_members_are_everybody_on_a_contract(gym: Exported) -> None:
    known = people(gym)

    told = Counter((r["membership_id"], known[r["customer_id"]], r["is_owner"] == "true")
                   for r in rows(gym, "capitan/members"))

    assert told == Counter((r["membership_id"], r["person_id"], r["is_owner"]) for r in truth(gym, "membership_people"))


def test_active_contracts_and_people_are_counted_as_they_truly_are(gym: Exported) -> None:
    today = gym.world.last_day + timedelta(days=1)      # exported just after the last evening
    active = {r["membership_id"] for r in truth(gym, "memberships")
              if r["start_day"] <= today and r["end_day"] is None
              and not (r["freeze_from"] and r["freeze_from"] <= gym.world.last_day < r["freeze_until"])}
    prepaid = {r["membership_id"] for r in truth(gym, "memberships")
               if r["start_day"] <= today and r["end_day"] and r["end_day"] > gym.world.last_day}
    on_them = {r["person_id"] for r in truth(gym, "membership_people")
               if r["membership_id"] in active | prepaid and not (r["frozen_day"] and r["frozen_day"] < today)}

    total = next(r for r in rows(gym, "capitan/membership_snapshot_counts") if r["dimension"] == "total")

    assert (int(total["contracts"]), int(total["members"])) == (len(active | prepaid), len(on_them))


def test_transactions_are_exact_to_the_cent_by_day_and_category(gym: Exported) -> None:
    told: Counter[tuple[str, str]] = Counter()
    for row in rows(gym, "transactions/combined_transactions"):
        assert cents(row["Pre-Tax"]) + cents(row["Tax"]) == cents(row["Total"])
        if row["kind"] != "tip" and row["revenue_category"] != "Tip":
            told[row["Date"], row["revenue_category"]] += cents(row["Total"])

    expected: Counter[tuple[str, str]] = Counter()
    for row in truth(gym, "purchases"):
        if row["kind"] != "tip":
            expected[row["business_day"].isoformat(), row["category"]] += row["amount"]
    days = {row["refund_id"]: row["business_day"].isoformat() for row in truth(gym, "refunds")}
    for row in truth(gym, "refund_lines"):
        expected[days[row["refund_id"]], row["category"]] -= abs(row["amount"])
    assert {key: amount for key, amount in told.items() if amount} == {
        key: amount for key, amount in expected.items() if amount
    }


def test_tax_and_discounts_and_passes_are_those_of_the_lines(gym: Exported) -> None:
    told = [row for row in rows(gym, "transactions/combined_transactions") if row["kind"] == "sale"]
    true = truth(gym, "purchases")

    assert sum(cents(row["Tax"]) for row in told) == sum(row["amount"] for row in true if row["kind"] == "tax")
    assert sum(cents(row["Discount"]) for row in told) == -sum(r["amount"] for r in true if r["kind"] == "discount")
    assert sum(int(row["Day Pass Count"]) for row in told) == sum(
        row["units"] for row in true if row["kind"] == "sale" and row["category"] == "Day Pass"
    )


def test_every_refund_gives_back_tax_with_its_goods_and_names_its_payment(gym: Exported) -> None:
    back: dict[str, int] = defaultdict(int)
    taxed = 0
    for row in rows(gym, "transactions/combined_transactions"):
        if row["kind"] in {"refund", "dispute"}:
            back[row["transaction_id"].split("_", 1)[1].split("_item_")[0]] += cents(row["Total"])
            taxed += cents(row["Tax"])

    assert dict(back) == {row["refund_id"]: row["amount"] for row in truth(gym, "refunds")}
    assert taxed < 0


def test_transaction_ids_are_unique_and_have_the_references_shape(gym: Exported) -> None:
    ids = [row["transaction_id"] for row in rows(gym, "transactions/combined_transactions")]

    assert len(set(ids)) == len(ids)
    assert {"pi", "SQP", "refund"} <= {name.split("_")[0].rstrip("0123456789") for name in ids}
    assert any("_item_1" in name for name in ids)


def test_membership_payments_carry_size_frequency_and_flags_of_their_contract(gym: Exported) -> None:
    paid = [row for row in rows(gym, "transactions/combined_transactions")
            if row["revenue_category"] in {"New Membership", "Membership Renewal"}]

    for row in paid:
        assert row["is_founder"] == str("Founders" in row["Description"]).lower()
        assert row["membership_size"] == row["sub_category"] != ""
        if "Fitness Only" in row["Description"]:
            assert row["fitness_amount"] == row["Total"]
        elif "Fitness Add-on" in row["Description"]:
            assert abs(Decimal(row["fitness_amount"])) in {Decimal(28), abs(Decimal(row["Total"]))}
        else:
            assert row["fitness_amount"] == "0.00"


def test_referrals_and_their_leaderboard_agree_with_what_the_gym_says(gym: Exported) -> None:
    lines = (gym.world.sandbox / "capitan" / "referrals.ndjson").read_text(encoding="utf-8").splitlines()
    said = {str(json.loads(line)["item"]["id"]): json.loads(line)["item"] for line in lines}

    told = {row["referral_id"]: row for row in rows(gym, "capitan/referrals")}

    assert {n: (row["referrer_id"], row["referred_id"], row["membership_id"]) for n, row in told.items()} == {
        n: (str(item["referring_customer_id"]), str(item["owner_id"]), str(item["membership_id"]))
        for n, item in said.items()
    }
    leaders = rows(gym, "capitan/referral_leaderboard")
    assert sum(int(row["total_referrals"]) for row in leaders) == len(said)
    assert sum(int(row["active_referrals"]) for row in leaders) == sum(
        row["membership_status"] == "ACT" for row in told.values()
    )


def test_passes_shared_are_all_there_and_name_the_true_purchaser_or_nobody(gym: Exported) -> None:
    known = people(gym)
    true = {row["check_in_id"]: row for row in truth(gym, "check_ins") if row["purchaser_id"]}

    told = {row["checkin_id"]: row for row in rows(gym, "capitan/pass_transfers")}

    assert {n: known[row["user_customer_id"]] for n, row in told.items()} == {n: r["person_id"] for n, r in true.items()}
    named = {n: known[row["purchaser_customer_id"]] for n, row in told.items() if row["purchaser_customer_id"]}
    assert sum(true[n]["purchaser_id"] != who for n, who in named.items()) <= len(named) * 0.01
    assert len(named) >= len(true) * 0.95
    assert Counter(row["transfer_type"] for row in told.values()) == Counter(
        {"ENT": "entry_pass", "GUE": "guest_pass"}[row["entry_method"]] for row in true.values()
    )


def test_the_pipeline_reads_every_transfer_and_its_events_are_in_the_timeline(gym: Exported) -> None:
    workspace = gym.workspace
    transfers = workspace.fetch(workspace.table("transfers"))

    grade = grade_transfers(
        transfers, gym.world.truth, grade_identity(workspace.fetch(workspace.table("identity")), gym.world.truth)
    )

    assert grade.read.is_exact
    assert grade.precision >= 0.99
    events = Counter(row["event_type"] for row in rows(gym, "customers/customer_events"))
    assert (events["received_shared_pass"], events["shared_pass"]) == (
        len(transfers), len(transfers) - transfers["purchaser_customer_id"].null_count
    )
    assert (events["referred"], events["was_referred"]) == (len(rows(gym, "capitan/referrals")),) * 2


def test_the_leaderboard_of_referrals_counts_what_was_referred_the_most_first(gym: Exported) -> None:
    told = Counter(row["referrer_id"] for row in rows(gym, "capitan/referrals"))

    board = rows(gym, "capitan/referral_leaderboard")

    assert {row["referrer_id"]: int(row["total_referrals"]) for row in board} == dict(told)
    assert [int(row["total_referrals"]) for row in board] == sorted(told.values(), reverse=True)


def test_everybody_is_a_customer_and_every_identifier_points_at_one(gym: Exported) -> None:
    master = {row["customer_id"] for row in rows(gym, "customers/customers_master")}
    ids = {(row["source"], row["source_id"]): row["customer_id"]
           for row in rows(gym, "customers/customer_identifiers") if row["type"] == "id"}

    accounts = {(row["source"], row["profile_id"]) for row in truth(gym, "accounts")}
    assert accounts <= set(ids)
    assert set(ids.values()) <= master
    for path in ("customers/customer_events", "customers/customer_flags"):
        assert {row["customer_id"] for row in rows(gym, path)} <= master


def test_check_ins_of_the_timeline_are_all_of_them_with_details_that_can_be_read(gym: Exported) -> None:
    told = [row for row in rows(gym, "customers/customer_events") if row["event_type"] == "checkin"]

    assert len(told) == len(truth(gym, "check_ins"))
    assert Counter(json.loads(row["event_details"])["kind"] for row in told) == Counter(
        row["kind"] for row in truth(gym, "check_ins")
    )
    assert Counter(row["event_date"] for row in told) == Counter(
        row["business_day"].isoformat() for row in truth(gym, "check_ins")
    )


def test_pass_visits_are_those_of_people_who_were_not_members_that_day(gym: Exported) -> None:
    spans = {r["membership_id"]: (r["start_day"], r["end_day"] or date.max) for r in truth(gym, "memberships")}
    member: dict[str, list[tuple[date, date]]] = defaultdict(list)
    for row in truth(gym, "membership_people"):
        member[row["person_id"]].append(spans[row["membership_id"]])
    expected = {
        row["check_in_id"] for row in truth(gym, "check_ins")
        if row["entry_method"] in {"ENT", "GUE"} and "pass" in row["description"].lower()
        and not any(start <= row["business_day"] < end for start, end in member[row["person_id"]])
    }

    told = {row["checkin_id"] for row in rows(gym, "analytics/day_pass_checkin_recency")}

    assert told == expected
    assert sum(int(row["total_day_pass_checkins"]) for row in rows(gym, "analytics/day_pass_engagement")) == len(told)


def test_a_second_export_has_the_same_bytes(gym: Exported, tmp_path: Path) -> None:
    for _ in range(2):
        list(write_export(gym.workspace, plan_export(gym.workspace), to=tmp_path))

    assert contents(tmp_path) == contents(gym.folder)


def test_the_manifest_tells_rows_and_digest_of_every_file(gym: Exported) -> None:
    told = json.loads((gym.folder / "manifest.json").read_text(encoding="utf-8"))["files"]

    there = {name: content for name, content in contents(gym.folder).items() if name != "manifest.json"}
    assert {name: entry["sha256"] for name, entry in told.items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in there.items()
    }
    for name, entry in told.items():
        assert entry["rows"] == len(rows(gym, name.removesuffix(".csv")))


def test_parquet_and_the_lake_layout_hold_the_same_rows(gym: Exported, tmp_path: Path) -> None:
    plan = plan_export(gym.workspace, ["memberships", "customers/customer_flags"], format="parquet")
    list(write_export(gym.workspace, plan, to=tmp_path))
    lake = list(write_export(gym.workspace, plan_export(gym.workspace, layout="lake", format="parquet"), to=tmp_path))

    typed = pq.read_table(tmp_path / "capitan" / "memberships.parquet").to_pylist()
    assert [str(row["billing_amount"]) for row in typed] == [
        row["billing_amount"] for row in rows(gym, "capitan/memberships")
    ]
    assert {file.path: file.rows for file in lake} == {
        f"{name.replace('.', '/')}.parquet": gym.workspace.lake.rows(name) for name in gym.workspace.lake.tables()
    }


def ask(gym: Exported, *arguments: str) -> Any:
    return CliRunner(env=gym.environment).invoke(main_group, ["export", "--project", str(gym.project), *arguments])


def test_a_snapshot_is_kept_and_can_be_written_again_later(gym: Exported, tmp_path: Path) -> None:
    first = ask(gym, "memberships", "--to", str(tmp_path), "--snapshot", "today", "--json")
    told = json.loads(first.output)
    name = told["files"][0]["path"]
    before = (tmp_path / name).read_bytes()

    again = ask(gym, "capitan/memberships", "--to", str(tmp_path), "--snapshot", told["as_of"])

    assert name == f"capitan/memberships_{told['as_of']}.csv"
    assert again.exit_code == 0
    assert (tmp_path / name).read_bytes() == before


def test_a_dry_run_writes_nothing_and_names_what_only_comes_later(gym: Exported, tmp_path: Path) -> None:
    answer = json.loads(ask(gym, "--dry-run", "--json", "--to", str(tmp_path / "new")).output)

    assert not (tmp_path / "new").exists()
    assert "capitan/members.csv" in {file["file"] for file in answer["would_write"]}
    assert {"path": "shopify/synced_flags", "reason": "comes with destinations"} in answer["left_out"]


@pytest.mark.parametrize(("arguments", "said"), [
    (["membrs", "--dry-run"], "did you mean 'members'?"),
    (["synced_flags", "--dry-run"], "it comes with destinations"),
    (["record.capitan.members", "--layout", "lake", "--dry-run"], "did you mean"),
    (["--dry-run", "--snapshot", "1999-01-01"], "there is no snapshot of 1999-01-01"),
    (["--dry-run", "--as-of", "1999-01-01"], "nothing to export at 1999-01-01"),
    ([], "regulars export --to FOLDER"),
    (["--dry-run", "--snapshot", "soon"], "write 2026-01-31 or today"),
    (["--dry-run", "--snapshot", "today", "--as-of", "2026-01-01"], "give one"),
])
def test_a_wrong_wish_is_answered_with_what_would_be_right(gym: Exported, arguments: list[str], said: str) -> None:
    result = ask(gym, *arguments)

    assert result.exit_code != 0
    assert said in f"{result.output} {result.exception}"


def test_as_of_a_moment_gives_the_tables_of_then(gym: Exported) -> None:
    now = gym.workspace.clock.now()

    plan = plan_export(gym.workspace, as_of=now)

    assert [table.path for table in plan.tables] == [table.path for table in plan_export(gym.workspace).tables]


def test_every_file_has_the_columns_its_documentation_tells(gym: Exported) -> None:
    for table in REFERENCE:
        with (gym.folder / f"{table.path}.csv").open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file))
        told = list(described(table).columns)
        if told:                             # recent_transactions refers to the whole
            assert header == told, table.path
