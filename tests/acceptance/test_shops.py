"""What a shop's pixel posts is on timelines and in the statistics with the next run, and late news changes only its day."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shop_world import BOOTS, NOW, VARIANT, made, post, ran, said

from regulars.pipeline.experiment import decide
from regulars.pipeline.flow import rebuild
from regulars.pipeline.shop_answers import rotation_of, shop_named
from regulars.pipeline.shops import STATISTICS
from regulars.pipeline.workspace import Workspace

DAY, SOON = timedelta(days=1), timedelta(minutes=10)
LINE = {"revenue": 29.99, "metadata": {"orderId": 1001, "lineItemId": 5}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "summit")


def first_day(folder: Path) -> None:
    views = [said("IMPRESSION", n, ago=SOON) for n in range(3)]
    bought = said("PURCHASE", 1, ago=SOON, **LINE)
    assert set(post(folder, *views, said("ADD_TO_CART", 1, ago=SOON), bought, bought)) == {200}


def counted(workspace: Workspace) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return impressions, carts, orders and revenue by kind of day and day, all variants of experiments together."""
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    for row in workspace.rows(workspace.table(STATISTICS)):
        key = (row["days"], row["day"].isoformat())
        told = tuple(row[name] for name in ("impressions", "add_to_carts", "orders", "revenue"))
        found[key] = tuple(a + b for a, b in zip(found.get(key, (0,) * 4), told, strict=True))
    return found


def test_a_day_of_a_shop(folder: Path) -> None:
    first_day(folder)

    with ran(folder) as workspace:
        assert counted(workspace) == {("utc", "2026-02-04"): (3, 1, 1, 2999), ("shop", "2026-02-04"): (3, 1, 1, 2999)}
        [row] = [row for row in workspace.rows(workspace.table(STATISTICS)) if row["days"] == "shop"]
        assert (row["shop_id"], row["product_id"], row["variant_id"], row["experiment"]) == ("gear", BOOTS, VARIANT, "gallery")
        assert row["shown"] in {"base", "test"}
        events = workspace.rows(workspace.table("events"))
        assert sorted(event["event_type"] for event in events) == ["order_line", "product_added", *["product_viewed"] * 3]


def test_late_news_is_counted_on_its_day_and_everything_made_again_is_the_same(folder: Path) -> None:
    first_day(folder)
    with ran(folder):
        pass
    post(folder, said("IMPRESSION", 8, ago=DAY), said("IMPRESSION", 9, at=NOW + DAY), at=NOW + DAY)

    with ran(folder, at=NOW + DAY) as workspace:
        said_again, content = counted(workspace), workspace.lake.content_hash(STATISTICS)
        steps = {step.step: step for step in workspace.book.runs.steps(workspace.book.runs.last_runs(1)[0].run_id)}
        rebuild(workspace)
        anew = workspace.lake.content_hash(STATISTICS)

    assert {key: told[0] for key, told in said_again.items() if key[0] == "utc"} == {
        ("utc", "2026-02-03"): 1, ("utc", "2026-02-04"): 3, ("utc", "2026-02-05"): 1,
    }
    assert content == anew
    # Two days of UTC, and those of the shop that share a moment with them.
    assert steps["shops"].rows_in == 2 + 4


def test_a_day_on_which_nothing_came_counts_nothing_anew(folder: Path) -> None:
    first_day(folder)
    with ran(folder) as workspace:
        before = workspace.book.versions.current_version(STATISTICS)

    with ran(folder) as workspace:
        assert workspace.book.versions.current_version(STATISTICS) == before


def test_what_happens_after_an_experiment_was_stopped_is_told_apart_from_it(folder: Path) -> None:
    first_day(folder)
    with ran(folder) as workspace:
        decide(workspace, "gallery", kind="stopped", by="test", reason="broken pictures")
        now = rotation_of(workspace, shop_named(workspace, "gear"), BOOTS)
    later = NOW + timedelta(minutes=1)
    post(folder, said("IMPRESSION", 20, at=later), at=later)

    with ran(folder, at=later) as workspace:
        rows = [row for row in workspace.rows(workspace.table(STATISTICS)) if row["days"] == "shop"]

    assert now is not None
    assert (now.state, now.variant) == ("stopped", "base")
    assert sorted((row["shown"] is not None, row["impressions"]) for row in rows) == [(False, 1), (True, 3)]


def test_a_project_without_shops_has_no_step_for_them(folder: Path) -> None:
    for name in ("shops/gear.yaml", "metrics/carts.yaml", "experiments/gallery.yaml"):
        (folder / name).unlink()

    with ran(folder) as workspace:
        names = [step.step for step in workspace.book.runs.steps(workspace.book.runs.last_runs(1)[0].run_id)]

    assert "shops" not in names


def test_robots_are_on_no_timeline_and_in_no_statistics(folder: Path) -> None:
    post(folder, said("IMPRESSION", 1), agent="Googlebot/2.1")

    with ran(folder) as workspace:
        assert counted(workspace) == {}
        assert workspace.count(workspace.table("events")) == 0
