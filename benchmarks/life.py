"""What was in use at a time, of a model with ten thousand records: requests to S3 and seconds, cold.

Every record is written by the acts themselves: a champion that is replaced now and then, and intervals that are scored
day after day. Then a process that knows nothing asks: what is in use now, and what was half way.

    python -m benchmarks.life --records 10000 --store s3
    python -m benchmarks.life --records 10000 --store folder
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import Any

from automl_core.models.life import ModelLife, Person, Source, in_use_at, interval_key
from automl_core.storage import open_store
from benchmarks.journal import s3_store

DAY = 86_400.0
EACH = 1_000
"""Records after which another version replaces the champion."""

ANNA = Person("anna", "rest")


class Clock:
    """Simulated seconds."""

    def __init__(self) -> None:
        self.now = 1.7e9

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def live(store: Any, records: int) -> tuple[float, float]:
    """Write a model's life. Returns the simulated time half way, and seconds that an act took in the mean."""
    clock = Clock()
    life = ModelLife.open(store, "churn", clock=clock)
    day, acts, begun = 0, 0, time.perf_counter()
    half = clock.now
    while life.state.seq < records:
        if life.state.seq >= EACH * len(life.state.versions):
            replace(store, life)
        start = day * DAY
        champion = life.state.champion
        assert champion is not None
        claim = life.begin_interval(interval_key(start, start + DAY), start, start + DAY, champion, run=f"run {day}")
        life.end_interval(claim, rows=100_000, out=f"s3://lake/scores/ds={day}/", digest=f"{day:064x}")
        day, acts = day + 1, acts + 2
        if life.state.seq <= records // 2:
            half = clock.now
    return half, (time.perf_counter() - begun) / acts


def replace(store: Any, life: ModelLife) -> None:
    """A new version from its offer to its use."""
    run = f"run{len(life.state.versions)}"
    store.put(f"churn/{run}/best_model/model/weights.bin", run.encode())
    version = life.offer(Source(store.url, "churn", run), (store, f"churn/{run}/best_model/"), ANNA).number
    digest = life.evaluated(version, {"champion": life.state.champion, "mark": run, "verdict": {"ok": True}})
    life.ask(version, digest, until=life.now() + DAY)
    life.accept(version, digest, ANNA, "better")
    life.put_in_use(version, ANNA)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--store", choices=["folder", "s3"], default="s3")
    options = parser.parse_args()
    if options.store == "s3":
        with s3_store() as (fresh, counter):
            half, act = live(fresh(), options.records)
            show(fresh, half, act, counter)
    else:
        with tempfile.TemporaryDirectory() as folder:
            half, act = live(open_store(folder), options.records)
            show(lambda: open_store(folder), half, act, None)


def show(fresh: Any, half: float, act: float, counter: Any) -> None:
    """Ask a few times, each with a store opened anew, and print the figures."""
    for when, name in ((None, "now"), (half, "half way")):
        seconds, requests = [], []
        for _ in range(5):
            store = fresh()
            before = counter.requests if counter is not None else 0
            begun = time.perf_counter()
            found = in_use_at(store, "churn", when)
            seconds.append(time.perf_counter() - begun)
            requests.append(counter.requests - before if counter is not None else 0)
        asked = f"{max(requests)} requests, " if counter is not None else ""
        print(f"in use {name}: version {found.champion}; {asked}{sorted(seconds)[2] * 1000:.0f} ms")
    store = fresh()
    sizes = {entry.key.rpartition("/")[2]: entry.size for entry in store.entries("_models/churn/journal-")}
    print(f"an act: {act * 1000:.1f} ms; snapshot: {', '.join(f'{size:,} bytes' for size in sizes.values())}")


if __name__ == "__main__":
    main()
