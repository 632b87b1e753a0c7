"""Series of huge or tiny values, brought to a size that optimizers take: theirs are made for values around 1 to 1e6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 1e-2, 1e7
"""Mean sizes between which values are left as they are. (statsforecast's theta looks for its level below 1e10.)"""

_LINEAR: Mapping[str, tuple[str, ...]] = {
    "ets": ("level", "growth"),
    "theta": ("level", "mean", "intercept", "slope", "total", "moment"),
    "ces": ("states",),
    "seasonal_naive": ("last",),
    "croston": ("demand",),
    "tsb": ("demand",),
    "state_space": ("state", "intercept", "drift"),
}
"""Type of a record → what of it is in units of the values."""


def scale_of(values: NDArray[np.float64]) -> float:
    """What values are to be divided by: a power of two, so that nothing is rounded; mostly 1.

    Args:
        values: (n,) numbers.
    """
    size = float(np.mean(np.abs(values)))
    if size == 0 or LEAST <= size <= MOST:
        return 1.0
    return float(2.0 ** np.round(np.log2(size / 100.0)))


def scaled_back(record: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """The record of a series whose values were divided by a scale, for the series itself.

    Args:
        record: of a type with a state a series.
        scale: as `scale_of` gave it.
    """
    found = dict(record)
    if scale == 1.0:
        return found
    if record["type"] == "decomposed":
        seasons = {name: each * scale for name, each in record.items() if name.startswith("seasonal_")}
        return found | seasons | {"inner": scaled_back(record["inner"], scale)}
    names = list(_LINEAR[record["type"]])
    if record["type"] in ("ets", "theta") and record["season"] == "A":
        names.append("seasonal")
    if record["type"] == "ets" and record["trend"] == "M":
        names.remove("growth")
    return found | {name: np.asarray(record[name]) * scale if np.ndim(record[name]) else float(record[name]) * scale
                    for name in names}  # fmt: skip
