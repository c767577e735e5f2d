"""Which column of a list is what: known formats, guesses by name and content, and what a person says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.later import np, pa, pc

FIELDS = ("first_name", "last_name", "name", "phone", "phone2", "email", "company", "title", "address", "city", "state",
          "zip", "birthday")
"""What a column can be. Every other column is kept as it is."""

_PROPERTY = {"Primary First Name": "first_name", "Primary Last Name": "last_name", "Primary Mobile Phone1": "phone",
             "Primary Email1": "email", "Address": "address", "City": "city", "ZIP": "zip"}
_AGENT = {"First Name": "first_name", "Last Name": "last_name", "Phone": "phone", "Company": "company"}
_PLAIN = {"first_name": "first_name", "last_name": "last_name", "phone": "phone", "email": "email",
          "company": "company", "address": "address"}

FORMATS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "standard": _PLAIN | {"Phone": "phone"},
    "openphone": {"First name": "first_name", "Last name": "last_name", "Phone number": "phone", "Email": "email",
                  "Address": "address", "Role": "title"},
    "realtor": _AGENT,
    "sothebys": _AGENT,
    "vicente": {"First Name": "first_name", "Last Name": "last_name", "Phone": "phone", "Email": "email"},
    "exit_cape": {"uk-text-muted": "first_name", "lastname": "last_name", "agent-card__tel": "phone",
                  "Exit Realty": "company"},
    "exit_premier": {"mb-2": "first_name", "lastname": "last_name", "css-1dp0fhs-no-styles-2": "phone",
                     "company": "company"},
    "jackconway": {"first_name": "first_name", "last_name": "last_name", "phone_number_1": "phone",
                   "phone_number_2": "phone2", "email": "email", "location": "address", "company": "company"},
    "lamacchia": {name: field for name, field in _PLAIN.items() if field != "address"},
    "raveis": {"First_name": "first_name", "Last_name": "last_name", "Cell": "phone", "Title": "title", "City": "city",
               "Company": "company"},
    "propertyradar": _PROPERTY,
})
"""Lists that businesses are handed: the columns of each, and what they are."""

_FILES = (("openphone", "openphone"), ("realtor", "realtor"), ("sotheby", "sothebys"), ("vicente", "vicente"),
          ("exitcape", "exit_cape"), ("exitpremier", "exit_premier"), ("jackconway", "jackconway"),
          ("lamacchia", "lamacchia"), ("raveis", "raveis"), ("cleaned_data_phone", "propertyradar"),
          ("propertyradar", "propertyradar"))

_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "first_name": ("first name", "first", "firstname", "given name", "fname", "forename", "vorname", "prenom",
                   "nombre"),
    "last_name": ("last name", "last", "lastname", "surname", "family name", "lname", "nachname", "nom", "apellido"),
    "name": ("name", "full name", "customer", "customer name", "contact", "contact name", "client", "member"),
    "phone": ("phone", "phone number", "mobile", "mobile phone", "mobile number", "cell", "cell phone", "telephone",
              "tel", "phone 1", "phone number 1", "sms", "text number", "handy", "telefon", "telefono", "portable"),
    "phone2": ("phone 2", "phone number 2", "home phone", "work phone", "other phone", "alternate phone"),
    "email": ("email", "e mail", "email address", "e mail address", "mail", "email 1", "correo", "courriel"),
    "company": ("company", "organization", "organisation", "business", "employer"),
    "title": ("title", "role", "job title", "position"),
    "address": ("address", "street", "street address", "address 1", "location"),
    "city": ("city", "town"), "state": ("state", "province", "region"),
    "zip": ("zip", "zip code", "postal code", "postcode", "zipcode"),
    "birthday": ("birthday", "birth date", "date of birth", "dob", "birthdate"),
})


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What one column seems to be."""

    column: str
    field: str
    confidence: float                        # 0 to 1
    why: str                                 # format, name, content, or said


def known_format(file: str, header: tuple[str, ...]) -> str | None:
    """Return the format of a list by its file name, then by its header; None for one that nobody knows."""
    stem = re.sub(r"[^a-z0-9_]", "", file.rsplit("/", 1)[-1].lower())
    for part, name in _FILES:
        if part in stem:
            return name
    has = frozenset(header).issuperset
    rules = (
        (has({"First name", "Phone number"}), "openphone"),
        (has({"Primary First Name"}) or has({"Primary Mobile Phone1"}), "propertyradar"),
        (has({"First_name"}), "raveis"), (has({"uk-text-muted"}), "exit_cape"), (has({"mb-2"}), "exit_premier"),
        (bool(header) and "jsx-" in header[0], "realtor"),
        (has({"first_name", "last_name"}), "jackconway" if "phone_number_1" in header else "standard"),
        (has({"First Name", "Last Name"}), "sothebys" if "Company" in header else "vicente"),
        (has({"phone"}) or has({"Phone"}), "standard"),
    )
    return next((name for holds, name in rules if holds), None)


def guessed(table: pa.Table, *, file: str = "", said: Mapping[str, str] = MappingProxyType({})) -> dict[str, Guess]:
    """Return the column that is each field, as far as one is.

    What a person said goes first, then the format of the list, then the name of the column, then what stands in it.

    Args:
        table: The list as text columns; the first 200 rows are looked at.
        file: Its name, which tells known formats.
        said: Column of each field as a person mapped it; "" for a field that no column is.

    Raises DeclarationError for a field or column that does not exist.

    """
    found = _said(table, said)
    taken = {guess.column for guess in found.values()} | {column for column in said.values() if column}
    name = known_format(file, tuple(table.column_names))
    candidates = [
        Guess(column=column, field=field, confidence=1.0, why="format")
        for column, field in (FORMATS[name] if name else {}).items() if column in table.column_names
    ]
    for column in table.column_names:
        candidates += _by_name(column)
        candidates += _by_content(column, table[column].slice(0, 200))
    for guess in sorted(candidates, key=lambda g: (-g.confidence, table.column_names.index(g.column))):
        if guess.field not in found and guess.field not in said and guess.column not in taken:
            found[guess.field] = guess
            taken.add(guess.column)
    return found


def with_second_people(table: pa.Table, lines: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """Give the second owner of a property a row of their own, of the same line, where the list has their number."""
    number = "Secondary Mobile Phone1"
    if not {number, "Primary Mobile Phone1"}.issubset(table.column_names):
        return table, lines
    theirs = {"Primary Mobile Phone1": number, "Primary Email1": "Secondary Email1"}
    second = table
    for place, column in enumerate(table.column_names):
        if column in theirs and theirs[column] in table.column_names:
            second = second.set_column(place, column, table[theirs[column]])
        if column in {"Primary First Name", "Primary Last Name"} and "Secondary Name" in table.column_names:
            part = r"\s.*$" if column == "Primary First Name" else r"^\S*\s*"
            name = pc.utf8_trim_whitespace(table["Secondary Name"])
            second = second.set_column(place, column, pc.replace_substring_regex(name, part, ""))
    has = pc.not_equal(pc.utf8_trim_whitespace(table[number]), "")
    order = np.argsort(both := np.concatenate([lines, lines[has.to_numpy()]]), kind="stable")
    return pa.concat_tables([table, second.filter(has)]).take(pa.array(order)), both[order]


def _said(table: pa.Table, said: Mapping[str, str]) -> dict[str, Guess]:
    for field, column in said.items():
        if field not in FIELDS:
            raise DeclarationError(f"no field {field!r}", hint=did_you_mean(field, FIELDS))
        if column and column not in table.column_names:
            raise DeclarationError(f"the list has no column {column!r}", hint=did_you_mean(column, table.column_names))
    return {
        field: Guess(column=column, field=field, confidence=1.0, why="said") for field, column in said.items() if column
    }


def _by_name(column: str) -> list[Guess]:
    spelled = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", column)
    plain = " ".join(re.sub(r"[^a-z0-9]+", " ", spelled.lower()).split())
    return [
        Guess(column=column, field=field, confidence=0.95 if plain == names[0] else 0.9, why="name")
        for field, names in _NAMES.items() if plain in names
    ]


def _by_content(column: str, values: pa.ChunkedArray) -> list[Guess]:
    written = values.filter(pc.not_equal(pc.utf8_trim_whitespace(values), ""))
    if not len(written):
        return []
    kinds = {
        "email": r"^\s*[^@\s]+@[^@\s]+\.[^@\s]+\s*$",
        "phone": r"^\s*(tel:)?\+?[0-9()\s.\-/]{0,4}[0-9][0-9()\s.\-/]{8,18}[0-9]\s*$",
    }
    guesses = []
    for field, pattern in kinds.items():
        digits = pc.utf8_length(pc.replace_substring_regex(written, r"[^0-9]", ""))
        like = pc.match_substring_regex(written, pattern)
        if field == "phone":
            like = pc.and_(like, pc.is_in(digits, pa.array([10, 11, 12, 13])))
        share = pc.mean(like.cast(pa.float64())).as_py()
        if share >= 0.6:
            guesses.append(Guess(column=column, field=field, confidence=round(0.8 * share, 3), why="content"))
    return guesses
