"""Experiments on simulated time, and what must be true of each of them whatever happened in it."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

from automl_core.journal import SNAPSHOT, Record
from automl_core.results import publish_study
from automl_core.running.simulation import SimulatedRun, SimulatedTraining, Simulation, Trainer
from automl_core.space import Params, Space
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.state import State
from tests.support.memory_store import MemoryStore

STEPS = 6


def experiment(**groups: Any) -> Experiment:
    """A small experiment file; each argument replaces a group of it, or what it names of the group."""
    body: dict[str, Any] = {
        "name": "e",
        "goal": {"metric": "accuracy", "direction": "maximize"},
        "search": {"algorithm": "random", "seed": 5},
        "space": {
            "x": {"type": "uniform", "low": 0.0, "high": 1.0},
            "kind": {"type": "choice", "values": ["a", "b", "c"]},
        },
        "trials": {"max": 30, "concurrency": 4, "retry_delay": 2},
        "tasks": [{"name": "train", "command": ["train"]}],
    }
    for name, group in groups.items():
        merge = isinstance(group, dict) and name != "space"
        body[name] = {**body.get(name, {}), **group} if merge else group
    return Experiment.model_validate(body)


def learns(params: Params, steps: int = STEPS, start: int = 0) -> dict[int, dict[str, float]]:
    """A curve that rises towards a height of the combination's own."""
    height = 1 - (float(params["x"]) - 0.3) ** 2  # type: ignore[arg-type]
    return {step: {"accuracy": height * (1 - 0.5 ** (step + 1))} for step in range(start, steps)}


def good(binding: Binding, params: Params) -> SimulatedTraining:
    """Train to the end, from where the checkpoint to go on from left off."""
    if binding.budget is None:
        return SimulatedTraining(learns(params))
    return SimulatedTraining(learns(params, binding.budget, binding.resume_budget or 0))


def moody(seed: int) -> Trainer:
    """Training that does anything, the same for the same attempt: at the fourth one at the latest it does well."""

    def train(binding: Binding, params: Params) -> SimulatedTraining:
        rng = random.Random(f"{seed}:{binding.slot}:{binding.task}:{binding.attempt}")
        well = good(binding, params)
        mood = rng.random() if binding.attempt < 4 else 0.0
        seconds = rng.uniform(0.5, 3.0)
        if mood < 0.6:
            return SimulatedTraining(well.metrics, seconds)
        first = dict(list(well.metrics.items())[: rng.randrange(STEPS)])
        if mood < 0.75:
            return SimulatedTraining(first, seconds, "fails")
        if mood < 0.85:
            return SimulatedTraining(first, seconds, "worker_dies")
        if mood < 0.9:
            return SimulatedTraining({}, seconds)  # ends well, with no metric
        wrong = rng.choice([math.nan, math.inf, -math.inf])
        return SimulatedTraining({**first, len(first): {"accuracy": wrong}}, seconds)

    return train


def simulate(
    spec: Experiment,
    trainer: Trainer = good,
    *,
    prepare: Callable[[Simulation], object] | None = None,
    distinct: bool = True,
    ahead: int = 0,
    start_delay: float = 0.0,
) -> SimulatedRun:
    """Run an experiment and check everything that must be true of any."""
    store = MemoryStore()
    simulation = Simulation(spec, trainer, store, ahead=ahead, start_delay=start_delay)
    if prepare is not None:
        prepare(simulation)
    run = simulation.run()
    records = list(StudyJournal(store, run.study.journal.prefix).records())
    _everything_has_ended(run)
    _nothing_is_lost_or_counted_twice(run)
    if distinct:
        keys = [Space.key(trial.params) for trial in run.study.state.trials]
        assert len(set(keys)) == len(keys), "a combination was given twice"
    _never_more_at_once_than_allowed(spec, records)
    _any_reader_sees_the_same(run, store, records)
    _the_result_tells_all(run, store)
    return run


def told(run: SimulatedRun) -> list[tuple[int, float, str, dict[str, Any]]]:
    """The journal without the marks by which a writer knows its own records."""
    records = StudyJournal(run.study.journal.store, run.study.journal.prefix).records()
    return [(record.seq, record.time, record.kind, record.data) for record in records]


def _everything_has_ended(run: SimulatedRun) -> None:
    state = run.study.state
    assert state.stop is run.stop
    assert not state.skipped
    for work in state.works.values():
        assert work.state.ended, f"slot {work.slot} is {work.state}"
        assert work.ended is not None
        assert all(attempt.state is not TrialState.RUNNING for attempt in work.attempts)
        assert (work.counts is not None) == work.state.has_value
        assert work.counts is None or math.isfinite(work.counts)


def _nothing_is_lost_or_counted_twice(run: SimulatedRun) -> None:
    study, state = run.study, run.study.state
    assert [trial.number for trial in state.trials] == list(range(len(state.trials)))
    assert sorted(state.order) == sorted(state.works), "each piece of work ends once"
    assert sorted(slot for trial in state.trials for slot in trial.slots) == sorted(state.works)
    if state.lanes is None:
        unbound = set(study.unbound())
        assert set(run.skipped) == unbound, "a slot was neither worked on nor skipped"
        assert sorted(unbound | state.works.keys()) == list(range(state.plan["slots"]))
    for work in state.works.values():
        assert work.failures <= 1 + study.experiment.trials.retries
    progress = study.progress()
    assert progress.running == progress.waiting == 0
    states = [state.state_of(trial) for trial in state.trials]
    assert progress.failed == states.count(TrialState.FAILED)
    assert progress.succeeded == sum(one.has_value for one in states)


def _never_more_at_once_than_allowed(spec: Experiment, records: list[Record]) -> None:
    state = State()
    for record in records:
        assert state.apply(record) is None
        assert len(state.running) <= spec.trials.concurrency, f"record {record.seq}: too many at once"


def _any_reader_sees_the_same(run: SimulatedRun, store: MemoryStore, records: list[Record]) -> None:
    prefix, state = run.study.journal.prefix, run.study.state
    assert Study.load(StudyJournal(store, prefix)).state == state, "from the snapshot on"
    bare = MemoryStore()
    bare.objects = {key: data for key, data in store.objects.items() if not key.endswith(SNAPSHOT)}
    assert Study.load(StudyJournal(bare, prefix)).state == state, "from the first record on"
    assert len(records) == state.seq


def _the_result_tells_all(run: SimulatedRun, store: MemoryStore) -> None:
    study = run.study
    published = publish_study(study)
    first = dict(store.objects)
    body = json.loads(store.get(study.journal.prefix + "controller.json"))
    assert [trial["number"] for trial in body["trials"]] == list(range(len(study.state.trials)))
    assert [trial["state"] for trial in body["trials"]] == [study.state.state_of(trial) for trial in study.state.trials]
    best = study.best()
    assert (published.best_trial, published.best_value) == (best or (None, None))
    assert body["experiment"]["stop_reason"] == run.stop.reason
    publish_study(study)
    assert store.objects == first, "publishing again gives the same bytes"
