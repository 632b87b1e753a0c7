"""What can be said of the results: means with intervals, differences in pairs, ranks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.search.results import CHECKPOINTS, CLIPPED, Result

Array: TypeAlias = npt.NDArray[np.float64]

_RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A mean and the limits of its 95 % interval (NaN where there is none)."""

    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2


def scores(result: Result, trials: int, seeds: Sequence[str]) -> Array:
    """Scores after so many trials, shape (problems, seeds)."""
    place = CHECKPOINTS.index(trials)
    return clipped(result, np.array([[by_seed[seed][place] for seed in seeds] for by_seed in result.scores.values()]))


def clipped(result: Result, table: Array) -> Array:
    """Scores as they count in a result's set."""
    return np.clip(table, 0.0, 100.0) if result.set in CLIPPED else table


def mean_score(result: Result, trials: int) -> Estimate:
    """Mean over problems and seeds; the interval is for other seeds on the same problems.

    Each problem's variance over seeds is estimated by itself and they are added up (a stratified sample's
    standard error), so that two or three seeds already give a usable interval. NaN limits with one seed, NaN
    altogether where no run was so long.
    """
    known = result.seeds(trials)
    if not known:
        return Estimate(math.nan, math.nan, math.nan)
    table = scores(result, trials, known)
    problems, seeds = table.shape
    mean = float(table.mean())
    if seeds < 2:
        return Estimate(mean, math.nan, math.nan)
    error = math.sqrt(float((table.var(axis=1, ddof=1) / seeds).sum())) / problems
    return Estimate(mean, mean - 1.96 * error, mean + 1.96 * error)


def lead(ours: Result, other: Result, trials: int) -> Estimate:
    """Mean difference of the scores, ours minus the other's, in pairs of problem and seed.

    The interval is a bootstrap's at two levels, percentiles of 10,000 resamples: problems are drawn with
    replacement, then for each problem drawn its seeds (those that both were run with). So it holds for other
    problems of these kinds, not only for other seeds on the same ones, and is wider than the seeds' own.
    """
    common = [seed for seed in other.seeds(trials) if seed in ours.seeds(trials)]
    if not common:
        return Estimate(math.nan, math.nan, math.nan)
    both = [problem for problem in other.scores if problem in ours.scores]
    place = CHECKPOINTS.index(trials)
    mine, theirs = (
        clipped(each, np.array([[each.scores[problem][seed][place] for seed in common] for problem in both]))
        for each in (ours, other)
    )
    return difference(mine - theirs)


def difference(pairs: Array) -> Estimate:
    """Mean of differences in pairs, shape (problems, seeds), with the interval of a bootstrap at both levels."""
    rng = np.random.default_rng(0)
    problems = rng.integers(pairs.shape[0], size=(_RESAMPLES, pairs.shape[0], 1))
    seeds = rng.integers(pairs.shape[1], size=(_RESAMPLES, *pairs.shape))
    means = pairs[problems, seeds].mean(axis=(1, 2))
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(pairs.mean()), float(low), float(high))


def ranks(results: Sequence[Result], trials: int) -> dict[str, float]:
    """Mean rank of each algorithm over the problems, by its mean score there (1: best; equals share the mean place).

    Algorithms without runs of so many trials have none.
    """
    places = defaultdict(list)
    every = means_by_problem(results, trials)
    for problem in results[0].scores:
        means = {name: found[problem] for name, found in every.items()}
        for name, score in means.items():
            better = sum(other > score for other in means.values())
            equal = sum(other == score for other in means.values())
            places[name].append(1 + better + (equal - 1) / 2)
    return {name: float(np.mean(at)) for name, at in places.items()}


def means_by_problem(results: Sequence[Result], trials: int) -> dict[str, dict[str, float]]:
    """Algorithm → problem → mean score over seeds, of the algorithms that ran so long."""
    return {
        r.algorithm: dict(zip(r.scores, map(float, scores(r, trials, r.seeds(trials)).mean(axis=1)), strict=True))
        for r in results
        if r.seeds(trials)
    }
