"""One trial: a learner with its parameters, forecasting all series from every origin; its value origin by origin."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.prepared import Prepared

Floats = NDArray[np.float64]
OnOrigin = Callable[[int, float], None]
"""Told an origin's position, from 0, and the metric over all origins so far."""

ShouldStop = Callable[[int, list[float]], bool]


@dataclass
class TrialResult:
    """What came of a trial.

    Attributes:
        number: from 0, in the order in which trials were asked for.
        params: ``learner`` and its own.
        state: ``succeeded``, ``stopped`` (after bad origins: its value counts for the search, not for the ensemble) or
            ``failed``.
        value: the metric over all origins; NaN where there is none.
        loss: the same, lower is better.
        origins: the metric of each origin that ran, earliest first.
        series: series' name → the metric over its origins.
        forecasts: (O, S, H), NaN where a series is too short for an origin.
        notes: series' name → why its learner was not used, and what was instead.
        seconds, fit_seconds: wall clock of all; of the fits.
        reason: why it failed or stopped, in words.
        seed: of its random numbers.
    """

    number: int
    params: Mapping[str, Any]
    state: str = "failed"
    value: float = math.nan
    loss: float = math.inf
    origins: list[float] = field(default_factory=list)
    series: dict[str, float] = field(default_factory=dict)
    forecasts: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))
    notes: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    fit_seconds: float = 0.0
    reason: str = ""
    seed: int = 0

    @property
    def usable(self) -> bool:
        """Whether it may be part of a model."""
        return self.state == "succeeded" and math.isfinite(self.loss)

    @property
    def learner(self) -> str:
        """Name of its learner."""
        return str(self.params.get("learner", ""))

    def save(self, folder: str | Path) -> None:
        """Keep it below a folder as ``trial_N.json`` and ``trial_N.npz``."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: str | Path, number: int, prepared: Prepared) -> TrialResult:
        """What `save` left.

        Raises:
            TrainingError: there is none, or it is broken.
        """
        raise NotImplementedError


def run_trial(
    prepared: Prepared,
    params: Mapping[str, Any],
    *,
    number: int = 0,
    seed: int = 0,
    threads: int = 1,
    on_origin: OnOrigin | None = None,
    should_stop: ShouldStop | None = None,
) -> TrialResult:
    """Fit a learner and judge it origin by origin, the earliest first.

    A learner that can't forecast is a failed trial with its reason, never an exception.

    Args:
        prepared: the series.
        params: ``learner`` and its own, as in `space`.
        number: of the trial.
        seed: of its random numbers.
        threads: at most.
        on_origin: told each origin's position and the metric over all origins so far: what a program prints.
        should_stop: asked after each origin but the last, with the metrics of all so far.
    """
    raise NotImplementedError
