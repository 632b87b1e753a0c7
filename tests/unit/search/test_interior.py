"""Edges are doubted while trials are awaited and no good one lies beside them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from automl_core.search.base import Context, NewTrial, PastTrial
from automl_core.search.bayesian import interior
from automl_core.search.bayesian.encoding import Array, Encoding
from automl_core.search.bayesian.interior import Interior
from automl_core.search.registry import create
from automl_core.space import Params, Space
from automl_core.spec.parameters import Parameter
from automl_core.states import TrialState

SPACE = Space.from_models(
    TypeAdapter(dict[str, Parameter]).validate_python(
        {
            "x": {"type": "uniform", "low": 0, "high": 1},
            "y": {"type": "uniform", "low": 0, "high": 1},
            "kind": {"type": "choice", "values": ["a", "b"]},
            "z": {"type": "uniform", "low": 0, "high": 1, "when": {"kind": ["b"]}},
        }
    )
)


def rows_of(*points: dict[str, Any]) -> Array:
    return Encoding(SPACE).rows(points)


def doubt() -> Interior:
    """After trials of which the best two are inside."""
    rows = rows_of(
        {"x": 0.5, "y": 0.6, "kind": "a"}, {"x": 0.4, "y": 0.6, "kind": "a"}, {"x": 0.0, "y": 1.0, "kind": "a"}
    )
    return Interior(Encoding(SPACE), rows, np.array([0.1, 0.2, 9.0]), awaited=3)


def test_the_inside_is_not_doubted_and_a_corner_most() -> None:
    inside, edge, corner, beside = doubt()(
        rows_of(
            {"x": 0.5, "y": 0.5, "kind": "a"},
            {"x": 0.0, "y": 0.5, "kind": "a"},
            {"x": 0.0, "y": 1.0, "kind": "a"},
            {"x": 0.05, "y": 0.5, "kind": "a"},
        )
    )
    assert inside == 0.0, "an inactive number is on no edge"
    assert corner == 2 * edge < edge < beside < 0.0


def test_a_good_trial_beside_an_edge_lifts_the_doubt_of_that_edge_alone() -> None:
    rows = rows_of(
        {"x": 0.02, "y": 0.6, "kind": "a"}, {"x": 0.4, "y": 0.6, "kind": "a"}, {"x": 1.0, "y": 0.0, "kind": "a"}
    )
    found = Interior(Encoding(SPACE), rows, np.array([0.1, 0.2, 9.0]), awaited=3)
    low_x, high_x, low_y = found(
        rows_of({"x": 0.0, "y": 0.5, "kind": "a"}, {"x": 1.0, "y": 0.5, "kind": "a"}, {"x": 0.5, "y": 0.0, "kind": "a"})
    )
    assert low_x == 0.0
    assert high_x < 0.0, "a bad trial vouches for nothing"
    assert low_y < 0.0


def test_the_doubt_is_in_proportion_to_what_is_awaited() -> None:
    rows = rows_of(*({"x": 0.5, "y": 0.1 * i, "kind": "a"} for i in range(2, 8)))
    edge = rows_of({"x": 0.0, "y": 0.5, "kind": "a"})
    none, half, all_of_it, more = (Interior(Encoding(SPACE), rows, np.arange(6.0), n)(edge)[0] for n in (0, 3, 6, 60))
    assert none == 0.0, "one after the other, edges are as good as any"
    assert half == all_of_it / 2
    assert more == all_of_it


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_its_gradient_is_that_of_its_values(x: float, y: float, z: float) -> None:
    found, encoding = doubt(), Encoding(SPACE)
    row = rows_of({"x": x, "y": y, "kind": "b", "z": z})[0]
    columns = [int(j) for j in encoding.continuous]
    value, gradient = found.gradient(row, np.searchsorted(encoding.numeric, columns))
    assert value == pytest.approx(float(found(row[None])[0]))
    for place, column in enumerate(columns):
        step = np.zeros(len(row))
        step[column] = 1e-6
        slope = (found((row + step)[None])[0] - found((row - step)[None])[0]) / 2e-6
        assert gradient[place] == pytest.approx(float(slope), abs=1e-3)


def asked(space: Space, loss: Any, trials: int) -> list[Params]:
    """What the search asks for, one trial after the other."""
    algorithm = create("bayesian", Context(space=space, max_trials=trials, seed=3))
    history: list[PastTrial] = []
    for number in range(trials):
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        history.append(PastTrial(number, decision.params, TrialState.SUCCEEDED, loss=loss(decision.params)))
    return [trial.params for trial in history]


CUBE, PLANE = (
    Space.from_models(
        TypeAdapter(dict[str, Parameter]).validate_python(
            {f"x{i}": {"type": "uniform", "low": 0, "high": 1} for i in range(width)}
        )
    )
    for width in (5, 3)
)


def test_with_trials_awaited_fewer_go_to_the_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    def edges() -> int:
        """Numbers beside an edge in what is asked for with three values known and seven awaited, over four seeds."""
        found = 0
        for seed in range(4):
            rng = random.Random(seed)
            history: list[PastTrial] = []
            for number in range(10):
                params = CUBE.sample(rng)
                loss = sum((float(value) - 0.4) ** 2 for value in params.values())  # type: ignore[arg-type]
                known = number < 3
                state = TrialState.SUCCEEDED if known else TrialState.RUNNING
                history.append(PastTrial(number, params, state, loss=loss if known else None))
            decision = create("bayesian", Context(space=CUBE, max_trials=50, concurrency=8, seed=seed)).suggest(history)
            assert isinstance(decision, NewTrial)
            found += sum(not 0.02 < float(value) < 0.98 for value in decision.params.values())  # type: ignore[arg-type]
        return found

    doubted = edges()
    monkeypatch.setattr(interior, "_DOUBT", 0.0)
    assert doubted < edges()


def test_an_optimum_in_a_corner_is_found_all_the_same() -> None:
    def loss(params: Params) -> float:
        return float(params["x0"]) - float(params["x1"]) + float(params["x2"])  # type: ignore[arg-type]

    assert min(map(loss, asked(PLANE, loss, 16))) < -0.97
