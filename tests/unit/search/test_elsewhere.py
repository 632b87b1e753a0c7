"""Some suggestions leave out the best trial's branch, or a basin where trials are crowded."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from automl_core.search.base import Context, NewTrial, PastTrial
from automl_core.search.bayesian import algorithm as bayesian
from automl_core.search.bayesian.elsewhere import another_basin, another_branch, branching
from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.registry import create
from automl_core.space import Params, Space
from automl_core.spec.parameters import Parameter
from automl_core.states import TrialState

SPACE = Space.from_models(
    TypeAdapter(dict[str, Parameter]).validate_python(
        {
            "model": {
                "type": "choice",
                "values": [
                    {"value": "forest", "space": {"depth": {"type": "uniform", "low": 0, "high": 1}}},
                    {"value": "svm", "space": {"gamma": {"type": "uniform", "low": 0, "high": 1}}},
                ],
            },
            "scaled": {"type": "choice", "values": [True, False]},
            "shared": {"type": "uniform", "low": 0, "high": 1},
        }
    )
)


def past(count: int, lead: float) -> list[PastTrial]:
    """Trials, most of them forests: an SVM has the forest's loss plus the lead."""
    rng = random.Random(0)
    found: list[PastTrial] = []
    while len(found) < count:
        params: dict[str, Any] = dict(SPACE.sample(rng))
        if params["model"] == "svm" and sum(trial.params["model"] == "svm" for trial in found) == 3:
            continue
        own = params["depth"] if params["model"] == "forest" else params["gamma"]
        loss = (own - 0.3) ** 2 + (params["shared"] - 0.6) ** 2 + lead * (params["model"] == "svm")
        found.append(PastTrial(len(found), params, TrialState.SUCCEEDED, loss=loss))
    return found


def next_of(history: list[PastTrial], **context: Any) -> tuple[Params, str]:
    decision = create("bayesian", Context(space=SPACE, max_trials=60, seed=1, **context)).suggest(history)
    assert isinstance(decision, NewTrial)
    return decision.params, decision.note


def test_branches_are_told_apart_by_what_brings_parameters() -> None:
    encoding = Encoding(SPACE)
    names = [encoding.space.dimensions[j].name for j in branching(encoding)]
    assert names == ["model"], "another option of anything else is no branch"


def test_a_branch_is_left_out_in_values_and_gradients() -> None:
    encoding = Encoding(SPACE)
    forest = {"model": "forest", "depth": 0.2, "scaled": True, "shared": 0.5}
    rows = encoding.rows([forest, {"model": "svm", "gamma": 0.2, "scaled": True, "shared": 0.5}])
    place = another_branch(encoding, rows[0])
    assert place is not None
    values = place(rows)
    assert values[0] < -1e3
    assert values[1] == 0.0
    moving = np.arange(len(encoding.numeric))
    assert place.gradient(rows[0], moving)[0] == values[0]
    assert not place.gradient(rows[1], moving)[1].any()


def test_a_basin_is_left_out_once_it_is_crowded() -> None:
    encoding = Encoding(SPACE)
    best = {"model": "forest", "depth": 0.2, "scaled": True, "shared": 0.5}
    crowd = [{**best, "depth": 0.2 + 0.004 * i} for i in range(8)]
    away = {**best, "depth": 0.9}
    rows = encoding.rows([*crowd, away])
    place = another_basin(encoding, rows, rows[0])
    assert place is not None
    other = encoding.rows([{**best, "scaled": False}, {"model": "svm", "gamma": 0.2, "scaled": True, "shared": 0.5}])
    assert place.inside(rows).tolist() == [True] * 8 + [False]
    assert not place.inside(other).any()
    assert another_basin(encoding, rows[1:], rows[1]) is None, "seven are no crowd"
    spread = encoding.rows([{**best, "depth": 0.2, "shared": 0.5 + 0.06 * i} for i in range(8)])
    assert another_basin(encoding, spread, spread[0]) is None


def test_the_turn_goes_to_the_other_branch_and_the_rest_to_the_best_one() -> None:
    for count in (20, 21, 22, 23):
        params, note = next_of(past(count, 0.05))
        turn = count % bayesian._EVERY == bayesian._EVERY - 1
        assert ("in another branch" in note) == turn
        if turn:
            assert params["model"] == "svm"


def test_a_crowded_basin_of_a_rough_function_is_left() -> None:
    """Trials beside the best one differ by noise, so there is always hope for another small improvement."""
    space = Space.from_models(
        TypeAdapter(dict[str, Parameter]).validate_python(
            {name: {"type": "uniform", "low": 0, "high": 1} for name in ("x", "y")}
        )
    )
    rng = random.Random(0)
    history: list[PastTrial] = []
    for number in range(21):
        near = number >= 8
        params: Params = {n: 0.3 + 0.02 * rng.random() if near else rng.random() for n in ("x", "y")}
        loss = rng.random() if near else 3 + rng.random()
        history.append(PastTrial(number, params, TrialState.SUCCEEDED, loss=loss))
    algorithm = create("bayesian", Context(space=space, max_trials=60, seed=1))
    decision = algorithm.suggest(history)
    assert isinstance(decision, NewTrial)
    assert "in another basin" in decision.note
    assert max(abs(float(decision.params[n]) - 0.31) for n in ("x", "y")) > 0.1  # type: ignore[arg-type]
    assert algorithm.suggest(history) == decision, "a pure function of the history"
    even = algorithm.suggest(history[:-1])
    assert isinstance(even, NewTrial)
    assert "in another" not in even.note, "every other suggestion goes where most is expected"
