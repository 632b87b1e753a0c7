"""How far to forecast where nobody says: as far as the M4 competition asked for series of that frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from automl_core.forecasting.panel import Panel

YEAR, QUARTER, MONTH, WEEK, DAY, HOUR = 6, 8, 18, 13, 14, 48
"""Steps ahead (Makridakis, Spiliotis and Assimakopoulos 2020, "The M4 Competition", table 1)."""

A_DAY = 86400

PART = 5
"""A horizon is at most one in so many of the values that the series in the middle has: the rest is for learning."""


def usual(panel: Panel) -> int:
    """Steps to forecast, at least one.

    Args:
        panel: the series.
    """
    about = panel.grid.frequency.about
    for least, steps in (
        (300 * A_DAY, YEAR), (80 * A_DAY, QUARTER), (25 * A_DAY, MONTH), (6 * A_DAY, WEEK), (A_DAY, DAY), (3600, HOUR)
    ):  # fmt: skip
        if about >= least:
            break
    else:
        steps = HOUR if about < 60 else round(A_DAY / about)  # a day of minutes
    return max(1, min(steps, int(np.median(panel.observed)) // PART))
