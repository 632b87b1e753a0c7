"""Other libraries behind the runner's interface (`benchmarks.search.run.Searcher`), one file each.

Each is imported when it is asked for, and lives in an environment of its own: `benchmarks.search.environments` makes
it. All see the same spaces: logarithms, whole numbers and options as the library's own types, conditions where the
library has them (Optuna, SMAC, Ax, hyperopt, FLAML, nevergrad); elsewhere every parameter is always there, and the
inactive ones are left out of what is evaluated. Settings are the library's defaults; those that know a setting for
losses without noise are told so. Pending trials are treated as the library's documentation says.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from benchmarks.search.problems import Problem


@dataclass(frozen=True)
class Peer:
    """Where an adapter is found.

    Attributes:
        place: module and class.
        package: distribution whose version is reported; empty for none.
        options: further arguments of the adapter.
        environment: name of the virtual environment that has the library.
    """

    place: str
    package: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: str = "main"

    def make(self, problem: Problem, trials: int, pending: int, seed: int) -> Any:
        """A searcher for one run."""
        module, _, name = self.place.partition(":")
        adapter = getattr(importlib.import_module(f"benchmarks.search.peers.{module}"), name)
        return adapter(problem, trials, pending, seed, **self.options)

    def version(self) -> str:
        """The library's version."""
        return version(self.package) if self.package else ""


PEERS: dict[str, Peer] = {
    "peer-random": Peer("random:Random"),
    "optuna-tpe": Peer("optuna:Optuna", "optuna", {"sampler": "tpe"}),
    "optuna-gp": Peer("optuna:Optuna", "optuna", {"sampler": "gp"}),
    "nevergrad": Peer("nevergrad:Nevergrad", "nevergrad"),
    "flaml": Peer("flaml:Flaml", "flaml"),
    "hyperopt": Peer("hyperopt:Hyperopt", "hyperopt"),
    "skopt": Peer("skopt:Skopt", "scikit-optimize"),
    "smac": Peer("smac:Smac", "smac", {"facade": "HyperparameterOptimizationFacade"}),
    "smac-bb": Peer("smac:Smac", "smac", {"facade": "BlackBoxFacade"}),
    "ax": Peer("ax:Ax", "ax-platform"),
    "hebo": Peer("hebo:Hebo", "HEBO", environment="hebo"),
}
"""Name → adapter."""
