"""The CSV twin of a list: the same rows, for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, get_args

import msgspec

_NUMBER = re.compile(r"[+-]?[\d.,•]+")


def csv_of(items: Sequence[Any], of: Any) -> bytes:
    """Return rows as CSV, UTF-8, a header first; lists and mappings are JSON in their cell.

    `of`: the type of the page, which says the columns when there are no rows.
    """
    row_type = get_args(of)[0]
    columns = [each.name for each in fields(row_type)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(getattr(item, name)) for name in columns] for item in items)
    return text.getvalue().encode("utf-8")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    plain = msgspec.to_builtins(value)
    if isinstance(plain, Mapping | list):
        return msgspec.json.encode(plain).decode("utf-8")
    text = str(plain).lower() if isinstance(plain, bool) else str(plain)
    # A spreadsheet would carry out what begins like a formula; customers write their own names.
    is_formula = text[:1] in {"=", "+", "-", "@", "\t", "\r"} and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text
