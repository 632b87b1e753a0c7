"""SMAC3's MultiFidelityFacade (Hyperband, random forest) through its ask and tell."""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path

import smac
from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, InCondition, UniformIntegerHyperparameter
from smac.runhistory import TrialValue

from automl_core.space import Parameter, Space
from benchmarks.search.budgets import Work
from benchmarks.search.peers.budget import at, grid


class SmacHyperband:
    """The facade with its defaults, told that losses are deterministic."""

    def __init__(self, space: Space, epochs: int, seed: int) -> None:
        """Make the facade; what it writes goes to a folder that is deleted with it."""
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        self.space = space
        self.folder = tempfile.TemporaryDirectory(prefix="smac-")
        scenario = smac.Scenario(
            _configuration_space(space, seed), deterministic=True, n_trials=100_000, min_budget=1, max_budget=epochs,
            seed=seed, output_directory=Path(self.folder.name),
        )  # fmt: skip
        intensifier = smac.MultiFidelityFacade.get_intensifier(scenario, eta=3)
        self.facade = smac.MultiFidelityFacade(
            scenario, lambda config, seed=0, budget=1: 0.0, intensifier=intensifier, logging_level=False,
            overwrite=True,
        )  # fmt: skip

    def ask(self) -> Work:
        """A configuration and the epochs that it is to be trained for."""
        info = self.facade.ask()
        places = {name: int(place) for name, place in dict(info.config).items()}
        return Work(at(self.space, places), max(int(info.budget), 1), resumes=True, handle=info)

    def report(self, work: Work, epoch: int, loss: float) -> bool:
        """Whether the job goes on: to its own number of epochs."""
        if epoch < work.target:
            return True
        self.facade.tell(work.handle, TrialValue(cost=loss), save=False)
        return False


def _configuration_space(space: Space, seed: int) -> ConfigurationSpace:
    made = ConfigurationSpace(seed=seed)
    parts = {parameter.name: _hyperparameter(parameter) for parameter in space.dimensions}
    made.add(*parts.values())
    for parameter in space.dimensions:
        for parent, values in parameter.when.items():
            allowed = [str(i) for i, value in enumerate(grid(space.by_name[parent])) if value in values]
            made.add(InCondition(parts[parameter.name], parts[parent], allowed))
    return made


def _hyperparameter(parameter: Parameter) -> CategoricalHyperparameter | UniformIntegerHyperparameter:
    count = len(grid(parameter))
    if parameter.kind == "categorical":
        return CategoricalHyperparameter(parameter.name, [str(i) for i in range(count)])
    return UniformIntegerHyperparameter(parameter.name, 0, count - 1)
