"""What counts as an e-mail address and a phone number of a person."""

from __future__ import annotations

import pyarrow as pa
import pytest

from regulars.identity.identifier import IdentifierRules, normalise_emails, normalise_phones
from regulars.identity.name import can_be_one, normalise_names, stripped

RULES = IdentifierRules(own_emails=("desk@summit.example", "@summitclimbing.com"), own_phones=("(254) 867-0000",))


def email(text: str | None, rules: IdentifierRules = RULES) -> tuple[str | None, str | None]:
    found = normalise_emails([text], rules=rules)
    return found.values[0].as_py(), found.reasons[0].as_py()


def phone(text: str | None, rules: IdentifierRules = RULES) -> tuple[str | None, str | None]:
    found = normalise_phones([text], rules=rules)
    return found.values[0].as_py(), found.reasons[0].as_py()


@pytest.mark.parametrize(("typed", "meant"), [
    ("  Ann.Lee@Example.ORG ", "ann.lee@example.org"),
    ("<ann@example.org>", "ann@example.org"),
    ("mailto:ann@example.org", "ann@example.org"),
    ("A.nn.Lee+gym@GoogleMail.com", "annlee@gmail.com"),
    ("ann+gym@example.org", "ann+gym@example.org"),
])
def test_an_address_is_trimmed_and_folded(typed: str, meant: str) -> None:
    assert email(typed) == (meant, None)


def test_gmail_dots_are_kept_when_the_business_says_so() -> None:
    assert email("a.lee+x@gmail.com", IdentifierRules(is_gmail_folded=False)) == ("a.lee+x@gmail.com", None)


@pytest.mark.parametrize(("typed", "reason"), [
    ("ann", "not an address"), ("ann@lee@example.org", "not an address"), ("ann@example", "not an address"),
    ("ann lee@example.org", "not an address"), ("ann@.org", "not an address"), ("a@x.org, b@x.org", "not an address"),
    ("none@none.com", "placeholder"), ("noemail@gmail.com", "placeholder"), ("No-Reply@shop.org", "placeholder"),
    ("test@example.org", "placeholder"), ("ann@x.invalid", "placeholder"),
    ("desk@summit.example", "own address"), ("Owner@SummitClimbing.com", "own address"),
])
def test_an_address_that_is_nobodys_is_refused_with_its_reason(typed: str, reason: str) -> None:
    assert email(typed) == (None, reason)


@pytest.mark.parametrize("nothing", [None, "", "   "])
def test_nothing_written_is_no_identifier_and_needs_no_reason(nothing: str | None) -> None:
    assert email(nothing) == (None, None)
    assert phone(nothing) == (None, None)


@pytest.mark.parametrize("typed", [
    "2548675309", "(254) 867-5309", "254.867.5309", "1-254-867-5309", "+1 (254) 867 5309", "+12548675309",
    "254-867-5309 x12", "Tel: 254-867-5309",
])
def test_a_number_is_one_number_however_it_is_typed(typed: str) -> None:
    assert phone(typed) == ("+12548675309", None)


def test_a_foreign_number_keeps_its_country() -> None:
    assert phone("+44 20 7946 0018") == ("+442079460018", None)
    assert phone("020 7946 0018", IdentifierRules(country="GB")) == ("+442079460018", None)
    assert phone("+52 55 1234 5678") == ("+525512345678", None)


@pytest.mark.parametrize(("typed", "reason"), [
    ("000-000-0000", "placeholder"), ("1111111111", "placeholder"), ("+1 999 999 9999", "placeholder"),
    ("1234567890", "placeholder"), ("254-555-0100", "placeholder"), ("555-0123", "placeholder"),
    ("12345", "not a phone number"), ("call mum", "not a phone number"), ("867-5309", "not a phone number"),
    ("254 867 0000", "own number"),
])
def test_a_number_that_is_nobodys_is_refused_with_its_reason(typed: str, reason: str) -> None:
    assert phone(typed) == (None, reason)


@pytest.mark.parametrize(("typed", "kept", "plain"), [
    ("  JOSÉ   Núñez ", "josé núñez", "jose nunez"),
    ("Lee-Smith, Ann", "ann lee-smith", "ann lee smith"),
    ("Conor O\u2019Neil", "conor o'neil", "conor oneil"),
    ("José", "josé", "jose"),
    ("Søren Groß", "søren gross", "soren gross"),
    ("Dr. Ann (Annie) Lee", "dr ann annie lee", "dr ann annie lee"),
    ("-", None, None),
])
def test_a_name_is_folded_with_its_accents_kept_and_stripped(typed: str, kept: str | None, plain: str | None) -> None:
    names = normalise_names(pa.array([typed]))

    assert names.to_pylist() == [kept]
    assert stripped(names).to_pylist() == [plain]


@pytest.mark.parametrize(("one", "other", "can"), [
    ("ann", "ann", True), ("b", "benjamin", True), ("ben", "benjamin", True), ("jonathan", "jonahtan", True),
    ("jonh", "john", True), ("stephen", "stepen", True), ("danielle", "daniolle", True),
    ("tom", "tmo", True), ("bo", "boo", True), ("paul", "paula", False), ("mario", "maria", False), ("mark", "mary", False), ("ann", "bea", False),
    ("frances", "francis", False), ("daniel", "danielle", False), ("robert", "bob", False), ("", "ann", False),
    ("mary ann", "mary", True), ("mary ann", "ann", True), ("xiao ming", "xiaoming", True), ("john quincy", "john q", True),
    ("van hoa", "hoa van", True), ("maria jose", "maria elena", False), ("xia kai", "xia ting", False), ("mary ann", "beth", False),
])
def test_first_names_are_one_persons_only_when_a_slip_or_a_short_form_lies_between(
    one: str, other: str, *, can: bool
) -> None:
    import numpy as np  # noqa: PLC0415 - the columns of one pair

    assert can_be_one(np.array([one]), np.array([other])).tolist() == [can]
    assert can_be_one(np.array([other]), np.array([one])).tolist() == [can]
