"""When a trial is given up after bad folds: folds are the curve, and the same fold is as hard for everybody."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

ENOUGH = 4
"""Finished trials before anybody is given up."""

MEMBERS = 6
"""A trial that may yet be among so many best goes on: it may be a member of the ensemble."""


@dataclass
class Judge:
    """Compares a running trial with those that have finished, at the same folds.

    Attributes:
        losses: fold values of finished trials, lower is better.
        learners: that have finished a trial: the first of a kind always runs to its end, since it errs differently.
    """

    losses: list[tuple[float, ...]] = field(default_factory=list)
    learners: set[str] = field(default_factory=set)

    def finished(self, learner: str, losses: Sequence[float]) -> None:
        """Take a trial that ran all of its folds."""
        self.learners.add(learner)
        if all(math.isfinite(each) for each in losses):
            self.losses.append(tuple(losses))

    def hopeless(self, learner: str, losses: Sequence[float]) -> bool:
        """Whether a trial can be given up after these folds.

        It is where its mean is worse than that of the sixth best at the same folds, by more than one standard error of
        the differences, fold by fold, to the best one. After a single fold there is no such error, and it has to
        be worse than three in four.

        Args:
            learner: of the trial.
            losses: of its folds so far, in their order.
        """
        if learner not in self.learners or len(self.losses) < ENOUGH:
            return False
        mine = np.asarray(losses, dtype=np.float64)
        if not np.isfinite(mine).all():
            return False
        others = np.array([each[: len(mine)] for each in self.losses])
        means = np.sort(others.mean(axis=1))
        mean = float(mine.mean())
        if len(mine) == 1:
            return mean > float(np.quantile(means, 0.75))
        if mean <= means[min(MEMBERS, len(means)) - 1]:
            return False
        best = others[int(np.argmin(others.mean(axis=1)))]
        differences = mine - best
        error = float(differences.std(ddof=1)) / math.sqrt(len(mine))
        return float(differences.mean()) > error
