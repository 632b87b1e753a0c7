"""FLAML's BlendSearch, the search that ``flaml.tune`` takes by default, with Optuna as its global part."""

from __future__ import annotations

import itertools
import logging
import warnings
from typing import Any

import optuna
from flaml import BlendSearch, tune

from automl_core.space import Parameter, Params
from benchmarks.search.peers.nesting import flat, nested
from benchmarks.search.problems import Problem


class Flaml:
    """Suggest and on_trial_complete; it follows any number of trials under way, and nests choices."""

    def __init__(self, problem: Problem, trials: int, pending: int, seed: int) -> None:
        """Make the search; no cost of a combination is given, since all trials here cost alike."""
        warnings.filterwarnings("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        logging.getLogger("flaml").setLevel(logging.ERROR)
        self.space = problem.space
        tree = nested(self.space, _leaf, lambda _, branches: tune.choice(list(branches)))
        self.search = BlendSearch(metric="loss", mode="min", space=tree, num_samples=trials, seed=seed)
        self.names = map(str, itertools.count())
        self.trials: dict[int, tuple[str, dict[str, Any]]] = {}

    def ask(self) -> Params | None:
        """The next configuration; it may decline once or twice before it gives one."""
        for _ in range(100):
            name = next(self.names)
            config = self.search.suggest(name)
            if config:
                params = flat(self.space, config)
                self.trials[id(params)] = (name, config)
                return params
        return None

    def tell(self, params: Params, loss: float | None) -> None:
        """A failure is told as an error."""
        name, config = self.trials.pop(id(params))
        if loss is None:
            self.search.on_trial_complete(name, error=True)
        else:
            self.search.on_trial_complete(name, {"loss": loss, "config": config, "time_total_s": 1.0})


def _leaf(parameter: Parameter) -> Any:
    if parameter.kind in ("categorical", "fixed"):
        return tune.choice(list(parameter.options))
    if parameter.kind == "int":
        made = tune.lograndint if parameter.log else tune.randint
        return made(int(parameter.low), int(parameter.high) + 1)
    return (tune.loguniform if parameter.log else tune.uniform)(parameter.low, parameter.high)
