"""What products under test show, as pixels are told: known in memory, and looked at again every few seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from regulars.pipeline.shops import rotated_of
from regulars.pipeline.workspace import Workspace
from regulars.shops.rotation import Rotated, Showing, showing_at
from regulars.shops.shop import Shop

log = structlog.get_logger()

LOOK_EVERY = 5.0
"""Seconds after which a decision is known to the door."""


@dataclass(slots=True)
class OnShow:
    """Knows what is shown of each product; before the first look, and of products without a test, nothing.

    Args:
        opened: Opens the project, in a thread of its own.

    """

    opened: Callable[[], Workspace]
    _rotated: Mapping[tuple[str, str], Sequence[Rotated]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._look, name="on-show", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def shown(self, shop: Shop, product: str, at: datetime) -> Showing | None:
        """Return what a product of a shop shows at a moment; None: it is not under test."""
        found = (showing_at(one, at) for one in self._rotated.get((shop.name, product), ()))
        return next((showing for showing in found if showing is not None), None)

    def _look(self) -> None:
        workspace: Workspace | None = None
        while not self._ended.is_set():
            try:
                workspace = workspace or self.opened()
                known: dict[tuple[str, str], list[Rotated]] = {}
                for one in rotated_of(workspace):
                    known.setdefault((one.shop.name, one.rotation.product), []).append(one)
                self._rotated = known
            except Exception as error:  # noqa: BLE001  what was known stays, and the door goes on
                log.warning("what is shown is not known anew", error=type(error).__name__)
            self._ended.wait(LOOK_EVERY)
        if workspace is not None:
            workspace.close()
