"""What every file of the reference layout holds, as a page: from the very functions that make the files."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

from regulars.compat.layout import LATER, REFERENCE, ExportTable

_HEAD = """# The reference layout

Made by `regulars export --describe`; do not edit. Files of `regulars export --to FOLDER`, each sorted by its key.

- CSV: UTF-8, comma, texts in quotes, a missing value is nothing, dates `2026-01-31`, moments in business time without
  offset, amounts in major units with the currency's digits, exact. Parquet holds the same as decimals and dates.
- `manifest.json` is written last: rows, bytes and SHA-256 of each file. A file is replaced in one step.
- With `--snapshot` names end in the day: `members_2026-01-31.csv`.
- Ids are texts. `customer_id` is Capitan's under `capitan/` and `analytics/`, ours elsewhere; `master_customer_id` is
  always ours.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a table's function says of it."""

    summary: str
    columns: dict[str, str]                  # name -> meaning and unit
    differs: str                             # from the reference; empty: in nothing


def described(table: ExportTable) -> Description:
    """Return what the docstring of a table's function says, in its three parts."""
    text = inspect.getdoc(table.build) or ""
    summary, _, rest = text.partition("\n\nColumns:")
    listed, _, differs = rest.partition("\n\nDiffers from the reference:\n")
    columns: dict[str, str] = {}
    for line in listed.splitlines():
        found = re.match(r"^ {4}(\S[^:]*): (.+)$", line)
        if found:
            columns[found[1]] = found[2]
        elif line.strip() and columns:
            last = next(reversed(columns))
            columns[last] += f" {line.strip()}"
    return Description(
        summary=" ".join(summary.split()).removeprefix("Return "), columns=columns, differs=" ".join(differs.split())
    )


def page() -> str:
    """Return the page in Markdown."""
    parts = [_HEAD]
    for table in REFERENCE:
        said = described(table)
        parts.append(f"## {table.path}.csv\n\n{said.summary[:1].upper()}{said.summary[1:]}\n")
        if said.columns:
            rows = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in said.columns.items())
            parts.append(f"| column | what it is |\n|---|---|\n{rows}\n")
        else:
            parts.append("Columns: as in combined_transactions.\n")
        if said.differs:
            parts.append(f"Differs from the reference: {said.differs}\n")
    later = "\n".join(f"- `{table.path}` comes with {table.comes_with}" for table in LATER)
    parts.append(f"## Not yet\n\n{later}\n")
    return "\n".join(parts)
