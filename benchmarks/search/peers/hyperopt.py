"""Hyperopt's TPE, driven trial by trial."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import hyperopt
import numpy as np
from hyperopt import hp

from automl_core.space import Parameter, Params
from benchmarks.search.peers.nesting import flat, nested
from benchmarks.search.problems import Problem


class Hyperopt:
    """`hyperopt.tpe.suggest` on a store of trials; it leaves trials under way out, as its parallel runners do."""

    def __init__(self, problem: Problem, trials: int, pending: int, seed: int) -> None:
        """Make the store of trials."""
        warnings.filterwarnings("ignore")
        self.space = problem.space
        self.domain = hyperopt.Domain(lambda config: 0.0, nested(self.space, _leaf, _choice))
        self.trials = hyperopt.Trials()
        self.rng = np.random.default_rng(seed)
        self.running: dict[int, int] = {}

    def ask(self) -> Params:
        """A new trial of the store, by its own `tpe.suggest`."""
        number = self.trials.new_trial_ids(1)[0]
        self.trials.refresh()
        made = hyperopt.tpe.suggest([number], self.domain, self.trials, int(self.rng.integers(2**31 - 1)))
        self.trials.insert_trial_docs(made)
        self.trials.refresh()
        spec = hyperopt.base.spec_from_misc(made[0]["misc"])
        params = flat(self.space, hyperopt.space_eval(self.domain.expr, spec))
        self.running[id(params)] = number
        return params

    def tell(self, params: Params, loss: float | None) -> None:
        """A failure is told as one."""
        number = self.running.pop(id(params))
        document = next(d for d in self.trials._dynamic_trials if d["tid"] == number)
        document["state"] = hyperopt.JOB_STATE_DONE
        failed = {"status": hyperopt.STATUS_FAIL}
        document["result"] = failed if loss is None else {"status": hyperopt.STATUS_OK, "loss": loss}
        self.trials.refresh()


def _choice(name: str, branches: Sequence[dict[str, Any]]) -> Any:
    return hp.choice(name, list(branches))


def _leaf(parameter: Parameter) -> Any:
    name = parameter.name
    if parameter.kind in ("categorical", "fixed"):
        return hp.choice(name, list(parameter.options))
    if parameter.kind == "int" and parameter.log:
        return hp.qloguniform(name, math.log(parameter.low), math.log(parameter.high), 1)
    if parameter.kind == "int":
        return hp.uniformint(name, int(parameter.low), int(parameter.high))
    if parameter.log:
        return hp.loguniform(name, math.log(parameter.low), math.log(parameter.high))
    return hp.uniform(name, parameter.low, parameter.high)
