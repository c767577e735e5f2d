"""`regulars.toml` is read strictly: what is wrong is named with its line and what would be right."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from regulars.config import Config, placed, read_config
from regulars.errors import DeclarationError
from regulars.inquiries import ModelChoices, NumberChoices

WHOLE = """\
[business]
name = "Summit Climbing"
timezone = "America/Chicago"
currency = "USD"
country = "US"
opened_on = 2024-10-01
tax_rate = "0.0825"
own_emails = ["desk@summit.example", "@summit.example"]
own_phones = ["(254) 867-0000"]
largest_amount = "25000"

[identity]
source_priority = ["capitan", "stripe"]
gmail_folded = false
desk_from = 4

[stores]
landing = "file:./landing"
lake = "s3://bucket/lake?endpoint=${S3_ENDPOINT}"
book = "sqlite:./book.db"

[engine]
url = "duckdb://?threads=2"
"""


def read(folder: Path, text: str, **environment: str) -> Config:
    (folder / "regulars.toml").write_text(text, encoding="utf-8")
    return read_config(folder, environment=environment)


def test_a_whole_file_is_read_with_its_units_and_types(tmp_path: Path) -> None:
    config = read(tmp_path, WHOLE, S3_ENDPOINT="http://localhost:9")

    assert config.business.opened_on == date(2024, 10, 1)
    assert (config.business.tax_rate, config.business.largest_amount) == (Decimal("0.0825"), Decimal(25000))
    assert config.business.own_emails == ("desk@summit.example", "@summit.example")
    assert config.business.zone.key == "America/Chicago"
    assert config.stores.lake == "s3://bucket/lake?endpoint=http://localhost:9"
    assert config.engine.url == "duckdb://?threads=2"
    assert (config.identity.source_priority, config.identity.is_gmail_folded) == (("capitan", "stripe"), False)
    assert config.identity.desk_from == 4


@pytest.mark.parametrize(("line", "said"), [
    ("merge_from = 1.5", "merge_from = 1.5"), ("merge_from = true", "merge_from"), ('review_from = "half"', "review_from"),
    ("merge_from = 0.6\nreview_from = 0.7", "review_from = 0.7"),
])
def test_a_threshold_is_a_probability_and_review_begins_below_merging(tmp_path: Path, line: str, said: str) -> None:
    text = f'[business]\nname = "X"\ntimezone = "UTC"\n[identity]\n{line}\n'

    with pytest.raises(DeclarationError, match=said):
        read(tmp_path, text)


def test_thresholds_are_read(tmp_path: Path) -> None:
    text = '[business]\nname = "X"\ntimezone = "UTC"\n[identity]\nmerge_from = 0.99\nreview_from = 0.4\n'

    choices = read(tmp_path, text).identity

    assert (choices.merge_from, choices.review_from) == (0.99, 0.4)


def test_how_many_workers_is_read_and_may_be_left_open(tmp_path: Path) -> None:
    text = '[business]\nname = "X"\ntimezone = "UTC"\n[engine]\n'

    assert read(tmp_path, f"{text}workers = 3\n").engine.workers == 3
    assert read(tmp_path, text).engine.workers is None


def test_name_and_timezone_are_enough(tmp_path: Path) -> None:
    config = read(tmp_path, '[business]\nname = "X"\ntimezone = "UTC"\n')

    assert config.stores.book == f"sqlite:///{tmp_path.resolve()}/data/book.db"
    assert (config.business.currency, config.business.country, config.engine.url) == ("USD", "US", "duckdb://")


def test_the_environment_goes_before_the_file_and_is_named_as_the_origin(tmp_path: Path) -> None:
    config = read(tmp_path, WHOLE, S3_ENDPOINT="x", REGULARS_BOOK="postgresql://u@h/db", REGULARS_ENGINE="spark://local[2]")

    assert config.stores.book == "postgresql://u@h/db"
    assert config.engine.url == "spark://local[2]"
    assert config.origins["stores.book"] == "REGULARS_BOOK"
    assert config.origins["stores.landing"] == "regulars.toml"


@pytest.mark.parametrize(("url", "where"), [
    ("file:./data", "file:///p/data"), ("file:data", "file:///p/data"), ("file:///abs/x", "file:///abs/x"),
    ("data/lake", "file:///p/data/lake"), ("sqlite:./b.db", "sqlite:////p/b.db"), ("sqlite:///b.db", "sqlite:////p/b.db"),
    ("sqlite:////abs/b.db", "sqlite:////abs/b.db"), ("s3://bucket/x", "s3://bucket/x"),
    ("postgresql://h/d", "postgresql://h/d"),
])
def test_relative_paths_begin_at_the_project(url: str, where: str) -> None:
    assert placed(url, folder=Path("/p")) == where


@pytest.mark.parametrize(("right", "wrong", "line", "says"), [
    ('timezone = "America/Chicago"', 'timezone = "America/Chicgo"', 3, "did you mean 'America/Chicago'?"),
    ('currency = "USD"', 'curency = "USD"', 4, "did you mean 'currency'?"),
    ('currency = "USD"', 'currency = "dollars"', 4, "ISO 4217"),
    ('country = "US"', 'country = "usa"', 5, "ISO 3166"),
    ("opened_on = 2024-10-01", 'opened_on = "10/01/2024"', 6, "year first"),
    ('tax_rate = "0.0825"', 'tax_rate = "8.25"', 7, "a share from 0 to 1"),
    ('own_phones = ["(254) 867-0000"]', 'own_phones = "(254) 867-0000"', 9, "a list of texts"),
    ('largest_amount = "25000"', "largest_amount = -1", 10, "above 0"),
    ("gmail_folded = false", "gmail_folded = 0", 14, "true or false"),
    ("desk_from = 4", "desk_from = 1", 15, "a whole number from 2"),
    ("[stores]", "[store]", 17, "did you mean 'stores'?"),
    ('landing = "file:./landing"', 'landin = "x"', 18, "did you mean 'landing'?"),
    ("${S3_ENDPOINT}", "${S3_END}", 19, "export S3_END="),
    ('url = "duckdb://?threads=2"', 'url = "dukdb://"', 23, "duckdb:// or spark://local[2]"),
    ('url = "duckdb://?threads=2"', "workers = 0", 23, "a whole number from 1"),
    ('url = "duckdb://?threads=2"', "workers = true", 23, "a whole number from 1"),
    ("[engine]", "[engine", 22, "line is"),
    ('name = "Summit Climbing"\n', "", 1, 'name = "Summit Climbing"'),
])
def test_what_is_wrong_is_named_with_its_line_and_what_would_be_right(
    tmp_path: Path, right: str, wrong: str, line: int, says: str
) -> None:
    assert right in WHOLE

    with pytest.raises(DeclarationError) as error:
        read(tmp_path, WHOLE.replace(right, wrong), S3_ENDPOINT="x")

    assert str(error.value).startswith(f"regulars.toml:{line}: ")
    assert says in str(error.value)


def test_a_folder_without_the_file_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="regulars init"):
        read_config(tmp_path, environment={})


LLM = '[business]\nname = "S"\ntimezone = "UTC"\n\n[llm]\ndialect = "anthropic"\nmodel = "small-1"\n'


def test_no_model_is_asked_unless_one_is_declared(tmp_path: Path) -> None:
    assert read(tmp_path, LLM[:LLM.index("[llm]")]).llm is None


def test_what_people_reply_is_read_by_a_model_only_where_it_is_said(tmp_path: Path) -> None:
    quiet, told = read(tmp_path, LLM).llm, read(tmp_path, LLM + 'reads = ["offers", "replies"]\n').llm

    assert quiet is not None
    assert told is not None
    assert (quiet.reads, told.reads) == (("offers",), ("offers", "replies"))


def test_a_models_key_stays_a_reference(tmp_path: Path) -> None:
    config = read(tmp_path, LLM + 'key = "${LLM_KEY}"\ntimeout = 5\nprice = "3.00"\n', LLM_KEY="secret")

    assert config.llm == ModelChoices(
        dialect="anthropic", model="small-1", key="${LLM_KEY}", timeout=5.0, price=Decimal("3.00")
    )


@pytest.mark.parametrize(("line", "said"), [
    ("requests_per_day = 0", "requests_per_day = 0"), ("tokens_per_day = 1.5", "tokens_per_day = 1.5"),
    ('price = "-1"', "price = '-1'"), ("timeout = 0", "timeout = 0"), ('modle = "x"', "did you mean 'model'?"),
    ('reads = ["mail"]', "reads = 'mail'"), ('reads = "replies"', "reads = 'replies'"),
    ('key = "hunter2"', "regulars.toml:8: [llm] the key is no reference"),
])
def test_what_is_said_of_a_model_is_checked(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read(tmp_path, LLM + line + "\n")

    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_dialect_is_one_of_two(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="dialect = 'latin' is not right"):
        read(tmp_path, LLM.replace('"anthropic"', '"latin"'))


NUMBERS = LLM[:LLM.index("[llm]")] + "[numbers]\n"


def test_the_key_of_who_knows_numbers_stays_a_reference(tmp_path: Path) -> None:
    config = read(tmp_path, NUMBERS + 'key = "${NUMVERIFY_KEY}"\nper_second = 2\n')

    assert config.numbers == NumberChoices(key="${NUMVERIFY_KEY}", per_second=2.0)
    assert read(tmp_path, LLM).numbers is None


@pytest.mark.parametrize(("line", "said"), [
    ("", "regulars.toml:5: [numbers] has no key"), ('key = "hunter2"', "regulars.toml:6: [numbers] the key is no reference"),
    ('key = "${K}"\nper_second = 0', "per_second = 0"), ('key = "${K}"\nper_sec = 1', "did you mean 'per_second'?"),
])
def test_what_is_said_of_who_knows_numbers_is_checked(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read(tmp_path, NUMBERS + line + "\n")

    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
