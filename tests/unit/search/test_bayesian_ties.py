"""Values that trials share (an error in whole rows, a rounded metric): where the lowest one lies, nothing is better."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from automl_core.search.base import Context, NewTrial, PastTrial
from automl_core.search.bayesian import Bayesian
from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.bayesian.surrogate import Evidence, Surrogate, sharing_lowest, with_both
from automl_core.space import Space
from automl_core.spec.parameters import Parameter
from automl_core.states import TrialState

UNIT = {"type": "uniform", "low": 0.0, "high": 1.0}
SPACE = Space.from_models(TypeAdapter(dict[str, Parameter]).validate_python({"x": UNIT, "y": UNIT}))


def counted(params: Any) -> float:
    """An error on eighty rows: that of the larger class for small y; beyond a ridge a hollow that is better."""
    if params["y"] < 0.5:
        return 0.25
    off = (params["x"] - 0.8) ** 2 + (params["y"] - 0.85) ** 2
    return round(80 * (0.4 - 0.25 * math.exp(-off / 0.03))) / 80


def history_of(rows: np.ndarray, loss: Callable[[Any], float]) -> list[PastTrial]:
    combinations = [{"x": float(x), "y": float(y)} for x, y in rows]
    return [PastTrial(i, p, TrialState.SUCCEEDED, loss=loss(p)) for i, p in enumerate(combinations)]


def surrogate(history: list[PastTrial]) -> Surrogate:
    return Surrogate(Encoding(SPACE), Evidence.of(history), np.random.default_rng(0))


@given(st.lists(st.integers(-3, 3).map(float), max_size=12))
def test_the_lowest_is_shared_by_two_at_least_and_not_by_all(losses: list[float]) -> None:
    shared = sharing_lowest(np.array(losses, dtype=np.float64))
    count = losses.count(min(losses)) if losses else 0
    expected = [loss == min(losses) and 1 < count < len(losses) for loss in losses]
    assert shared.tolist() == expected


def test_a_region_that_shares_the_lowest_value_is_told_from_the_rest() -> None:
    rows = np.random.default_rng(2).random((24, 2)) * [1.0, 0.7]  # the hollow is not known yet
    (chance,) = surrogate(history_of(rows, counted)).acquisition.chances
    posterior, threshold = chance
    mean, variance = posterior.predict(np.array([[0.3, 0.2], [0.7, 0.3], [0.3, 0.65], [0.7, 0.62]]))
    margin = (threshold - mean[:, 0]) / np.sqrt(variance + posterior.noise)
    assert (margin[:2] < -1.0).all()
    assert (margin[2:] > 1.0).all()


def test_trials_that_were_stopped_early_share_nothing() -> None:
    """Their value is one that they would have left behind."""
    rows = np.random.default_rng(2).random((24, 2)) * [1.0, 0.7]
    history = history_of(rows, counted)
    stopped = [replace(trial, state=TrialState.EARLY_STOPPED) if trial.loss == 0.25 else trial for trial in history]
    assert surrogate(history).acquisition.chances
    assert not surrogate(stopped).acquisition.chances


def test_a_value_that_is_shared_by_accident_is_held_against_nobody() -> None:
    rows = np.random.default_rng(2).random((24, 2))
    history = history_of(rows, lambda p: p["x"] + p["y"])
    lowest = min(history, key=lambda trial: trial.loss or 0.0)
    far = PastTrial(24, {"x": 0.9, "y": 0.9}, TrialState.SUCCEEDED, loss=lowest.loss)
    assert not surrogate([*history, far]).acquisition.chances


@pytest.mark.parametrize("failing", [False, True])
def test_the_few_of_many_trials_that_are_not_like_the_others_are_looked_at(failing: bool) -> None:
    """None of two among 350 was among those that hyperparameters are learned from: nothing ever changed."""
    rows = np.random.default_rng(1).random((350, 2))
    few = np.argsort(((rows - 0.9) ** 2).sum(axis=1))[:2]
    history = history_of(rows, lambda p: p["x"] if failing else 0.1)
    for number in few.tolist():
        history[number] = (
            replace(history[number], state=TrialState.FAILED, loss=None) if failing else
            replace(history[number], loss=1.0)
        )  # fmt: skip
    ((posterior, threshold),) = surrogate(history).acquisition.chances
    mean, variance = posterior.predict(np.vstack([rows[few], [[0.2, 0.2]]]))
    *near, far = (threshold - mean[:, 0]) / np.sqrt(variance + posterior.noise) * (-1 if failing else 1)
    assert max(near) > far
    assert far < 0
    assert posterior.hyper.noise > np.log(1e-5), "the least that there is, and the least signal: learned from one value"


@given(st.lists(st.booleans(), min_size=2, max_size=30).filter(lambda them: len(set(them)) == 2), st.data())
def test_a_choice_has_both_labels(labels: list[bool], data: st.DataObject) -> None:
    chosen = np.array(sorted(data.draw(st.sets(st.integers(0, len(labels) - 1), min_size=1))))
    signs = np.where(labels, 1.0, -1.0)
    found = with_both(signs, chosen)
    assert set(chosen) <= set(found.tolist())
    assert len(set(signs[found])) == 2
    assert len(found) - len(chosen) <= max(len(chosen) // 4, 1)
    assert found.tolist() == sorted(set(found.tolist()))
    if len(set(signs[chosen])) == 2:
        assert found is chosen


@pytest.mark.parametrize("seed", range(3))
def test_the_search_leaves_the_region_that_shares_the_lowest_value(seed: int) -> None:
    algorithm = Bayesian(Context(space=SPACE, max_trials=100, seed=seed))
    history: list[PastTrial] = []
    for number in range(30):
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        history.append(PastTrial(number, decision.params, TrialState.SUCCEEDED, loss=counted(decision.params)))
    assert min(trial.loss or 0.0 for trial in history) < 0.25
