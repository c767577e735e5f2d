"""Every error Regulars raises, with its code, and whether trying again can help.

RegularsError
├── DeclarationError       a file of the project says something it cannot mean        (exit 2)
├── SourceError            something about a system we read from
│   ├── SourceUnavailable  it did not answer; trying again can help
│   ├── SourceRefused      it said no: key, permission, request
│   ├── SourceIncomplete   fewer records came than it promised; nothing was committed
│   ├── SourceChanged      a field that is relied on is gone or of another type
│   └── WebhookUnreadable  what it posted is not what it says it posts; kept for the quarantine
├── GuardError             a table would lose more than its guarded share
├── StoreError             something about our own stores
│   ├── StoreUnavailable   it did not answer; trying again can help
│   ├── Overtaken          somebody else published a table in between; nothing changed
│   └── LeaseHeld          another run holds the project
├── NotFound               no such customer, segment, source, run
├── PurgeRefused           what is to be purged is nothing that can be
└── AlreadyDone            it was done before, and is not done again
"""

from __future__ import annotations

from typing import ClassVar


class RegularsError(Exception):
    """Something went wrong that a person should read.

    Args:
        message: What is wrong, in one sentence, with the values that show it.
        hint: What to do next: a command to type or a value that would be right.

    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class DeclarationError(RegularsError):
    """A file of the project says something it cannot mean.

    Args:
        message: What is wrong.
        hint: What would be right.
        path: Where in the declaration, as keys and list positions: ``("when", "all", 0)``.

    """

    code = "declaration"
    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class SourceError(RegularsError):
    """Something about a system we read from."""

    code = "source"


class SourceUnavailable(SourceError):
    """The source did not answer; trying again can help."""

    code = "source-unavailable"
    retryable = True


class SourceRefused(SourceError):
    """The source said no: the key, the permission or the request is wrong."""

    code = "source-refused"


class SourceIncomplete(SourceError):
    """Fewer records came than the source promised; nothing was committed."""

    code = "source-incomplete"
    retryable = True


class SourceChanged(SourceError):
    """A field that a declaration relies on is gone, renamed or of another type."""

    code = "source-changed"


class WebhookUnreadable(SourceError):
    """What a source posted to us is not what it says it posts; it belongs into the quarantine."""

    code = "webhook-unreadable"


class GuardError(RegularsError):
    """A table would lose more than its guarded share of rows."""

    code = "guard"


class StoreError(RegularsError):
    """Something about our own stores."""

    code = "store"


class StoreUnavailable(StoreError):
    """A store did not answer; trying again can help."""

    code = "store-unavailable"
    retryable = True


class Overtaken(StoreError):
    """Somebody else published a table in between; nothing changed."""

    code = "overtaken"
    retryable = True


class LeaseHeld(StoreError):
    """Another run holds the project."""

    code = "lease-held"
    exit_code = 3


class NotFound(RegularsError):
    """There is no such customer, segment, source or run."""

    code = "not-found"


class PurgeRefused(RegularsError):
    """What is to be purged is nothing that can be: of no door, without a bound, or yet to come."""

    code = "purge-refused"


class AlreadyDone(RegularsError):
    """It was done before, and is not done again."""

    code = "already-done"
