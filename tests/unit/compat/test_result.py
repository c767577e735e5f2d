"""A Result is data or an error, and never both."""

from __future__ import annotations

import pytest

from regulars.compat.result import Result, answering, failure, success
from regulars.errors import StoreUnavailable


def test_a_success_has_data() -> None:
    result = success(3, page=1)

    assert (result.is_success, result.success, result.is_failure) == (True, True, False)
    assert (result.data, result.error, result.error_code, result.metadata) == (3, None, None, {"page": 1})
    assert (result.unwrap(), result.unwrap_or(4)) == (3, 3)


def test_a_failure_has_a_sentence_and_a_code() -> None:
    result = failure("Campaign not found: 9", code="CAMPAIGN_NOT_FOUND")

    assert (result.is_success, result.success, result.is_failure, result.data) == (False, False, True, None)
    assert (result.error, result.error_code, result.unwrap_or(4)) == ("Campaign not found: 9", "CAMPAIGN_NOT_FOUND", 4)
    with pytest.raises(ValueError, match="CAMPAIGN_NOT_FOUND: Campaign not found: 9"):
        result.unwrap()


def test_data_is_changed_and_an_error_stays() -> None:
    wrong: Result[int] = failure("no", code="NO")

    assert success(3).map(str).data == "3"
    assert wrong.map(str) == wrong


def test_nothing_is_data_too() -> None:
    assert success(None).unwrap() is None


def test_a_store_that_does_not_answer_is_a_failure_that_may_be_tried_again() -> None:
    @answering("DB_ERROR")
    def ask() -> Result[int]:
        raise StoreUnavailable("the book did not answer")

    result = ask()

    assert (result.error_code, result.metadata["retryable"]) == ("DB_ERROR", True)
