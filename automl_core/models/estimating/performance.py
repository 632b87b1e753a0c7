"""Confidence-based performance estimation: a metric of rows whose labels have not come, by calibrated probabilities.

A row with the calibrated probability q of a class counts q times as one of that class, so the metric is computed on
expected rows: of a confusion matrix its expected cells, of an area the expected pairs (NannyML's documentation, How it
works, Estimation of performance of the monitored model: CBPE; J. Bialek et al., Estimating model performance under
covariate shift without labels, arXiv 2401.08348, section 3). It holds where the labels still depend on the columns as
they did (no concept drift): rows of another mix are seen, another meaning of the same rows is not.

Its interval says where the metric will lie once the labels of these rows are known. It is made of

- *chance*: labels are drawn from the probabilities, again and again;
- *calibration*: for each draw the map is made anew from the evidence's rows, drawn as well;
- *mix*: in each half of the evidence's rows, by each column, the estimate is held against what was measured there; what
  is off by more than chance counts, the more the further those columns have drifted;
- *record*: what estimates were off by, beyond chance, where labels came later (`record`).

The first three are stretched where the evidence has few rows (`FEW`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.models.estimating.calibrating import Calibration, calibrate, calibrations, chosen
from automl_core.models.estimating.kept import Kept
from automl_core.tabular.metrics import Metric

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

DRAWS = 100
"""Draws of labels: a deviation of so many is known to 7 %."""

LEAST_KEPT = 300
"""Rows of the evidence below which no estimate stands on them."""

FEW = 200.0
"""Rows of the evidence at which an interval is wider by the root of 2 than draws say. The draws of an evidence of few
rows know of none that it lacks, and the map's form is chosen by it too. Chosen on five sets, so that the middle one of
them has 95 %, and checked on five others (benchmarks/README.md, "A metric without labels")."""

MOST_ROWS = 20_000
"""Rows that are estimated on; of more some are drawn, evenly."""

_BESIDE = 20  # draws for the chance of one half of the evidence's rows
_HALF = 0.5  # distance of a half's distribution from that of the whole, in the column that it is made by


@dataclass(frozen=True)
class Estimate:
    """What a metric is likely to be.

    Attributes:
        value: on expected rows; NaN where it is not defined.
        low, high: where it will lie once labels are there.
        rows: that it is of.
        chance: one standard deviation from labels and calibration.
        mix: one from rows of another mix; record: one from what estimates were off by.
    """

    value: float
    low: float
    high: float
    rows: int
    chance: float
    mix: float
    record: float

    @property
    def known(self) -> bool:
        """Whether it is a number with an interval."""
        return math.isfinite(self.value) and math.isfinite(self.low) and math.isfinite(self.high)


class Estimator:
    """Estimates one metric of one model.

    Attributes:
        method: how probabilities are calibrated.
    """

    def __init__(
        self, kept: Kept, metric: Metric, *, confidence: float = 0.95, seed: Sequence[int] = (0,), draws: int = DRAWS
    ) -> None:
        """Make it of what an evidence has kept.

        Args:
            kept: rows of the evidence.
            metric: of labels or probabilities.
            confidence: of intervals.
            seed: of all draws: the same rows are estimated alike, however often.
            draws: of labels.

        Raises:
            ValueError: the evidence has too few rows, or the metric is one of numbers.
        """
        if len(kept) < LEAST_KEPT:
            raise ValueError(
                f"{len(kept)} rows of the evidence had labels, and fewer than {LEAST_KEPT} are no ground for an "
                "estimate"
            )
        if metric.needs == "numbers":
            raise ValueError(f"{metric.name} is one of numbers, which say nothing of how sure they are")
        self.kept, self.metric, self._seed, self._draws = kept, metric, tuple(seed), draws
        self._wide = NormalDist().inv_cdf((1 + confidence) / 2)
        self.method = chosen(kept.outputs, kept.truth, kept.units, self._seed)
        self.calibration = calibrate(kept.outputs, kept.truth, self.method)

    def estimate(
        self, outputs: Floats, labels: Codes, *, moved: Mapping[str, float] | None = None, record: float = 0.0
    ) -> Estimate:
        """Estimate the metric of rows.

        Args:
            outputs: (n, K) what the model says of them.
            labels: (n,) positions of the classes that it decides for.
            moved: column → distance from the evidence's rows, 0 to 1; None where that is not known: the worst is taken.
            record: one standard deviation of what estimates were off by (`record.Record.excess`).
        """
        if len(outputs) > MOST_ROWS:
            at = np.random.default_rng([*self._seed, 1]).choice(len(outputs), MOST_ROWS, replace=False)
            outputs, labels = outputs[at], labels[at]
        value, chance = self._expected(outputs, labels), self._wider * self._chance(outputs, labels)
        mix = self._wider * self.mix(moved)
        half = self._wide * math.sqrt(chance**2 + mix**2 + record**2)
        low, high, best = value - half, value + half, self.metric.perfect
        if best is not None:
            low, high = (low, min(high, best)) if self.metric.direction == "maximize" else (max(low, best), high)
        return Estimate(value, low, high, len(outputs), chance, mix, record)

    def mix(self, moved: Mapping[str, float] | None) -> float:
        """One standard deviation of what an estimate is off by since the rows are of another mix.

        Args:
            moved: as for `estimate`.
        """
        known = {name: max(0.0, each) for name, each in (moved or {}).items() if name in self._halves}
        if moved is None:
            known = dict.fromkeys(self._halves, _HALF)
        total = sum(known.values())
        if not total:
            return 0.0
        excess = sum(distance * self._halves[name] for name, distance in known.items()) / total
        return math.sqrt(max(0.0, excess)) * min(1.0, max(known.values()) / _HALF)

    # --- parts -----------------------------------------------------------------------------------

    def _expected(self, outputs: Floats, labels: Codes) -> float:
        """The metric on expected rows; where it knows no weights, its mean over draws."""
        meant = self.calibration(outputs)
        count, classes = meant.shape
        given = labels if self.metric.needs == "labels" else outputs
        value = self.metric.score(
            np.tile(np.arange(classes), count), np.repeat(given, classes, axis=0), meant.ravel()
        )  # fmt: skip
        return value if math.isfinite(value) else math.nan

    def _chance(self, outputs: Floats, labels: Codes) -> float:
        rng = np.random.default_rng([*self._seed, 2])
        values = [
            self._measured(rng, calibration(outputs), outputs, labels) for calibration in self._calibrations
        ]  # fmt: skip
        return _deviation(np.asarray(values))

    def _measured(self, rng: np.random.Generator, meant: Floats, outputs: Floats, labels: Codes) -> float:
        """The metric of labels that are drawn."""
        truth = drawn(rng, meant)
        return self.metric.score(truth, labels if self.metric.needs == "labels" else outputs)

    @property
    def _wider(self) -> float:
        """By what deviations are stretched, as the evidence has few rows; units of them, where these are drawn."""
        count = len(self.kept) if self.kept.units is None else int(self.kept.units.max()) + 1
        return math.sqrt(1.0 + FEW / count)

    @cached_property
    def _calibrations(self) -> list[Calibration]:
        """The map made anew from draws of the evidence's rows."""
        rng = np.random.default_rng([*self._seed, 3])
        unit = np.arange(len(self.kept)) if self.kept.units is None else self.kept.units
        units = int(unit.max()) + 1
        weights = (
            np.bincount(rng.integers(units, size=units), minlength=units)[unit].astype(np.float64)
            for _ in range(self._draws)
        )  # fmt: skip
        return list(calibrations(self.kept.outputs, self.kept.truth, self.method, weights))

    @cached_property
    def _halves(self) -> dict[str, float]:
        """Column → mean of what the estimate is off by in its two halves, squared, less what chance makes of it."""
        rng, kept = np.random.default_rng([*self._seed, 4]), self.kept
        meant = self.calibration(kept.outputs)
        found = {}
        for name, side in kept.halves.items():
            excess = []
            for half in (side, ~side):
                outputs, labels = kept.outputs[half], kept.labels[half]
                if len(outputs) < 30:
                    continue
                measured = self.metric.score(kept.truth[half], labels if self.metric.needs == "labels" else outputs)
                draws = [self._measured(rng, meant[half], outputs, labels) for _ in range(_BESIDE)]
                off = measured - self._expected(outputs, labels)
                if math.isfinite(off):
                    excess.append(off**2 - _deviation(np.asarray(draws)) ** 2)
            if excess:
                found[name] = float(np.mean(excess))
        return found

    def to_json(self) -> dict[str, Any]:
        """What it stands on, as plain data."""
        return {"method": self.method, "rows": len(self.kept), "of": self.kept.of}


def drawn(rng: np.random.Generator, meant: Floats) -> Codes:
    """(n,) labels drawn from (n, K) probabilities."""
    below = np.cumsum(meant, axis=1)
    at = (rng.random(len(meant))[:, None] * below[:, -1:] >= below).sum(axis=1)
    return np.asarray(np.minimum(at, meant.shape[1] - 1), dtype=np.int64)


def _deviation(values: Floats) -> float:
    """Standard deviation of draws, NaN where most of them have no value."""
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) >= max(2, 0.9 * len(values)) else math.nan
