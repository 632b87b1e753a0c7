from __future__ import annotations

import math

import numpy as np
import pytest

from automl_core.spec.models import EarlyStopping, LearningCurveRule, MedianRule
from automl_core.stopping.base import TrialCurve, create_rule
from automl_core.stopping.extrapolation import MAX_POINTS, Forecast, forecast_best
from tests.unit.stopping.populations import POPULATIONS, population, run

STEPS = 27
NOISES = (0.0, 0.003, 0.01, 0.03)


def decay(
    final: float, drop: float = 1.0, rate: float = 0.15, steps: int = STEPS, points: int | None = None
) -> TrialCurve:
    losses = [final + drop * math.exp(-rate * step) for step in range(1, steps + 1)]
    return TrialCurve(0, tuple(enumerate(losses, 1))[:points], ended=points is None)


FINISHED = [decay(final, rate=rate) for final, rate in ((0.2, 0.1), (0.3, 0.2), (0.25, 0.15), (0.4, 0.3), (0.1, 0.12))]


def test_forecast_of_a_curve_of_a_known_shape_is_near_and_grows_sure() -> None:
    whole = decay(0.15, rate=0.17)
    forecasts = [forecast_best(decay(0.15, rate=0.17, points=seen), FINISHED, STEPS) for seen in (3, 8, 15, 24)]
    for forecast in forecasts:
        assert abs(forecast.mean - min(whole.losses)) < 2 * forecast.deviation
    deviations = [forecast.deviation for forecast in forecasts]
    assert deviations == sorted(deviations, reverse=True)
    assert abs(forecasts[-1].mean - min(whole.losses)) < 0.02


def test_chance_is_a_distribution() -> None:
    forecast = forecast_best(decay(0.15, points=8), FINISHED, STEPS)
    chances = [forecast.chance_below(loss) for loss in np.linspace(-20, 20, 81)]
    assert chances == sorted(chances)
    assert chances[0] < 1e-3
    assert chances[-1] > 1 - 1e-3
    assert forecast.weights.sum() == pytest.approx(1)


def test_finished_trials_teach_what_their_end_is_like() -> None:
    """Where every loss falls once more near the end, a curve that has gone flat is expected to."""
    own = decay(0.5, rate=0.5, points=15)
    flat = [decay(final, rate=0.5) for final in (0.4, 0.45, 0.5, 0.55, 0.6)]
    falling = [
        TrialCurve(i, tuple((s, loss - 0.3 * (s > 20)) for s, loss in curve.points), True)
        for i, curve in enumerate(flat)
    ]
    assert forecast_best(own, flat, STEPS).mean == pytest.approx(0.5, abs=0.05)
    assert forecast_best(own, falling, STEPS).mean == pytest.approx(0.2, abs=0.05)


def test_errors_of_such_forecasts_widen_the_next() -> None:
    own = decay(0.5, points=10)
    tame = [decay(final) for final in (0.4, 0.45, 0.5, 0.55, 0.6)]
    wild = [
        TrialCurve(i, tuple((s, loss - i % 3 * 0.3 * (s > 20)) for s, loss in curve.points), True)
        for i, curve in enumerate(tame)
    ]
    assert forecast_best(own, wild, STEPS).deviation > 2 * forecast_best(own, tame, STEPS).deviation


def test_forecast_is_the_same_on_another_scale() -> None:
    def on(scale: float, shift: float) -> Forecast:
        def turn(curve: TrialCurve) -> TrialCurve:
            return TrialCurve(0, tuple((step, shift + scale * loss) for step, loss in curve.points), curve.ended)

        return forecast_best(turn(decay(0.15, points=9)), [turn(other) for other in FINISHED], STEPS)

    plain = on(1, 0)
    for scale, shift in ((1e-6, 0), (1e9, 0), (1, -50), (20, 3)):
        moved = on(scale, shift)
        assert moved.mean == pytest.approx(shift + scale * plain.mean, rel=1e-6)
        assert moved.deviation == pytest.approx(scale * plain.deviation, rel=1e-6)


def test_a_single_point_and_a_very_long_curve_can_be_forecast() -> None:
    one = forecast_best(decay(0.15, points=1), FINISHED, STEPS)
    assert 0 < one.deviation < 5
    steps = 20_000
    long = [decay(final, rate=5 / steps, steps=steps) for final in (0.2, 0.3, 0.4)]
    forecast = forecast_best(decay(0.25, rate=5 / steps, steps=steps, points=steps // 2), long, steps)
    assert forecast.mean == pytest.approx(0.25, abs=0.05)
    assert steps // 2 > MAX_POINTS


@pytest.mark.parametrize("kind", POPULATIONS)
def test_a_small_chance_is_not_underrated(kind: str) -> None:
    """Of the forecasts that give less than 5 %, at most 5 % come true (and of those below half, at most half)."""
    rng = np.random.default_rng(0)
    chances, passed = [], []
    for seed in range(10):
        curves = population(kind, 1000 + seed, noise=NOISES[seed % 4])
        for _ in range(30):
            drawn = rng.permutation(len(curves))[: int(rng.integers(4, 20))]
            own, seen = curves[drawn[0]], int(rng.integers(3, 26))
            finished = [TrialCurve(int(i), tuple(enumerate(curves[i].tolist(), 1)), True) for i in drawn[1:]]
            target = float(curves[drawn[1:]].min())
            if own[:seen].min() > target:
                trial = TrialCurve(-1, tuple(enumerate(own[:seen].tolist(), 1)))
                chances.append(forecast_best(trial, finished, STEPS).chance_below(target))
                passed.append(own.min() < target)
    given, came = np.array(chances), np.array(passed)
    assert (given < 0.05).sum() > 30
    assert came[given < 0.05].mean() <= 0.05
    assert came[given < 0.5].mean() <= 0.5


SEEDS = range(4)
"""Of populations: one for each of `NOISES`."""


def losses_and_savings(model: EarlyStopping, seeds: range) -> tuple[float, float]:
    """Over all populations: share of experiments whose best trial was stopped before its best, and of steps saved."""
    lost, saved = [], []
    for kind in POPULATIONS:
        for seed in seeds:
            curves = population(kind, seed, trials=25, noise=NOISES[seed % 4])
            rule = create_rule(model, "minimize")
            assert rule is not None
            trained = run(curves, rule)
            best = int(curves.min(axis=1).argmin())
            lost.append(curves[best, : trained[best]].min() > curves[best].min())
            saved.append(1 - sum(trained) / curves.size)
    return float(np.mean(lost)), float(np.mean(saved))


def test_it_saves_two_steps_in_five_and_stops_the_best_no_more_often_than_it_says() -> None:
    model = LearningCurveRule(rule="learning_curve", probability=0.05, last_step=STEPS, delay=3, interval=2)
    lost, saved = losses_and_savings(model, SEEDS)
    assert lost <= 0.05
    assert saved >= 0.4
    lost_by_median, _ = losses_and_savings(MedianRule(rule="median", delay=3, interval=2), SEEDS)
    assert lost < lost_by_median


def test_a_smaller_probability_is_more_careful() -> None:
    own, target = decay(0.45, points=8), decay(0.1)
    finished = [*FINISHED, target]
    chance = forecast_best(own, finished, STEPS).chance_below(min(target.losses))
    others = [TrialCurve(i + 1, other.points, True) for i, other in enumerate(finished)]
    for probability, stopped in ((min(1.1 * chance, 0.99), True), (0.9 * chance, False)):
        model = LearningCurveRule(rule="learning_curve", probability=probability, last_step=STEPS)
        rule = create_rule(model, "minimize")
        assert rule is not None
        assert (rule.decide(own, others) is not None) is stopped


def test_without_a_last_step_it_is_that_of_the_ended_trials() -> None:
    rule = create_rule(LearningCurveRule(rule="learning_curve"), "maximize")
    assert rule is not None
    hopeless = TrialCurve(0, tuple((step, 2.0) for step in range(1, 10)))
    others = [TrialCurve(i, other.points, True) for i, other in enumerate(FINISHED, 1)]
    running = [TrialCurve(other.number, other.points, False) for other in others]
    assert rule.decide(hopeless, running) is None
    rule = create_rule(LearningCurveRule(rule="learning_curve"), "maximize")
    assert rule is not None
    decision = rule.decide(hopeless, others)
    assert decision is not None
    assert decision.reason.startswith("its best value -2 up to step 9 of 27 is expected to become -")
    assert "the best so far (trial 5), is" in decision.reason
    assert decision.reason.endswith("%, below 5 %")


def test_a_trial_at_its_end_is_left_to_end() -> None:
    rule = create_rule(LearningCurveRule(rule="learning_curve", last_step=9), "minimize")
    assert rule is not None
    others = [TrialCurve(i, other.points[:9], True) for i, other in enumerate(FINISHED, 1)]
    assert rule.decide(TrialCurve(0, tuple((step, 2.0) for step in range(1, 10))), others) is None


def test_trials_stopped_early_are_not_taken_for_finished_ones() -> None:
    rule = create_rule(LearningCurveRule(rule="learning_curve", last_step=STEPS), "minimize")
    assert rule is not None
    short = [TrialCurve(i, other.points[:20], True) for i, other in enumerate(FINISHED, 1)]
    assert rule.decide(TrialCurve(0, tuple((step, 2.0) for step in range(1, 10))), short) is None
