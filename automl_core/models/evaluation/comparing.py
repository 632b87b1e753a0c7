"""Two models on the same rows: metrics with intervals, and the paired difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.models.evaluation.document import Interval, interval
from automl_core.models.evaluation.resampling import Draws, chance, ends
from automl_core.models.evaluation.statistics import Cells, given_of, statistic
from automl_core.models.evaluation.subjects import Said
from automl_core.rates import tail
from automl_core.tabular.metrics import Metric

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

ROLES = ("challenger", "champion")


@dataclass(frozen=True)
class Sample:
    """Rows with what came and what the models say of them.

    Attributes:
        truth: (n,) positions of classes, or numbers.
        said: role → of these rows.
        codes: (n,) the unit of each row; None where each row is one.
        seed: of draws.
    """

    truth: NDArray[Any]
    said: dict[str, Said]
    codes: Codes | None
    seed: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, places: NDArray[Any], *seed: int) -> Sample:
        """Some of the rows."""
        codes = None if self.codes is None else np.unique(self.codes[places], return_inverse=True)[1]
        said = {role: each.take(places) for role, each in self.said.items()}
        return Sample(self.truth[places], said, codes, (*self.seed, *seed))

    def draws(self, count: int) -> Draws:
        """Draws of these rows."""
        return Draws(len(self), self.codes, count, self.seed)


@dataclass(frozen=True)
class Drawn:
    """A metric of both models.

    Attributes:
        metric: which.
        values: role → the metric.
        draws: role → (draws,) its values by draw.
        units: that were drawn.
        confidence: of intervals.
    """

    metric: Metric
    values: dict[str, float]
    draws: dict[str, Floats]
    units: int
    confidence: float

    def of(self, role: str) -> Interval | None:
        """A model's value with its interval; None where there is no such model, or it doesn't say what this needs."""
        if role not in self.values:
            return None
        return interval(self.values[role], *ends(self.draws[role], self.units, self.confidence))

    @property
    def difference(self) -> Interval | None:
        """Challenger less champion, drawn together."""
        if len(self.values) < 2:
            return None
        return interval(self._value, *ends(self._paired, self.units, self.confidence))

    @property
    def chance(self) -> float:
        """Of such a difference if there is none; NaN where that can't be told."""
        return chance(self._value, self._paired, self.units) if len(self.values) == 2 else math.nan

    @property
    def _value(self) -> float:
        return self.values["challenger"] - self.values["champion"]

    @property
    def _paired(self) -> Floats:
        return self.draws["challenger"] - self.draws["champion"]

    def as_json(self) -> dict[str, Any]:
        """For ``metrics`` of evidence."""
        return {
            "direction": self.metric.direction,
            **{role: self.of(role) for role in ROLES},
            "difference": self.difference,
        }


BESIDE = 400
"""Draws of metrics that stand beside the one that counts: enough for an interval to look at."""


def drawn(sample: Sample, metrics: Sequence[Metric], count: int, confidence: float) -> list[Drawn]:
    """Metrics of both models with their values by draw: one set of draws for all, so that differences are paired.

    Args:
        sample: of rows.
        metrics: the first is the one that counts; those that a model can't have are left out of its values.
        count: draws; some metrics take fewer (`statistics`), and those beside the first `BESIDE` at most.
        confidence: of intervals.
    """
    draws = sample.draws(count)
    cells: dict[str, Cells] = {}
    parts: list[tuple[Metric, str, Any]] = []
    values: list[dict[str, float]] = []
    for metric in metrics:
        found: dict[str, float] = {}
        for role, said in sample.said.items():
            given = given_of(metric, said)
            if given is None or not len(sample):
                continue
            found[role] = metric.score(sample.truth, given)
            if metric.needs == "labels" and role not in cells and said.labels is not None:
                cells[role] = Cells(sample.truth, said.labels, len(said.classes))
            parts.append((metric, role, statistic(metric, sample.truth, said, cells.get(role))))
        values.append(found)
    gathered: list[list[Floats]] = [[] for _ in parts]
    done = 0
    for block in draws.blocks() if parts else ():
        for (metric, _, part), kept in zip(parts, gathered, strict=True):
            most = part.most if metric is metrics[0] else min(part.most, BESIDE)
            left = min(most - done, len(block))
            if left == len(block):  # the very block, which cells know again
                kept.append(part.again(block))
            elif left > 0:
                kept.append(part.again(block[:left]))
        done += len(block)
    by_metric: dict[int, dict[str, Floats]] = {}
    for (metric, role, _), kept in zip(parts, gathered, strict=True):
        by_metric.setdefault(id(metric), {})[role] = np.concatenate(kept)
    return [
        Drawn(metric, found, by_metric.get(id(metric), {}), draws.units, confidence)
        for metric, found in zip(metrics, values, strict=True)
    ]


def difference_of(sample: Sample, of: Drawn, on: str = "all") -> dict[str, Any] | None:
    """The paired difference of the metric that counts, with how it was found.

    Accuracy of rows that are one unit each: McNemar. Else the bootstrap. Where both models say the same of every row
    there is no difference, and no interval is needed to say so.

    Args:
        sample: the rows.
        of: the metric, drawn.
        on: ``all`` or ``unseen`` rows.
    """
    if len(of.values) < 2 or not all(math.isfinite(each) for each in of.values.values()):
        return None
    units = "keys" if sample.codes is not None else "rows"
    draws = int(np.isfinite(of.draws["challenger"] - of.draws["champion"]).sum())
    if _same(of.metric, sample):
        found: Interval = interval(0.0, 0.0, 0.0)
        method, chance_of, draws = "both say the same of every row", 1.0, 0
    elif of.metric.name == "accuracy" and sample.codes is None:
        found, chance_of = mcnemar(sample, of.confidence)
        method = "McNemar's test, exact binomial; interval by Bonett and Price"
        draws = 0
    else:
        told = of.difference
        assert told is not None
        found, chance_of = told, of.chance
        method = f"paired bootstrap of {units}, expanded percentiles"
    return told_of(of, found, method, chance_of, draws, on)


def told_of(
    of: Drawn, found: Interval, method: str, chance_of: float, draws: int, on: str = "all"
) -> dict[str, Any]:  # fmt: skip
    """A difference as evidence has it: in the metric's unit, and as a gain, which is above 0 where it is better."""
    sign = 1.0 if of.metric.direction == "maximize" else -1.0
    value, low, high = found["value"], found["low"], found["high"]
    gains = [None if each is None else sign * each + 0.0 for each in (value, low, high)]
    return {
        "value": value, "low": low, "high": high,
        "gain": gains[0], "gain_low": gains[1 if sign > 0 else 2], "gain_high": gains[2 if sign > 0 else 1],
        "method": method, "confidence": of.confidence, "draws": draws,
        "p_value": chance_of if math.isfinite(chance_of) else None, "on": on,
    }  # fmt: skip


def _same(metric: Metric, sample: Sample) -> bool:
    one, other = (given_of(metric, sample.said[role]) for role in ROLES)
    return one is not None and other is not None and bool(np.array_equal(one, other))


def mcnemar(sample: Sample, confidence: float) -> tuple[Interval, float]:
    """The difference of accuracies, by the rows that one model alone has right.

    The chance is the exact binomial one of McNemar's test (McNemar 1947); the interval that of Bonett and Price (2012,
    Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on Paired Data, Journal of
    Educational and Behavioral Statistics 37), which holds its confidence where few rows tell the models apart, or none.

    Args:
        sample: whose rows are one unit each.
        confidence: of the interval.

    Returns:
        Challenger less champion, and the chance of such a difference on either side if there is none.
    """
    from scipy import special

    right = {role: sample.said[role].labels == sample.truth for role in ROLES}
    gained = int(np.count_nonzero(right["challenger"] & ~right["champion"]))
    lost = int(np.count_nonzero(~right["challenger"] & right["champion"]))
    rows = len(sample)
    up, down = (gained + 1) / (rows + 2), (lost + 1) / (rows + 2)
    reach = float(special.ndtri((1 + confidence) / 2)) * math.sqrt((up + down - (up - down) ** 2) / (rows + 2))
    odds = min(1.0, 2.0 * tail(min(gained, lost), gained + lost, 0.5))
    value = (gained - lost) / rows
    return interval(value, max(-1.0, up - down - reach), min(1.0, up - down + reach)), odds
