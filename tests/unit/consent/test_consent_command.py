"""`regulars consent`: what somebody said is written down once, and everything that follows says why."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from regulars.cli.main import main
from regulars.clock import FixedClock
from regulars.consent.suppression import address_hash
from regulars.pipeline.consent import address_of, hear, permitted, salt, show
from regulars.pipeline.permitted import permitted_people
from regulars.pipeline.workspace import open_workspace

NUMBER, MAIL = "+12548675301", "ann@lee.example"
SOURCE = """\
kind: files
folder: desk
streams:
  people:
    files: people.csv
    key: id
    fields: {id: id, name: text, email: text, phone: text, born: date, parent: id, region: text}
    profile: {id: id, exclusive: true, name: name, email: email, phone: phone, birthday: born, region: region}
    family:
      - {who: id, whom: parent, whom_is: parent}
"""
PEOPLE = """\
id,name,email,phone,born,parent,region
1,Ann Lee,ann@lee.example,(254) 867-5301,1984-03-01,,TX
2,Ben Lee,,,2015-06-12,1,
3,Tom Ray,tom@ray.example,+44 20 7183 8750,1990-01-01,,
4,Eve Day,,850-432-1234,1990-01-01,,FL
5,Kid Alone,,,2018-01-01,,
"""


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["consent", *words])
    said = capsys.readouterr()
    return int(str(ended.value.code or 0)), said.out, said.err


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "club"
    with pytest.raises(SystemExit):
        main(["init", str(folder)])
    open_workspace(folder).close()           # makes the book, which takes most of the time
    return folder


@pytest.fixture
def project(tmp_path: Path, template: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    capsys.readouterr()
    return shutil.copytree(template, tmp_path / "club")


def permission(capsys: pytest.CaptureFixture[str], project: Path, who: str, purpose: str = "marketing") -> Any:
    _, out, _ = typed(capsys, "show", who, "--json", "-p", str(project), "--as-of", "2027-01-20T18:00")
    return json.loads(out)[0]["permissions"][purpose]


def test_a_reply_is_read_written_down_and_explained(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grant = ("record", NUMBER, "--grant", "--method", "web_form", "--evidence", "form 1", "--at", "2026-01-05", "-p", str(project))
    assert typed(capsys, *grant)[1] == "grant of marketing by sms: written down.\n"
    assert typed(capsys, *grant)[1] == "grant of marketing by sms: known already.\n"
    assert permission(capsys, project, NUMBER)["allowed"]

    code, out, _ = typed(capsys, "record", NUMBER, "--reply", "Please stop sending me texts", "--evidence", "SM1", "-p", str(project))

    assert code == 0
    assert "opted out: asks us to stop sending" in out
    assert permission(capsys, project, "(254) 867-5301")["reason"].startswith("opted out on ")
    assert not permission(capsys, project, NUMBER, "transactional")["allowed"]


def test_a_start_from_the_same_number_permits_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for reply in ("STOP", "STOP", "START"):
        _, out, _ = typed(capsys, "record", NUMBER, "--reply", reply, "-p", str(project), "--json")

    assert json.loads(out)["answer"]["status"] == "opted_in"
    assert permission(capsys, project, NUMBER)["allowed"]
    assert permission(capsys, project, NUMBER, "transactional")["allowed"]


def test_a_day_alone_is_said_before_now_and_in_doubt_the_refusal_came_later(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where, today = ("-p", str(project)), f"{datetime.now(UTC):%Y-%m-%d}"
    given = ("record", NUMBER, "--grant", "--method", "web_form", "--evidence", "form 1")

    typed(capsys, "record", NUMBER, "--revoke", "--at", today, *where)
    now = json.loads(typed(capsys, "show", NUMBER, "--json", *where)[1])[0]["permissions"]["marketing"]
    typed(capsys, *given, "--at", today, *where)
    then = json.loads(typed(capsys, "show", NUMBER, "--json", *where)[1])[0]["permissions"]["marketing"]
    since = list(csv.DictReader(io.StringIO(typed(capsys, "export", "--since", today, *where)[1])))

    assert (now["allowed"], now["reason"][:12]) == (False, "opted out on")
    assert not then["allowed"]
    assert [row["action"] for row in since] == ["revoke", "grant"]


def test_a_grant_that_is_still_to_come_is_refused_for_it_would_lift_a_stop(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, said = typed(capsys, "record", NUMBER, "--grant", "--evidence", "x", "--at", "2099-01-01", "-p", str(project))

    assert code != 0
    assert "2099-01-01 00:00 UTC is still to come" in said


def test_a_grant_without_evidence_says_that_it_permits_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = typed(capsys, "record", MAIL, "--grant", "-p", str(project))

    assert "permits nothing" in out
    assert permission(capsys, project, MAIL)["reason"] == "consent without evidence"


def test_a_list_is_shown_first_and_every_line_that_is_not_taken_has_its_reason(
    project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        "\ufeffaddress;channel;action;method;at;evidence\nann@lee.example;;;web_form;2026-01-05;form 1\n"
        "ANN@lee.example;;;web_form;2026-01-05;form 1\nnobody;;;;;\n2548675301;fax;;;;\n2548675301;sms;maybe;;;\n"
        "2548675301;sms;;;2999-01-01;\n2548675301;sms;;;soon;\n2548675301;sms;revoke;;;\n", encoding="utf-8",
    )

    _, shown, _ = typed(capsys, "import", str(file), "-p", str(project), "--json")
    assert permission(capsys, project, MAIL)["reason"] == "no consent on record"
    _, applied, _ = typed(capsys, "import", str(file), "-p", str(project), "--json", "--apply")

    told = json.loads(shown)
    assert (told["entries"], told["repeated"], told["unproven"], told["added"]) == (2, 1, 0, None)
    assert [(one["line"], one["reason"].split()[0]) for one in told["rejected"]] == [
        (4, "'nobody'"), (5, "'fax'"), (6, "an"), (7, "2999-01-01"), (8, "Invalid")
    ]
    assert json.loads(applied)["added"] == 2
    assert permission(capsys, project, MAIL)["allowed"]
    assert not permission(capsys, project, NUMBER)["allowed"]


def test_who_is_suppressed_is_kept_by_a_hash_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("suppress", NUMBER, "junk", "--reason", "wrong number", "-p", str(project), "--json")
    assert json.loads(typed(capsys, *words)[1]) == {
        "addresses": 1, "rejected": ["'junk' is no phone"], "changed": None
    }
    assert [json.loads(typed(capsys, *words, "--apply")[1])["changed"] for _ in range(2)] == [1, 0]

    assert permission(capsys, project, NUMBER)["reason"] == "suppressed: wrong number"
    stored = b"".join(file.read_bytes() for file in project.rglob("book.db*"))
    assert b"8675301" not in stored
    assert json.loads(typed(capsys, *words, "--lift", "--apply")[1])["changed"] == 1
    assert permission(capsys, project, NUMBER)["reason"] == "no consent on record"


def test_an_auditor_gets_a_file_that_no_spreadsheet_carries_out(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(capsys, "record", NUMBER, "--revoke", "--purpose", "any", "--wording", '=cmd|"x", stop', "-p", str(project))

    _, plain, _ = typed(capsys, "export", "-p", str(project), "--reveal")
    _, masked, _ = typed(capsys, "export", "-p", str(project))

    row = next(csv.DictReader(io.StringIO(plain)))
    assert (row["address"], row["wording"]) == (NUMBER, '\'=cmd|"x", stop')
    assert "8675301" not in masked


def test_a_ledger_that_was_changed_ends_the_export_with_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(capsys, "record", MAIL, "--revoke", "-p", str(project))
    workspace = open_workspace(project)
    with workspace.book.database.writing() as connection:
        connection.exec_driver_sql("update consent_entries set action = 'grant'")
    workspace.close()

    code, out, _ = typed(capsys, "export", "-p", str(project), "--json")

    assert (code, json.loads(out)["first_broken"]) == (1, 1)


def test_a_doubtful_reply_waits_for_a_person(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(capsys, "record", MAIL, "--reply", "not interested", "--evidence", "M1", "-p", str(project))
    assert permission(capsys, project, MAIL)["reason"] == "suppressed: under review"
    waiting = json.loads(typed(capsys, "review", "-p", str(project), "--json")[1])

    typed(capsys, "review", waiting[0]["review_id"], "--opt-out", "-p", str(project))

    assert [one["text"] for one in waiting] == ["not interested"]
    assert permission(capsys, project, MAIL)["reason"].startswith("opted out on ")
    assert json.loads(typed(capsys, "review", "-p", str(project), "--json")[1]) == []


@pytest.mark.parametrize(("words", "said"), [
    (("record", MAIL), "--grant, --revoke or --reply"),
    (("record", MAIL, "--grant", "--purpose", "any"), "only a revocation"),
    (("record", "junk", "--revoke"), "is no phone"),
    (("suppress",), "say whom"),
    (("review", "v_1"), "--opt-out or --keep"),
    (("review", "v_1", "--keep"), "no reply 'v_1' waits"),
    (("import", "absent.csv"), "cannot be read"),
])
def test_an_error_says_what_would_be_right(
    project: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = typed(capsys, *words, "-p", str(project))

    assert code in (1, 2)
    assert out == ""
    assert said in err


def test_everybody_is_told_what_each_would_be(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("events", "segments", "metrics", "sources"):
        for file in (project / name).iterdir():
            file.unlink()
    (project / "sources" / "desk.yaml").write_text(SOURCE, encoding="utf-8")
    (project / "desk").mkdir()
    (project / "desk" / "people.csv").write_text(PEOPLE, encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["run", "-p", str(project)])
    for number in (NUMBER, "850-432-1234", "+44 20 7183 8750"):
        typed(capsys, "record", number, "--grant", "--method", "web_form", "--evidence", "f", "--at", "2026-01-01", "-p", str(project))
    at = datetime(2026, 7, 15, 12, 30, tzinfo=UTC)
    workspace = open_workspace(project, clock=FixedClock(at))

    found = {row["customer_id"]: row for row in permitted_people(workspace, channel="sms", purpose="marketing", at=at).to_pylist()}

    assert len(found) == 5
    for customer_id, row in found.items():
        shown = show(workspace, customer_id)[1]
        one = shown.permissions["marketing"]
        until = None if one.until is None else one.until.replace(tzinfo=None)
        assert (row["address"], row["allowed"], row["reason"], row["until"]) == (shown.address.text, one.allowed, one.reason, until)
    assert {row["reason"] for row in found.values()} == {
        "quiet hours", "consent since 2026-01-01", "no address: minor without guardian"
    }
    workspace.close()


def test_an_opt_out_counts_from_the_moment_it_is_heard(project: Path) -> None:
    at = datetime(2026, 7, 15, 18, 0, tzinfo=UTC)
    workspace = open_workspace(project, clock=FixedClock(at))
    address = address_of(workspace, NUMBER)

    hear(workspace, address, "STOP", source="twilio", evidence="SM1", at=at)

    assert address.hashed == address_hash(NUMBER, channel="sms", salt=salt(workspace))
    now = permitted(workspace, address, workspace.book.consent.of(address.hashed), purpose="transactional")
    assert not now.allowed
    workspace.close()
