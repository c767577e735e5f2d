"""Whether a rotation worked is read slot by slot, once it is over, and only where it can be trusted."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shop_world import BOOTS, made, post, ran, said

from regulars.errors import NotFound
from regulars.pipeline.experiment import decide
from regulars.pipeline.shop_report import shop_report
from regulars.pipeline.shops import rotated_of
from regulars.pipeline.workspace import Workspace
from regulars.shops.rotation import Rotated
from regulars.shops.slots import slots_of

OVER = datetime(2026, 2, 16, 12, tzinfo=UTC)


def rotation(workspace: Workspace) -> Rotated:
    [one] = rotated_of(workspace)
    return one


def visited(folder: Path, *, until: datetime, more_carts: int, every: int = 1) -> None:
    """Let the pixel tell of three looks and a cart in each slot, and of more carts in those of `test`."""
    with ran(folder, at=until) as workspace:
        slots = slots_of(rotation(workspace), until=until)
    told = []
    for one in slots[::every]:
        at = one.begins + timedelta(minutes=20)
        carts = 1 + (more_carts if one.variant == "test" else 0)
        told += [said("IMPRESSION", one.number * 10 + n, at=at) for n in range(3)]
        told += [said("ADD_TO_CART", one.number * 10 + n, at=at) for n in range(carts)]
    assert set(post(folder, *told, at=until)) == {200}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "summit")


def test_an_effect_is_found_with_its_interval_when_the_rotation_is_over(folder: Path) -> None:
    visited(folder, until=OVER, more_carts=1)

    with ran(folder, at=OVER) as workspace:
        report = shop_report(workspace, "gear", "gallery")

    carts, orders, revenue = report.answers
    assert (report.product_id, report.control, report.variant, report.state, report.slots, report.counted, report.reason) == (
        BOOTS, "base", "test", "ended", 336, 336, "",
    )
    assert report.impressions == {"base": 504, "test": 504}
    assert {check.state for check in report.trust} == {"passed"}
    assert (carts.metric, round(carts.control_level or 0, 3), round(carts.level or 0, 3), round(carts.lift or 0, 3)) == (
        "carts_per_impression", 0.333, 0.667, 1.0,
    )
    assert None not in (carts.value, carts.low, carts.high, carts.p)
    assert 0 < (carts.low or 0) <= (carts.value or 0) <= (carts.high or 0)
    assert (carts.p or 1) < 0.01
    assert [one.control_level for one in (orders, revenue)] == [0, 0]


def test_without_an_effect_none_is_found(folder: Path) -> None:
    visited(folder, until=OVER, more_carts=0)

    with ran(folder, at=OVER) as workspace:
        carts = shop_report(workspace, "gear", "gallery").answers[0]

    assert (carts.p, round(carts.value or 0, 9)) == (1, 0)


def test_while_it_runs_nothing_is_said_of_the_variant(folder: Path) -> None:
    now = datetime(2026, 2, 11, tzinfo=UTC)
    visited(folder, until=now, more_carts=1)

    with ran(folder, at=now) as workspace:
        report = shop_report(workspace, "gear", "gallery")

    assert (report.state, report.answers) == ("runs", [])
    assert report.reason.startswith("too early")
    assert "2026-02-15" in report.reason


def test_slots_in_which_it_was_stopped_count_for_nothing(folder: Path) -> None:
    stop, again = datetime(2026, 2, 10, 12, 30, tzinfo=UTC), datetime(2026, 2, 10, 14, 30, tzinfo=UTC)
    for kind, at in (("stopped", stop), ("undone", again)):
        with ran(folder, at=at) as workspace:
            decide(workspace, "gallery", kind=kind, by="test", reason="broken pictures")
    visited(folder, until=OVER, more_carts=1)

    with ran(folder, at=OVER) as workspace:
        report = shop_report(workspace, "gear", "gallery")

    assert (report.slots, report.counted) == (336, 333)
    assert report.reason == ""


def test_where_hardly_anybody_came_it_is_asked_whether_the_pixel_is_heard(folder: Path) -> None:
    visited(folder, until=OVER, more_carts=1, every=4)

    with ran(folder, at=OVER) as workspace:
        report = shop_report(workspace, "gear", "gallery")

    assert (report.answers, report.trust[0].state) == ([], "failed")
    assert "is the pixel heard?" in report.reason


def test_before_the_first_run_there_is_nothing_to_read_and_what_there_is_not_is_not_found(folder: Path) -> None:
    with ran(folder, at=datetime(2026, 1, 30, tzinfo=UTC)) as workspace:
        report = shop_report(workspace, "gear", "gallery")

        assert (report.slots, report.reason, report.answers) == (0, "it has not begun", [])
        with pytest.raises(NotFound, match="no experiment 'galery'"):
            shop_report(workspace, "gear", "galery")
        with pytest.raises(NotFound, match="no shop"):
            shop_report(workspace, "gaer", "gallery")
