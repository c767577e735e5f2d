"""What the stores decide before they touch a disk."""

from __future__ import annotations

import ibis
import pytest

from regulars.errors import StoreError
from regulars.storage.landing import as_lines
from regulars.storage.manifest import DataFile, Manifest, evolved, named, settled
from regulars.storage.merge import small


def _files(*rows: int) -> list[DataFile]:
    return [DataFile(name=f"{n}", rows=count) for n, count in enumerate(rows)]


def test_clean_items_keep_their_bytes() -> None:
    assert as_lines([b'{"a": 1 }', b"not json"]) == b'{"a": 1 }\nnot json\n'


def test_every_item_is_one_line_whatever_is_in_it() -> None:
    items = [b"", b"\n", b"a\r\nb", b"\xff", b"\x01", b"fine"]

    assert as_lines(items).count(b"\n") == len(items)


def test_files_larger_than_all_smaller_ones_together_are_not_joined_again() -> None:
    assert [file.rows for file in small(_files(1_000_000, 5, 5, 5, 5, 5, 5, 5, 5))] == [5] * 8


def test_files_of_equal_size_are_joined() -> None:
    assert len(small(_files(*[10] * 9))) == 9


def test_a_manifest_survives_the_book() -> None:
    manifest = Manifest(
        columns=named(ibis.schema({"price": "decimal(18, 6)", "at": "timestamp", "day": "date", "n": "int64"})),
        files=(DataFile(name="default/a.parquet", rows=3, partition="2026-01"), DataFile(name="b", rows=1)),
        partition_by="month", order_by=("customer_id", "at"),
    )

    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.rows == 4


def test_new_columns_come_after_the_old_ones() -> None:
    old, new = ibis.schema({"a": "string", "b": "int64"}), ibis.schema({"c": "date", "b": "int8"})

    assert evolved(old, new, "t") == ibis.schema({"a": "string", "b": "int64", "c": "date"})


@pytest.mark.parametrize("kind", ["string", "float64", "decimal(18, 6)"])
def test_a_column_keeps_its_type(kind: str) -> None:
    with pytest.raises(StoreError, match="cannot become"):
        evolved(ibis.schema({"a": "int64"}), ibis.schema({"a": kind}), "t")


def test_what_engines_know_of_a_column_beyond_its_type_is_forgotten() -> None:
    duck, spark = ibis.schema({"at": "timestamp(6)", "n": "!int64"}), ibis.schema({"at": "timestamp('UTC')", "n": "int64"})

    assert settled(duck) == settled(spark)
