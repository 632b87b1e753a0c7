"""Expected hypervolume improvement, outcome constraints, and what the search makes of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from automl_core import Optimizer
from automl_core.optimizer import Trial
from automl_core.search.bayesian.boxes import MOST_POINTS, decompose, thin, undominated
from automl_core.search.bayesian.encoding import Array
from automl_core.search.bayesian.gp import Columns, Fit, Posterior
from automl_core.search.bayesian.improvement import FrontAcquisition, FrontModel
from automl_core.search.hypervolume import gain, hypervolume


def rows_of(points: Array) -> list[tuple[float, ...]]:
    return [tuple(map(float, point)) for point in points]


@pytest.mark.parametrize("objectives", [2, 3, 4])
@pytest.mark.parametrize("count", [0, 1, 12])
def test_boxes_cover_what_the_front_leaves_open_once(objectives: int, count: int) -> None:
    rng = np.random.default_rng(count)
    points = np.round(rng.random((count, objectives)), 1)  # ties
    boxes = decompose(points, np.ones(objectives))
    lower = np.array([level[at] for level, at in zip(boxes.levels, boxes.lower, strict=True)]).T
    upper = np.array([level[at] for level, at in zip(boxes.levels, boxes.upper, strict=True)]).T

    tried = rng.random((500, objectives)) * 2 - 1
    within = ((tried[:, None] >= lower) & (tried[:, None] < upper)).all(axis=2).sum(axis=1)
    open_ = ~np.asarray((points[None] <= tried[:, None]).all(axis=2)).any(axis=1) if count else np.ones(500, dtype=bool)
    assert (within == open_).all()
    volume = float(np.prod(upper - np.maximum(lower, 0), axis=1).sum())
    assert volume + hypervolume(rows_of(points), (1.0,) * objectives) == pytest.approx(1.0)


def test_a_large_front_keeps_its_ends() -> None:
    angle = np.linspace(0, math.pi / 2, 1000)
    points = np.array([np.cos(angle), np.sin(angle)]).T
    kept = thin(undominated(-points))
    assert len(kept) == MOST_POINTS[2]
    assert kept.min(axis=0).tolist() == [-1.0, -1.0]


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_expected_hypervolume_improvement_and_its_gradient(objectives: int) -> None:
    rng = np.random.default_rng(objectives)
    columns = Columns(np.arange(2), np.arange(0), warped=True, main_effects=True)
    rows = rng.random((12, 2))
    losses = rng.standard_normal((12, objectives)) + rows[:, [0]]
    fitted = [Fit(columns, rows, column, power=1.0).ensemble(rng, 2) for column in losses.T]
    models, fronts = [], []
    for k in range(2):
        own = tuple(Posterior(columns, hypers[k], rows, c) for hypers, c in zip(fitted, losses.T, strict=True))
        means = np.array([p.predict(rows)[0][:, 0] for p in own]).T
        reference = means.max(axis=0) + 1.0
        models.append(FrontModel(own, (decompose(means, reference),)))
        fronts.append((rows_of(undominated(means)), tuple(reference)))
    acquisition = FrontAcquisition(columns, models)

    for row in rng.random((2, 2)):
        value, gradient = acquisition.gradient(row, np.arange(2))
        assert value == pytest.approx(acquisition(row[None])[0])
        for j, step in enumerate(np.eye(2) * 1e-6):
            slope = (acquisition((row + step)[None])[0] - acquisition((row - step)[None])[0]) / 2e-6
            assert gradient[j] == pytest.approx(slope, rel=1e-4, abs=1e-6)
        sampled = []
        for model, (front, reference) in zip(models, fronts, strict=True):
            at = [posterior.predict(row[None]) for posterior in model.posteriors]
            draws = np.array([m[0, 0] + math.sqrt(v[0]) * rng.standard_normal(4000) for m, v in at]).T
            sampled.append(np.mean([gain(point, front, reference) for point in rows_of(draws)]))
        assert math.exp(value) == pytest.approx(np.mean(sampled), rel=0.15, abs=0.002)


def test_far_from_the_front_there_is_still_a_direction() -> None:
    columns = Columns(np.arange(1), np.arange(0), warped=False)
    rows = np.linspace(0, 1, 8)[:, None]
    hyper = Fit(columns, rows, rows[:, 0], power=1.0).ensemble(np.random.default_rng(0), 0)[0]
    posteriors = (Posterior(columns, hyper, rows, rows[:, 0]),) * 2
    far = FrontAcquisition(columns, [FrontModel(posteriors, (decompose(np.full((1, 2), -30.0), np.zeros(2)),))])
    value, gradient = far.gradient(np.array([0.5]), np.arange(1))
    assert -1e9 < value < -1e3
    assert gradient[0] < 0


PLANE: dict[str, Any] = {name: {"type": "uniform", "low": 0, "high": 1} for name in ("a", "b")}


def two_goals(a: float, b: float) -> tuple[float, float]:
    return a**2 + (b - 0.3) ** 2, (a - 1) ** 2 + (b - 0.3) ** 2


def hypervolume_after(algorithm: str, trials: int = 18) -> float:
    optimizer = Optimizer(PLANE, ["minimize", "minimize"], algorithm, seed=1, max_trials=trials, concurrency=3)
    pending: list[Trial] = []
    while (trial := optimizer.ask()) is not None or pending:
        pending += [trial] if trial else []
        if trial is None or len(pending) == 3:
            done = pending.pop(0)
            optimizer.tell(done, two_goals(**done.params))  # type: ignore[arg-type]
    return hypervolume([past.objectives for past in optimizer.front()], (1.1, 1.1))


def test_three_at_a_time_it_finds_more_of_the_front_than_chance() -> None:
    best = hypervolume([two_goals(n / 500, 0.3) for n in range(501)], (1.1, 1.1))
    assert best - hypervolume_after("bayesian") < 0.4 * (best - hypervolume_after("random"))


def test_a_constraint_that_forbids_the_optimum_is_kept_and_its_edge_is_found() -> None:
    optimizer = Optimizer(
        PLANE, "maximize", "bayesian", max_trials=22, constraints={"sum": {"max": 0.8}, "b": {"min": 0.2}}
    )
    while (trial := optimizer.ask()) is not None:
        a, b = float(trial.params["a"]), float(trial.params["b"])  # type: ignore[arg-type]
        optimizer.tell(trial, 2 * a + b, constraints={"sum": a + b, "b": b})
    best = optimizer.best
    assert best is not None
    assert all(excess <= 0 for excess in best.constraints)
    assert -best.objectives[0] > 1.35  # 1.4 at a = 0.6, b = 0.2
    assert set(optimizer.algorithm.describe(optimizer.trials)) == {"objectives"}


def test_while_nothing_is_feasible_it_searches_for_that() -> None:
    optimizer = Optimizer(PLANE, algorithm="bayesian", seed=3, max_trials=20, constraints={"far": {"max": 0.004}})
    notes = []
    while (trial := optimizer.ask()) is not None:
        a, b = float(trial.params["a"]), float(trial.params["b"])  # type: ignore[arg-type]
        notes.append(trial.note)
        optimizer.tell(trial, a, constraints={"far": (a - 0.9) ** 2 + (b - 0.9) ** 2})
    assert any("feasibility" in note for note in notes)
    assert optimizer.front()


def test_a_stated_reference_keeps_the_search_on_its_side() -> None:
    def low_share(reference: tuple[float | None, ...]) -> float:
        optimizer = Optimizer(PLANE, ["minimize"] * 2, "bayesian", max_trials=18, reference=reference)
        while (trial := optimizer.ask()) is not None:
            optimizer.tell(trial, two_goals(**trial.params))  # type: ignore[arg-type]
        later = [past.objectives[0] for past in optimizer.trials[8:]]
        return sum(first < 0.25 for first in later) / len(later)

    assert low_share((0.2, None)) > low_share(()) + 0.2
