"""Ax's client (BoTorch underneath)."""

from __future__ import annotations

import logging
import warnings
from typing import Any, Literal

import torch
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from ax.exceptions.core import DataRequiredError

from automl_core.space import Parameter, Params, Space
from benchmarks.search.peers.nesting import flat
from benchmarks.search.problems import Problem


class Ax:
    """`get_next_trials` and `complete_trial`; it knows the trials under way, and dependent parameters."""

    def __init__(self, problem: Problem, trials: int, pending: int, seed: int) -> None:
        """Make the client with its default generation strategy."""
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        torch.set_num_threads(1)
        self.space = problem.space
        self.client = Client(random_seed=seed)
        self.client.configure_experiment([_parameter(p, self.space) for p in self.space.parameters])
        self.client.configure_optimization(objective="-loss")
        self.running: dict[int, int] = {}

    def ask(self) -> Params | None:
        """One more trial; none while Ax waits for results of its initial design."""
        try:
            made = self.client.get_next_trials(max_trials=1)
        except DataRequiredError:
            return None
        if not made:
            return None
        number, values = next(iter(made.items()))
        params = flat(self.space, values)
        self.running[id(params)] = number
        return params

    def tell(self, params: Params, loss: float | None) -> None:
        """A failure is told as one."""
        number = self.running.pop(id(params))
        if loss is None:
            self.client.mark_trial_failed(number)
        else:
            self.client.complete_trial(number, raw_data={"loss": loss})

    def add(self, params: Params, loss: float) -> None:
        """A finished trial that was not asked for."""
        self.client.complete_trial(self.client.attach_trial(dict(params)), raw_data={"loss": loss})


def _parameter(parameter: Parameter, space: Space) -> Any:
    if parameter.kind not in ("categorical", "fixed"):
        kind: Literal["int", "float"] = "int" if parameter.kind == "int" else "float"
        bounds = (int(parameter.low), int(parameter.high)) if kind == "int" else (parameter.low, parameter.high)
        scaling: Literal["linear", "log"] = "log" if parameter.log else "linear"
        return RangeParameterConfig(parameter.name, bounds, kind, scaling=scaling)
    kinds: dict[type, Literal["bool", "int", "float", "str"]] = {bool: "bool", int: "int", float: "float", str: "str"}
    children = [p for p in space.parameters if parameter.name in p.when]
    dependent = {
        option: [child.name for child in children if option in child.when[parameter.name]]
        for option in parameter.options
    }
    options: Any = list(parameter.options)
    return ChoiceParameterConfig(
        parameter.name, options, kinds[type(options[0])], is_ordered=False,
        dependent_parameters={k: v for k, v in dependent.items() if v} or None,  # type: ignore[misc]
    )  # fmt: skip
