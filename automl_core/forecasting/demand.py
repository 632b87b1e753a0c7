"""Kinds of demand, by how often something is asked for and how evenly: smooth, erratic, intermittent, lumpy."""

from __future__ import annotations

from typing import Literal

import numpy as np

from automl_core.forecasting.panel import Floats

Demand = Literal["smooth", "erratic", "intermittent", "lumpy", "none"]

INTERVAL, VARIATION = 1.32, 0.49
"""Where the classes part: mean interval between demands in steps, and squared coefficient of variation of their sizes
(Syntetos, Boylan & Croston 2005, "On the categorization of demand patterns", Journal of the Operational Research
Society 56(5), section 4)."""


def measures(values: Floats) -> tuple[float, float, float]:
    """Figures of one series.

    Args:
        values: (n,) NaN where a step is missing: such steps count neither as demand nor as none.

    Returns:
        The share of zeros; steps with a value by those that are not 0, the mean interval between demands; the squared
        coefficient of variation of what is not 0. NaN where nothing is.
    """
    there = values[~np.isnan(values)]
    asked = there[there != 0]
    if not len(asked):
        return (1.0 if len(there) else np.nan), np.nan, np.nan
    middle = asked.mean()
    variation = float((asked.std() / middle) ** 2) if middle != 0 else np.nan
    return float((there == 0).mean()), len(there) / len(asked), variation


def classify(values: Floats) -> Demand:
    """The class of one series; ``none`` where nothing but zeros is known, ``smooth`` where a value is below 0.

    Args:
        values: (n,) NaN where a step is missing.
    """
    if bool((values < 0).any()):
        return "smooth"
    _, interval, variation = measures(values)
    if np.isnan(interval):
        return "none"
    if interval > INTERVAL:
        return "lumpy" if variation > VARIATION else "intermittent"
    return "erratic" if variation > VARIATION else "smooth"


def intermittent(values: Floats) -> bool:
    """Whether zeros are so frequent that methods for intermittent demand (Croston's, TSB) are worth a try."""
    return classify(values) in ("intermittent", "lumpy")
