"""Hours that a local clock shows twice, found in tables that name no zone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.grid import Times
from automl_core.modelfile.scoring.calendars import clock

_ZONES = (
    "Europe/Berlin", "Europe/London", "Europe/Helsinki", "America/New_York", "Australia/Sydney", "Pacific/Auckland",
    "America/Santiago", "America/Sao_Paulo", "Africa/Cairo", "Asia/Jerusalem", "America/Havana", "Asia/Tehran",
)  # fmt: skip
"""One zone of each rule by which clocks are set back; many others follow the same."""


def twice_shown(local: Times, zone: str) -> NDArray[np.bool_]:
    """Whether a zone's clock shows times (n,) twice."""
    return np.equal(clock.to_moments(local, zone)[2], 2)


def never_shown(local: Times, zone: str) -> NDArray[np.bool_]:
    """Whether a zone's clock is set forward over times (n,)."""
    return np.equal(clock.to_moments(local, zone)[2], 0)


def explained(local: Times) -> tuple[str | None, NDArray[np.bool_]]:
    """A zone whose clock shows most of these times twice, and which of them (n,); None where no zone does."""
    best, which = None, np.zeros(len(local), dtype=bool)
    for zone in _ZONES:
        found = twice_shown(local, zone)
        if found.sum() > which.sum():
            best, which = zone, found
    return best, which
