from __future__ import annotations

import itertools
import json
import math
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.metrics import (
    AmbiguousMetric,
    Final,
    MetricError,
    MissingMetric,
    MixedSteps,
    NotFinite,
    Point,
    Retraction,
    Series,
)
from automl_core.metrics import series as series_module
from automl_core.spec.models import Goal

FINITE = st.floats(-1e6, 1e6)
NAMES = st.sampled_from(["loss", "auc", "lr"])
POINTS = st.lists(st.builds(Point, st.integers(0, 60), st.dictionaries(NAMES, FINITE, min_size=1)), max_size=80)
ANY_POINTS = st.lists(
    st.builds(Point, st.integers(0, 60), st.dictionaries(NAMES, st.floats(), min_size=1)), max_size=40
)


def goal(metric: str | dict[str, float] = "loss", direction: str = "minimize", final: str = "best") -> Goal:
    return Goal(metric=metric, direction=direction, final=final)


def losses(*values: float) -> Series:
    return Series(Point(step, {"loss": value}) for step, value in enumerate(values))


def test_the_same_step_again_replaces_what_it_repeats_and_keeps_the_rest() -> None:
    series = Series([Point(1, {"loss": 0.5}), Point(1, {"auc": 0.7}), Point(1, {"loss": 0.4})])
    assert len(series) == 1
    assert series.latest() == {"loss": 0.4, "auc": 0.7}


@given(POINTS, st.randoms(use_true_random=False))
def test_reading_a_log_twice_changes_nothing(points: list[Point], rng: random.Random) -> None:
    once = Series(points)
    again = Series(points)
    again.add(rng.sample(list(once), len(once)))
    assert again == once


def test_what_is_taken_back_was_never_there() -> None:
    series = Series([Point(n, {"loss": n, "auc": n}, "epoch") for n in range(5)])
    series.add([Retraction(frozenset({"loss"}), 2, 3), Retraction(None, 4)])
    assert [(point.step, dict(point.values)) for point in series] == [
        (0, {"loss": 0, "auc": 0}), (1, {"loss": 1, "auc": 1}), (2, {"auc": 2}), (3, {"auc": 3}),
    ]  # fmt: skip
    assert series.extent("epoch") == (0, 3)
    series.add([Retraction(frozenset({"loss"}))])
    assert series.names == ("auc",)
    with pytest.raises(MissingMetric, match="Seen: auc"):
        series.final(goal())


def test_a_step_is_over_when_the_next_one_on_its_axis_has_begun() -> None:
    series = Series([Point(1, {"loss": 3}, "epoch"), Point(500, {"lr": 0.1}, "step")])
    assert series.over(goal()) == ()
    series.add([Point(1, {"loss": 2}, "epoch"), Point(2, {"auc": 0.5}, "epoch")])
    assert series.over(goal()) == ((1, 2),)
    series.add([Point(2, {"loss": 9}, "epoch")])
    assert series.over(goal()) == ((1, 2),)
    assert series.curve(goal()) == ((1, 2), (2, 9))


def test_a_step_may_be_known_to_be_over() -> None:
    series = Series([Point(1, {"loss": 3}, "step", over=True)])
    assert series.over(goal()) == ((1, 3),)
    assert series.ended(goal()) == series
    series.add([Point(2, {"loss": 2}, "step")])
    assert series.over(goal()) == ((1, 3),)


def test_of_a_training_that_was_ended_the_step_it_was_in_is_left_out() -> None:
    series = Series([Point(1, {"loss": 3}, "epoch"), Point(2, {"loss": 1}, "epoch"), Point(9, {"lr": 0.1}, "step")])
    series.add([Point(2, {"size": 7}, "epoch")])
    limited = Goal(metric="loss", direction="minimize", constraints=[{"metric": "size", "max": 9}])
    ended = series.ended(limited)
    assert ended.final(limited, partial=True) == Final(3, {"loss": 3, "size": 7}, 1)
    assert "lr" in ended.names
    assert len(Series([Point(1, {"loss": 3}, "epoch")]).ended(goal())) == 1, "better than none"


def test_metrics_that_count_different_steps_have_no_value_together() -> None:
    weighted = goal({"auc": 0.5, "loss": -0.25}, "maximize")
    series = Series([Point(n, {"loss": n}, "step") for n in (100, 200)])
    series.add([Point(0, {"auc": 0.5})])
    series.check(weighted)  # it came once: it holds
    series.add([Point(1, {"auc": 0.6})])
    with pytest.raises(MixedSteps, match="'auc' by its occurrences, 'loss' by step"):
        series.check(weighted)
    series.check(goal())


def test_json_keeps_fractions_and_axes() -> None:
    series = Series([Point(0.25, {"loss": 1}, "epoch"), Point(3, {"loss": 2}, "epoch"), Point(3, {"lr": 0.1}, "step")])
    again = Series.from_json(json.loads(json.dumps(series.to_json())))
    assert again == series
    assert [type(point.step) for point in again] == [float, int]
    assert (again.axis_of(["loss"]), again.axis_of(["lr"]), again.axis_of(["none"])) == ("epoch", "step", None)
    old = Series.from_json({"version": 1, "metrics": ["loss"], "points": [[3, 0.5]]})
    assert old == Series([Point(3, {"loss": 0.5})])


def test_final_best_last_and_mean() -> None:
    series = losses(0.9, 0.3, 0.6)
    assert series.final(goal()) == Final(0.3, {"loss": 0.3}, 1)
    assert series.final(goal(direction="maximize")) == Final(0.9, {"loss": 0.9}, 0)
    assert series.final(goal(final="last")) == Final(0.6, {"loss": 0.6}, 2)
    mean = series.final(goal(final="mean"))
    assert mean.value == pytest.approx(0.6)
    assert mean.metrics == {"loss": pytest.approx(0.6)}
    assert mean.step == 2


def test_of_equally_good_steps_the_earliest_is_the_best() -> None:
    assert losses(0.5, 0.2, 0.2, 0.2).final(goal()).step == 1
    assert losses(0.5, 0.8, 0.8).final(goal(direction="maximize")).step == 1


def test_weighted_value_waits_for_every_metric_and_carries_the_last_known_value_on() -> None:
    series = Series(
        [
            Point(0, {"loss": 1.0}),
            Point(1, {"auc": 0.5}),
            Point(2, {"loss": 0.4, "lr": 0.1}),
            Point(3, {"lr": 0.1}),
            Point(4, {"auc": 0.9}),
        ]
    )
    weighted = goal({"auc": 0.5, "loss": -0.25}, "maximize")
    assert series.curve(weighted) == ((1, 0.0), (2, pytest.approx(0.15)), (4, pytest.approx(0.35)))
    final = series.final(weighted)
    assert final.value == pytest.approx(0.35)
    assert final.metrics == {"loss": 0.4, "auc": 0.9, "lr": 0.1}


def test_steps_that_report_none_of_the_goals_metrics_are_not_steps_of_its_curve() -> None:
    series = Series([*(Point(i, {"lr": 0.1}) for i in range(100)), Point(50, {"loss": 1.0}), Point(99, {"loss": 0.5})])
    assert series.curve(goal()) == ((50, 1.0), (99, 0.5))


def test_a_metric_of_weight_zero_is_not_waited_for() -> None:
    assert losses(0.4).final(goal({"loss": 1, "auc": 0})).value == 0.4


def test_value_at_is_the_value_last_known() -> None:
    series = Series([Point(2, {"loss": 0.5}), Point(6, {"loss": 0.3})])
    assert [series.value_at(goal(), step) for step in (1, 2, 5, 6, 9)] == [None, 0.5, 0.5, 0.3, 0.3]


def test_a_missing_metric_says_which_what_was_seen_and_what_was_meant() -> None:
    series = Series([Point(0, {"val_acuracy": 0.9, "loss": 0.1})])
    with pytest.raises(MissingMetric) as caught:
        series.final(goal("val_accuracy", "maximize"))
    text = str(caught.value)
    assert "'val_accuracy' was never reported" in text
    assert "val_acuracy, loss" in text
    assert "Did you mean 'val_acuracy'?" in text
    assert caught.value.missing == ("val_accuracy",)


def test_no_metric_at_all_says_so() -> None:
    with pytest.raises(MissingMetric, match="No metric was seen at all"):
        Series().final(goal())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("final", ["best", "last", "mean"])
def test_nan_and_infinity_fail_whatever_comes_after(value: float, final: str) -> None:
    series = losses(0.5, value, 0.4)
    with pytest.raises(NotFinite) as caught:
        series.final(goal(final=final))
    assert "metric 'loss' is" in str(caught.value)
    assert "at step 1" in str(caught.value)
    with pytest.raises(NotFinite):
        series.check(goal())


def test_nan_of_another_metric_fails_nothing() -> None:
    series = Series([Point(0, {"loss": 0.5, "grad_norm": math.nan})])
    series.check(goal())
    assert series.final(goal()) == Final(0.5, {"loss": 0.5}, 0)
    assert "grad_norm" in series.names


def test_nan_of_one_weighted_metric_is_found_before_the_others_are_known() -> None:
    with pytest.raises(NotFinite, match="'auc' is nan at step 3"):
        Series([Point(3, {"auc": math.nan})]).check(goal({"auc": 1, "loss": 1}))


def test_a_weighted_sum_that_overflows_is_not_finite() -> None:
    series = Series([Point(0, {"auc": 1e308, "loss": 1e308})])
    with pytest.raises(NotFinite, match="'default'"):
        series.final(goal({"auc": 1e10, "loss": -1e10}))


def test_curve_leaves_out_steps_without_a_finite_value() -> None:
    assert losses(0.5, math.nan, 0.4).curve(goal()) == ((0, 0.5), (2, 0.4))


def test_the_tail_of_the_log_stands_below_the_message() -> None:
    text = NotFinite("loss", 3, math.nan).explain(["first\n", "", "x" * 1000, *(f"line {i}" for i in range(19))])
    assert text.startswith("metric 'loss' is nan at step 3")
    assert "  | line 18" in text
    assert "first" not in text
    assert "x" * 300 + "…" in text
    assert NotFinite("loss", 3, math.nan).explain() == str(NotFinite("loss", 3, math.nan))


@pytest.mark.parametrize(
    "error",
    [
        MissingMetric(["a"], ["b"]),
        NotFinite("a", 1, math.inf),
        AmbiguousMetric("a", ["b a", "c a"]),
        MixedSteps({"a": "step", "b": ""}),
    ],
)
def test_errors_cross_processes(error: MetricError) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@given(ANY_POINTS)
def test_json_round_trip_is_plain_json(points: list[Point]) -> None:
    series = Series(points)
    text = json.dumps(series.to_json(), allow_nan=False)
    again = Series.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    assert len(again) == len(series)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"version": 99, "metrics": [], "points": []},
        {"version": 1, "metrics": ["a"], "points": [[1]]},
        {"version": 1, "metrics": ["a"], "points": [["1", 2.0]]},
        {"version": 1, "metrics": ["a"], "points": [[1, "fast"]]},
        {"version": 1, "metrics": 3, "points": []},
    ],
)
def test_foreign_json_is_a_value_error(body: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (any message)
        Series.from_json(body)


@given(POINTS, st.integers(3, 20), st.sampled_from(["minimize", "maximize"]))
def test_thin_keeps_first_last_best_and_never_invents(points: list[Point], limit: int, direction: str) -> None:
    series = Series([*points, Point(61, {"loss": 0.0})])
    wanted = goal(direction=direction)
    thinned = series.thin(limit, wanted)
    full, few = series.curve(wanted), thinned.curve(wanted)
    assert len(thinned) <= limit
    assert len(few) == min(limit, len(full))
    assert set(few) <= set(full)
    assert (few[0], few[-1]) == (full[0], full[-1])
    assert thinned.final(wanted).value == series.final(wanted).value


@given(POINTS, st.integers(3, 20))
def test_thin_without_a_goal_tells_what_is_known_at_each_step_that_is_kept(points: list[Point], limit: int) -> None:
    series = Series(points)
    thinned = series.thin(limit)
    assert len(thinned) == min(limit, len(series))
    assert thinned.latest() == series.latest()
    assert all(series.value_at(goal(), step) == value for step, value in thinned.curve(goal()))


def test_thin_keeps_the_step_that_fails_the_trial() -> None:
    series = losses(*[0.5] * 40, math.nan, *[0.5] * 40)
    for thinned in (series.thin(5), series.thin(5, goal())):
        with pytest.raises(NotFinite):
            thinned.check(goal())


def test_thin_spreads_evenly() -> None:
    steps = [point.step for point in losses(*range(1000)).thin(11, goal())]
    gaps = [b - a for a, b in itertools.pairwise(steps)]
    assert max(gaps) < 2.2 * 1000 / 10


def test_thin_refuses_fewer_than_three() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        losses(1, 2, 3).thin(2)


def test_a_process_that_prints_metrics_for_ever_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_module, "MAX_POINTS", 100)
    series = Series(Point(step, {"loss": 0.0 if step == 333 else 1.0 + step}) for step in range(5000))
    assert len(series) <= 100
    assert series.final(goal()) == Final(0.0, {"loss": 0.0}, 333)
    assert series.final(goal(final="last")).step == 4999


def test_a_process_that_invents_names_for_ever_does_not_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_module, "MAX_NAMES", 10)
    series = Series(Point(0, {f"id{i}": 1.0}) for i in range(1000))
    assert len(series.names) == 10
    with pytest.raises(MissingMetric, match="names after the first 10 were left out"):
        series.final(goal())
