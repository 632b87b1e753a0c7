"""Other libraries behind the runner's interface. Each is imported when it is asked for.

They live in an environment of their own (see benchmarks/README.md):
``benchmarks/search/.peers-venv/bin/python -m benchmarks.search.run --algorithm optuna-gp``.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

from automl_core.space import Parameter, Params
from benchmarks.search.problems import Problem


class Random:
    """Random search: by construction about 0 in the table."""

    def __init__(self, problem: Problem, trials: int, pending: int, seed: int) -> None:
        """Seeded by problem and seed."""
        self.space, self.rng = problem.space, random.Random(f"peer:{problem.name}:{seed}")

    def ask(self) -> Params:
        """A draw from the space."""
        return self.space.sample(self.rng)

    def tell(self, params: Params, loss: float | None) -> None:
        """Nothing is learned."""


class Optuna:
    """Optuna's samplers through its ask and tell."""

    def __init__(self, sampler: str, problem: Problem, pending: int, seed: int) -> None:
        """Make a study in memory."""
        import optuna  # type: ignore[import-not-found]

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore")
        made: Any
        if sampler == "tpe":
            made = optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=pending > 1)
        else:
            made = optuna.samplers.GPSampler(seed=seed, deterministic_objective=True)
        self.study = optuna.create_study(sampler=made)
        self.space = problem.space
        self.trials: dict[int, Any] = {}

    def ask(self) -> Params:
        """Parameters are asked in the order of the space, children only where they are active."""
        trial = self.study.ask()
        params: Params = {}
        for parameter in self.space.parameters:
            if self.space.is_active(parameter, params):
                params[parameter.name] = self._suggest(trial, parameter)
        self.trials[id(params)] = trial
        return params

    def tell(self, params: Params, loss: float | None) -> None:
        """A failure is told as one."""
        import optuna

        trial = self.trials.pop(id(params))
        if loss is None:
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(trial, loss)

    def add(self, params: Params, loss: float) -> None:
        """A finished trial that was not asked for."""
        import optuna

        distributions = {name: self._distribution(self.space.by_name[name]) for name in params}
        self.study.add_trial(optuna.trial.create_trial(params=dict(params), distributions=distributions, value=loss))

    @classmethod
    def _suggest(cls, trial: Any, parameter: Parameter) -> Any:
        return trial._suggest(parameter.name, cls._distribution(parameter))

    @staticmethod
    def _distribution(parameter: Parameter) -> Any:
        from optuna import distributions

        if parameter.kind in ("categorical", "fixed"):
            return distributions.CategoricalDistribution(list(parameter.options))
        if parameter.kind == "int":
            return distributions.IntDistribution(int(parameter.low), int(parameter.high), log=parameter.log)
        return distributions.FloatDistribution(parameter.low, parameter.high, log=parameter.log)


PEERS: dict[str, Callable[[Problem, int, int, int], Any]] = {
    "peer-random": Random,
    "optuna-tpe": lambda problem, trials, pending, seed: Optuna("tpe", problem, pending, seed),
    "optuna-gp": lambda problem, trials, pending, seed: Optuna("gp", problem, pending, seed),
}
"""Name → what makes a searcher of a problem, its number of trials, those pending, and a seed."""
