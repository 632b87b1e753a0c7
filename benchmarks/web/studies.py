"""Experiments to look at: their journals, written record by record.

Six parameters, a value a trial and ten intermediate values, one in sixteen failed. The simulation would judge the whole
experiment after each of ten thousand trials; here nothing has to be judged.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from automl_core.running.simulation import SimulatedTraining
from automl_core.spec.loader import parse_experiment
from automl_core.states import TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from tests.support.memory_store import MemoryStore

STEPS = 10
PLACES = 16

SPEC = """\
name: {name}
output: {{storage: "file://{storage}"}}
goal: {{metric: accuracy, direction: maximize}}
search: {{algorithm: random, seed: 7}}
space:
  learning_rate: {{type: loguniform, low: 1.0e-4, high: 0.1}}
  units: {{type: int, low: 1, high: 64}}
  solver: {{type: choice, values: [adam, sgd, lbfgs]}}
  momentum: {{type: uniform, low: 0.0, high: 0.99}}
  dropout: {{type: uniform, low: 0.0, high: 0.7}}
  layers: {{type: int, low: 1, high: 6}}
trials: {{max: {trials}, concurrency: 16, retries: 0, max_failed: {trials}, canary: false}}
tasks:
  - {{name: train, command: ["true"], cost_per_hour: 3}}
"""


def combination(trial: int) -> dict[str, Any]:
    """A point of the space."""
    source = random.Random(f"combination {trial}")
    return {
        "learning_rate": 10 ** source.uniform(-4, -1),
        "units": source.randint(1, 64),
        "solver": source.choice(["adam", "sgd", "lbfgs"]),
        "momentum": source.uniform(0, 0.99),
        "dropout": source.uniform(0, 0.7),
        "layers": source.randint(1, 6),
    }


def curve(trial: int, params: Any) -> dict[int, float] | None:
    """What a trial reports: a noisy function of its combination, over ten steps; None where it fails."""
    source = random.Random(trial)
    if trial % 16 == 5:
        return None
    best = 0.98 - abs(math.log10(params["learning_rate"]) + 2) / 5 - abs(params["units"] - 40) / 300
    best += source.gauss(0, 0.01) - params["dropout"] * 0.05
    rate = source.uniform(0.3, 0.9)
    return {step: best * (1 - rate**step) for step in range(1, STEPS + 1)}


def training(binding: Binding, params: Any) -> SimulatedTraining:
    """The same for a simulation."""
    values = curve(binding.trial, params)
    if values is None:
        return SimulatedTraining({}, ending="fails")
    pace = random.Random(binding.trial).uniform(0.7, 1.5)
    return SimulatedTraining({step: {"accuracy": value} for step, value in values.items()}, seconds_per_step=pace)


def make_experiment(name: str, trials: int, storage: Path, run: str) -> str:
    """Write the journal of an experiment that has ended; returns the text of its file."""
    text = SPEC.format(name=name, trials=trials, storage=storage)
    experiment = parse_experiment(text, f"{name}.yaml")
    store, now = MemoryStore(), [1_795_000_000.0]
    journal = StudyJournal(store, experiment_prefix(name, run), clock=lambda: now[0])
    study = Study.create(journal, experiment, run, [])
    lanes = study.state.lanes is not None
    for trial in range(trials + PLACES):
        if trial >= PLACES:
            now[0] += 0.6
            journal.append("ended", ended(trial - PLACES, combination(trial - PLACES)))
        if trial < trials:
            journal.append("bound", bound(trial, lanes))
    study.finish()
    folder = FolderStore(storage)
    for key, data in store.objects.items():
        folder.put(key, data)
    return text


def bound(trial: int, lanes: bool) -> dict[str, Any]:
    """The record of a trial's start."""
    return {
        "slot": trial, "lane": trial % PLACES if lanes else None, "worker": "", "seen": 0, "budget": None,
        "bracket": None, "rung": None, "note": "", "params": combination(trial), "parent": None, "trial": trial,
    }  # fmt: skip


def ended(trial: int, params: Any) -> dict[str, Any]:
    """The record of a trial's end."""
    values = curve(trial, params)
    body: dict[str, Any] = {"slot": trial, "task": 0, "attempt": 1, "last": True, "cost": 0.008, "retry": False}
    if values is None:
        return {**body, "state": str(TrialState.FAILED), "reason": "it was meant to fail", "value": None, "metrics": {}}
    best = max(values.values())
    points = " ".join(f"{step}:{value:.9g}" for step, value in values.items())
    return {
        **body, "state": str(TrialState.SUCCEEDED), "reason": "", "value": best, "step": STEPS,
        "metrics": {"accuracy": best}, "curve": points,
    }  # fmt: skip
