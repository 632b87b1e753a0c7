"""HEBO (Huawei Noah's Ark; first of the NeurIPS 2020 black-box challenge)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO

from automl_core.space import Parameter, Params
from benchmarks.search.peers.nesting import active, everything
from benchmarks.search.problems import Problem


class Hebo:
    """Suggest and observe without conditions. It asks for whole batches and knows no trials under way."""

    def __init__(self, problem: Problem, trials: int, pending: int, seed: int) -> None:
        """Make the optimizer.

        Raises:
            ValueError: more than one trial is to be under way.
        """
        if pending > 1:
            raise ValueError("HEBO has no way to be told of trials under way (allowed: 1 pending)")
        warnings.filterwarnings("ignore")
        torch.set_num_threads(1)
        np.random.seed(seed)  # HEBO draws from the global generators
        torch.manual_seed(seed)
        self.space = problem.space
        self.optimizer = HEBO(DesignSpace().parse([_part(p) for p in self.space.parameters]), scramble_seed=seed)
        self.running: dict[int, pd.DataFrame] = {}

    def ask(self) -> Params:
        """One suggestion."""
        frame = self.optimizer.suggest(1)
        params = active(self.space, frame.iloc[0].to_dict())
        self.running[id(params)] = frame
        return params

    def tell(self, params: Params, loss: float | None) -> None:
        """NaN is a failure, which HEBO leaves out."""
        self.optimizer.observe(self.running.pop(id(params)), np.array([[np.nan if loss is None else loss]]))

    def add(self, params: Params, loss: float) -> None:
        """A finished trial that was not asked for."""
        self.optimizer.observe(pd.DataFrame([everything(self.space, params)]), np.array([[loss]]))


def _part(parameter: Parameter) -> dict[str, Any]:
    name, low, high = parameter.name, parameter.low, parameter.high
    if parameter.kind in ("categorical", "fixed"):
        return {"name": name, "type": "cat", "categories": list(parameter.options)}
    if parameter.kind == "int" and parameter.log:
        return {"name": name, "type": "pow_int", "base": 10, "lb": int(low), "ub": int(high)}
    if parameter.kind == "int":
        return {"name": name, "type": "int", "lb": int(low), "ub": int(high)}
    if parameter.log:
        return {"name": name, "type": "pow", "base": 10, "lb": low, "ub": high}
    return {"name": name, "type": "num", "lb": low, "ub": high}
