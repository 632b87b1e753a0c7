"""The clock that all who write a journal share: one that was wrong, and one that was put right since."""

from __future__ import annotations

import pytest

from automl_core.journal.clock import AGAIN, SharedClock
from tests.support.memory_store import MemoryStore

DAY = 86_400.0


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
