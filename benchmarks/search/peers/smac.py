"""SMAC3's facades through their ask and tell."""

from __future__ import annotations

import logging
import math
import tempfile
import warnings
from pathlib import Path
from typing import Any

import smac
from ConfigSpace import (
    CategoricalHyperparameter,
    Configuration,
    ConfigurationSpace,
    InCondition,
    UniformFloatHyperparameter,
    UniformIntegerHyperparameter,
)
from smac.runhistory import StatusType, TrialInfo, TrialValue

from automl_core.space import Parameter, Params, Space
from benchmarks.search.peers.nesting import flat
from benchmarks.search.problems import Problem


class Smac:
    """A facade with its defaults, told that losses are deterministic."""

    def __init__(self, problem: Problem, trials: int, pending: int, seed: int, facade: str) -> None:
        """Make the facade; what it writes goes to a folder that is deleted with it."""
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        self.space = problem.space
        self.folder = tempfile.TemporaryDirectory(prefix="smac-")
        scenario = smac.Scenario(
            configuration_space(self.space, seed), deterministic=True, n_trials=trials, seed=seed,
            output_directory=Path(self.folder.name),
        )  # fmt: skip
        self.facade = getattr(smac, facade)(scenario, lambda config, seed=0: 0.0, logging_level=False, overwrite=True)
        self.running: dict[int, Any] = {}
        self.highest = -math.inf

    def ask(self) -> Params:
        """The next configuration; SMAC keeps those under way in its run history."""
        info = self.facade.ask()
        params = flat(self.space, dict(info.config))
        self.running[id(params)] = info
        return params

    def tell(self, params: Params, loss: float | None) -> None:
        """A failure is told as a crash that costs the highest loss so far: its default, infinity, breaks its model."""
        info = self.running.pop(id(params))
        if loss is None:
            self.facade.tell(info, TrialValue(cost=self._penalty, status=StatusType.CRASHED), save=False)
        else:
            self.highest = max(self.highest, loss)
            self.facade.tell(info, TrialValue(cost=loss), save=False)

    def add(self, params: Params, loss: float) -> None:
        """A finished trial that was not asked for."""
        config = Configuration(self.facade.scenario.configspace, values=dict(params))
        self.facade.tell(TrialInfo(config, seed=0), TrialValue(cost=loss), save=False)

    @property
    def _penalty(self) -> float:
        return self.highest if math.isfinite(self.highest) else 0.0


def configuration_space(space: Space, seed: int) -> ConfigurationSpace:
    """The space with its conditions."""
    made = ConfigurationSpace(seed=seed)
    parts = {parameter.name: _hyperparameter(parameter) for parameter in space.parameters}
    made.add(*parts.values())
    for parameter in space.parameters:
        for parent, values in parameter.when.items():
            made.add(InCondition(parts[parameter.name], parts[parent], list(values)))
    return made


def _hyperparameter(parameter: Parameter) -> Any:
    if parameter.kind in ("categorical", "fixed"):
        return CategoricalHyperparameter(parameter.name, list(parameter.options))
    if parameter.kind == "int":
        return UniformIntegerHyperparameter(parameter.name, int(parameter.low), int(parameter.high), log=parameter.log)
    return UniformFloatHyperparameter(parameter.name, parameter.low, parameter.high, log=parameter.log)
