"""Experiments told record by record, on a simulated clock, to see what is published of them."""

from __future__ import annotations

from typing import Any

from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.base import ObjectStore
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import LOG_FILE, METRICS_FILE, trial_prefix
from automl_core.study.state import State
from tests.support.memory_store import MemoryStore

START = 1_790_000_000.0
"""2026-09-21T14:13:20Z."""


class Clock:
    """Seconds since 1970, moved on by hand."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def experiment(**groups: Any) -> Experiment:
    """A small experiment file; each argument replaces or adds to a group of it."""
    body: dict[str, Any] = {
        "name": "digits",
        "goal": {"metric": "accuracy", "direction": "maximize"},
        "space": {
            "lr": {"type": "loguniform", "low": 1e-5, "high": 0.1},
            "solver": {"type": "choice", "values": ["adam", "sgd"]},
        },
        "trials": {"max": 4, "concurrency": 2},
        "tasks": [{"name": "train", "command": ["train"], "cost_per_hour": 36.0}],
    }
    for name, group in groups.items():
        body[name] = {**body.get(name, {}), **group} if isinstance(group, dict) and name != "space" else group
    return Experiment.model_validate(body)


class Lab:
    """One experiment, its journal and its clock."""

    def __init__(
        self,
        spec: Experiment | None = None,
        *,
        store: ObjectStore | None = None,
        run: str = "run-1",
        plan: dict[str, Any] | None = None,
        now: float = START,
    ) -> None:
        self.spec = spec or experiment()
        self.store = store if store is not None else MemoryStore()
        self.prefix = f"{self.spec.name}/{run}/"
        self.clock = Clock(now)
        self.journal = StudyJournal(self.store, self.prefix, clock=self.clock, sleep=lambda _: None)
        trials = self.spec.trials.max
        data = {
            "experiment": self.spec.model_dump(mode="json"),
            "name": self.spec.name,
            "run": run,
            "overrides": [],
            "algorithm": "random",
            "plan": plan or {"slots": trials, "trials": trials, "units": None, "note": "as asked for"},
            "proposals": [],
        }
        self.journal.append("created", data)

    @property
    def state(self) -> State:
        return self.journal.state

    def replayed(self) -> State:
        """The state after a round trip through its snapshot, as another process reads it."""
        self.journal.write_snapshot()
        return StudyJournal(self.store, self.prefix).refresh()

    def bind(self, trial: int | None = None, **data: Any) -> int:
        """Bind the next slot: to a new trial, or to a known one for more budget."""
        slot = len(self.state.works)
        number = len(self.state.trials) if trial is None else trial
        params = data.pop("params", {"lr": 0.001 * (number + 1), "solver": "adam"})
        self.journal.append(
            "bound",
            {"slot": slot, "trial": number, "params": params, "seen": self.state.seq, "worker": "host-1", **data},
        )
        return slot

    def attempt(self, slot: int, task: int = 0) -> None:
        self.journal.append("attempt", {"slot": slot, "task": task, "worker": "host-2"})

    def end(
        self,
        slot: int,
        value: float | None = None,
        *,
        state: TrialState = TrialState.SUCCEEDED,
        task: int = 0,
        **data: Any,
    ) -> None:
        """End the running attempt at a training task, at the price of one a hundred seconds."""
        attempt = self.state.works[slot].last_attempt(task)
        assert attempt is not None
        seconds = self.clock.now - attempt.started
        body = {
            "slot": slot, "task": task, "attempt": attempt.number, "state": str(state),
            "last": task == len(self.spec.tasks) - 1, "value": value, "step": 9 if value is not None else None,
            "metrics": {"accuracy": value} if value is not None else {}, "cost": seconds / 100,
        }  # fmt: skip
        assert self.journal.append("ended", body | data) is not None

    def trial(self, value: float | None = None, seconds: float = 10.0, **data: Any) -> int:
        """A whole trial from its start to its end."""
        state = data.pop("state", TrialState.SUCCEEDED if value is not None else TrialState.FAILED)
        slot = self.bind(**data)
        self.clock.now += seconds
        self.end(slot, value, state=state, reason="exit code 1" if state is TrialState.FAILED else "")
        self.keep(slot)
        return slot

    def keep(self, slot: int) -> None:
        """Leave in the store what the runner leaves of an attempt."""
        work = self.state.works[slot]
        folder = self.prefix + trial_prefix(work.trial)
        self.store.put(folder + LOG_FILE, f"log of slot {slot}\n".encode())
        self.store.put(folder + METRICS_FILE, b'{"trial":%d}' % work.trial)
        self.store.put(f"{folder}checkpoints/final/state.bin", b"checkpoint of slot %d" % slot)
        if work.state.has_value:
            self.store.put(f"{folder}model/weights.bin", b"weights of slot %d" % slot)

    def stop(
        self,
        state: ExperimentState = ExperimentState.FINISHED,
        reason: str = "all trials have run",
        kind: str = "max_trials",
        running: str = "drain",
    ) -> None:
        self.journal.append("stop", {"kind": kind, "state": str(state), "reason": reason, "running": running})
