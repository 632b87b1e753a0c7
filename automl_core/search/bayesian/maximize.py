"""The maximum of an acquisition over a mixed space: gradients where they exist, local moves where not.

A gradient's ascent ends where its tolerance lets it, and that place depends on the last bits of its sums: on the
processor and on the release of numpy or scipy. So the best end is set on a lattice that is as coarse as costs nothing,
and the last steps are taken along it by rounded values (`_settled_end`): the same lattice point everywhere.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from automl_core.search.bayesian.acquisition import Acquisition, rounded
from automl_core.search.bayesian.belief import Belief
from automl_core.search.bayesian.encoding import Array, Encoding, Indices

_POOL = 600  # rows drawn from the space
_NEAR = 60  # rows drawn around each of the best ones seen
_SCREENED = 100  # rows of them all that are looked at closely
_MOVES = 40  # discrete neighbours tried in one round
_STEPS = 0.25 ** np.arange(10, 2, -1)  # of the lattices, the finest first: 2^-20 … 2^-6 of the unit interval
_COSTS_NOTHING = 4e-4  # of log EI: a step to the neighbour on the lattice may lose so much
_ROUNDS = 20  # of steps along the lattice


def candidates(encoding: Encoding, best: Array, rng: np.random.Generator, belief: Belief | None = None) -> Array:
    """Settled rows to start from: from the whole space, where it is believed, and around the best rows seen."""
    pools = [encoding.sample(_POOL, rng)]
    if belief is not None:
        pools.append(belief.draw(_POOL // 3, rng))
    for row in best:
        near = np.repeat(row[None, :], _NEAR, axis=0)
        step = 10.0 ** rng.uniform(-2.5, -0.5, (_NEAR, 1))
        share = np.maximum(rng.random((_NEAR, 1)), 1.0 / encoding.width)
        moved = rng.random(near.shape) < share
        moved[np.arange(_NEAR), rng.integers(encoding.width, size=_NEAR)] = True
        change(encoding, near, moved, step, rng)
        pools.append(encoding.settle(near))
    return np.vstack(pools)


def change(encoding: Encoding, rows: Array, moved: np.ndarray, step: Array, rng: np.random.Generator) -> None:
    """Move the marked numbers of rows: numeric ones by a normal step, categorical ones to any option."""
    noise = step * rng.standard_normal(rows.shape)
    for j in encoding.numeric:
        at = moved[:, j]
        units = encoding.lattice.get(int(j))
        jump = noise[at, j]
        if units is not None and len(units) > 1:  # at least to the neighbour
            least = float(np.diff(units).min())
            jump = np.where(np.abs(jump) < least, np.copysign(least, jump), jump)
        x = rows[at, j] + jump
        x = np.abs(x)  # reflect at both ends
        rows[at, j] = np.clip(np.where(x > 1, 2 - x, x), 0.0, 1.0)
    for j in encoding.categorical:
        at = np.flatnonzero(moved[:, j])
        rows[at, j] = rng.choice(encoding.choices[int(j)], size=len(at))


def maximise(
    acquisition: Acquisition, encoding: Encoding, pool: Array, rng: np.random.Generator, starts: int = 4
) -> tuple[Array, Array]:
    """Climb from the best rows of a pool.

    Returns:
        Settled rows and their values, best first: the climbed ones and the pool's best, shapes (m, width), (m,).
    """
    pool = acquisition.screen(pool, _SCREENED)
    values = acquisition(pool)
    chosen = _spread(pool, values, starts)
    climbed = np.array([_climb(acquisition, encoding, pool[i], rng) for i in chosen])
    climbed = encoding.settle(climbed)
    climbed, heights = ranked(climbed, acquisition(climbed))
    end = _settled_end(acquisition, encoding, climbed[0])
    rows, values = ranked(np.vstack([climbed[1:], pool]), np.concatenate([heights[1:], values]))
    height = acquisition(end)
    rows, values = np.vstack([end, rows]), np.concatenate([height, values])
    # other ascents to the same place may be better by what the lattice costs, which is nothing
    worth_it = height[0] >= values[1] - _COSTS_NOTHING * encoding.width
    return (rows, values) if worth_it else ranked(rows, values)


def ranked(rows: Array, values: Array) -> tuple[Array, Array]:
    """Rows and their values, best first; ties of rounded values in their own order."""
    order = np.argsort(-rounded(values), kind="stable")
    return rows[order], values[order]


def _spread(pool: Array, values: Array, count: int) -> list[int]:
    """Best rows first, then the best of those that aren't beside one already chosen."""
    order = np.argsort(-rounded(values), kind="stable")[:200]
    chosen = [int(order[0])]
    for least in (0.15, 0.0):
        for i in order:
            if len(chosen) >= count:
                return chosen
            if int(i) in chosen:
                continue
            apart = np.abs(pool[chosen] - pool[i]).max(axis=1).min()
            if apart > least:
                chosen.append(int(i))
    return chosen


def _climb(acquisition: Acquisition, encoding: Encoding, row: Array, rng: np.random.Generator) -> Array:
    """Alternate gradients over the continuous columns and moves over the discrete ones until neither helps."""
    discrete = len(encoding.lattice) + len(encoding.categorical) > 0
    row = _ascend(acquisition, encoding, row)
    if not discrete:
        return row
    value = rounded(acquisition(row[None]))[0]
    for _ in range(4):
        neighbours = _neighbours(encoding, row, rng)
        found = rounded(acquisition(neighbours))
        i = int(np.argmax(found))
        if found[i] <= value:
            break
        row = _ascend(acquisition, encoding, neighbours[i])
        value = rounded(acquisition(row[None]))[0]
    return row


def _settled_end(acquisition: Acquisition, encoding: Encoding, row: Array) -> Array:
    """The best point of a lattice beside the end of an ascent, shape (1, width).

    Each continuous column has a lattice of its own, the coarsest one of `_STEPS` on which a step to the neighbour loses
    next to nothing: so the suggestion is as good, and neighbours differ by far more than rounding errors. From the
    nearest point, steps along one column at a time go to the best neighbour while it is better.
    """
    columns = _moving(encoding, row)
    if not len(columns):
        return encoding.settle(row[None])
    tried = _stepped(row, columns, np.repeat(_STEPS[:, None], len(columns), axis=1))
    values = acquisition(np.vstack([row[None], tried]))
    lost = np.abs(values[0] - values[1:].reshape(len(_STEPS), len(columns), 2).mean(axis=2))
    fitting = np.cumprod(lost <= _COSTS_NOTHING, axis=0, dtype=np.intp).sum(axis=0)
    steps = _STEPS[np.maximum(fitting - 1, 0)]
    here = row.copy()
    here[columns] = np.round(row[columns] / steps) * steps
    for _ in range(_ROUNDS):
        rows = encoding.settle(np.vstack([here[None], _stepped(here, columns, steps[None])]))
        best = int(np.argmax(rounded(acquisition(rows))))
        if best == 0:
            break
        here = rows[best]
    return encoding.settle(here[None])


def _stepped(row: Array, columns: Indices, steps: Array) -> Array:
    """A row with one column moved up or down, for each step (k, columns): shape (k * columns * 2, width)."""
    rows = np.repeat(row[None], 2 * steps.size, axis=0)
    at = np.repeat(np.tile(columns, len(steps)), 2)
    moves = np.repeat(steps.ravel(), 2) * np.tile([1.0, -1.0], steps.size)
    rows[np.arange(len(rows)), at] = np.clip(row[at] + moves, 0.0, 1.0)
    return rows


def _moving(encoding: Encoding, row: Array) -> Indices:
    """The continuous columns of a row that are active."""
    active = encoding.active(row[None])[0]
    return np.array([j for j in encoding.continuous if active[j]], dtype=np.intp)


def _ascend(acquisition: Acquisition, encoding: Encoding, row: Array) -> Array:
    columns = _moving(encoding, row)
    if not len(columns):
        return row
    moving = np.searchsorted(encoding.numeric, columns)

    def negative(x: Array) -> tuple[float, Array]:
        here = row.copy()
        here[columns] = x
        value, gradient = acquisition.gradient(here, moving)
        return -value, -gradient

    start = row[columns]
    result = minimize(
        negative, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(columns), options={"maxiter": 25}
    )
    if not np.isfinite(result.fun):
        return row
    moved = row.copy()
    moved[columns] = np.clip(result.x, 0.0, 1.0)
    return moved


def _neighbours(encoding: Encoding, row: Array, rng: np.random.Generator) -> Array:
    """Rows that differ in one discrete column: other options, and steps of a lattice; or by a swap in a subset."""
    moves: list[tuple[int, float]] = []
    swaps = _swaps(encoding, row, rng)
    for column, units in encoding.lattice.items():
        here = int(np.argmin(np.abs(units - row[column])))
        reached = [here + jump for jump in (-1, 1, -2, 2, -5, 5) if 0 <= here + jump < len(units)]
        moves.extend((column, float(units[position])) for position in reached)
    for column, options in encoding.choices.items():
        others = options[options != row[column]]
        if len(others) > _MOVES // 2:
            others = rng.choice(others, size=_MOVES // 2, replace=False)
        moves.extend((column, float(option)) for option in others)
    if not moves and not swaps:
        return row[None].copy()
    if len(moves) > 4 * _MOVES:
        picked = rng.choice(len(moves), size=4 * _MOVES, replace=False)
        moves = [moves[i] for i in picked]
    rows = np.repeat(row[None], len(moves) + len(swaps), axis=0)
    for i, (column, value) in enumerate(moves):
        rows[i, column] = value
    for i, pair in enumerate(swaps, len(moves)):
        rows[i, list(pair)] = row[list(reversed(pair))]
    return encoding.settle(rows)


def _swaps(encoding: Encoding, row: Array, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of a member and another option of subsets whose size is limited: one column alone may have to stay."""
    pairs = [
        (int(member), int(other))
        for columns in encoding.subsets
        for member in columns[row[columns] == 1]
        for other in columns[row[columns] == 0]
    ]
    if len(pairs) > _MOVES:
        picked = rng.choice(len(pairs), size=_MOVES, replace=False)
        pairs = [pairs[i] for i in picked]
    return pairs
