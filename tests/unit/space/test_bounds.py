"""A parameter between two others: always kept, or refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.optimizer import Optimizer
from automl_core.search import names
from automl_core.search.registry import algorithm_class
from automl_core.space import Space
from automl_core.spec.relations import space_problems
from tests.support.effort import less_effort
from tests.unit.space.test_space import MODELS, space_of

A_AND_B: dict[str, Any] = {
    "a": {"type": "uniform", "low": 0, "high": 10},
    "b": {"type": "uniform", "low": 0, "high": 10},
    "x": {"type": "uniform", "low": 0, "high": 10, "at_least": "a", "at_most": "b"},
}


def problems_of(**parameters: dict[str, Any]) -> list[str]:
    return space_problems(MODELS.validate_python(parameters))


def kept(params: dict[str, Any]) -> bool:
    return bool(params["a"] <= params["x"] <= params["b"])


@pytest.mark.parametrize("algorithm", sorted(set(names()) - {"auto"}))
@less_effort()
def test_every_suggestion_of_every_algorithm_keeps_both_bounds(algorithm: str) -> None:
    budget = {"max": 9} if algorithm_class(algorithm).uses_budget else None
    options = {"resolution": 4} if algorithm == "grid" else {}
    optimizer = Optimizer(A_AND_B, algorithm=algorithm, max_trials=24, budget=budget, **options)
    for _ in range(24):
        suggestion = optimizer.ask()
        if suggestion is None:
            break
        assert kept(dict(suggestion.params)), suggestion
        optimizer.tell(suggestion, (suggestion.params["x"] - 3) ** 2)  # type: ignore[operator]


numbers = st.integers(-8, 8)
kinds = st.sampled_from(["uniform", "int", "quniform", "multiple", "choice", "fixed", "normal"])


@st.composite
def parameter(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(kinds)
    low, high = sorted([draw(numbers), draw(numbers)])
    match kind:
        case "choice":
            return {"type": kind, "values": sorted({low, high})}
        case "fixed":
            return {"type": kind, "value": low}
        case "normal":
            return {"type": kind, "mu": low, "sigma": 3}
        case "multiple":
            return {"type": draw(st.sampled_from(["int", "uniform"])), "low": low, "high": high, "multiple_of": 2}
        case "quniform":
            return {"type": kind, "low": low, "high": high, "q": 0.75}
    return {"type": kind, "low": low, "high": high}


@given(st.data())
def test_what_is_not_refused_is_always_kept(data: st.DataObject) -> None:
    names = ["a", "b", "x", "y"]
    space = {name: data.draw(parameter(), label=name) for name in names}
    for name in names:
        if space[name]["type"] not in ("choice", "fixed"):
            for field in ("at_least", "at_most"):
                other = data.draw(st.sampled_from([None, None, *(n for n in names if n != name)]))
                if other is not None:
                    space[name][field] = other
    try:
        models = MODELS.validate_python(space)
    except ValueError:
        return  # no multiple of 2 between the limits
    if space_problems(models):
        return
    found = Space.from_models(models)
    rng = random.Random(0)
    for _ in range(10):
        params = found.sample(rng)
        assert found.problem(params) is None, params
        for name, model in space.items():
            assert "at_least" not in model or params[name] >= params[model["at_least"]]
            assert "at_most" not in model or params[name] <= params[model["at_most"]]


def test_where_the_file_says_nothing_of_the_two_the_upper_one_is_bounded_by_the_lower_one() -> None:
    assert space_of(**A_AND_B).by_name["b"].at_least == "a"
    assert space_of(**A_AND_B, c={"type": "fixed", "value": 1}).by_name["a"].at_most is None


def test_what_is_in_order_already_is_left_alone() -> None:
    ordered = {**A_AND_B, "a": {"type": "uniform", "low": 0, "high": 2}, "b": {"type": "uniform", "low": 2, "high": 3}}
    assert space_of(**ordered).by_name["b"].at_least is None
    said = {**A_AND_B, "a": {**A_AND_B["a"], "at_most": "b"}}
    assert space_of(**said).by_name["b"].at_least is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"b": {"type": "choice", "values": [1, 9]}, "a": {"type": "choice", "values": [0, 5]}},
         "space.x.at_most: 'a' may be 5 and 'b' may be 1, which leaves nothing between"),
        ({"x": {"type": "int", "low": 0, "high": 10, "at_least": "a", "at_most": "b"}},
         "space.x.at_most: the values of 'x' lie on a grid, and there may be none between 'a' and 'b'"),
        ({"x": {**A_AND_B["x"], "default": 3}, "b": {**A_AND_B["b"], "default": 2}},
         "space.x.default: 3 is above the default of 'b' (2), which bounds it (at_most)"),
        ({"x": {"type": "lognormal", "mu": 0, "sigma": 1, "at_most": "b"}},
         "space.x.at_most: 'b' may be 0, and the values here are above 0"),
    ],
)  # fmt: skip
def test_what_can_not_be_kept_is_refused(changes: dict[str, Any], says: str) -> None:
    (problem,) = problems_of(**{**A_AND_B, **changes})
    assert problem.startswith(says)
