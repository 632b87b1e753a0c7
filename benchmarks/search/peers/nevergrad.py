"""Nevergrad's NGOpt, the optimizer that it recommends when nothing is known of the function."""

from __future__ import annotations

import warnings
from typing import Any

import nevergrad as ng
import numpy as np

from automl_core.space import Parameter, Params
from benchmarks.search.peers.nesting import flat, nested
from benchmarks.search.problems import Problem

_FAILED = 5e20  # nevergrad's own stand-in for a value that can't be had


class Nevergrad:
    """Ask and tell; the workers are told to it, conditions are choices of dictionaries."""

    def __init__(self, problem: Problem, trials: int, pending: int, seed: int) -> None:
        """Make the optimizer for a number of trials and of workers."""
        warnings.filterwarnings("ignore")
        self.space = problem.space
        tree = nested(self.space, _leaf, lambda _, branches: ng.p.Choice([ng.p.Dict(**branch) for branch in branches]))
        space = ng.p.Dict(**tree)
        space.random_state = np.random.RandomState(seed)
        self.optimizer = ng.optimizers.NGOpt(space, budget=trials, num_workers=pending)
        self.candidates: dict[int, Any] = {}

    def ask(self) -> Params:
        """The next candidate."""
        candidate = self.optimizer.ask()
        params = flat(self.space, candidate.value)
        self.candidates[id(params)] = candidate
        return params

    def tell(self, params: Params, loss: float | None) -> None:
        """A failure is a very large loss."""
        self.optimizer.tell(self.candidates.pop(id(params)), _FAILED if loss is None else loss)


def _leaf(parameter: Parameter) -> Any:
    if parameter.kind in ("categorical", "fixed"):
        return ng.p.Choice(list(parameter.options))
    made = ng.p.Log if parameter.log else ng.p.Scalar
    number = made(lower=parameter.low, upper=parameter.high)
    return number.set_integer_casting() if parameter.kind == "int" else number
