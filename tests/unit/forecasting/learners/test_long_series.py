"""Long series under a deadline: a fit can't be ended in its midst, so how long it takes is found out before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from automl_core.forecasting.frequency import parse
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.learners import local
from automl_core.forecasting.learners.base import Floats, Shape
from automl_core.forecasting.learners.local import LONG, FittedLocal, Kept, LocalLearner
from automl_core.forecasting.panel import Panel, Series

A_VALUE = 0.01
"""Seconds that the learner below takes for a value."""


class Slow(LocalLearner):
    """Forecasts the mean of what it was fitted on, and takes its time on a clock of its own."""

    name = "slow"

    def __init__(self) -> None:
        self.now, self.fitted, self.power = 0.0, list[int](), 1

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """See `Learner.space`."""
        return {}

    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        self.now += A_VALUE * LONG * (len(values) / LONG) ** self.power
        self.fitted.append(len(values))
        return Kept({"type": "seasonal_naive", "last": np.array([values.mean()])}, 0, "mean")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    learner = Slow()
    monkeypatch.setattr(local, "time", SimpleNamespace(monotonic=lambda: learner.now))
    return learner


def fit(learner: Slow, counts: Sequence[int], deadline: float | None) -> FittedLocal:
    values = [np.where(np.arange(count) < count - LONG, 1.0, 3.0) + np.arange(count) % 2 for count in counts]
    series = tuple(Series(f"s{at}", 0, each, np.empty((len(each), 0))) for at, each in enumerate(values))
    panel = Panel(series, Grid(parse("h"), None, 0), (), "y")
    return learner.fit(panel, panel.lengths, params={}, horizon=2, seasons=(), deadline=deadline)


def test_a_long_series_is_fitted_on_its_newest_values_where_all_would_end_too_late(slow: Slow) -> None:
    fitted = fit(slow, [8_000], deadline=60)
    assert slow.fitted == [LONG], "eighty seconds are more than there are, and ten have told so"
    assert slow.now < 60
    assert "newest 1,000 of 8,000 values" in fitted.notes["s0"]
    assert fitted.kept["s0"].record["last"] == pytest.approx([3.5])
    assert fitted.kept["s0"].form == "mean", "no fallback"


def test_where_there_is_time_all_values_are_learned_from(slow: Slow) -> None:
    fitted = fit(slow, [8_000], deadline=1_000)
    assert slow.fitted == [LONG, 8_000], "even the square of 10 s would end in time"
    assert not fitted.notes


def test_where_one_size_does_not_tell_a_second_one_does(slow: Slow) -> None:
    assert not fit(slow, [8_000], deadline=200).notes
    assert slow.fitted == [LONG, 2 * LONG, 8_000], "it grows in proportion: 80 s, and not 640"
    slow.fitted, slow.power, slow.now = [], 2, 0.0
    fitted = fit(slow, [8_000], deadline=200)
    assert slow.fitted == [LONG, 2 * LONG], "with the square: 640 s"
    assert "newest 2,000 of 8,000 values" in fitted.notes["s0"]


def test_the_first_long_series_tells_for_the_others(slow: Slow) -> None:
    fitted = fit(slow, [3_000, 3_000, 4_000, 500], deadline=125)
    # 10 s tell enough for the first series (90 at most, 115 are left), not for the second: 20 s more, and it is 34 at
    # most. The third takes 40 at least, and 35 are left.
    assert slow.fitted == [LONG, 3_000, 2 * LONG, 3_000, 2 * LONG, 500]
    assert list(fitted.notes) == ["s2"]


@pytest.mark.parametrize(("count", "deadline"), [(8_000, None), (2 * LONG - 1, 5.0)])
def test_without_a_deadline_and_for_short_series_nothing_is_tried_first(
    slow: Slow, count: int, deadline: float | None
) -> None:
    fit(slow, [count], deadline)
    assert slow.fitted == [count]
