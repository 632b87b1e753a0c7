"""scikit-optimize's Gaussian process (gp_hedge)."""

from __future__ import annotations

import warnings
from typing import Any

import skopt
from skopt.space import Categorical, Integer, Real

from automl_core.space import Parameter, Params
from benchmarks.search.peers.nesting import active, everything
from benchmarks.search.problems import Problem


class Skopt:
    """Ask and tell without conditions; pending trials by its own constant liar (``cl_min``)."""

    def __init__(self, problem: Problem, trials: int, pending: int, seed: int) -> None:
        """Make the optimizer."""
        warnings.filterwarnings("ignore")
        self.space = problem.space
        self.optimizer = skopt.Optimizer([_dimension(p) for p in self.space.parameters], random_state=seed)
        self.running: dict[int, list[Any]] = {}

    def ask(self) -> Params:
        """With trials under way: a copy that was told the lowest loss so far for each of them, as ``ask(n)`` does."""
        optimizer = self.optimizer
        if self.running:
            optimizer = optimizer.copy(random_state=self.optimizer.rng.randint(2**31 - 1))
            lie = min(self.optimizer.yi, default=0.0)
            for point in self.running.values():
                optimizer.tell(point, lie)
        point = optimizer.ask()
        named = dict(zip((p.name for p in self.space.parameters), point, strict=True))
        params = active(self.space, named)
        self.running[id(params)] = point
        return params

    def tell(self, params: Params, loss: float | None) -> None:
        """It knows no failures: the highest loss so far stands for one."""
        self.optimizer.tell(self.running.pop(id(params)), max(self.optimizer.yi, default=0.0) if loss is None else loss)

    def add(self, params: Params, loss: float) -> None:
        """A finished trial that was not asked for; the model is fitted when it is asked next."""
        self.optimizer.tell(list(everything(self.space, params).values()), loss, fit=False)


def _dimension(parameter: Parameter) -> Any:
    if parameter.kind in ("categorical", "fixed"):
        return Categorical(list(parameter.options), name=parameter.name)
    prior = "log-uniform" if parameter.log else "uniform"
    if parameter.kind == "int":
        return Integer(int(parameter.low), int(parameter.high), prior=prior, name=parameter.name)
    return Real(parameter.low, parameter.high, prior=prior, name=parameter.name)
