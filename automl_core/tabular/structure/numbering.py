"""Whether things were numbered by the outcome."""

from __future__ import annotations

import numpy as np

from automl_core.tabular.guardrails.alone import alone_tells
from automl_core.tabular.guardrails.view import View

LEAST = 0.5
"""The share of the target's variance from which on the numbers of groups are said to have been given by the outcome."""


def told_by_numbers(table: View, group: str) -> float:
    """What the groups' numbers alone explain of the target of groups that were not looked at, where that is much.

    Names of things say nothing of other things, unless they were given in the order of the outcome: a file that was
    sorted by it before it was numbered, or a table of counts written out row by row. A model that is given them looks
    perfect by any split, and knows nothing.

    Args:
        table: the rows.
        group: the column that names things.

    Returns:
        The share of the variance; 0.0 below `LEAST`, and where the names are no numbers.
    """
    column = next(each for each in table.columns if each.name == group)
    if not column.numeric or column.distinct < 30:
        return 0.0
    folds = np.random.default_rng(0).permutation(column.distinct)[column.codes] % 2
    tells = min(alone_tells(column, each, np.arange(table.count), folds) for each in table.outcomes.T)
    return float(tells) if tells >= LEAST else 0.0
