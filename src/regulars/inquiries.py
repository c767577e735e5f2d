"""Who outside is asked, as `regulars.toml` says: a language model about words, Numverify about telephone numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

from regulars.errors import DeclarationError
from regulars.setting import Path as Where
from regulars.setting import as_count, as_positive, as_reference, as_text, as_texts, checked, no_strangers

Dialect = Literal["anthropic", "openai"]
"""How a language model is spoken to."""

READ = ("offers", "replies")
"""What a language model can read: what campaigns offer, and how replies are meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoices:
    """The language model that reads what rules read otherwise, and how much it may be asked."""

    dialect: Dialect                         # "anthropic": Messages API; "openai": chat completions, also of others
    model: str                               # as its server names it
    reads: tuple[str, ...] = READ[:1]        # of READ; what people reply only where it is said
    url: str | None = None                   # where the API's paths begin; None: the vendor's own
    key: str | None = None                   # a reference, `${NAME}`; None: the server wants none
    requests_per_day: int = 100              # of the business
    tokens_per_day: int = 500_000            # in and out together
    timeout: float = 60.0                    # seconds for one answer
    price: Decimal | None = None             # of a million tokens at most, major units of the business's currency


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChoices:
    """Who is asked whether telephone numbers exist and what kind of line they are: Numverify."""

    key: str                                 # a reference, `${NAME}`
    url: str | None = None                   # where the API's paths begin; None: the vendor's own
    per_second: float = 10.0                 # requests
    timeout: float = 10.0                    # seconds for one answer


def read_model(data: dict[str, Any]) -> ModelChoices:
    """Return what `[llm]` says. Raises DeclarationError with the path of the first thing that is wrong."""
    read: dict[str, Callable[[Any, Where], Any]] = {
        "dialect": as_text, "model": as_text, "reads": as_texts, "url": as_text, "key": as_reference,
        "requests_per_day": as_count, "tokens_per_day": as_count, "timeout": as_positive, "price": as_positive,
    }
    no_strangers(data, read, "llm")
    for name, hint in {"dialect": 'dialect = "anthropic"', "model": 'model = "claude-haiku-4-5"'}.items():
        if name not in data:
            raise DeclarationError(f"[llm] has no {name}", hint=hint, path=("llm",))
    known = {name: read[name](value, ("llm", name)) for name, value in data.items()}
    is_dialect = known["dialect"] in get_args(Dialect)
    checked(known["dialect"], ("llm", "dialect"), holds=is_dialect, hint='"anthropic" or "openai"')
    for one in known.get("reads", ()):
        checked(one, ("llm", "reads"), holds=one in READ, hint='["offers"] or ["offers", "replies"]')
    if "timeout" in known:
        known["timeout"] = float(known["timeout"])
    return ModelChoices(**known)


def read_numbers(data: dict[str, Any]) -> NumberChoices:
    """Return what `[numbers]` says. Raises DeclarationError with the path of the first thing that is wrong."""
    read: dict[str, Callable[[Any, Where], Any]] = {
        "key": as_reference, "url": as_text, "per_second": as_positive, "timeout": as_positive,
    }
    no_strangers(data, read, "numbers")
    if "key" not in data:
        raise DeclarationError("[numbers] has no key", hint='key = "${NUMVERIFY_KEY}"', path=("numbers",))
    known = {name: read[name](value, ("numbers", name)) for name, value in data.items()}
    return NumberChoices(**known | {name: float(known[name]) for name in ("per_second", "timeout") if name in known})
