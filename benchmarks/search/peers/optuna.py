"""Optuna's samplers through its ask and tell."""

from __future__ import annotations

import warnings
from typing import Any

import optuna
from optuna import distributions

from automl_core.space import Parameter, Params
from benchmarks.search.problems import Problem


class Optuna:
    """A study in memory; parameters are asked in the order of the space, children only where they are active."""

    def __init__(self, problem: Problem, trials: int, pending: int, seed: int, sampler: str) -> None:
        """Make a study.

        TPE as Optuna advises for conditional spaces (multivariate, which is its default, in groups); trials under way
        are known to it by a constant liar, its default too. The Gaussian process is told that losses are
        deterministic, as SMAC is.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore")
        made: Any
        if sampler == "tpe":
            made = optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)
        else:
            made = optuna.samplers.GPSampler(seed=seed, deterministic_objective=True)
        self.study = optuna.create_study(sampler=made)
        self.space = problem.space
        self.trials: dict[int, Any] = {}

    def ask(self) -> Params:
        """A trial's parameters, suggested one after the other."""
        trial = self.study.ask()
        params: Params = {}
        for parameter in self.space.parameters:
            if self.space.is_active(parameter, params):
                params[parameter.name] = self._suggest(trial, parameter)
        self.trials[id(params)] = trial
        return params

    def tell(self, params: Params, loss: float | None) -> None:
        """A failure is told as one."""
        trial = self.trials.pop(id(params))
        if loss is None:
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(trial, loss)

    def add(self, params: Params, loss: float) -> None:
        """A finished trial that was not asked for."""
        known = {name: distribution(self.space.by_name[name]) for name in params}
        self.study.add_trial(optuna.trial.create_trial(params=dict(params), distributions=known, value=loss))

    @staticmethod
    def _suggest(trial: Any, parameter: Parameter) -> Any:
        if parameter.kind in ("categorical", "fixed"):
            return trial.suggest_categorical(parameter.name, list(parameter.options))
        if parameter.kind == "int":
            return trial.suggest_int(parameter.name, int(parameter.low), int(parameter.high), log=parameter.log)
        return trial.suggest_float(parameter.name, parameter.low, parameter.high, log=parameter.log)


def distribution(parameter: Parameter) -> Any:
    """A parameter as Optuna states it."""
    if parameter.kind in ("categorical", "fixed"):
        return distributions.CategoricalDistribution(list(parameter.options))
    if parameter.kind == "int":
        return distributions.IntDistribution(int(parameter.low), int(parameter.high), log=parameter.log)
    return distributions.FloatDistribution(parameter.low, parameter.high, log=parameter.log)
