"""Daily files of statistics, handed out: which are due, written one variant after the other, each kept account of."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.result import Result, failure, success
from regulars.compat.shops.statistic_files import VariantDay, csv_of, json_of, key_of
from regulars.config import HOME
from regulars.errors import RegularsError, StoreError
from regulars.pipeline.shop_answers import shop_named
from regulars.pipeline.shop_days import variant_days
from regulars.pipeline.workspace import Workspace
from regulars.shops.named import gid, tail
from regulars.shops.shop import Shop
from regulars.storage.book.database import TENANT
from regulars.storage.book.statistic_exports import StatisticExport
from regulars.storage.files import FileStore, open_files

DataStatus = Literal["whole", "not_counted_yet", "no_traffic"]
"""Of a day: all that came was counted; the last run began before it was over; nothing came, and that was counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The files of one shop that are to be written."""

    shop: Shop
    variants: tuple[VariantDay, ...]
    is_counted: bool                         # a run began after the last of the days was over


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written of one shop."""

    due: Due
    written: tuple[VariantDay, ...]
    errors: tuple[str, ...] = ()


def due_files(
    workspace: Workspace, *, first: date, last: date, only: Iterable[str] = (), only_gaps: bool = False
) -> list[Due]:
    """Return what is to be written for some days, both included, a shop each.

    Args:
        workspace: Whose.
        first: Day of UTC.
        last: The same.
        only: Ids of shops; none: all.
        only_gaps: Leave out what was handed out before.

    Raises RegularsError for days that end before they begin or are not over, NotFound for a shop that is not declared.

    """
    if last < first:
        raise RegularsError(f"the days end on {last}, before they begin on {first}", hint="--start is the earlier day")
    if last >= workspace.clock.now().astimezone(UTC).date():
        raise RegularsError(f"{last} is not over in UTC", hint="--end with an earlier day")
    shops = [shop_named(workspace, name) for name in only] or workspace.project.shops
    return [_due(workspace, shop, first, last, only_gaps=only_gaps) for shop in shops]


def write_files(workspace: Workspace, due: Iterable[Due]) -> list[Exported]:
    """Write what is due, a shop after the other; one that cannot be written keeps no other from it.

    A file that was handed out before is replaced: its row stays, with the next version.
    """
    config = workspace.project.config
    files = open_files(config.stores.exports, config.folder / HOME / "cache" / "exports")
    folder = files.scratch()
    try:
        return [_written(workspace, files, folder, one) for one in due]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def data_status(due: Due) -> DataStatus:
    """Return what a shop's numbers are worth."""
    if not due.is_counted:
        return "not_counted_yet"
    came = any(one.impressions or one.add_to_carts or one.orders for one in due.variants)
    return "whole" if came else "no_traffic"


def daily(
    workspace: Workspace, _service: ABTestingService, _subject: str, said: Mapping[str, Any]
) -> Result[dict[str, Any]]:
    """Write the files of one day, of `date` or of yesterday in UTC: {date, totals, results}."""
    due = _due_on(workspace, said.get("date"))
    if isinstance(due, str):
        return failure(due, code="INVALID_DATE")
    day, every = due
    found = write_files(workspace, every)
    return success({"date": day.isoformat(), "totals": _totals(found), "results": [_told(one) for one in found]})


def manual(
    workspace: Workspace, _service: ABTestingService, _subject: str, said: Mapping[str, Any]
) -> Result[dict[str, Any]]:
    """Write the files of one variant for one day, of `date` or of yesterday in UTC: what they are called and hold."""
    product = gid(said.get("shopifyProductId") or said.get("productId"), "Product")
    variant = gid(said.get("shopifyVariantId") or said.get("variantId"), "ProductVariant")
    if product is None or variant is None:
        lacks = "productId" if product is None else "variantId"
        return failure(f"{lacks} is required, as a number or a GID", code="MISSING_PARAMETERS")
    due = _due_on(workspace, said.get("date"))
    if isinstance(due, str):
        return failure(due, code="INVALID_DATE")
    day, every = due
    found = [
        replace(one, variants=chosen) for one in every
        if (chosen := tuple(each for each in one.variants if (each.product_id, each.variant_id) == (product, variant)))
    ]
    if not found:
        return failure(f"nothing was told of {variant} of {product} until {day}", code="VARIANT_NOT_FOUND")
    written = write_files(workspace, found)
    if any(one.errors for one in written):
        return failure("; ".join(error for one in written for error in one.errors), code="EXPORT_FAILED")
    return success({"date": day.isoformat(), "results": [_variant_told(one) for one in written]})


_DAY = timedelta(days=1)


def _due_on(workspace: Workspace, told: object) -> tuple[date, list[Due]] | str:
    """Return a day and what is due of it, or why it is none that can be written."""
    try:
        day = date.fromisoformat(str(told)) if told else workspace.clock.now().astimezone(UTC).date() - _DAY
    except ValueError:
        return f"{told!r} is no day: write 2026-01-31"
    try:
        return day, due_files(workspace, first=day, last=day)
    except StoreError:
        raise
    except RegularsError as error:
        return error.message


def _variant_told(one: Exported) -> dict[str, Any]:
    [each] = one.written
    return {
        "shopId": one.due.shop.name, "productId": tail(each.product_id), "variantId": each.variant,
        "csvKey": key_of(each, "csv"), "jsonKey": key_of(each, "json"), "dataStatus": data_status(one.due),
        "metrics": {
            "impressions": each.impressions, "addToCarts": each.add_to_carts, "ctr": each.ctr, "orders": each.orders,
            "revenue": each.amount,
        },
    }


def _due(workspace: Workspace, shop: Shop, first: date, last: date, *, only_gaps: bool) -> Due:
    rows = variant_days(workspace, shop=shop.name, first=first, last=last)
    variants = [VariantDay(shop=shop, **{name: row[name] for name in row if name != "shop_id"}) for row in rows]
    if only_gaps:
        there = workspace.book.statistic_exports.between(first, last, shop=shop.name)
        done = {(one.product, one.variant, one.day) for one in there}
        variants = [one for one in variants if (tail(one.product_id), one.variant, one.day) not in done]
    over = datetime.combine(last + _DAY, time(0), tzinfo=UTC)
    runs = [run for run in workspace.book.runs.last_runs(20) if run.outcome == "done"]
    return Due(shop=shop, variants=tuple(variants), is_counted=any(run.started_at >= over for run in runs))


def _written(workspace: Workspace, files: FileStore, folder: Path, due: Due) -> Exported:
    written, errors = list[VariantDay](), list[str]()
    for one in due.variants:
        try:
            kept = _hand_out(workspace, files, folder, one)
        except (StoreError, OSError) as error:   # a full disk here is the system's own word
            reason = error.message if isinstance(error, StoreError) else error.strerror
            errors.append(f"{key_of(one, 'csv')}: {reason}")
            continue
        workspace.book.statistic_exports.put([kept])     # once its files are there, so that none is told that is not
        written.append(one)
    return Exported(due=due, written=tuple(written), errors=tuple(errors))


def _hand_out(workspace: Workspace, files: FileStore, folder: Path, one: VariantDay) -> StatisticExport:
    tenant = workspace.book.tenant
    prefix = "" if tenant == TENANT else f"{tenant}/"
    texts = {key_of(one, "csv"): csv_of([one]), key_of(one, "json"): json_of(one)}
    for key, text in texts.items():
        part = folder / "part"
        part.write_bytes(text)
        files.overwrite(part, prefix + key)
    csv_key, json_key = texts
    return StatisticExport(
        shop=one.shop.name, product=tail(one.product_id), variant=one.variant, day=one.day, csv_key=csv_key,
        json_key=json_key, digest=hashlib.sha256(texts[csv_key]).hexdigest(), exported_at=workspace.clock.now(),
    )


def _totals(found: Sequence[Exported]) -> dict[str, int]:
    return {
        "shopsProcessed": len(found), "totalProducts": sum(_products(one) for one in found),
        "totalVariants": sum(len(one.written) for one in found),
        "shopsWithErrors": sum(bool(one.errors) for one in found),
    }


def _told(one: Exported) -> dict[str, Any]:
    return {
        "shopId": one.due.shop.name, "shopDomain": one.due.shop.domain, "success": not one.errors,
        "productsExported": _products(one), "variantsExported": len(one.written), "errors": list(one.errors),
        "dataStatus": data_status(one.due),
    }


def _products(one: Exported) -> int:
    return len({each.product_id for each in one.written})
