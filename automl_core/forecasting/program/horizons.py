"""How far to forecast where nobody says: as far as the M4 competition asked for series of that frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from automl_core.forecasting.panel import Panel

YEAR, QUARTER, MONTH, WEEK, DAY, HOUR = 6, 8, 18, 13, 14, 48
"""Steps ahead (Makridakis, Spiliotis and Assimakopoulos 2020, "The M4 Competition", table 1)."""

NUMBERS = 10
"""Steps ahead where times are plain numbers."""

A_DAY = 86_400
_UNITS = {"second": 1.0, "day": A_DAY, "business_day": A_DAY, "month": 30.4 * A_DAY, "month_end": 30.4 * A_DAY}
_LEAST = (
    (300 * A_DAY, YEAR), (80 * A_DAY, QUARTER), (25 * A_DAY, MONTH), (6 * A_DAY, WEEK), (A_DAY, DAY), (3600, HOUR),
)  # fmt: skip

PART = 5
"""A horizon is at most one in so many of the values that the series in the middle has: the rest is for learning."""


def usual(panel: Panel) -> int:
    """Steps to forecast, at least one.

    Args:
        panel: the series.
    """
    frequency = panel.grid.frequency
    if frequency.unit == "step":
        steps = NUMBERS
    else:
        seconds = _UNITS[frequency.unit] * frequency.count
        # below an hour a day's steps, below a minute as many as of hours
        below = HOUR if seconds < 60 else round(A_DAY / seconds)
        steps = next((steps for least, steps in _LEAST if seconds >= least), below)
    return max(1, min(steps, int(np.median(panel.observed)) // PART))
