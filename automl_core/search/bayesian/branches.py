"""A share of trials for every branch, before the model alone decides between them.

Where a choice decides which other parameters there are, a branch is a space of its own, and a process that has seen
two places of it, both poor, takes all of it for poor. It is too sure: while another branch is polished, the scale of
the losses (their warp, the deviation by which they are standardised) follows the good ones, and what two trials left
open shrinks with it, though nobody has looked there again. So no branch is left to the model's judgement before it has
had as many trials as it has parameters, which is what a model of straight lines would need: as in the rising bandits of
Y. Li et al. 2020 ("Efficient automatic CASH via rising bandits", AAAI), where no arm is given up before it has been
pulled a number of times. All shares together are a part of the experiment at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from automl_core.search.bayesian.encoding import Array, Encoding, Indices, Mask

_PART = 0.5  # of an experiment's trials: all shares together
_ROWS = 512  # drawn to count the parameters of branches
_NEVER = -1e6  # on the scale of log EI: a row of a branch that isn't asked for


def shares(encoding: Encoding, most: int) -> dict[int, dict[float, int]]:
    """How many trials each branch has before the model alone decides.

    One more than it has parameters of its own, those that hang on the choice: of what all branches have, each trial
    tells something for all of them. Where this would be more than a part of the experiment, each has so much less.

    Args:
        encoding: of the space.
        most: trials that the experiment may have.

    Returns:
        Column of a choice that others hang on → row of an option → trials; empty where no parameter hangs on another.
    """
    columns = encoding.branching
    if not len(columns):
        return {}
    rows = encoding.sample(_ROWS, np.random.default_rng(0))
    active = encoding.active(rows)
    found: dict[int, dict[float, int]] = {}
    for column in columns.tolist():
        own = active[:, encoding.hanging_on(column)].sum(axis=1)
        needed = {
            float(option): 1.0 + float(own[rows[:, column] == option].mean())
            for option in encoding.choices[column]
            if (rows[:, column] == option).any()
        }
        less = min(_PART * most / max(sum(needed.values()), 1.0), 1.0)
        found[column] = {option: int(round(count, 6) * less) for option, count in needed.items()}
    return found


@dataclass(frozen=True)
class Branch:
    """One branch: a term of the acquisition that leaves all others out.

    Attributes:
        column: of the choice.
        option: row of it.
        tried: how many trials it has had.
    """

    column: int
    option: float
    tried: int

    def holds(self, rows: Array) -> Mask:
        """Which rows lie in it, shape (n,)."""
        mine: Mask = rows[:, self.column] == self.option
        return mine

    def __call__(self, rows: Array) -> Array:
        """0 inside, far below any improvement outside, shape (n,)."""
        return np.where(self.holds(rows), 0.0, _NEVER)

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """The same at one row; numbers don't change the branch."""
        return float(self(row[None])[0]), np.zeros(len(moving))


def short_of(shares: Mapping[int, Mapping[float, int]], rows: Array) -> Branch | None:
    """The branch that has had the least of its share; None where each has had all of it.

    Args:
        shares: from `shares`.
        rows: of all trials that were handed out, whatever became of them: shape (n, width).
    """
    found = [
        (tried / count, Branch(column, option, tried))
        for column, wanted in shares.items()
        for option, count in wanted.items()
        if (tried := int((rows[:, column] == option).sum())) < count
    ]
    return min(found, key=lambda each: each[0])[1] if found else None
