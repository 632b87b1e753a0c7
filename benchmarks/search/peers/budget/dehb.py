"""DEHB's own ask and tell."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from dehb import DEHB
from loguru import logger

from automl_core.space import Params, Space
from benchmarks.search.budgets import Work
from benchmarks.search.peers.budget import grid


class Dehb:
    """Differential evolution on Hyperband's brackets, in the unit cube that DEHB works in; it knows no conditions."""

    def __init__(self, space: Space, epochs: int, seed: int) -> None:
        """Make the optimizer; what it writes goes to a folder that is deleted with it."""
        logger.remove()
        self.space = space
        self.folder = tempfile.TemporaryDirectory(prefix="dehb-")
        np.random.seed(seed)  # DEHB draws from the global generator too
        self.optimizer: Any = DEHB(
            f=None, dimensions=len(space.dimensions), configspace=False, min_fidelity=1, max_fidelity=epochs, eta=3,
            n_workers=1, seed=seed, output_path=self.folder.name, save_freq="end", log_level="ERROR",
        )  # fmt: skip

    def ask(self) -> Work:
        """A job: a vector and the epochs that it is to be trained for."""
        job = self.optimizer.ask()
        return Work(self._params(job["config"]), max(int(job["fidelity"]), 1), resumes=True, handle=job)

    def report(self, work: Work, epoch: int, loss: float) -> bool:
        """Whether the job goes on: to its own number of epochs."""
        if epoch < work.target:
            return True
        self.optimizer.tell(work.handle, {"fitness": loss, "cost": float(work.target)})
        return False

    def _params(self, vector: Any) -> Params:
        places = dict(zip((p.name for p in self.space.dimensions), vector, strict=True))
        params: Params = {}
        for parameter in self.space.parameters:
            if self.space.is_active(parameter, params):
                values = grid(parameter)
                place = int(places.get(parameter.name, 0.0) * len(values))
                params[parameter.name] = values[min(place, len(values) - 1)]
        return params
