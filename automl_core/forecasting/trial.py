"""One trial: a learner with its parameters, forecasting all series from every origin; its value origin by origin."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.prepared import Prepared
from automl_core.tabular import documents
from automl_core.training.problems import TrainingError

if TYPE_CHECKING:
    from automl_core.forecasting.learners.base import Fitted

Floats = NDArray[np.float64]
OnOrigin = Callable[[int, float], None]
"""Told an origin's position, from 0, and the metric over all origins so far."""

ShouldStop = Callable[[int, list[float]], bool]

NOTES = 1000
"""Series whose notes are kept."""


@dataclass
class TrialResult:
    """What came of a trial.

    Attributes:
        number: from 0, in the order in which trials were asked for.
        params: ``learner`` and its own.
        state: ``succeeded``; ``stopped`` (after bad origins: its value counts for the search, not for the ensemble);
            ``failed``; ``skipped`` (never started, for want of time) or ``cancelled`` (by the end of its experiment).
        value: the metric over all origins; NaN where there is none.
        loss: the same, lower is better.
        origins: the metric of each origin that ran, earliest first.
        series: series' name → the metric over its origins; those without a value are left out.
        forecasts: (O, S, H), NaN where a series is too short for an origin.
        test: (S, H) forecasts of the test's steps, made without a look at them; (0, 0) where there is no test.
        notes: series' name → why its learner was not used, and what was instead.
        seconds, fit_seconds: wall clock of all; of the fits.
        reason: why it failed or stopped, or is judged otherwise than by the metric, in words.
        seed: of its random numbers.
        fitted: what it fitted for the origins, in this process alone: a last fit takes choices over from it.
    """

    number: int
    params: Mapping[str, Any]
    state: str = "failed"
    value: float = math.nan
    loss: float = math.inf
    origins: list[float] = field(default_factory=list)
    series: dict[str, float] = field(default_factory=dict)
    forecasts: Floats = field(default_factory=lambda: np.empty((0, 0, 0)), repr=False)
    test: Floats = field(default_factory=lambda: np.empty((0, 0)), repr=False)
    notes: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    fit_seconds: float = 0.0
    reason: str = ""
    seed: int = 0
    fitted: Fitted | None = field(default=None, repr=False, compare=False)

    @property
    def usable(self) -> bool:
        """Whether it may be part of a model."""
        return self.state == "succeeded" and math.isfinite(self.loss)

    @property
    def learner(self) -> str:
        """Name of its learner."""
        return str(self.params.get("learner", ""))

    @property
    def own(self) -> dict[str, Any]:
        """Its learner's parameters as the learner names them."""
        start = f"{self.learner}."
        return {name.removeprefix(start): value for name, value in self.params.items() if name.startswith(start)}

    def summary(self) -> dict[str, Any]:
        """Everything but arrays: plain data."""
        return {
            "number": self.number,
            "params": dict(self.params),
            "state": self.state,
            "value": _plain(self.value),
            "origins": [_plain(each) for each in self.origins],
            "series": {name: _plain(value) for name, value in self.series.items()},
            "notes": dict(self.notes),
            "seconds": self.seconds,
            "fit_seconds": self.fit_seconds,
            "reason": self.reason,
            "seed": self.seed,
        }

    def save(self, folder: str | Path) -> None:
        """Keep it below a folder as ``trial_N.json`` and ``trial_N.npz``."""
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        arrays = {"forecasts": self.forecasts, "test": self.test}
        documents.save(home / f"trial_{self.number}", self.summary(), arrays)

    @classmethod
    def load(cls, folder: str | Path, number: int, prepared: Prepared) -> TrialResult:
        """What `save` left.

        Args:
            folder: where.
            number: of the trial.
            prepared: the series, whose metric says which values are better.

        Raises:
            TrainingError: there is none, it is broken, or of other series.
        """
        home = Path(folder)
        try:
            said, arrays = documents.load(home / f"trial_{number}")
            forecasts, test = arrays["forecasts"], arrays["test"]
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"trial {number} can't be read from {home}: {error}") from None
        shape = (*prepared.origins.ends.shape, prepared.options.horizon)
        if forecasts.size and forecasts.shape != shape:
            raise TrainingError(f"trial {number} in {home} is of other series: its forecasts are {forecasts.shape}")
        said["origins"] = [_number(each) for each in said["origins"]]
        said["series"] = {name: _number(each) for name, each in said["series"].items()}
        said["value"] = _number(said["value"])
        result = cls(**said, forecasts=forecasts, test=test)
        result.loss = prepared.metric.as_loss(result.value)
        if not math.isfinite(result.loss):
            result.loss = math.inf
            if result.state == "succeeded":
                _judged_plainly(prepared, result)
        return result


def run_trial(
    prepared: Prepared,
    params: Mapping[str, Any],
    *,
    number: int = 0,
    seed: int = 0,
    threads: int = 1,
    on_origin: OnOrigin | None = None,
    should_stop: ShouldStop | None = None,
    deadline: float | None = None,
) -> TrialResult:
    """Fit a learner and judge it origin by origin, the earliest first.

    The learner is fitted once, on what each series had at its earliest origin; from there to each later origin its
    states run forward over what has come since. So an origin costs next to nothing, and many of them can be asked.

    A learner that can't forecast is a failed trial with its reason, never an exception.

    Args:
        prepared: the series.
        params: ``learner`` and its own, as in `space`.
        number: of the trial.
        seed: of its random numbers.
        threads: at most.
        on_origin: told each origin's position and the metric over all origins so far: what a program prints.
        should_stop: asked after each origin but the last, with the metrics of all so far.
        deadline: on the monotonic clock: series whose turn has not come by then are forecast by a simpler rule.
    """
    began = time.monotonic()
    result = TrialResult(number, dict(params), seed=seed)
    try:
        _run(prepared, result, threads, on_origin, should_stop, deadline)
    except MemoryError:
        result.state, result.reason = "failed", "it needs more memory than there is"
    except Exception as error:  # of any library: one trial's, never the search's
        result.state, result.reason = "failed", said(error)
    if result.state != "failed":
        result.value = _mean(result.origins)
        result.loss = prepared.metric.as_loss(result.value)
        if not math.isfinite(result.value):
            _judged_plainly(prepared, result)
    result.seconds = time.monotonic() - began
    return result


def _run(
    prepared: Prepared,
    result: TrialResult,
    threads: int,
    on_origin: OnOrigin | None,
    should_stop: ShouldStop | None,
    deadline: float | None,
) -> None:
    from automl_core.forecasting.learners import registry

    learner, horizon = registry.find(result.learner), prepared.options.horizon
    panel, ends = prepared.past, prepared.origins.ends
    began = time.monotonic()
    fitted = learner.fit(
        panel, prepared.first_ends, params=result.own, horizon=horizon, seasons=sorted(prepared.seasons),
        seed=result.seed, threads=threads, deadline=deadline,
    )  # fmt: skip
    result.fit_seconds = time.monotonic() - began - fitted.importing
    result.forecasts = np.full((*ends.shape, horizon), np.nan)
    values = np.full(ends.shape, np.nan)
    last = len(ends) - 1
    result.state = "succeeded"
    for place, known in enumerate(ends):
        forecast = prepared.bounded(fitted.forecast(panel, known, horizon))
        if not np.isfinite(forecast[known >= 0]).all():
            raise ArithmeticError("its forecasts are not finite numbers")
        result.forecasts[place] = forecast
        values[place] = prepared.judged(forecast, known)
        result.origins.append(_mean(values[place].tolist()))
        if on_origin is not None:
            on_origin(place, _mean(result.origins))
        if place < last and should_stop is not None and should_stop(place, list(result.origins)):
            result.state = "stopped"
            result.reason = f"after {place + 1} of {last + 1} origins: others were better there"
            break
    if prepared.tested is not None and result.state == "succeeded":
        result.test = prepared.bounded(fitted.forecast(panel, prepared.tested, horizon))
    for place, name in enumerate(panel.names):
        found = _mean(values[:, place].tolist())
        if math.isfinite(found):
            result.series[name] = found
    result.notes = dict(list(fitted.notes.items())[:NOTES])
    result.fitted = fitted


def _judged_plainly(prepared: Prepared, result: TrialResult) -> None:
    """Where the metric has no value on any series (MASE of constant ones), errors themselves say who is better."""
    origins = prepared.origins.ends[: len(result.origins)]
    missed = np.abs(np.stack([prepared.actual(ends) for ends in origins]) - result.forecasts[: len(origins)])
    missed = missed[np.isfinite(missed)]
    result.reason = f"{prepared.metric.name} is not defined on these series"
    if len(missed):
        result.loss = float(missed.mean())
        result.reason += ": judged by mean absolute errors"
    else:
        result.state, result.loss = "failed", math.inf


def counts(results: Sequence[TrialResult]) -> dict[str, int]:
    """How many trials there are, and how many of them did not come to an end of their own, by state."""
    states = [each.state for each in results]
    return {"trials": len(states), **{state: states.count(state) for state in ("failed", "skipped", "cancelled")}}


def _mean(values: Sequence[float]) -> float:
    """Of those that are numbers; NaN where none is."""
    there = [each for each in values if math.isfinite(each)]
    return math.fsum(there) / len(there) if there else math.nan


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def said(error: Exception) -> str:
    """An error in a line: a learner's own words, else its kind before them."""
    text = " ".join(str(error).split())[:300]
    name = type(error).__name__
    return text if name in ("CannotFit", "TrainingError", "SeriesError") and text else f"{name}: {text}".rstrip(": ")
