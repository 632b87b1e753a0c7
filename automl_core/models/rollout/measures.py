"""Metrics of late labels that are means over rows: one value of each answer, so that versions can be compared."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec

from automl_core.spec.errors import did_you_mean

if TYPE_CHECKING:
    from automl_core.models.traffic.sequential import MeanTest

MEASURES: dict[str, bool] = {"accuracy": False, "log_loss": True, "brier_score": True, "mae": True, "mse": True}
"""Name → whether the lower is the better. An AUC or an F1 is no mean over rows: no hour of it can be compared."""

SHARES = frozenset({"accuracy"})
"""Those that are the share of something: their tests are planned for points, the others' for standard deviations."""

HOUR = 3600.0
"""Seconds of answering within which versions are compared."""


class Hour(msgspec.Struct, array_like=True):
    """Values of one version's answers of one hour: when it begins, version, how many, mean, variance."""

    start: float
    version: int
    count: int
    mean: float
    variance: float


class Measured(msgspec.Struct):
    """A measurement of one metric, from the beginning of the rollout on.

    Attributes:
        name: of the metric.
        time: when it was made, seconds since 1970.
        hours: of answering, each version's apart.
        words: what became of answers and outcomes.
        problem: why there is none; empty where there is one. Hours are those of the last one that there was.
    """

    name: str
    time: float
    hours: list[Hour] = []
    words: list[str] = []
    problem: str = ""

    def after(self, before: Measured | None) -> Measured:
        """This one; where it has come to nothing, with what the one before had measured."""
        if not self.problem or before is None:
            return self
        return msgspec.structs.replace(self, hours=before.hours, words=before.words)

    def mean(self, version: int) -> tuple[int, float]:
        """Labelled answers of a version, and their mean; NaN without any."""
        found = [each for each in self.hours if each.version == version]
        count = sum(each.count for each in found)
        return count, sum(each.mean * each.count for each in found) / count if count else math.nan

    def test(self, champion: int, challenger: int, alpha: float, sides: Literal[1, 2]) -> MeanTest:
        """The versions compared, hour by hour; see `MeanTest` for alpha and sides."""
        from automl_core.models.traffic.planned import POINTS
        from automl_core.models.traffic.sequential import MeanTest, Moments

        test = MeanTest(alpha, sides, planned=POINTS if self.name in SHARES else None)
        found = {(each.start, each.version): Moments(each.count, each.mean, each.variance) for each in self.hours}
        nothing = Moments(0, 0.0, 0.0)
        for start in sorted({each.start for each in self.hours}):
            test.add(found.get((start, champion), nothing), found.get((start, challenger), nothing))
        return test


def check_measure(name: str) -> None:
    """Refuse a metric that can't be compared here.

    Raises:
        ValueError: which, and what is allowed.
    """
    if name not in MEASURES:
        near = did_you_mean(name, MEASURES)
        raise ValueError(
            f"{name} can't be followed in a rollout: allowed are means over rows, {', '.join(MEASURES)}"
            f"{f'. {near}' if near else ''}"
        )
