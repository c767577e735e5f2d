"""The layout is documented by the functions that make it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from regulars.compat.describe import described, page
from regulars.compat.json_object import json_object
from regulars.compat.layout import LATER, REFERENCE, ExportTable
from regulars.compat.material import Material
from regulars.storage.engines.duckdb import DuckDBEngine

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "export-layout.md"


def test_the_page_is_what_the_functions_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it again: regulars export --describe"


def test_every_file_has_its_own_name_and_place() -> None:
    names = [table.name for table in (*REFERENCE, *LATER)]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("table", REFERENCE, ids=lambda table: table.path)
def test_every_table_says_what_one_row_is(table: ExportTable) -> None:
    assert "One row per" in described(table).summary


@pytest.mark.parametrize("name", [
    "memberships", "members", "membership_projection", "membership_snapshot_counts", "at_risk_members", "new_members",
    "day_pass_engagement", "day_pass_checkin_recency", "membership_conversion_metrics", "failed_membership_payments",
    "membership_failure_rates", "family_relationships",
])
def test_the_columns_are_those_that_are_told(gym: Callable[..., Material], name: str) -> None:
    table = next(table for table in REFERENCE if table.name == name)

    assert list(described(table).columns) == list(table.build(gym()).columns)


def test_json_holds_any_text(engine: DuckDBEngine) -> None:
    awkward = 'a "quote", a \\ and\na\ttab\x01 — é'
    rows = engine.arrow(pa.table({"text": [awkward, None], "n": [1, 2], "is_so": [True, None]}))

    found = engine.fetch(rows.select(json=json_object({"text": rows.text, "n": rows.n, "is_so": rows.is_so})))

    assert [json.loads(text) for text in found["json"].to_pylist()] == [
        {"text": awkward.replace("\x01", " "), "n": 1, "is_so": True}, {"n": 2},
    ]
