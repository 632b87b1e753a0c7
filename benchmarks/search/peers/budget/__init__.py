"""Libraries that spread a budget of epochs, behind the interface of `benchmarks.search.budgets`.

All are given the same space: each numeric parameter as the place of its value on the table's grid (a whole number,
from 0), so that logarithms and powers are what they are; each choice as a choice.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from automl_core.space import Parameter, Params, Space, Value


@dataclass(frozen=True)
class BudgetPeer:
    """Where an adapter is found: module and class, distribution, further arguments."""

    place: str
    package: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def make(self, space: Space, epochs: int, seed: int) -> Any:
        """A searcher for one run."""
        module, _, name = self.place.partition(":")
        adapter = getattr(importlib.import_module(f"benchmarks.search.peers.budget.{module}"), name)
        return adapter(space, epochs, seed, **self.options)

    def version(self) -> str:
        """The library's version."""
        return version(self.package)


PEERS: dict[str, BudgetPeer] = {
    "optuna-tpe-asha": BudgetPeer("optuna:OptunaPruned", "optuna", {"pruner": "SuccessiveHalvingPruner"}),
    "optuna-tpe-hyperband": BudgetPeer("optuna:OptunaPruned", "optuna", {"pruner": "HyperbandPruner"}),
    "dehb": BudgetPeer("dehb:Dehb", "dehb"),
    "syne-tune-asha": BudgetPeer("syne_tune:SyneTune", "syne-tune", {"scheduler": "ASHA"}),
    "syne-tune-bohb": BudgetPeer("syne_tune:SyneTune", "syne-tune", {"scheduler": "BOHB"}),
    "syne-tune-ashabore": BudgetPeer("syne_tune:SyneTune", "syne-tune", {"scheduler": "ASHABORE"}),
    "smac-hyperband": BudgetPeer("smac:SmacHyperband", "smac"),
}
"""Name → adapter."""


def grid(parameter: Parameter) -> list[Value]:
    """The values of a parameter on its table's grid, in order."""
    values = parameter.values_within(parameter.low, parameter.high)
    if values is None:
        raise ValueError(f"{parameter.name}: a table's parameter has finitely many values")
    return list(values)


def at(space: Space, places: Mapping[str, int]) -> Params:
    """The combination at places of the grid; what is inactive beside its parents is left out."""
    params: Params = {}
    for parameter in space.parameters:
        if space.is_active(parameter, params):
            params[parameter.name] = grid(parameter)[int(places.get(parameter.name, 0))]
    return params
