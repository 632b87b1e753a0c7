"""Bayesian optimisation finds good combinations, whatever happens to the trials."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from automl_core.search.base import Context, Exhausted, NewTrial, PastTrial
from automl_core.search.bayesian import Bayesian
from automl_core.space import Params, Space
from automl_core.spec.parameters import Parameter
from automl_core.states import TrialState

_PARAMETERS = TypeAdapter(dict[str, Parameter])
SQUARE: dict[str, Any] = {f"x{i}": {"type": "uniform", "low": 0.0, "high": 1.0} for i in range(2)}
TREE: dict[str, Any] = {
    "model": {
        "type": "choice",
        "values": [
            {"value": "line", "space": {"slope": {"type": "uniform", "low": -1.0, "high": 1.0}}},
            {"value": "steps", "space": {"count": {"type": "int", "low": 1, "high": 50}}},
        ],
    },
    "rate": {"type": "loguniform", "low": 1e-6, "high": 1.0},
}


def bowl(params: Any) -> float:
    return float((params["x0"] - 0.31) ** 2 + (params["x1"] - 0.77) ** 2)


def tree(params: Any) -> float:
    rate = (math.log10(params["rate"]) + 3) ** 2
    if params["model"] == "line":
        return float(1.0 + rate + (params["slope"] - 0.5) ** 2)
    return float(rate + 0.01 * (params["count"] - 37) ** 2)


def bayesian(mapping: dict[str, Any], **changes: Any) -> Bayesian:
    space = Space.from_models(_PARAMETERS.validate_python(mapping))
    return Bayesian(Context(**{"space": space, "max_trials": 100, **changes}))


def run(algorithm: Bayesian, loss: Callable[[Params], float], trials: int) -> list[PastTrial]:
    """One trial after the other; a loss that is not a number is a failure."""
    history: list[PastTrial] = []
    for number in range(trials):
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        value = loss(decision.params)
        state = TrialState.FAILED if math.isnan(value) else TrialState.SUCCEEDED
        history.append(PastTrial(number, decision.params, state, loss=None if math.isnan(value) else value))
    return history


def best(history: list[PastTrial]) -> float:
    return min(t.loss for t in history if t.loss is not None)


def test_finds_the_bottom_of_a_bowl() -> None:
    assert best(run(bayesian(SQUARE), bowl, 16)) < 1e-3


def test_chooses_the_branch_and_its_integer() -> None:
    history = run(bayesian(TREE), tree, 30)
    winner = min(history, key=lambda t: t.loss or 0.0).params
    assert winner["model"] == "steps"
    assert winner["count"] in range(34, 41)


def test_the_first_ones_are_those_proposed() -> None:
    algorithm = bayesian(SQUARE, concurrency=6)
    proposed = algorithm.propose()
    assert len(proposed) >= 6
    assert [t.params for t in run(algorithm, bowl, len(proposed))] == [p.params for p in proposed]


def test_warm_start_and_defaults_come_first() -> None:
    mapping = {**SQUARE, "x0": {**SQUARE["x0"], "default": 0.2}}
    history = run(bayesian(mapping, warm_start=({"x0": 0.9, "x1": 0.1},)), bowl, 3)
    assert history[0].params == {"x0": 0.9, "x1": 0.1}
    assert history[1].params["x0"] == 0.2


def test_eight_asked_at_once_are_eight_different_ideas() -> None:
    algorithm = bayesian(SQUARE)
    history = run(algorithm, bowl, 12)
    for number in range(12, 20):
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        history.append(PastTrial(number, decision.params, TrialState.RUNNING))
    asked = [t.params for t in history[12:]]
    gaps = [
        max(abs(float(a[x]) - float(b[x])) for x in ("x0", "x1"))  # type: ignore[arg-type]
        for i, a in enumerate(asked)
        for b in asked[:i]
    ]
    assert min(gaps) > 1e-3


def half(params: Any) -> float:
    """A bowl whose bottom lies beside a region where everything fails."""
    return math.nan if params["x0"] > 0.6 else bowl({**params, "x0": params["x0"] - 0.25})


def test_finds_the_best_beside_a_region_where_trials_fail() -> None:
    assert best(run(bayesian(SQUARE), half, 22)) < 1e-3


def test_learns_where_trials_fail() -> None:
    from automl_core.search.bayesian.encoding import Encoding
    from automl_core.search.bayesian.surrogate import Evidence, Surrogate

    history = run(bayesian(SQUARE, options={"initial_trials": 24}), half, 24)
    encoding = Encoding(Space.from_models(_PARAMETERS.validate_python(SQUARE)))
    surrogate = Surrogate(encoding, Evidence.of(history), np.random.default_rng(0))
    posterior, threshold = surrogate.acquisition.chances[0]
    mean, variance = posterior.predict(np.array([[0.2, 0.5], [0.4, 0.2], [0.8, 0.5], [0.9, 0.8]]))
    margin = (threshold - mean[:, 0]) / np.sqrt(variance + posterior.noise)
    assert (margin[:2] > 1.0).all()
    assert (margin[2:] < -1.0).all()


def test_an_early_stopped_value_is_an_upper_limit_that_is_used() -> None:
    """Trials are stopped at a value far above what they'd end with: the rest of the space is still found."""
    algorithm = bayesian(SQUARE)
    history = run(algorithm, bowl, 6)
    for number in range(6, 24):
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        value = bowl(decision.params)
        if value > 0.1:
            history.append(PastTrial(number, decision.params, TrialState.EARLY_STOPPED, loss=value + 5.0))
        else:
            history.append(PastTrial(number, decision.params, TrialState.SUCCEEDED, loss=value))
    assert best(history) < 1e-3


def test_says_exhausted_when_every_combination_is_handed_out() -> None:
    mapping = {"a": {"type": "choice", "values": [1, 2, 3]}, "b": {"type": "int", "low": 0, "high": 3}}
    algorithm = bayesian(mapping)
    history = run(algorithm, lambda p: float(p["a"]) + float(p["b"]), 12)  # type: ignore[arg-type]
    assert len({Space.key(t.params) for t in history}) == 12
    assert isinstance(algorithm.suggest(history), Exhausted)


@pytest.mark.parametrize("value", [0.25, 1e300, -1e300, 5e-324])
def test_all_equal_values_spread_out(value: float) -> None:
    history = run(bayesian(SQUARE), lambda _: value, 14)
    assert {t.params["x0"] > 0.5 for t in history[6:]} == {False, True}  # type: ignore[operator]


def test_describes_what_it_learned() -> None:
    algorithm = bayesian(SQUARE)
    described = algorithm.describe(run(algorithm, lambda p: (float(p["x0"]) - 0.3) ** 2, 12))  # type: ignore[arg-type]
    assert described["length_scales"]["x0"] < described["length_scales"]["x1"]
    assert algorithm.describe([]) == {}


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="kernel"):
        bayesian(SQUARE, options={"kernel": "rbf"})


def test_the_processes_keep_their_size_beside_thousands_of_trials() -> None:
    import random

    from automl_core.search.bayesian.encoding import Encoding
    from automl_core.search.bayesian.surrogate import Evidence, Surrogate

    algorithm, rng = bayesian(SQUARE, max_trials=5000), random.Random(0)
    drawn = [algorithm.context.space.sample(rng) for _ in range(2000)]
    history = [PastTrial(i, p, TrialState.SUCCEEDED, loss=bowl(p)) for i, p in enumerate(drawn)]
    surrogate = Surrogate(Encoding(algorithm.context.space), Evidence.of(history), np.random.default_rng(0))
    assert {len(model.posterior.rows) for model in surrogate.acquisition.models} == {300}
    decision = algorithm.suggest(history)
    assert isinstance(decision, NewTrial)
    assert bowl(decision.params) < best(history)


def test_a_known_basin_does_not_take_all_the_trials_left() -> None:
    """Two basins, the lower one narrow: the search leaves the wide one when only its last digits are open."""

    def basins(params: Any) -> float:
        wide = 0.5 * ((params["x0"] - 0.8) ** 2 + (params["x1"] - 0.8) ** 2)
        narrow = (params["x0"] - 0.15) ** 2 + (params["x1"] - 0.2) ** 2
        return float(wide - 0.6 * math.exp(-narrow / 0.06))

    history = run(bayesian(SQUARE), basins, 40)
    winner = min(history, key=lambda t: t.loss or 0.0).params
    assert abs(float(winner["x0"]) - 0.15) < 0.1  # type: ignore[arg-type]


def test_importing_it_loads_neither_numpy_nor_scipy() -> None:
    import subprocess
    import sys

    code = "import sys, automl_core.search.bayesian; print([m for m in ('numpy', 'scipy') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
