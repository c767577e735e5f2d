"""What was kept of a project shows a customer as the project itself does, and nothing that is no longer so."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.cli.main import main
from regulars.clock import FixedClock
from regulars.config import HOME
from regulars.errors import NotFound
from regulars.pipeline.asked import Asked
from regulars.pipeline.find import CustomerCard, customer_card, find_customer
from regulars.pipeline.glance import NotKept, glance
from regulars.pipeline.measure import metrics_by_day
from regulars.pipeline.own import profile_keys
from regulars.pipeline.segment import compile_explanations, explain_customer
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.rules.explain import Explanation
from regulars.storage.by_profile import write_copy
from regulars.storage.kept import QUESTIONS
from regulars.web.api.ahead import Ahead

SEGMENT, SINCE = Path("segments") / "came_back.yaml", "holds_for: 7 days\n"


def typed(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert not ended.value.code


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("glance") / "desk"
    typed("init", str(folder))
    typed("run", "--project", str(folder))
    return folder


@pytest.fixture
def desk(first: Path, tmp_path: Path) -> Path:
    return shutil.copytree(first, tmp_path / "desk")


def cards(asked: Asked, ids: list[str]) -> list[CustomerCard]:
    return [customer_card(asked, find_customer(asked, customer_id)) for customer_id in ids]


def known(folder: Path) -> tuple[list[str], list[CustomerCard]]:
    """Everybody's id and card as the project itself shows them; what that asks is kept."""
    workspace = open_workspace(folder)
    try:
        customers = workspace.table("customers").select("customer_id").order_by("customer_id")
        ids = [row["customer_id"] for row in workspace.rows(customers)]
        return ids, cards(workspace, ids)
    finally:
        workspace.close()


def glanced(folder: Path, ids: list[str]) -> list[CustomerCard]:
    with glance(folder) as found:
        return cards(found, ids)


def kept(folder: Path) -> set[str]:
    return {file.name for file in (folder / HOME / QUESTIONS).iterdir()}


def test_a_glance_shows_everybody_as_the_project_does(desk: Path) -> None:
    ids, shown = known(desk)

    assert len(ids) > 1
    assert glanced(desk, ids) == shown


def test_a_customer_is_found_by_whatever_is_at_hand_at_a_glance(desk: Path) -> None:
    workspace = open_workspace(desk)
    texts = ["ada@example.com", "desk/ada@example.com", "Ada Example", "+1 254 555 0199", "nobody"]

    def ids(asked: Asked) -> list[str]:
        found = []
        for text in texts:
            try:
                found.append(find_customer(asked, text))
            except NotFound as error:
                found.append(str(error))
        return found

    told = ids(workspace)
    workspace.close()
    with glance(desk) as found:
        assert ids(found) == told


def test_after_another_run_a_glance_shows_what_is_new_by_the_same_texts(desk: Path) -> None:
    ids, before = known(desk)
    texts = kept(desk)
    inbox = next((desk / "inbox").glob("*.csv"))
    lines = inbox.read_text(encoding="utf-8").splitlines()
    inbox.write_text("\n".join([*lines, lines[-1].replace(lines[-1].split(",")[0], "another-1")]) + "\n", encoding="utf-8")

    typed("run", "--project", str(desk))

    seen = glanced(desk, ids)
    assert seen != before
    assert kept(desk) == texts
    assert seen == known(desk)[1]


def test_a_copy_by_profile_changes_nothing_that_is_shown(desk: Path) -> None:
    ids, shown = known(desk)
    workspace = open_workspace(desk)
    write_copy(workspace.lake, "events")
    workspace.close()

    with pytest.raises(NotKept):
        glanced(desk, ids)

    assert known(desk)[1] == shown
    assert glanced(desk, ids) == shown


def declared_anew(desk: Path) -> None:
    (desk / SEGMENT).write_text((desk / SEGMENT).read_text(encoding="utf-8") + SINCE, encoding="utf-8")


def another_event(desk: Path) -> None:
    file = next((desk / "events").glob("*.yaml"))
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def code_beside(desk: Path) -> None:
    (desk / "conditions").mkdir(exist_ok=True)
    (desk / "conditions" / "lucky.py").write_text("def declare(data, path):\n    return None\n", encoding="utf-8")


def another_column(desk: Path) -> None:
    workspace = open_workspace(desk)
    customers = workspace.lake.table("customers")
    workspace.lake.replace("customers", customers.mutate(shoe=customers.customer_id), order_by=("customer_id",))
    workspace.close()


def nothing_kept(desk: Path) -> None:
    for file in (desk / HOME / QUESTIONS).iterdir():
        file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("change", [declared_anew, another_event, code_beside, another_column, nothing_kept])
def test_a_glance_refuses_what_may_have_become_another_thing(desk: Path, change: Callable[[Path], None]) -> None:
    ids, _ = known(desk)

    change(desk)

    with pytest.raises(NotKept):
        glanced(desk, ids)


def test_a_changed_segment_is_never_explained_by_an_old_text(desk: Path) -> None:
    ids, _ = known(desk)

    def told() -> list[Explanation]:
        workspace = open_workspace(desk, clock=FixedClock(datetime(2026, 1, 20, 12, tzinfo=UTC)))
        try:
            return [explain_customer(workspace, customer_id, "came_back") for customer_id in ids]
        finally:
            workspace.close()

    compiled, by_text = told(), told()
    text = (desk / SEGMENT).read_text(encoding="utf-8")
    (desk / SEGMENT).write_text(text.split("when:")[0] + "when: {count: visited, at_least: 99}\n", encoding="utf-8")
    changed = told()
    shutil.rmtree(desk / HOME / QUESTIONS)

    assert by_text == compiled
    assert {each.matches for each in compiled} == {True, False}
    assert {each.matches for each in changed} == {False}
    assert changed == told()


def test_a_name_is_found_however_many_blanks_are_typed(desk: Path) -> None:
    workspace = open_workspace(desk, clock=FixedClock(datetime(2026, 1, 20, 12, tzinfo=UTC)))

    found = find_customer(workspace, "  ada \t EXAMPLE ")

    assert found == find_customer(workspace, "ada@example.com")


def test_what_was_compiled_ahead_is_what_an_explanation_asks(desk: Path) -> None:
    workspace = open_workspace(desk, clock=FixedClock(datetime(2026, 1, 20, 12, tzinfo=UTC)))
    somebody = find_customer(workspace, "ada@example.com")
    profile_keys(workspace, somebody)
    compile_explanations(workspace)
    ahead = kept(desk)

    explanation = explain_customer(workspace, somebody, "came_back")
    workspace.close()

    assert explanation.is_in
    assert kept(desk) == ahead


def test_a_server_compiles_ahead_once_and_ends_when_it_is_told(desk: Path) -> None:
    is_open = threading.Event()
    opened: list[Workspace] = []

    def workspace() -> Workspace:
        opened.append(open_workspace(desk))
        is_open.set()
        return opened[-1]

    ahead = Ahead(workspace, folder=desk)
    ahead.begin()
    ahead.begin()

    assert is_open.wait(60)
    ahead.close()
    assert len(opened) == 1


def test_a_glance_loads_neither_the_language_of_expressions_nor_the_declarations(desk: Path) -> None:
    (somebody, *_), _ = known(desk)
    looked = (
        "import sys; from pathlib import Path; from regulars.pipeline.find import customer_card, find_customer; "
        "from regulars.pipeline.glance import glance; found = glance(Path(sys.argv[1])); asked = found.__enter__(); "
        "customer_card(asked, find_customer(asked, sys.argv[2])); "
        "print([name for name in ('ibis', 'sqlglot', 'pandas', 'regulars.project.project') if name in sys.modules])"
    )

    said = subprocess.run(
        [sys.executable, "-c", looked, str(desk), somebody], capture_output=True, text=True, check=True
    )

    assert said.stdout.strip() == "[]"


def test_what_reads_rows_of_its_own_memory_is_made_anew_by_every_process(desk: Path) -> None:
    text = "title: Share\ndescription: Visits a visit.\nratio: [visits, visits]\n"
    (desk / "metrics" / "share.yaml").write_text(text, encoding="utf-8")
    day, told = datetime.now(tz=UTC).date(), []
    for _ in range(2):
        workspace = open_workspace(desk)
        told.append(metrics_by_day(workspace, first=day - timedelta(days=999), last=day))
        workspace.close()

    assert told[0]
    assert told[1] == told[0]
