"""Some suggestions leave out a basin where trials are crowded."""

from __future__ import annotations

import random

import numpy as np
from pydantic import TypeAdapter

from automl_core.search.base import Context, NewTrial, PastTrial
from automl_core.search.bayesian.elsewhere import another_basin
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
    values = place(rows)
    assert (values[:8] < -1e3).all(), "far below any improvement that is worth a trial"
    assert values[8] == 0.0
    moving = np.arange(len(encoding.numeric))
    assert place.gradient(rows[0], moving)[0] == values[0]
    assert place.gradient(rows[8], moving)[0] == 0.0
    assert another_basin(encoding, rows[1:], rows[1]) is None, "seven are no crowd"
    spread = encoding.rows([{**best, "depth": 0.2, "shared": 0.5 + 0.06 * i} for i in range(8)])
    assert another_basin(encoding, spread, spread[0]) is None


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
