"""What the texts of check-ins say: whose pass it was, which, and how much of it is left."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.connections.pass_use import PASS_USE, check, pass_uses, refused, taken
from regulars.connections.transfer import declare
from regulars.errors import DeclarationError
from regulars.records.intake import typed_schema
from regulars.records.record import declare_stream

GYM = Path(__file__).parents[3] / "examples" / "gym" / "transfers.yaml"
SAID = yaml.safe_load(GYM.read_text(encoding="utf-8"))
STREAM = declare_stream("capitan", "check_ins", {
    "key": "id",
    "fields": {"id": "id", "customer_id": "id", "checked_in_at": "timestamp", "description": "text",
               "entry_method": "text", "location_name": "text"},
})
ENGINE = ibis.duckdb.connect()
AT = datetime(2025, 2, 1, 5, 30, tzinfo=UTC)


def check_ins(*texts: str | None, method: str = "ENT") -> pa.Table:
    """Check-ins 1, 2, 3… with these texts."""
    schema = typed_schema(STREAM)
    rows = [
        dict.fromkeys(schema.names) | {
            "id": str(n), "record_key": str(n), "record_n": 0, "customer_id": "ben", "checked_in_at": AT,
            "checked_in_at_day": date(2025, 1, 31), "description": text, "entry_method": method,
            "location_name": "Summit", "recorded_at": AT, "seq": 1,
        }
        for n, text in enumerate(texts, 1)
    ]
    return pa.Table.from_pylist(rows, schema=schema.to_pyarrow())


def read(*texts: str | None, method: str = "ENT", **said: Any) -> tuple[list[dict[str, Any]], pa.Table]:
    """What the texts come to under the gym's rules, with some of them said otherwise: the good, and the bad."""
    rules = declare({**SAID, **said})
    found = ENGINE.to_pyarrow(pass_uses(ibis.memtable(check_ins(*texts, method=method)), rules))
    good, bad = taken(found)
    return sorted(good.to_pylist(), key=lambda row: int(row["checkin_id"])), bad


def parsed(text: str, **said: Any) -> tuple[Any, ...]:
    (row,), bad = read(text, **said)
    assert len(bad) == 0
    return tuple(row[name] for name in ("transfer_type", "pass_type", "purchaser_name", "remaining_count"))


@pytest.mark.parametrize(("text", "expected"), [
    ("5 Climb Punch Pass from Ann Lee (3 remaining)", ("entry_pass", "5 Climb Punch Pass", "Ann Lee", 3)),
    ("Day Pass (14 and up) from Ann Lee (0 remaining)", ("entry_pass", "Day Pass (14 and up)", "Ann Lee", 0)),
    ("Day Pass (14 and up) from Ann Lee", ("entry_pass", "Day Pass (14 and up)", "Ann Lee", None)),
    ("Day Pass (2 remaining)", ("entry_pass", "Day Pass", None, 2)),
    ("Day Pass", ("entry_pass", "Day Pass", None, None)),
    ("Pass from Home from Ann (Annie) Lee (1 remaining)", ("entry_pass", "Pass from Home", "Ann (Annie) Lee", 1)),
    ("Pass from Home (2 remaining)", ("entry_pass", "Pass from Home", None, 2)),
    ("pass from home", ("entry_pass", "pass from home", None, None)),
    ("2-Week Climbing Pass from José Núñez", ("entry_pass", "2-Week Climbing Pass", "José Núñez", None)),
    ("  Day Pass   FROM\tAnn\u00a0Lee ( 4 Remaining ) ", ("entry_pass", "Day Pass", "Ann Lee", 4)),
    ("Fromage Pass from Ann Fromm", ("entry_pass", "Fromage Pass", "Ann Fromm", None)),
])
def test_a_text_says_which_pass_who_bought_it_and_what_remains(text: str, expected: tuple[Any, ...]) -> None:
    assert parsed(text) == expected


@pytest.mark.parametrize(("text", "remaining"), [
    ("Guest Pass from Ann Lee", None), ("Guest Pass from Ann Lee (2 remaining)", 2),
])
def test_a_guest_comes_on_a_pass_of_the_host(text: str, remaining: int | None) -> None:
    assert parsed(text, kinds={"guest_pass": 'entry_method == "ENT"'}) == ("guest_pass", "Guest Pass", "Ann Lee", remaining)


def test_of_a_check_in_by_any_other_way_the_text_is_not_read() -> None:
    assert read("Day Pass from Ann Lee (2 remaining)", "Member day pass add-on", method="MEM")[0] == []


def test_a_check_in_without_a_text_says_nothing_of_a_pass() -> None:
    good, bad = read(None, "", "   ")

    assert (good, len(bad)) == ([], 0)


def test_what_is_kept_of_a_check_in_has_the_columns_that_are_promised() -> None:
    (row,), _ = read("5 Climb Punch Pass from Ann Lee (3 remaining)")

    assert [*row] == [*PASS_USE.names, "purchaser_key"]
    assert (row["checkin_id"], row["user_profile_id"], row["entry_method"], row["location_name"]) == ("1", "ben", "ENT", "Summit")
    assert (row["checkin_datetime_day"], row["purchaser_key"]) == (date(2025, 1, 31), "ann lee")


@pytest.mark.parametrize(("pass_type", "is_punch", "is_youth"), [
    ("5 Climb Punch Pass", True, False), ("2-Week Climbing Pass", False, False), ("Youth Day Pass with Gear", False, True),
    ("Day Pass (under 14)", False, True), ("Day Pass (14 and up)", False, False), ("Puncheon Pass", False, False),
])
def test_words_say_what_kind_of_pass_it_is(pass_type: str, is_punch: bool, is_youth: bool) -> None:  # noqa: FBT001
    (row,), _ = read(f"{pass_type} from Ann Lee")

    assert (row["is_punch_pass"], row["is_youth_pass"]) == (is_punch, is_youth)


@pytest.mark.parametrize(("text", "reason"), [
    ("from Ann Lee (3 remaining)", "no_pass"), ("Day Pass from", "no_purchaser"), ("Day Pass from (2 remaining)", "no_purchaser"),
    ("Day Pass from 12", "no_purchaser"), ("Day Pass from Ann Lee (x remaining)", "unread_remaining"),
    ("Day Pass from Ann Lee (3 remaining", "unread_remaining"), ("Day Pass (-1 remaining)", "unread_remaining"),
    ("Day Pass from Ann Lee (3 remaining) (2 remaining)", "unread_remaining"),
    ("Day Pass from Ann Lee (12345678901 remaining)", "unread_remaining"),
])
def test_a_text_that_looks_like_a_transfer_and_does_not_read_is_held_back_with_its_reason(text: str, reason: str) -> None:
    good, bad = read(text, "Day Pass from Ann Lee")
    held = ENGINE.to_pyarrow(refused(ibis.memtable(bad), declare(SAID))).to_pylist()

    assert [row["checkin_id"] for row in good] == ["2"]
    assert [(row["source"], row["stream"], row["record_key"], row["reason"], row["field"]) for row in held] == [
        ("capitan", "check_ins", "1", reason, "description")
    ]
    assert held[0]["value"] == text


WORD = st.text(st.sampled_from("abcdefgABCÉéñ'-"), min_size=1, max_size=6).filter(lambda word: word.lower() != "from")
NAME = st.lists(st.one_of(WORD, WORD.map("({})".format)), min_size=1, max_size=3).map(" ".join).filter(
    lambda name: any(letter.isalpha() for letter in name)
)
PASS = st.lists(st.one_of(WORD, st.just("from"), st.sampled_from(["(14 and up)", "2-Week"])), max_size=3).map(
    lambda words: " ".join(["Pass", *words])
)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(PASS, NAME, st.one_of(st.none(), st.integers(0, 99))), min_size=1, max_size=40))
def test_whatever_passes_and_people_are_called_a_transfer_reads_as_it_was_written(
    told: list[tuple[str, str, int | None]]
) -> None:
    texts = [f"{a} from {b}" + ("" if n is None else f" ({n} remaining)") for a, b, n in told]

    good, bad = read(*texts, named_from=[])

    assert len(bad) == 0
    assert [(row["pass_type"], row["purchaser_name"], row["remaining_count"]) for row in good] == told


@pytest.mark.parametrize(("said", "message", "path"), [
    ({"fro": "x"}, "'fro' means nothing here", ("fro",)),
    ({"text": None}, "transfers need 'text'", ("text",)),
    ({"from": "check_ins"}, "is no stream", ("from",)),
    ({"kinds": {"guest": "true"}}, "'guest' is no kind", ("kinds", "guest")),
    ({"punch": "punch"}, "expected a list of words", ("punch",)),
    ({"who": "customer_id =="}, "column", ("who",)),
])
def test_a_declaration_that_cannot_be_meant_says_where(said: dict[str, object], message: str, path: tuple[str, ...]) -> None:
    with pytest.raises(DeclarationError, match=message) as refused_:
        declare({**SAID, **said})

    assert refused_.value.path == path


@pytest.mark.parametrize(("said", "message", "path"), [
    ({"when": "description"}, "'description' is no time", ("when",)),
    ({"when": "checked_in"}, "there is no field 'checked_in'", ("when",)),
    ({"text": "checked_in_at_day"}, "is no text", ("text",)),
    ({"who": "customer"}, "there is no field 'customer'", ("who",)),
    ({"kinds": {"entry_pass": "entry_method"}}, "is no condition", ("kinds", "entry_pass")),
    ({"bought": "categories == 1"}, "there is no field 'categories'", ("bought",)),
])
def test_rules_that_do_not_go_with_the_stream_say_where(said: dict[str, object], message: str, path: tuple[str, ...]) -> None:
    with pytest.raises(DeclarationError, match=message) as refused_:
        check(declare({**SAID, **said}), typed_schema(STREAM))

    assert refused_.value.path == path
