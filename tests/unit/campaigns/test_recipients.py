"""Lists of people out of files: every row is taken, told again, or rejected with the reason."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.campaigns.list_columns import known_format
from regulars.campaigns.list_people import against
from regulars.campaigns.recipients import Imported, ImportRules, read_list, report_csv
from regulars.errors import DeclarationError, SourceChanged
from regulars.identity.identifier import IdentifierRules


def people(*lines: str, header: str = "first_name,last_name,phone,email", rules: ImportRules | None = None) -> Imported:
    return read_list("\n".join([header, *lines, ""]).encode(), file="list.csv", rules=rules)


def phone_of(written: str, **rules: object) -> str | None:
    found = people(f'Ann,Lee,"{written}",', rules=ImportRules(**rules))  # type: ignore[arg-type]  # names of its fields
    return found.recipients["phone"][0].as_py() if found.recipients.num_rows else None


@pytest.mark.parametrize("written", [
    "5551234567", "15551234567", "(555) 123-4567", "+1 555 123 4567", "555.123.4567", "1-555-123-4567", "+1(555)123-4567",
    "  5551234567  ",
])
def test_a_number_is_read_however_it_is_written(written: str) -> None:
    assert phone_of(written) == "+15551234567"


@pytest.mark.parametrize("written", [
    "555123456", "55512345678", "25551234567", "abc1234567", "000-000-0000", "123", "5551234567890123", "phone-number",
    "555-123-456a", "555-555-5555-55",
])
def test_what_is_no_number_is_rejected(written: str) -> None:
    found = people(f"Ann,Lee,{written},")

    assert found.recipients.num_rows == 0
    assert found.errors[0].startswith("Row 2: Invalid phone number format")


def test_numbers_of_other_countries_are_taken() -> None:
    # A check that takes ten digits only would refuse them.
    assert phone_of("+44 7400 123456") == "+447400123456"
    assert phone_of("07400 123456", identifiers=IdentifierRules(country="GB")) == "+447400123456"


def test_a_number_that_no_plan_gives_out_is_a_doubt_or_rejected_as_the_business_wants() -> None:
    taken = people("Ann,Lee,5551234567,")
    kept = people("Ann,Lee,5551234567,", rules=ImportRules(is_plan_kept=True))

    assert [(row["reason"], row["is_rejected"]) for row in taken.report.to_pylist()] == [("not in the numbering plan", False)]
    assert (taken.rejected_rows, kept.rejected_rows) == (0, 1)


def test_a_landline_is_rejected_where_the_plan_or_a_provider_says_so() -> None:
    rules = ImportRules(line_types={"+12542223333": "landline"})

    found = people("A,A,+44 20 7946 0958,", "B,B,254 222 3333,", "C,C,254 222 4444,", rules=rules)

    assert found.errors == ["Row 2: a landline number gets no texts", "Row 3: a landline number gets no texts"]
    assert phone_of("+44 20 7946 0958", silent=()) == "+442079460958"


@pytest.mark.parametrize(("kind", "is_taken"), [("mobile", True), ("unknown", True), ("voip", False), ("landline", False)])
def test_which_kinds_of_line_get_texts_is_for_the_business_to_say(kind: str, is_taken: bool) -> None:  # noqa: FBT001 - a case
    rules = ImportRules(silent=("landline", "voip"), line_types={"+14158586273": kind})

    found = people("Ann,Lee,415 858 6273,", rules=rules)

    assert (found.recipients.num_rows == 1) == is_taken


def test_a_row_without_an_address_is_missing_one() -> None:
    assert people("Ann,Lee,,ann@a.example").errors == ["Row 2: Missing phone number"]
    assert people("Ann,Lee,,ann@a.example", rules=ImportRules(needs=("phone", "email"))).rejected_rows == 0


def test_a_bad_email_costs_the_email_and_not_the_row() -> None:
    found = people("Ann,Lee,2542223333,not-an-address")

    assert found.recipients["email"].to_pylist() == [None]
    assert [(row["field"], row["is_rejected"]) for row in found.report.to_pylist()] == [("email", False)]


def test_the_same_person_five_times_is_one_recipient() -> None:
    found = people(
        "Ann,,2542223333,", "Ann,Lee,(254) 222-3333,", "A,Lee,+1 254 222 3333,", ",,2542223333,ann@a.example", "ANN,LEE,254.222.3333,"
    )

    (ann,) = found.recipients.to_pylist()
    assert (ann["row"], ann["rows"], ann["first_name"], ann["last_name"], ann["email"]) == (2, 5, "Ann", "Lee", "ann@a.example")
    assert found.duplicates.to_pylist() == [{"row": row, "of": 2} for row in (3, 4, 5, 6)]


def test_two_people_who_share_a_phone_stay_two() -> None:
    found = people("Ann,Lee,2542223333,", "Bob,Lee,2542223333,", "Bobby,Lee,2542223333,")

    assert [(p["first_name"], p["shares_with"]) for p in found.recipients.to_pylist()] == [("Ann", None), ("Bob", 2), ("Bobby", 2)]


def test_a_telephone_for_a_name_is_no_name() -> None:
    found = people("+12542223333,(from OpenPhone),2542223333,")

    assert found.recipients.select(["first_name", "last_name"]).to_pylist() == [{"first_name": None, "last_name": None}]


def test_the_second_number_stands_in_for_a_bad_one() -> None:
    found = people("Ann,123,2542223333", header="name,phone,phone 2")

    assert found.recipients.select(["phone", "phone2"]).to_pylist() == [{"phone": "+12542223333", "phone2": None}]


def test_columns_that_are_no_field_are_kept() -> None:
    found = people('Ann,2542223333,"a, ""b"""', header="name,phone,note")

    assert found.recipients["rest"].to_pylist() == ['{"note":"a, \\"b\\""}']


@pytest.mark.parametrize(("text", "encoding"), [
    ("\ufeffname,phone\nJürgen,2542223333\n", "utf-8"), ("name;phone\nJürgen;2542223333\n", "cp1252"),
    ("name\tphone\nJürgen\t2542223333\n", "utf-16"), ("name|phone\r\nJürgen|2542223333\r\n", "utf-8"),
])
def test_marks_and_encodings_of_spreadsheets_are_read(text: str, encoding: str) -> None:
    found = read_list(text.encode(encoding), file="x.csv")

    assert found.recipients.select(["name", "phone"]).to_pylist() == [{"name": "Jürgen", "phone": "+12542223333"}]


@pytest.mark.parametrize(("file", "header", "name"), [
    ("openphone_export.csv", ("x",), "openphone"), ("My Sothebys list.csv", ("x",), "sothebys"),
    ("cleaned_data_phone.csv", ("x",), "propertyradar"), ("a.csv", ("First name", "Phone number"), "openphone"),
    ("a.csv", ("Primary Mobile Phone1",), "propertyradar"), ("a.csv", ("First_name", "Cell"), "raveis"),
    ("a.csv", ("uk-text-muted",), "exit_cape"), ("a.csv", ("mb-2",), "exit_premier"), ("a.csv", ("jsx-123",), "realtor"),
    ("a.csv", ("first_name", "last_name", "phone_number_1"), "jackconway"), ("a.csv", ("first_name", "last_name"), "standard"),
    ("a.csv", ("First Name", "Last Name", "Company"), "sothebys"), ("a.csv", ("First Name", "Last Name"), "vicente"),
    ("a.csv", ("Phone",), "standard"), ("a.csv", ("who", "what"), None),
])
def test_known_lists_are_known_by_name_then_by_header(file: str, header: tuple[str, ...], name: str | None) -> None:
    assert known_format(file, header) == name


def test_columns_are_guessed_by_name_and_by_what_stands_in_them() -> None:
    found = people("x,ann@a.example,254-222-3333", header="Given Name,a1,a2")

    assert {field: (guess.column, guess.why) for field, guess in found.mapping.items()} == {
        "first_name": ("Given Name", "name"), "email": ("a1", "content"), "phone": ("a2", "content"),
    }


def test_the_second_owner_of_a_property_is_a_person_of_the_same_line() -> None:
    header = "Primary First Name,Primary Last Name,Primary Mobile Phone1,Secondary Name,Secondary Mobile Phone1,Address"

    found = people("Ann,Lee,2542223333,Bob van Lee,2542224444,1 Elm St", "Cy,Ott,2542225555,,,2 Elm St", header=header)

    assert [(p["row"], p["first_name"], p["last_name"], p["phone"], p["address"]) for p in found.recipients.to_pylist()] == [
        (2, "Ann", "Lee", "+12542223333", "1 Elm St"), (2, "Bob", "van Lee", "+12542224444", "1 Elm St"),
        (3, "Cy", "Ott", "+12542225555", "2 Elm St"),
    ]
    assert found.total_rows == 2


def test_what_a_person_says_goes_before_every_guess() -> None:
    data = b"phone,mobile\n2542223333,2542224444\n"

    found = read_list(data, file="x.csv", said={"phone": "mobile", "email": ""})

    assert found.recipients["phone"].to_pylist() == ["+12542224444"]


@pytest.mark.parametrize("said", [{"phne": "phone"}, {"phone": "phnoe"}])
def test_a_mapping_to_what_is_not_there_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(DeclarationError, match=r"did you mean 'phone'"):
        read_list(b"phone\n2542223333\n", file="x.csv", said=said)


def test_a_file_without_rows_is_no_list() -> None:
    with pytest.raises(SourceChanged, match="has no rows"):
        read_list(b"", file="x.csv")


def test_a_ragged_row_is_rejected_with_its_line() -> None:
    assert people("Ann,Lee", "Bob,Ray,2542223333,").errors == ["Row 2: 2 values where the header has 4"]


def test_a_report_carries_nothing_out_in_a_spreadsheet() -> None:
    found = people("Ann,Lee,=HYPERLINK(1),")

    assert b"\"'=HYPERLINK(1)\"" in report_csv(found.report)


KNOWN = pa.table({
    "id": ["c1", "c2"], "first_name": ["+12542223333", "Zed"], "last_name": [None, "Ott"], "phone": ["+12542223333", "+12542224444"],
})


@pytest.mark.parametrize(("strategy", "name", "email"), [
    ("merge", "Ann", "a@a.example"), ("replace", "Ann", "a@a.example"), ("skip", None, None),
])
def test_a_known_person_is_merged_replaced_or_left_alone(strategy: str, name: str | None, email: str | None) -> None:
    found = people("Ann,Lee,2542223333,a@a.example", "Bob,Ray,2542224444,").recipients

    ann, bob = against(KNOWN, found, strategy=strategy).to_pylist()  # type: ignore[arg-type]  # one of the three

    assert (ann["known"], ann["first_name"], ann["email"]) == ("c1", name, email)
    assert (bob["known"], bob["verdict"]) == (None, "created")


def test_merging_fills_blanks_and_replacing_overwrites() -> None:
    found = people("Zach,Ott,2542224444,z@z.example").recipients
    known = KNOWN.set_column(1, "first_name", pa.array(["Ann", "Zachary"]))

    assert against(known, found, strategy="merge")["first_name"].to_pylist() == ["Zachary"]
    assert against(known, found, strategy="replace")["first_name"].to_pylist() == ["Zach"]


def test_the_same_list_twice_creates_nobody() -> None:
    found = people("Ann,Lee,2542223333,", "Bob,Ray,2542224444,")
    held = found.recipients.append_column("id", pa.array(["a", "b"]))

    assert against(held.slice(0, 0), found.recipients)["verdict"].to_pylist() == ["created", "created"]
    assert against(held, found.recipients)["verdict"].to_pylist() == ["merged", "merged"]


ROW = st.tuples(st.sampled_from(["Ann", "Bob", "A", ""]), st.sampled_from(["Lee", ""]),
                st.sampled_from(["2542223333", "254 222 3333", "2542224444", "12", ""]), st.sampled_from(["", "x@y.example", "bad"]))


@given(st.lists(ROW, min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_every_row_is_taken_once_told_again_or_rejected(rows: list[tuple[str, ...]]) -> None:
    rows = [row for row in rows if any(row)] or [("Ann", "", "2542223333", "")]

    found = people(*(",".join(row) for row in rows))

    taken = found.recipients["row"].to_pylist()
    again = found.duplicates["row"].to_pylist()
    rejected = {row["row"] for row in found.report.to_pylist() if row["is_rejected"]}
    assert sorted([*taken, *again, *rejected]) == list(range(2, len(rows) + 2))
    assert sum(found.recipients["rows"].to_pylist()) == len(taken) + len(again)
    assert all(a < b for a, b in pairwise(taken))


def test_a_hundred_thousand_rows_are_read_in_ten_seconds() -> None:
    rng = random.Random(1)
    lines = [
        f"N{rng.randrange(5000)},L{rng.randrange(9000)},({rng.randrange(201, 799)}) {rng.randrange(201, 999)}-{rng.randrange(10_000):04d},p{n}@m.example"
        for n in range(100_000)
    ]
    began = time.process_time()

    found = people(*lines)

    assert time.process_time() - began <= 10
    assert found.total_rows == 100_000
