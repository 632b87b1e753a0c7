"""What a combination is worth per unit of budget when its training may be given up at every rung.

Training a trial on is opening Pandora's box in stages (Weitzman 1979): each stage costs its budget units and
moves the prediction of the final loss; after each one may stop and has lost no more than what it cost. The rate
of a combination is the highest ratio

    E[improvement on the best loss] / E[budget units spent]

over all rules of when to stop. A combination that is unlikely to be good but shows it after one epoch can be
worth more than a likelier one that has to be trained to its end; expected improvement divided by the cost of a
whole training does not see that.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Array: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.intp]

_GRID = 41  # predictions at which the value of going on is worked out
_MIDDLE = _GRID // 2
_POSITIONS = np.linspace(-4.0, 4.0, _GRID)  # of the grid, in standard deviations of the loss at the target
_ROUNDS = 6  # of Dinkelbach's iteration; it converges in three or four
_CLOSE = 1e-3
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_SHARES = _WEIGHTS / _WEIGHTS.sum()


def expected_improvement(gain: Array, deviation: Array) -> Array:
    """E[max(0, X)] of a normal X; the gain is its mean."""
    z = gain / deviation
    return np.asarray(deviation * (z * ndtr(z) + np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)))


def rates(means: Array, deviations: Array, costs: Array, best: Array) -> Array:
    """Expected improvement per unit of budget of each combination, when it is stopped as early as is best.

    The stopping rule is that of the rate of the best combination (Dinkelbach 1967), so the order of the
    others is that of how well they would do in its place. The next stage of each is always taken: whether it is
    worth its cost is what is asked, and at the fixpoint the best one's reward equals its price, so that a gate
    there would leave the answer to rounding.

    Args:
        means: predicted final losses, shape (m,).
        deviations: standard deviation of the change of that prediction at each stage, shape (m, stages). Stages
            that lie behind a combination come first, with 0.
        costs: budget units of each stage, 0 for those behind, shape (m, stages).
        best: the loss that each has to improve on, shape (m,).
    """
    count, stages = deviations.shape
    deviations = np.maximum(deviations, 1e-6)
    ahead = costs > 0
    total = np.sqrt((deviations**2).sum(axis=1))
    gain = best - means
    grid = gain[:, None] + total[:, None] * _POSITIONS
    steps = [_step(grid, total, deviations[:, stage]) for stage in range(stages - 1)]
    at_the_target = expected_improvement(grid, deviations[:, -1:])
    ratio = np.zeros(count)
    price = float(np.max(expected_improvement(gain, total) / costs.sum(axis=1)))
    for _ in range(_ROUNDS):
        reward, cost = at_the_target, np.broadcast_to(costs[:, -1:], grid.shape)
        for stage in range(stages - 2, -1, -1):
            both = np.where((reward > price * cost)[:, :, None], np.stack([reward, cost], axis=2), 0.0)
            moves, above = steps[stage]
            expected = moves @ both
            on = ahead[:, stage, None]
            reward = np.where(on, expected[:, :, 0] + above, reward)
            cost = np.where(on, expected[:, :, 1] + costs[:, stage, None], cost)
        spent = cost[:, _MIDDLE]
        ratio = np.divide(reward[:, _MIDDLE], spent, out=np.zeros(count), where=spent > 0)
        highest = float(ratio.max())
        if not highest > price * (1 + _CLOSE):
            break
        price = highest
    return np.nan_to_num(ratio)


def _step(grid: Array, total: Array, deviation: Array) -> tuple[Array, Array]:
    """How a stage moves a prediction over the grid.

    Returns:
        Chance to go from each point of the grid to each other, shape (m, points, points); and the expected gain of
        what goes beyond the grid, where it is certain, shape (m, points).
    """
    ends = grid[:, :, None] + deviation[:, None, None] * _NODES
    place = (ends - grid[:, :1, None]) / (total * (_POSITIONS[1] - _POSITIONS[0]))[:, None, None]
    place = np.clip(place, 0, _GRID - 1.001)
    left: Indices = place.astype(np.intp)
    share = place - left
    moves = np.zeros((len(grid), _GRID, _GRID))
    candidate, point = np.arange(len(grid))[:, None, None], np.arange(_GRID)[:, None]
    np.add.at(moves, (candidate, point, left), (1 - share) * _SHARES)
    np.add.at(moves, (candidate, point, left + 1), share * _SHARES)
    return moves, np.maximum(ends - grid[:, -1:, None], 0.0) @ _SHARES


def stages(covariance: Array, noise: Array, reached: Indices, targets: Indices, budgets: Array) -> tuple[Array, Array]:
    """How far each rung's result will move the prediction of the loss at a target, and what it costs.

    Args:
        covariance: of the loss along each curve at every rung, shape (m, rungs, rungs).
        noise: variance of an observation's noise at every rung, shape (rungs,).
        reached: highest rung that each combination has finished, -1 for none, shape (m,).
        targets: rung at which its loss counts, above the one reached, shape (m,).
        budgets: of every rung, shape (rungs,).

    Returns:
        Standard deviations and costs as `rates` takes them, shape (m, rungs) each; the target is the last stage.
    """
    left = covariance.copy()
    count, rungs = covariance.shape[:2]
    every = np.arange(count)
    deviations, costs = np.zeros((2, count, rungs))
    steps = np.diff(budgets, prepend=0.0)
    for rung in range(rungs):
        on = (reached < rung) & (rung <= targets)
        column = left[:, :, rung]
        variance = np.maximum(column[:, rung], 1e-10) + np.where(rung == targets, 0.0, noise[rung])
        deviations[:, rung] = np.where(on, np.abs(column[every, targets]) / np.sqrt(variance), 0.0)
        costs[:, rung] = np.where(on, steps[rung], 0.0)
        learnt = column[:, :, None] * column[:, None, :] / variance[:, None, None]
        left = np.where(on[:, None, None], left - learnt, left)
    source = np.arange(rungs) - (rungs - 1 - targets[:, None])  # the target moves to the end
    places = np.maximum(source, 0)
    return (
        np.where(source >= 0, np.take_along_axis(deviations, places, axis=1), 0.0),
        np.where(source >= 0, np.take_along_axis(costs, places, axis=1), 0.0),
    )
