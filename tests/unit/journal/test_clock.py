"""The clock that all who write a journal share."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.journal.clock import AFTER_FAILURE, AGAIN, SharedClock
from automl_core.storage.base import StorageUnavailable
from tests.support.memory_store import MemoryStore

DAY = 86_400.0
NEWEST = 1_000_000.0


class Scene:
    """A machine whose clock is a day ahead, and a store that may be away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.steady, self.away = NEWEST + 120, 0.0, False
        self.asked = 0
        store = MemoryStore(clock=lambda: self.now)
        put = store.put

        def may_be_away(*given: Any) -> None:
            self.asked += 1
            if self.away:
                raise StorageUnavailable("away")
            put(*given)

        monkeypatch.setattr(store, "put", may_be_away)
        self.clock = SharedClock(store, "journal/", lambda: self.now + DAY, lambda: self.steady)

    def passes(self, seconds: float) -> None:
        self.now, self.steady = self.now + seconds, self.steady + seconds


def test_a_store_that_was_away_is_asked_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.away = True
    scene.clock.ask(NEWEST)
    scene.away = False
    scene.clock.ask(NEWEST)
    assert scene.asked == 1, "not at each act"
    scene.passes(AFTER_FAILURE)
    scene.clock.ask(NEWEST)
    assert scene.clock.now() == pytest.approx(scene.now), "an hour by the wrong clock would end everybody's leases"


def test_what_is_known_of_a_clock_outlasts_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.clock.ask(NEWEST)
    scene.passes(AGAIN)
    scene.away = True
    scene.clock.ask(NEWEST)
    assert scene.asked == 2
    assert scene.clock.now() == pytest.approx(scene.now)
