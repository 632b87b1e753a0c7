"""Optuna's TPE with a pruner that is asked after every epoch, as its documentation has it."""

from __future__ import annotations

import warnings
from typing import Any

import optuna

from automl_core.space import Params, Space
from benchmarks.search.budgets import Work
from benchmarks.search.peers.budget import at, grid


class OptunaPruned:
    """A trial trains until it is pruned; Optuna resumes none."""

    def __init__(self, space: Space, epochs: int, seed: int, pruner: str) -> None:
        """Make a study; the pruner knows the smallest and the largest budget and the factor."""
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore")
        made: Any
        if pruner == "HyperbandPruner":
            made = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3)
        else:
            made = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)
        self.study = optuna.create_study(study_name="benchmark", sampler=sampler, pruner=made)
        self.space, self.epochs = space, epochs

    def ask(self) -> Work:
        """A new trial, trained all the way unless it is pruned."""
        trial = self.study.ask()
        places: dict[str, int] = {}
        params: Params = {}
        for parameter in self.space.parameters:
            if self.space.is_active(parameter, params):
                values = grid(parameter)
                if parameter.kind == "categorical":
                    option = trial.suggest_categorical(parameter.name, values)
                    places[parameter.name] = values.index(option)
                else:
                    places[parameter.name] = trial.suggest_int(parameter.name, 0, len(values) - 1)
                params = at(self.space, places)
        return Work(params, self.epochs, handle=trial)

    def report(self, work: Work, epoch: int, loss: float) -> bool:
        """Whether the trial goes on."""
        work.handle.report(loss, epoch)
        pruned = epoch < work.target and work.handle.should_prune()
        if epoch < work.target and not pruned:
            return True
        if pruned:  # its value is the last one reported
            self.study.tell(work.handle, state=optuna.trial.TrialState.PRUNED)
        else:
            self.study.tell(work.handle, loss)
        return False
