"""Long series under a deadline: a fit can't be ended in its midst, so how long it takes is found out before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.forecasting.frequency import parse
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.learners import local
from automl_core.forecasting.learners.base import Floats, Shape
from automl_core.forecasting.learners.local import SMALL, FittedLocal, Kept, LocalLearner
from automl_core.forecasting.panel import Panel, Series
from tests.support.examples import examples

A_VALUE = 0.01
"""Seconds that the learner below takes for a value, where it has `SMALL` of them."""


class Slow(LocalLearner):
    """Forecasts the mean of what it was fitted on, and takes its time on a clock of its own."""

    name = "slow"

    def __init__(self) -> None:
        self.now, self.fitted, self.power, self.cost = 0.0, list[int](), 1.0, A_VALUE

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """See `Learner.space`."""
        return {}

    def takes(self, count: int) -> float:
        """Seconds of a fit."""
        return self.cost * SMALL * (count / SMALL) ** self.power

    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        self.now += self.takes(len(values))
        self.fitted.append(len(values))
        return Kept({"type": "seasonal_naive", "last": np.array([values.mean()])}, 0, "mean")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    return clocked(Slow(), monkeypatch)


def clocked(learner: Slow, patch: pytest.MonkeyPatch) -> Slow:
    """A learner whose clock is the only one."""
    patch.setattr(local, "time", SimpleNamespace(monotonic=lambda: learner.now))
    return learner


def fit(
    learner: Slow, counts: Sequence[int], deadline: float | None, seasons: Sequence[int] = ()
) -> FittedLocal:  # fmt: skip
    values = [np.where(np.arange(count) < count - 1000, 1.0, 3.0) + np.arange(count) % 2 for count in counts]
    series = tuple(Series(f"s{at}", 0, each, np.empty((len(each), 0))) for at, each in enumerate(values))
    panel = Panel(series, Grid(parse("h"), None, 0), (), "y")
    return learner.fit(panel, panel.lengths, params={}, horizon=2, seasons=seasons, deadline=deadline)


def test_a_long_series_is_fitted_on_its_newest_values_where_all_would_end_too_late(slow: Slow) -> None:
    fitted = fit(slow, [8_000], deadline=60)
    # 80 s are more than there are, which two sizes tell; then as many values as half of what is left is enough for
    assert slow.fitted == [SMALL, 2 * SMALL, 4 * SMALL]
    assert slow.now < 60
    assert "newest 1,000 of 8,000 values" in fitted.notes["s0"]
    assert fitted.kept["s0"].record["last"] == pytest.approx([3.5])
    assert fitted.kept["s0"].form == "mean", "no fallback"


def test_where_there_is_time_all_values_are_learned_from(slow: Slow) -> None:
    fitted = fit(slow, [8_000], deadline=10_000)
    assert slow.fitted == [SMALL, 8_000], "even the square of 2.5 s would end in time"
    assert not fitted.notes


def test_where_one_size_does_not_tell_more_do(slow: Slow) -> None:
    assert not fit(slow, [8_000], deadline=200).notes
    assert slow.fitted == [SMALL, 2 * SMALL, 8_000], "it grows in proportion: 80 s, and not 2,560"
    slow.fitted, slow.power, slow.now = [], 2.0, 0.0
    fitted = fit(slow, [8_000], deadline=200)
    assert slow.fitted == [SMALL, 2 * SMALL, 4 * SMALL], "with the square 2,560 s; 160 for 2,000 are more than half"
    assert "newest 1,000 of 8,000 values" in fitted.notes["s0"]


def test_the_first_long_series_tells_for_the_others(slow: Slow) -> None:
    fitted = fit(slow, [3_000, 3_000, 3_000, 500], deadline=83)
    # the first and the second take 30 s each and 7.5 are spent to know; of the third, whose 30 are no longer there,
    # the newest 500, which are known to take 5
    assert slow.fitted[-4:] == [3_000, 3_000, 2 * SMALL, 500]
    assert list(fitted.notes) == ["s2"]
    assert slow.now <= 83


@pytest.mark.parametrize(("count", "deadline"), [(8_000, None), (SMALL * 3 // 2, 5.0)])
def test_without_a_deadline_and_for_short_series_nothing_is_tried_first(
    slow: Slow, count: int, deadline: float | None
) -> None:
    fit(slow, [count], deadline)
    assert slow.fitted == [count]


def test_series_that_are_not_long_are_planned_too(slow: Slow) -> None:
    """Ten of 1,900 values, 19 s each: the second would have begun in time, and ended 18 s late."""
    fitted = fit(slow, [1_900] * 10, deadline=40)
    assert slow.now <= 40
    assert slow.fitted.count(1_900) == 1
    assert "newest" in fitted.notes["s1"]


def test_what_is_tried_first_has_all_seasons(slow: Slow) -> None:
    """A week of hours is left out of 250 values, and what is quick without it tells nothing of what is slow with it."""
    fit(slow, [8_000], deadline=10_000, seasons=(24, 168))
    assert slow.fitted == [3 * 168, 8_000]


def test_a_fit_that_fails_tells_nothing_of_the_time(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = slow._one

    def failing(values: Floats, *more: Any) -> Kept:
        if len(values) < 3_000 and not slow.fitted:
            slow.fitted.append(len(values))
            raise ValueError("too few values")
        return whole(values, *more)

    monkeypatch.setattr(slow, "_one", failing)
    fitted = fit(slow, [8_000, 8_000], deadline=60)
    assert "too few values" in fitted.notes["s0"]
    assert slow.now <= 60
    assert "newest" in fitted.notes["s1"]


def test_newest_values_that_are_all_the_same_are_not_what_is_tried_first(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sold until a year ago: a learner that can't be fitted on zeros alone has all values to learn from."""
    whole = slow._one

    def picky(values: Floats, *more: Any) -> Kept:
        if bool((values == values[0]).all()):
            raise ValueError("no model able to be fitted")
        return whole(values, *more)

    monkeypatch.setattr(slow, "_one", picky)
    values = [np.r_[np.arange(count - 400.0) % 7, np.zeros(400)] for count in (1_000, 20_000, 401)]
    series = tuple(Series(f"s{at}", 0, each, np.empty((len(each), 0))) for at, each in enumerate(values))
    panel = Panel(series, Grid(parse("h"), None, 0), (), "y")
    fitted = slow.fit(panel, panel.lengths, params={}, horizon=2, seasons=(), deadline=60)
    assert slow.fitted[:2] == [SMALL, 1_000]
    assert fitted.kept["s0"].form == "mean"
    assert "s0" not in fitted.notes
    assert slow.now <= 60
    assert len(fitted.kept) == 3


def test_series_without_a_value_take_no_share_of_the_time(slow: Slow) -> None:
    values = [*[np.full(10, np.nan)] * 50, np.arange(8_000.0) % 7]
    series = tuple(Series(f"s{at}", 0, each, np.empty((len(each), 0))) for at, each in enumerate(values))
    panel = Panel(series, Grid(parse("h"), None, 0), (), "y")
    slow.fit(panel, panel.lengths, params={}, horizon=2, seasons=(), deadline=60)
    assert slow.fitted == [SMALL, 2 * SMALL, 4 * SMALL], "as where it is alone"


@settings(max_examples=examples(60), deadline=None)
@given(
    counts=st.lists(st.integers(2, 20_000), min_size=1, max_size=12),
    power=st.floats(1.0, 2.0),
    cost=st.floats(1e-4, 0.1),
    deadline=st.floats(0.1, 500.0),
)
def test_no_fit_begins_that_would_end_too_late(counts: list[int], power: float, cost: float, deadline: float) -> None:
    """What is spent is at most what there is, and one fit of few values, which nobody can foretell."""
    learner = Slow()
    learner.power, learner.cost = power, cost
    with pytest.MonkeyPatch.context() as patch:
        fitted = fit(clocked(learner, patch), counts, deadline)
    assert learner.now <= deadline + learner.takes(SMALL * 3 // 2) + 1e-6
    assert len(fitted.kept) == len(counts), "nobody is left without a forecast"
