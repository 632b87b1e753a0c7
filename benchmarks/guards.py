"""Hundreds of rollouts in one triggerer: what their guards cost, and how late one of them acts.

    python -m benchmarks.guards --rollouts 300 --wait 0.02          # at rest, then some turn bad
    python -m benchmarks.guards --rollouts 300 --wait 0.02 --busy   # each is told something new every second

The triggers are Airflow's own (`RolloutTrigger`) in one event loop with its threads; the store is in memory, and each
request to it takes `--wait` seconds. Bad ones: a server tells of a challenger that fails in every other answer.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import threading
import time
from collections import Counter
from typing import Any

import msgspec

from automl_airflow import stores
from automl_airflow.models import roll_trigger
from automl_airflow.models.roll_trigger import RolloutTrigger
from automl_core.models.life.rollouts import Step
from automl_core.models.rollout import Counts, Tally, write_tally
from automl_core.models.rollout.rules import Rules
from automl_core.storage.base import ObjectStore
from automl_core.storage.wrapper import StoreWrapper
from benchmarks.guard import begun
from tests.support.memory_store import MemoryStore


class Slow(StoreWrapper):
    """Counts requests, and takes a bucket's time for each; remembers when a version was taken back."""

    def __init__(self, inner: ObjectStore, wait: float) -> None:
        super().__init__(inner)
        self.wait, self.calls, self.taken_back = wait, Counter[str](), dict[str, float]()
        self._lock = threading.Lock()

    def _call(self, operation: str, key: str, call: Any) -> Any:
        time.sleep(self.wait)
        with self._lock:
            self.calls[operation] += 1
        return call()

    def create(self, key: str, data: bytes) -> bool:
        """See `ObjectStore.create`."""
        made = super().create(key, data)
        if made and b'"taken_back"' in data and "/looks/" not in key:
            self.taken_back.setdefault(key.split("/")[1], time.time())
        return made


def told(store: ObjectStore, name: str, place: int, errors: int) -> None:
    """What a server has counted in the last second."""
    now = time.time()
    sides = {1: Counts(100, 1, 0, 1.0, {20: 100}), 2: Counts(100, errors, 0, 1.0, {20: 100})}
    write_tally(store, name, Tally(1, 0, "srv", place, now - 1, now, sides))


async def measured(slow: Slow, names: list[str], seconds: float, bad: int, busy: bool) -> None:
    """Let the triggers run; print what they cost, and how late those are that turn bad."""
    rules = msgspec.to_builtins(Rules())
    arguments: dict[str, Any] = {"storage": slow.url, "connection": None, "rollout": 1, "version": 2, "rules": rules}
    tasks = [asyncio.create_task(_run(RolloutTrigger(model=name, **arguments))) for name in names]
    place, store = 1, slow.inner
    await asyncio.sleep(10 + len(names) / 20)  # all have begun
    for rows in (names, names[:bad]):
        slow.calls.clear()
        began, cpu = time.monotonic(), time.process_time()
        turned: dict[str, float] = {}
        while time.monotonic() - began < seconds:
            tick, place = time.monotonic(), place + 1
            for name in rows if busy or rows is not names else ():
                is_bad = rows is not names
                if is_bad and name in turned:
                    continue
                told(store, name, place, 50 if is_bad else 1)
                if is_bad:
                    turned[name] = time.time()
            await asyncio.sleep(max(0.0, 1 - (time.monotonic() - tick)))
        spent, wall = time.process_time() - cpu, time.monotonic() - began
        looks = sum(slow.calls.values())
        print(f"{len(names)} rollouts, {'busy' if busy else 'at rest'}: {spent / wall:.2f} of a core, "
              f"{looks / wall:.0f} requests a second ({looks / wall / len(names):.2f} each)")  # fmt: skip
    found = sorted(slow.taken_back[each] - at for each, at in turned.items() if each in slow.taken_back)
    print(f"{len(found)} of {bad} bad ones were taken back, after {statistics.median(found):.2f} s (median), "
          f"{found[-1]:.2f} s at most")  # fmt: skip
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _run(trigger: RolloutTrigger) -> None:
    async for _ in trigger.run():
        return


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=300)
    parser.add_argument("--wait", type=float, default=0.02)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--bad", type=int, default=20)
    parser.add_argument("--busy", action="store_true")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    slow = Slow(MemoryStore(), given.wait)
    names = [f"m{number}" for number in range(given.rollouts)]
    for name in names:
        begun(slow.inner, (Step(0.5, 1e9), Step(1.0, 1e9)), name)
    stores.shared_store = lambda *_: slow  # type: ignore[assignment]
    roll_trigger.TaskLog.say = lambda *_, **__: None  # type: ignore[method-assign]
    asyncio.run(measured(slow, names, given.seconds, given.bad, given.busy))


if __name__ == "__main__":
    main()
