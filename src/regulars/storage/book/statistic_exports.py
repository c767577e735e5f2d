"""Exports of statistics: which file of which shop, product, variant and day was handed out, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import statistic_exports

_KEY = ("tenant", "shop", "product", "variant", "day")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticExport:
    """The files of one variant of a product on one day."""

    shop: str
    product: str                             # as in the file's name
    variant: str                             # the same
    day: date                                # of UTC
    csv_key: str
    json_key: str
    digest: str                              # SHA-256 of the CSV file
    version: int = 1                         # how often it was handed out
    exported_at: datetime                    # aware; the last time


@dataclass(frozen=True, slots=True)
class StatisticExportBook:
    """Exports by shop, product, variant and day."""

    database: Database

    def put(self, exports: Sequence[StatisticExport]) -> None:
        """Write down what was handed out; a file that was before keeps its row, with the next version."""
        if not exports:
            return
        rows = [
            {**{name: getattr(one, name) for name in StatisticExport.__slots__}, "tenant": self.database.tenant}
            for one in exports
        ]
        statement = self.database.insert(statistic_exports)
        news = {name: statement.excluded[name] for name in ("csv_key", "json_key", "digest", "exported_at")}
        statement = statement.on_conflict_do_update(
            index_elements=_KEY, set_={**news, "version": statistic_exports.c.version + 1}
        )
        with self.database.writing() as connection:
            connection.execute(statement, rows)

    def between(self, first: date, last: date, *, shop: str) -> list[StatisticExport]:
        """Return what was handed out of a shop for some days, both included; by day, product, variant."""
        t = statistic_exports.c
        query = sa.select(*(t[name] for name in StatisticExport.__slots__)).where(
            t.tenant == self.database.tenant, t.shop == shop, t.day >= first, t.day <= last
        )
        with self.database.reading() as connection:
            found = connection.execute(query.order_by(t.day, t.product, t.variant)).mappings()
            return [StatisticExport(**row) for row in found]

    def forget(self, shop: str) -> int:
        """Forget what was handed out of a shop, and return how many files of a day these were; twice is once."""
        t = statistic_exports.c
        with self.database.writing() as connection:
            gone = sa.delete(statistic_exports).where(t.tenant == self.database.tenant, t.shop == shop)
            return connection.execute(gone).rowcount
