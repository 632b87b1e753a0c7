"""Experiments to look at: the same trials as an experiment of ours and as a study of Optuna's.

Six parameters, a value a trial and ten intermediate values, one in sixteen failed; made by the simulation.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from automl_core.running.simulation import SimulatedTraining, Simulation
from automl_core.spec.loader import parse_experiment
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding

STEPS = 10

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
trials: {{max: {trials}, concurrency: 16, retries: 0, max_failed: {trials}}}
tasks:
  - {{name: train, command: ["true"], cost_per_hour: 3}}
"""


def training(binding: Binding, params: Any) -> SimulatedTraining:
    """What a trial reports: a noisy function of its combination, over ten steps."""
    source = random.Random(binding.trial)
    if binding.trial % 16 == 5:
        return SimulatedTraining({}, ending="fails")
    best = 0.98 - abs(math.log10(params["learning_rate"]) + 2) / 5 - abs(params["units"] - 40) / 300
    best += source.gauss(0, 0.01) - params["dropout"] * 0.05
    rate = source.uniform(0.3, 0.9)
    steps = {step: {"accuracy": best * (1 - rate**step)} for step in range(1, STEPS + 1)}
    return SimulatedTraining(steps, seconds_per_step=source.uniform(0.7, 1.5))


def make_experiment(name: str, trials: int, storage: Path, run: str) -> str:
    """Lay an experiment's folder down; returns the text of its file."""
    text = SPEC.format(name=name, trials=trials, storage=storage)
    Simulation(parse_experiment(text, f"{name}.yaml"), training, FolderStore(storage), run=run).run()
    return text
