"""Syne Tune's asynchronous successive halving with its searchers, driven trial by trial."""

from __future__ import annotations

import datetime
import itertools
import logging
import warnings
from typing import Any

import numpy as np
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, randint
from syne_tune.optimizer import baselines
from syne_tune.optimizer.scheduler import SchedulerDecision

from automl_core.space import Space
from benchmarks.search.budgets import Work
from benchmarks.search.peers.budget import at, grid


class SyneTune:
    """A scheduler that stops trials or lets them run on; it resumes none and knows no conditions."""

    def __init__(self, space: Space, epochs: int, seed: int, scheduler: str) -> None:
        """Make the scheduler with the brackets' factor of the others and one bracket, its default."""
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        np.random.seed(seed)  # the brackets are drawn from the global generator
        self.space, self.numbers = space, itertools.count()
        config_space: dict[str, Any] = {}
        for parameter in space.dimensions:
            names = [str(i) for i in range(len(grid(parameter)))]
            options = choice(names) if parameter.kind == "categorical" else randint(0, len(names) - 1)
            config_space[parameter.name] = options
        self.scheduler = getattr(baselines, scheduler)(
            config_space, metric="loss", time_attr="epoch", max_t=epochs, do_minimize=True, random_seed=seed,
            grace_period=1, reduction_factor=3,
        )  # fmt: skip
        self.epochs = epochs

    def ask(self) -> Work | None:
        """A new trial, trained all the way unless it is stopped."""
        suggestion = self.scheduler.suggest()
        if suggestion is None:
            return None
        trial = Trial(next(self.numbers), suggestion.config, datetime.datetime(2000, 1, 1))
        self.scheduler.on_trial_add(trial)
        return Work(at(self.space, suggestion.config), self.epochs, handle=trial)

    def report(self, work: Work, epoch: int, loss: float) -> bool:
        """Whether the trial goes on."""
        result = {"loss": loss, "epoch": epoch}
        if epoch >= work.target:
            self.scheduler.on_trial_complete(work.handle, result)
            return False
        if self.scheduler.on_trial_result(work.handle, result) == SchedulerDecision.CONTINUE:
            return True
        self.scheduler.on_trial_remove(work.handle)
        return False
