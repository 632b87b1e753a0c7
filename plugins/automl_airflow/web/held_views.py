"""What guards show of rollouts, as the API server holds it: read once for all who look.

A page looks at a rollout that goes on every two seconds. What its guard has written is a listing and a read of the
model storage, so fifty viewers would be fifty requests a second; here they are one or two.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from typing import Any

from automl_core.models.rollout import read_view
from automl_core.storage.base import ObjectStore

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds for which a view of a rollout is good enough: about as often as a guard looks."""

ENDED = 10.0
"""The same of a rollout that has ended."""

_KEPT = 16

Shown = tuple[dict[str, Any] | None, str | None]
"""A view, and why there is none where one can't be read."""


class HeldViews:
    """Views of one model's rollouts, shared by the threads of this process."""

    def __init__(self, store: ObjectStore, model: str) -> None:
        self._store, self._model = store, model
        self._reading = threading.Lock()
        self._known: OrderedDict[int, tuple[float, Shown]] = OrderedDict()

    def of(self, rollout: int, *, over: bool = False) -> Shown:
        """What the newest look at a rollout shows; who comes while another reads waits for what that finds.

        Args:
            rollout: its number.
            over: whether it has ended.

        Raises:
            StorageError: the store is away.
        """
        most = ENDED if over else EVERY
        with self._reading:
            known = self._known.get(rollout)
            if known is not None and time.monotonic() - known[0] < most and (not over or _is_over(known[1])):
                return known[1]
            began = time.monotonic()
            found = self._read(rollout)
            self._known[rollout] = (began, found)
            self._known.move_to_end(rollout)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return found

    def _read(self, rollout: int) -> Shown:
        try:
            return read_view(self._store, self._model, rollout), None
        except ValueError as error:
            log.warning("%s", error)
            return None, "the newest look at its tests can't be read: is it of a later release?"


def _is_over(shown: Shown) -> bool:
    """Whether a view tells of the end: one from before it is not kept for long."""
    view, problem = shown
    return problem is not None or view is None or view.get("ended") is not None
