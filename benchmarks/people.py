"""One resolve of a folder of profiles as a process: `people.py FOLDER`; a second call over new profiles is a day."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from regulars.identity.evidence import CONFLICTS
from regulars.identity.known import MAP, NOBODY, Everybody
from regulars.identity.matching import Likeness, Thresholds
from regulars.identity.model import Model
from regulars.identity.profile import KEY
from regulars.identity.resolve import Former, resolve
from regulars.identity.seen import ASKED
from regulars.storage.pandas_left_out import leave_pandas_out

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = ("identity", "register", "matches", "compared", "conflicts")


def main(folder: Path) -> None:
    leave_pandas_out()                       # as a run does
    known = {name: _read(folder / f"{name}.parquet") for name in KEPT if (folder / f"{name}.parquet").exists()}
    former, told = None, None
    if known:
        model = Model.from_json((folder / "model.json").read_text())
        assert model is not None
        likeness = Likeness(model=model, matches=known["matches"], compared=known["compared"], thresholds=Thresholds())
        former = Former(likeness=likeness, conflicts=known["conflicts"])
        told = _read(folder / "told.parquet", KEY)
    profiles = _read(folder / "profiles.parquet", ASKED)
    were = Everybody(map=known["identity"], ids=known["register"]) if known else NOBODY
    found = resolve(profiles, now=NOW, salt=b"bench", known=were, former=former, told=told)
    tables = (
        found.changes.select(MAP.names), pa.concat_tables([found.minted, found.merged]), found.likeness.matches,
        found.likeness.compared if former is None else found.likeness.seen, found.conflicts.cast(CONFLICTS),
    )
    for name, table in zip(KEPT, tables, strict=True):
        pq.write_table(table, folder / f"{name}.parquet" if former is None else folder / f"{name}_of_the_day.parquet")
    if former is None:
        (folder / "model.json").write_text(found.likeness.model.to_json())


def _read(file: Path, columns: Sequence[str] | None = None) -> pa.Table:
    # Not `read_table`: Arrow's datasets import pandas wherever it is installed.
    return pq.ParquetFile(file).read(columns=columns and [*columns])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
