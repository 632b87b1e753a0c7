"""The clock that all who write a journal share: one that was wrong, one put right, and a store that is away."""

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


class Machine:
    """A machine whose clock is so much ahead of the store's."""

    def __init__(self, skew: float) -> None:
        self.time, self.skew = 1e9, skew
        self.store = MemoryStore(clock=lambda: self.time)
        self.shared = SharedClock(self.store, "p/", lambda: self.time + self.skew, lambda: self.time - 1e9)

    def ask(self, newest: float) -> float:
        """How far off the shared time is, once it may have been asked for."""
        self.shared.ask(newest)
        return self.shared.now() - self.time


def test_a_clock_that_was_put_right_is_believed_again() -> None:
    """Else it would be a day late for as long as its process lives, and no lease that it looks at would end."""
    machine = Machine(DAY)
    assert machine.ask(machine.time) == pytest.approx(0, abs=1)
    machine.skew = 0.0
    machine.time += AGAIN
    assert machine.ask(machine.time - 10) == pytest.approx(0, abs=1)
    assert machine.shared.ahead == 0


def test_a_clock_that_is_still_ahead_stays_put_right() -> None:
    machine = Machine(DAY)
    for _ in range(3):
        assert machine.ask(machine.time) == pytest.approx(0, abs=1)
        machine.time += AGAIN


def test_a_clock_that_is_with_the_newest_record_asks_nothing() -> None:
    machine = Machine(0.0)
    machine.store.put = lambda key, data: pytest.fail("asked")  # type: ignore[method-assign]
    for _ in range(3):
        machine.ask(machine.time - 10)
        machine.time += AGAIN
