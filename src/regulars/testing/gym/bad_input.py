"""Input that is broken in one known way each: copies of a day's drops, with what was planted."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regulars.testing.gym.drops import packed


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One broken file."""

    kind: str                      # bom, invalid_utf8, truncated_gz, duplicate_header, renamed_header, mixed_dates, ...
    stream: str                    # "front_desk/leads": what it is a copy of
    path: Path                     # `<folder>/<kind>/<provider>/<stream>/<file>`
    rows: int                      # good rows in the file before it was broken
    bad_rows: int                  # rows that a strict reader must refuse; -1: the whole file


def plant_bad_input(drops: Path, folder: Path) -> list[Planted]:
    """Write, from the first drops under `drops`, one broken copy of each kind under `folder`; return what was planted.

    Harmless if read rightly: bom, mixed_dates, ids_as_floats. Rows to refuse: negative_quantity, unknown_currency, and
    the impossible dates of bad_dates. Files to refuse: invalid_utf8, truncated_gz, duplicate_header, renamed_header,
    empty_file, shrunken_file (of 60 %), html_page.
    """
    leads, sends = _first(drops, "front_desk/leads"), _first(drops, "mailchimp/sends")
    check_ins, orders = _first(drops, "capitan/check_ins"), _first(drops, "square/orders")
    payments = _first(drops, "square/payments")
    text = leads.read_text(encoding="utf-8")
    head, *rows = text.splitlines(keepends=True)
    data = sends.read_bytes()
    broken = [
        ("bom", leads, b"\xef\xbb\xbf" + text.encode(), 0),
        ("invalid_utf8", leads, text.encode().replace(b"lead-", b"lead\xff-", 1), -1),
        ("truncated_gz", sends, data[: len(data) // 2], -1),
        ("duplicate_header", leads, text.replace("email,phone", "email,email", 1).encode(), -1),
        ("renamed_header", leads, text.replace("lead_id,asked_on", "lead_id,asked", 1).encode(), -1),
        ("bad_dates", leads, _with_bad_dates(head, rows), 3),
        ("mixed_dates", leads, text.encode(), 0),
        ("ids_as_floats", check_ins, _changed(check_ins, _as_floats), 0),
        ("negative_quantity", orders, _changed(orders, _negative), 2),
        ("unknown_currency", payments, _changed(payments, _in_no_currency), 2),
        ("empty_file", leads, b"", -1),
        ("shrunken_file", leads, (head + "".join(rows[: len(rows) * 4 // 10])).encode(), -1),
        ("html_page", check_ins, packed(b"<html><body>Please log in</body></html>\n"), -1),
    ]
    return [_plant(folder, kind, source, content, bad) for kind, source, content, bad in broken]


def _plant(folder: Path, kind: str, source: Path, content: bytes, bad_rows: int) -> Planted:
    stream = f"{source.parent.parent.name}/{source.parent.name}"
    path = folder / kind / stream / source.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Planted(kind=kind, stream=stream, path=path, rows=_count(source), bad_rows=bad_rows)


def _first(drops: Path, stream: str) -> Path:
    return min((drops / stream).iterdir())


def _count(path: Path) -> int:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.count(b"\n") - (".csv" in path.name)


def _with_bad_dates(head: str, rows: list[str]) -> bytes:
    """Three dates that no declared format can mean."""
    column = head.strip().split(",").index("asked_on")
    for number, wrong in enumerate(("31/31/2025", "soon", "2025-02-30")):
        before, rest = rows[number].split(",", column)[:column], rows[number].split(",", column)[column]
        after = rest.split('",', 1)[1] if rest.startswith('"') else rest.split(",", 1)[1]
        rows[number] = ",".join([*before, wrong, after])
    return (head + "".join(rows)).encode()


def _changed(path: Path, change: Callable[[list[Any]], None]) -> bytes:
    lines = gzip.decompress(path.read_bytes()).splitlines()
    items = [json.loads(line) for line in lines]
    change(items)
    return packed(b"".join(json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in items))


def _as_floats(items: list[dict[str, object]]) -> None:
    for item in items:
        item["id"], item["customer_id"] = float(str(item["id"])), f"{item['customer_id']}.0"


def _negative(items: list[dict[str, list[dict[str, object]]]]) -> None:
    for item in items[:2]:
        item["line_items"][0]["quantity"] = "-1"


def _in_no_currency(items: list[dict[str, dict[str, object]]]) -> None:
    for item in items[:2]:
        for name in ("amount_money", "total_money"):
            item[name]["currency"] = "XQQ"
