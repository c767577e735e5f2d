"""Result: what a call of the reference system answers, data or an error with its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar

from regulars.errors import StoreError

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Generic[T]):
    """Either `data`, or `error` and `error_code`; made by `success` and `failure`."""

    data: T | None = None
    error: str | None = None                 # a sentence for people
    error_code: str | None = None            # such as CAMPAIGN_NOT_FOUND
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        """Return whether there is data."""
        return self.error is None

    @property
    def is_failure(self) -> bool:
        """Return whether there is an error."""
        return not self.is_success

    @property
    def success(self) -> bool:
        """Return whether there is data: the same as `is_success`, as the reference's JSON calls it."""
        return self.is_success

    def unwrap(self) -> T:
        """Return the data. Raises ValueError with code and error where there is none."""
        if self.error is not None:
            raise ValueError(f"{self.error_code}: {self.error}")
        return self.data  # type: ignore[return-value]  # a success has data, be it None

    def unwrap_or(self, default: T) -> T:
        """Return the data, or a default where there is none."""
        return default if self.error is not None else self.unwrap()

    def map(self, change: Callable[[T], U]) -> Result[U]:
        """Return the result with its data changed; an error stays as it is."""
        if self.error is not None:
            return Result(error=self.error, error_code=self.error_code, metadata=self.metadata)
        return Result(data=change(self.unwrap()), metadata=self.metadata)


def success(data: T, **metadata: Any) -> Result[T]:
    """Return a result that has data."""
    return Result(data=data, metadata=metadata)


def failure(error: str, *, code: str, **metadata: Any) -> Result[Any]:
    """Return a result that says what went wrong."""
    return Result(error=error, error_code=code, metadata=metadata)


def answering(code: str) -> Callable[[Callable[P, Result[T]]], Callable[P, Result[T]]]:
    """Return a decorator: a store that refuses or does not answer is a failure with this code."""

    def decorate(call: Callable[P, Result[T]]) -> Callable[P, Result[T]]:
        @wraps(call)
        def answer(*args: P.args, **kwargs: P.kwargs) -> Result[T]:
            try:
                return call(*args, **kwargs)
            except StoreError as error:
                return failure(str(error), code=code, retryable=error.retryable)

        return answer

    return decorate
