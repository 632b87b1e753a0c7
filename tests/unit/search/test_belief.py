"""What the user believes: read, weighed, forgotten, and doubted where trials speak against it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from automl_core.search.base import Context, NewTrial, PastTrial
from automl_core.search.bayesian.belief import Belief, deserved, likely, power_of, shares, trust_of
from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.registry import create
from automl_core.space import Space
from automl_core.spec.parameters import Parameter
from automl_core.states import TrialState

MODELS: dict[str, Any] = {
    "rate": {"type": "loguniform", "low": 1e-6, "high": 1, "prior": {"center": 1e-3, "spread": 0.1}},
    "solver": {"type": "choice", "values": ["adam", "sgd", "lion"], "prior": {"center": "sgd", "spread": 0.2}},
    "momentum": {
        "type": "uniform", "low": 0, "high": 1, "when": {"solver": ["sgd"]}, "prior": {"center": 0.9, "spread": 0.05},
    },
    "width": {"type": "int", "low": 1, "high": 9},
}  # fmt: skip


def space_of(models: dict[str, Any]) -> Space:
    return Space.from_models(TypeAdapter(dict[str, Parameter]).validate_python(models))


def test_a_belief_is_highest_at_its_centre_and_nothing_is_impossible() -> None:
    encoding = Encoding(space_of(MODELS))
    belief = Belief(encoding)
    at = {"rate": 1e-3, "solver": "sgd", "momentum": 0.9, "width": 3}
    rows = encoding.rows([at, {**at, "rate": 1.0}, {**at, "solver": "adam"}, {**at, "width": 9}])
    values = belief(rows)
    assert values[0] == pytest.approx(0.0)
    assert values[3] == values[0], "what has no prior says nothing"
    assert -4 < values[1] < -2
    assert values[2] == pytest.approx(np.log(0.1 / 0.8)), "an inactive parameter's belief doesn't count"
    assert np.isfinite(belief(encoding.sample(200, np.random.default_rng(0)))).all()


@given(st.floats(0, 1), st.floats(0, 1))
def test_its_gradient_is_that_of_its_values(rate: float, momentum: float) -> None:
    encoding = Encoding(space_of(MODELS))
    belief = Belief(encoding)
    belief.powers[:] = 0.7
    row = encoding.rows([{"rate": 1e-3, "solver": "sgd", "momentum": 0.9, "width": 3}])[0]
    columns = [int(j) for j in encoding.continuous]
    row[columns] = (rate, momentum) if columns[0] == 0 else (momentum, rate)
    moving = np.searchsorted(encoding.numeric, columns)
    value, gradient = belief.gradient(row, moving)
    assert value == pytest.approx(float(belief(row[None])[0]))
    for place, column in enumerate(columns):
        step = np.zeros(len(row))
        step[column] = 1e-6
        slope = (belief((row + step)[None])[0] - belief((row - step)[None])[0]) / 2e-6
        assert gradient[place] == pytest.approx(float(slope), abs=1e-3)


def test_a_belief_fades_with_trials_and_with_what_they_say() -> None:
    assert power_of(1, 50, 1.0) == 5.0
    assert power_of(50, 50, 1.0) == 0.1
    assert power_of(3, 50, 0.0) == 0.0
    belief = np.linspace(-5, 0, 12)
    assert trust_of(belief, -belief) == 1.0
    assert trust_of(belief, belief) == 0.0, "where it is believed, losses are highest"
    assert trust_of(belief[:3], belief[:3]) == 1.0, "three trials say nothing yet"
    assert trust_of(np.zeros(9), np.arange(9.0)) == 1.0


def test_a_belief_that_nothing_speaks_for_is_trusted_less_with_each_trial() -> None:
    def neither(count: int) -> float:
        belief = np.arange(float(count))
        return trust_of(belief, np.abs(belief - (count - 1) / 2))  # a rank correlation of 0

    trusts = [neither(count) for count in (4, 6, 8, 12, 40)]
    assert trusts[0] == 1.0
    assert all(later < earlier for earlier, later in pairwise(trusts[:4]))
    assert trusts[4] == pytest.approx(trusts[3]), "and what is asked has an end"


@given(st.lists(st.tuples(st.floats(-9, 0), st.floats(-1e6, 1e6)), min_size=4, max_size=30))
def test_trust_is_a_share_and_goes_by_ranks_alone(told: list[tuple[float, float]]) -> None:
    belief, losses = np.array(told).T
    trust = trust_of(belief, losses)
    assert 0.0 <= trust <= 1.0
    assert trust == pytest.approx(trust_of(belief, np.searchsorted(np.unique(losses), losses).astype(float)))


def test_a_parameter_that_says_nothing_alone_is_judged_with_the_others() -> None:
    encoding = Encoding(space_of({
        "strong": {"type": "uniform", "low": 0, "high": 1, "prior": {"center": 0.9, "spread": 0.1}},
        "weak": {"type": "uniform", "low": 0, "high": 1, "prior": {"center": 0.9, "spread": 0.1}},
    }))  # fmt: skip
    strong, weak = np.array([0.9, 0.8, 0.2, 0.1, 0.3, 0.15]), np.array([0.9, 0.1, 0.8, 0.2, 0.05, 0.85])
    rows = np.stack([strong, weak], axis=1)
    right = Belief(encoding).settled(rows, -strong, 50)
    wrong = Belief(encoding).settled(rows, strong, 50)
    assert wrong.powers[1] < 0.5 * right.powers[1], "the same places, the same correlation of its own"
    assert wrong.powers[0] == 0.0


def test_failures_speak_against_a_belief() -> None:
    encoding = Encoding(space_of({
        "x": {"type": "uniform", "low": 0, "high": 1, "prior": {"center": 0.9, "spread": 0.1}}
    }))  # fmt: skip
    rows = np.array([[0.9], [0.92], [0.88], [0.1], [0.3], [0.2]])
    fails = Belief(encoding).settled(rows, np.array([np.inf, np.inf, np.inf, 1.0, 2.0, 3.0]), 50)
    holds = Belief(encoding).settled(rows, np.array([0.0, 0.1, 0.2, 1.0, 2.0, 3.0]), 50)
    nothing = Belief(encoding).settled(rows, np.full(6, np.inf), 50)
    assert fails.powers[0] == 0.0
    assert holds.powers[0] == nothing.powers[0] == pytest.approx(5 / 6)
    drawn = fails.draw(400, np.random.default_rng(0))[:, 0]
    assert (drawn < 0.5).mean() > 0.4, "and candidates are not drawn there any more"


def test_an_option_that_is_behind_has_no_more_than_its_share() -> None:
    losses = np.array([3.0, 4.0, 1.0, 2.0, 5.0, 6.0])
    two = np.array([True, True, False, False, False, False])
    assert deserved(two, losses, 3), "two of six, of three options"
    assert not deserved(two, losses, 4)
    assert deserved(~two, losses, 4), "it leads"
    assert not deserved(np.ones(6, dtype=bool), losses, 2), "all of them, and the others unknown"
    encoding = Encoding(space_of({"learner": {"type": "choice", "values": list("abcd"), "prior": {"center": "a"}}}))
    rows = np.array([[0.0], [0.0], [1.0], [2.0]])
    assert Belief(encoding).settled(rows, np.array([0.1, 0.2, 0.3, 0.4]), 50).powers[0] > 0
    assert Belief(encoding).settled(rows, np.array([0.3, 0.2, 0.1, 0.4]), 50).powers[0] == 0.0


def test_the_initial_design_without_a_belief_stays_in_that_with_one() -> None:
    def initial(models: dict[str, Any], **more: Any) -> list[NewTrial]:
        return create("bayesian", Context(space=space_of(models), max_trials=50, seed=5, **more)).propose()

    plain, told = initial(without(MODELS)), initial(MODELS)
    assert told[0].params == {"rate": 1e-3, "solver": "sgd", "momentum": 0.9, "width": 5}
    assert [trial.params for trial in told[1:]] == [trial.params for trial in plain]
    many = initial(MODELS, concurrency=12)
    assert len(many) == 15, "one of five where it is believed"
    assert sum("believed" in trial.note for trial in many) == 3
    assert len(initial(MODELS, options={"initial_trials": 3})) == 3, "who says how many has so many"


def test_points_are_moved_to_where_it_is_believed() -> None:
    space = space_of(MODELS)
    middle = space.near(likely(space, [0.5] * len(space.dimensions)))
    assert middle["solver"] == "sgd"
    assert 3e-4 < float(middle["rate"]) < 3e-3  # type: ignore[arg-type]
    solvers = [space.near(likely(space, [u] * 4))["solver"] for u in np.linspace(0.01, 0.99, 99)]
    assert 0.7 < solvers.count("sgd") / 99 < 0.9
    assert shares(space.by_name["solver"]).tolist() == pytest.approx([0.1, 0.8, 0.1])


def found(models: dict[str, Any], trials: int, best: float) -> list[float]:
    """Losses of a bowl in the logarithm of the rate, with other solvers a little worse."""
    space = space_of(models)
    algorithm = create("bayesian", Context(space=space, max_trials=trials, seed=3))
    history: list[PastTrial] = []
    for number in range(trials):
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        params = decision.params
        loss = (np.log10(float(params["rate"])) - best) ** 2 + 0.1 * (params["solver"] != "sgd")  # type: ignore[arg-type]
        loss += 0.3 * (float(params.get("momentum", 0.5)) - 0.9) ** 2 + 0.01 * abs(int(params["width"]) - 4)  # type: ignore[arg-type]
        history.append(PastTrial(number, params, TrialState.SUCCEEDED, loss=float(loss)))
    return [float(trial.loss) for trial in history if trial.loss is not None]


def without(models: dict[str, Any]) -> dict[str, Any]:
    return {name: {key: value for key, value in model.items() if key != "prior"} for name, model in models.items()}


def test_a_right_one_is_ahead_from_the_start_and_a_wrong_one_is_left() -> None:
    right, none, wrong = found(MODELS, 16, -3.0), found(without(MODELS), 16, -3.0), found(MODELS, 16, -0.5)
    assert min(right[:5]) < min(none[:5])
    assert right[0] < 0.05, "the centre itself comes first"
    assert min(wrong) < 0.15, "two and a half decades beside what was believed"


def test_a_centre_must_be_a_value_that_the_parameter_has() -> None:
    for bad, words in (
        ({"type": "uniform", "low": 0, "high": 1, "prior": {"center": 2}}, "lies outside"),
        ({"type": "int", "low": 0, "high": 4, "prior": {"center": "many"}}, "must be a number"),
        ({"type": "normal", "mu": 0, "sigma": 1, "prior": {"center": 50}}, "lies outside"),
        ({"type": "choice", "values": ["a", "b"], "prior": {"center": "c"}}, "not among the values"),
        ({"type": "choice", "values": [True, 1], "weights": [1, 0], "prior": {"center": 1}}, "weight 0"),
        ({"type": "uniform", "low": 0, "high": 1, "prior": {"center": 0.5, "spread": 0}}, "greater than 0"),
        ({"type": "sorted_list", "low": 0, "high": 1, "length": 2, "prior": {"center": 0.5}}, "a list has no one"),
    ):
        with pytest.raises(ValidationError, match=words):
            space_of({"x": bad})


@pytest.mark.parametrize("concurrency", [1, 12, 16])
def test_the_first_of_a_design_are_those_of_the_whole(concurrency: int) -> None:
    """A preview looks at some of them only: how many trials are believed follows from the whole design all the same."""
    bayesian = create("bayesian", Context(space_of(MODELS), max_trials=60, concurrency=concurrency, seed=3))
    whole = bayesian.propose()
    assert concurrency == 1 or any("where it is believed" in each.note for each in whole)
    for most in range(len(whole) + 1):
        assert create("bayesian", bayesian.context).propose(most) == whole[:most]
