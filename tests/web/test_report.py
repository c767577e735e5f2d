"""The report: one page that says its numbers, its empty states, and needs nothing."""

from __future__ import annotations

from pathlib import Path

from regulars.web.chart import bars_by_day
from regulars.web.number import money
from regulars.web.report import Number, Report, Section, Table, render, write

WEEKS = [{"week": "2026-01-05", "kind": "Day <Pass>", "value": 12.5}, {"week": "2026-01-12", "kind": "Retail", "value": 3}]


def report(*sections: Section) -> Report:
    return Report(
        business="Summit & Sons", timezone="UTC", as_of="Mon 5 Jan 2026, 09:00", headline="2 customers; all well.",
        numbers=(Number(label="Customers", value="2", note="1 new"),), sections=sections, version="0",
    )


def test_a_table_without_rows_says_what_will_be_there() -> None:
    table = Table(caption="Quarantine", columns=("stream", "records"), rows=(), empty="Nothing is held back.")

    page = render(report(Section(title="Health", sentence="Checked.", tables=(table,))))

    assert "Nothing is held back." in page


def test_what_customers_wrote_cannot_become_markup() -> None:
    table = Table(caption="Rows", columns=("name",), rows=(("<img src=x onerror=alert(1)>",),))

    page = render(report(Section(title="Rows", sentence="Names.", tables=(table,))))

    assert "<img" not in page
    assert "Summit &amp; Sons" in page


def test_a_chart_carries_its_sentence_its_numbers_and_the_colours_of_the_page() -> None:
    chart = bars_by_day(WEEKS, title="Revenue", sentence="Revenue by week.", day="week", value="value", series="kind")

    page = render(report(Section(title="Money", sentence="Net.", charts=(chart,))))

    assert "Revenue by week." in page
    assert "Show the numbers" in page
    assert "var(--v1)" in chart.svg
    assert "#2F5BC7" not in chart.svg.upper().replace("#2f5bc7", "")
    assert "Day &lt;Pass&gt;" in page


def test_a_page_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    page = write(report(), tmp_path / "report.html")

    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_money_is_told_with_sign_and_currency_and_missing_is_no_zero() -> None:
    assert money(120450, "USD") == "1,204.50 USD"
    assert money(-5, "USD") == "\u22120.05 USD"
    assert money(None, "USD") == "—"
