"""Long histories: what an ask takes, and what is written a record, with up to a hundred thousand trials.

The trials have six parameters, curves of thirty noisy epochs and two metrics. For each count and algorithm: the
journal's state is filled with records, its snapshot and segments are written into a store in memory, and then

- ``fresh``: a new journal is opened, read, and asked for a trial, as a task's process does (after its imports);
- ``warm``: a process that has asked before asks for the next one, its trial's end told in between;
- ``written``: bytes of snapshots, segments and records a record, over the records of the next trials;
- ``fold``: applying all records one by one, without any store.

Run it in the worktree of another release too: it uses nothing that older ones lack.

    python -m benchmarks.long_history --trials 1000 10000 50000 --algorithms evolution random
    python -m benchmarks.long_history --trials 100000 --algorithms random
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from automl_core.journal import Record
from automl_core.journal.records import Stored, encode, key_of
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.storage.base import NotFound
from automl_core.study import Binding, Outcome, Study, StudyJournal
from automl_core.study.entities import pack_curve
from benchmarks.journal import experiment as small

PREFIX = "benchmark/run/"


class Store:
    """Objects in memory, and the bytes that were written, by what they are."""

    url = "memory://"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.written: Counter[str] = Counter()

    def get(self, key: str) -> bytes:
        """See `ObjectStore.get`."""
        try:
            return self.objects[key]
        except KeyError:
            raise NotFound(key) from None

    def put(self, key: str, data: bytes) -> None:
        """See `ObjectStore.put`."""
        self.objects[key] = data
        self.written[key.removeprefix(PREFIX).partition("/")[0].partition(".")[0]] += len(data)

    def create(self, key: str, data: bytes) -> bool:
        """See `ObjectStore.create`."""
        if key in self.objects:
            return False
        self.put(key, data)
        return True

    def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
        """See `ObjectStore.list`."""
        return sorted(key for key in self.objects if key.startswith(prefix) and key > start_after)[:limit]


def experiment(trials: int, algorithm: str) -> Experiment:
    """The experiment of `benchmarks.journal`, with another algorithm."""
    body = small(2 * trials).model_dump(mode="json")
    body["search"]["algorithm"] = algorithm
    return Experiment.model_validate(body)


def trial_records(study: Study, trials: int, rng: random.Random) -> list[Record]:
    """What trials leave: one record that they were bound, one that they ended; eight at a time."""
    first, space = study.state.seq, study.space
    records: list[Record] = []

    def tell(kind: str, data: dict[str, Any]) -> None:
        records.append(Record(first + 1 + len(records), "", 1e9 + len(records), kind, data))

    for number in range(trials + 8):
        if number < trials:
            params = space.sample(rng)
            tell("bound", {"slot": number, "trial": number, "params": params, "seen": 1, "worker": "lane 1", "lane": 1})
        if number >= 8:
            value = rng.random()
            curve = pack_curve([(epoch, value * (1 - 1 / (epoch + 2)) + rng.gauss(0, 0.01)) for epoch in range(30)])
            tell("ended", {
                "slot": number - 8, "task": 0, "attempt": 1, "state": "SUCCEEDED", "last": True, "value": value,
                "step": 29, "metrics": {"accuracy": value, "loss": rng.random()}, "curve": curve, "cost": 0.0,
            })  # fmt: skip
    return records


def apply(journal: StudyJournal, records: list[Record]) -> None:
    """Take records in."""
    for record in records:
        assert journal.state.apply(record) is None


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of a call, which other processes on the machine change least, and its answer."""
    before = time.process_time()
    found = call()
    return time.process_time() - before, found


def measure(trials: int, algorithm: str, again: int, more: int) -> dict[str, Any]:
    """One row of the table."""
    rng, store = random.Random(trials), Store()
    study = Study.create(StudyJournal(store, PREFIX), experiment(trials, algorithm), "run", [])
    first = len(store.objects[PREFIX + "journal/" + key_of(1)])
    records, journal = trial_records(study, trials, rng), study.journal
    at, every = 0, 512  # segments are written as they come while a journal grows
    store.written.clear()
    fold = 0.0
    grown = Counter[str]()
    while at < len(records):
        took, _ = seconds(lambda: apply(journal, records[at : at + every]))  # noqa: B023 - called at once
        fold, at = fold + took, at + every
        if hasattr(journal.state, "seal") or at >= len(records):
            journal.write_snapshot()
    grown["segments"] = store.written["journal-segments"]
    last = records[-1]
    store.put(PREFIX + "journal/" + key_of(last.seq), encode(Stored(last, last.seq - 1)))
    whole = len(store.objects[PREFIX + "journal-snapshot.json.gz"])

    def fresh() -> Study:
        opened = Study.load(StudyJournal(store, PREFIX))
        assert isinstance(opened.ask(), Binding)
        return opened

    asked = [seconds(fresh) for _ in range(again)]
    warm_study = asked[-1][1]
    store.written.clear()
    told, warm = 0, []
    for number in range(more):
        took, answer = seconds(warm_study.ask)
        assert isinstance(answer, Binding)
        warm.append(took)
        value = rng.random()
        curve = tuple((epoch, value * (1 - 1 / (epoch + 2)) + rng.gauss(0, 0.01)) for epoch in range(30))
        outcome = Outcome(TrialState.SUCCEEDED, value=value, step=29, metrics={"accuracy": value}, curve=curve)
        assert warm_study.tell(answer, outcome).accepted
        told = number + 1
    written = {name: store.written[name] / (2 * told) for name in ("journal-snapshot", "journal")}
    written["segments"] = grown["segments"] / len(records)
    return {
        "trials": trials, "algorithm": algorithm,
        "fresh_s": round(min(took for took, _ in asked), 3), "warm_s": round(statistics.median(warm), 4),
        "fold_s": round(fold, 2), "snapshot_kb": round(whole / 1e3), "first_record_kb": round(first / 1e3),
        "segments": sum(1 for key in store.objects if "journal-segments" in key),
        "written": {name: round(size) for name, size in written.items()}, "written_all": round(sum(written.values())),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip


def main() -> None:
    """Print a row of JSON for each count and algorithm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 10_000, 50_000])
    parser.add_argument("--algorithms", nargs="+", default=["evolution", "random"])
    parser.add_argument("--again", type=int, default=3, help="fresh asks, of which the shortest counts")
    parser.add_argument("--more", type=int, default=300, help="trials that are asked for and told one by one after")
    options = parser.parse_args()
    for trials in options.trials:
        for algorithm in options.algorithms:
            print(json.dumps(measure(trials, algorithm, options.again, options.more)), flush=True)


if __name__ == "__main__":
    main()
