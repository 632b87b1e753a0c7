"""Which trials a Gaussian process is given when there are too many for its cubic cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from automl_core.search.bayesian.encoding import Array, Indices, Mask
from automl_core.search.bayesian.gp import Columns


def worth_a_look(losses: Array, told: Mask, count: int) -> Indices:
    """The trials of a long history among which `choose` is to choose, by their losses alone.

    What a suggestion costs must not grow with the history, and encoding a trial costs more than anything else that is
    done once a trial. So a quarter are the best ones, and the rest is a sample of all others, by a hash of each number:
    the sample of tomorrow's longer history is nearly the same one, so a process that asks again has them all at hand.

    Args:
        losses: by number; not finite where a trial has none.
        told: which trials say anything: those with a loss, and those that failed.
        count: of trials wanted.

    Returns:
        Their numbers in order, at most ``count``.
    """
    numbers = np.flatnonzero(told)
    if len(numbers) <= count:
        return numbers
    valued = np.flatnonzero(np.isfinite(losses))
    best = valued[_lowest(losses[valued], count // 4)]
    rest = np.ones(len(losses), dtype=np.bool_)
    rest[best] = False
    others = numbers[rest[numbers]]
    drawn = others[_lowest(_scrambled(others), count - len(best))]
    return np.sort(np.concatenate([best, drawn]))


def _lowest(values: Array | npt.NDArray[np.uint64], count: int) -> Indices:
    """Places of the lowest values, of equal ones the first, without sorting all; in no order to rely on."""
    if not 0 < count < len(values):
        return np.arange(len(values) if count else 0)
    last = np.partition(values, count - 1)[count - 1]
    below = np.flatnonzero(values < last)
    return np.concatenate([below, np.flatnonzero(values == last)[: count - len(below)]])


def _scrambled(numbers: Indices) -> npt.NDArray[np.uint64]:
    """A hash of each number: the output function of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014, figure 17)."""
    z = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def choose(columns: Columns, rows: Array, losses: Array, count: int, rng: np.random.Generator) -> Indices:
    """The trials that say most about where the next best one lies.

    A quarter are the best ones, a half the nearest to the best one (a trust region in effect: dense where
    the search goes on), the rest drawn from all, so that the model still knows the whole space.

    Returns:
        Their indices in order, at most ``count``.
    """
    total = len(losses)
    if total <= count:
        return np.arange(total)
    best = np.argsort(losses, kind="stable")[: count // 4]
    numeric, options = columns.split(rows)
    apart = ((numeric - numeric[best[0]]) ** 2).sum(axis=1) + (options != options[best[0]]).sum(axis=1)
    apart[best] = np.inf
    near = np.argsort(apart, kind="stable")[: count // 2]
    rest = np.setdiff1d(np.arange(total), np.concatenate([best, near]))
    drawn = rng.choice(rest, size=count - len(best) - len(near), replace=False)
    return np.sort(np.concatenate([best, near, drawn]))
