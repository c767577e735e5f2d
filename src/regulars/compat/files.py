"""Files of an export appear whole or not at all, each in turn, and the manifest that vouches for them comes last."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from regulars.compat.export import Plan
from regulars.compat.layout import ExportTable
from regulars.errors import StoreError
from regulars.pipeline.workspace import Workspace

MANIFEST = "manifest.json"
SCRATCH = ".export"
"""Folder of unfinished files below the target; what a killed export left in it is removed by the next one."""

BATCH = 50_000
"""Rows held in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One written file."""

    path: str                                # below the folder
    rows: int
    bytes: int
    sha256: str


def write_export(workspace: Workspace, plan: Plan, *, to: Path) -> Iterator[ExportedFile]:
    """Write the files of a plan one after the other, yielding each when it is in place; the manifest comes last.

    A file that was there stays as it was until the new one takes its place in one step. Moments are written in business
    time in the reference layout, in UTC in the product's own. The same tables give the same bytes.
    Raises StoreError when the folder cannot be written.
    """
    scratch = to / SCRATCH
    written: list[ExportedFile] = []
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        for table in plan.tables:
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            part = scratch / "part"
            rows = _render(_parquet_files(workspace, plan, table, scratch), part, plan)
            written.append(_publish(part, to, plan.file(table), rows))
            yield written[-1]
        _write_manifest(plan, written, to)
    except OSError as error:
        raise StoreError(f"{to} cannot be written: {error.strerror}", hint="choose another folder with --to") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _parquet_files(workspace: Workspace, plan: Plan, table: ExportTable, scratch: Path) -> Iterator[pa.RecordBatch]:
    """The rows of a table in order, from a sorted file: a table may be larger than memory."""
    expr = table.build(plan.material)
    schema, stores = expr.schema(), workspace.stores
    files = [file.path for file in stores.engine.write(expr, scratch, order_by=table.order_by)]
    if len(files) > 1:                       # an engine of many workers sorts within files only
        together = stores.border.write(stores.border.parquet(files, schema), scratch, order_by=table.order_by)
        files = [file.path for file in together]
    yield pa.RecordBatch.from_pylist([], schema=schema.to_pyarrow())
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=BATCH):
            yield batch.cast(schema.to_pyarrow())


def _render(batches: Iterator[pa.RecordBatch], part: Path, plan: Plan) -> int:
    zone = plan.material.as_of.zone if plan.layout == "reference" else None
    first = _in_zone(next(batches), zone)
    opened: Any = (
        pyarrow.csv.CSVWriter(part, first.schema) if plan.format == "csv"
        else pq.ParquetWriter(part, first.schema, compression="zstd")
    )
    rows = 0
    with opened as out:
        for batch in batches:
            out.write_batch(_in_zone(batch, zone))
            rows += batch.num_rows
    return rows


def _in_zone(batch: pa.RecordBatch, zone: str | None) -> pa.RecordBatch:
    """Moments (UTC) as a clock on the wall of the business showed them; seconds, unless something is finer."""
    if zone is None:
        return batch
    columns = []
    for column in batch.columns:
        if pa.types.is_timestamp(column.type):
            moments = pc.assume_timezone(column, "UTC").cast(pa.timestamp("us", tz=zone))
            column = pc.local_timestamp(moments)  # noqa: PLW2901  the same column, in business time
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _publish(part: Path, to: Path, name: str, rows: int) -> ExportedFile:
    content = hashlib.sha256()
    with part.open("rb") as file:
        os.fsync(file.fileno())
        while block := file.read(1 << 20):
            content.update(block)
    target = to / name
    target.parent.mkdir(parents=True, exist_ok=True)
    size = part.stat().st_size
    part.replace(target)
    return ExportedFile(path=name, rows=rows, bytes=size, sha256=content.hexdigest())


def _write_manifest(plan: Plan, written: list[ExportedFile], to: Path) -> None:
    """Say what lies in the folder: the files of this export, and those of earlier ones that are still there."""
    files = {name: entry for name, entry in _read_manifest(to).items() if (to / name).is_file()}
    day = plan.material.today.isoformat()
    for file in written:
        told = {"rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}
        files[file.path] = {**told, "layout": plan.layout, "as_of": day}
    part = to / SCRATCH / MANIFEST
    part.parent.mkdir(exist_ok=True)
    with part.open("w", encoding="utf-8") as out:
        out.write(json.dumps({"files": files}, indent=2, sort_keys=True) + "\n")
        out.flush()
        os.fsync(out.fileno())
    part.replace(to / MANIFEST)


def _read_manifest(to: Path) -> dict[str, dict[str, Any]]:
    try:
        told = json.loads((to / MANIFEST).read_text(encoding="utf-8"))
        files: dict[str, dict[str, Any]] = told["files"]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        hint = "remove it, or choose another folder"
        raise StoreError(f"{to / MANIFEST} is no manifest of an export", hint=hint) from error
    return files
