"""Counts of open rollouts on their way to the bucket: none lost while the store is away, and few held."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl_core.models.rollout.tallies import Tally, list_tallies, read_tally
from automl_core.serving.following import Route
from automl_core.serving.tallying import Tallies, _few
from automl_core.storage import open_store
from automl_core.storage.base import StorageUnavailable
from automl_core.storage.wrapper import StoreWrapper
from tests.unit.serving.world import together, until

ROUTE = Route("churn", 7, 1, {1: 0.5, 2: 0.5}, {}, {}, rollout=4, p99=0.2)


class Flaky(StoreWrapper):
    """A store that is away as long as a test wants it to be."""

    away = False
    tried = 0

    def _call(self, operation: str, key: str, call: Any) -> Any:
        if self.away:
            self.tried += 1
            raise StorageUnavailable("away")
        return call()


def found(store: Any, rollout: int = 4) -> list[Tally]:
    read = [read_tally(store, each.key) for each in list_tallies(store, "churn", rollout)]
    return sorted((each for each in read if each is not None), key=lambda each: each.place)


def test_what_is_due_is_brought_and_nothing_is_asked_of_the_store_before(tmp_path: Path) -> None:
    store = Flaky(open_store(f"file://{tmp_path}"))

    async def test() -> None:
        tallies = Tallies(store, "here", every=0.01)
        tallies.start()
        tallies.add(replace(ROUTE, rollout=None), 1, 0.1)  # no rollout is open
        assert tallies._rollouts == {}
        tallies.add(ROUTE, 1, 0.1)
        tallies.add(ROUTE, 2, 0.3, error=True)
        await until(lambda: bool(found(store)))
        tallies.moved(replace(ROUTE, rollout=None))
        tallies.add(ROUTE, 1, 0.1)
        tallies.moved(replace(ROUTE, rollout=5))
        tallies.add(ROUTE, 1, 0.1)  # it was asked in a rollout that has ended since
        tallies.add(replace(ROUTE, rollout=5), 1, 0.1)
        assert await tallies.stop() == 0

    asyncio.run(test())
    (tally,) = found(store)
    assert (tally.place, tally.server, tally.versions[2].errors, tally.versions[2].slow) == (1, "here", 1, 1)
    assert (tally.versions[1].answers, tally.versions[1].slow) == (1, 0)
    assert together(found(store, 5), 1).answers == 1


def test_while_the_store_is_away_nothing_is_lost_and_little_is_held(tmp_path: Path) -> None:
    store = Flaky(open_store(f"file://{tmp_path}"))

    async def test() -> None:
        tallies = Tallies(store, "here", every=60)
        store.away = True
        for number in range(1000):
            step = number // 500
            tallies.moved(replace(ROUTE, step=step))
            tallies.add(replace(ROUTE, step=step), 1 + number % 2, 0.1)
            rollout = tallies._rollouts["churn"]
            rollout.taken.append(rollout.counting.take(float(number)))
            rollout.taken = _few(rollout.taken)
            if number % 50 == 0:
                await tallies._write("churn", rollout)
        assert store.tried > 5
        assert 0 < tallies.waiting < 400
        assert tallies.behind > 0
        store.away = False
        assert await tallies.stop() == 0
        assert (tallies.waiting, tallies.behind) == (0, 0.0)

    asyncio.run(test())
    brought = found(store)
    assert len({each.place for each in brought}) == len(brought) < 400
    for step in (0, 1):
        of_step = [each for each in brought if each.step == step]
        assert [together(of_step, version).answers for version in (1, 2)] == [250, 250]


def test_a_store_that_stays_away_does_not_keep_a_server_from_its_end(tmp_path: Path) -> None:
    store = Flaky(open_store(f"file://{tmp_path}"))
    store.away = True

    async def test() -> None:
        tallies = Tallies(store, "here")
        tallies.start()
        tallies.add(ROUTE, 1, 0.1)
        assert await tallies.stop(0.05) == 1, "and what is lost is said"

    asyncio.run(test())
