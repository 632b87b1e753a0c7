"""The search space at run time: distributions, constraints, conditions, bounds, the unit cube and back."""

from __future__ import annotations

import math
import random
from collections import Counter
from statistics import NormalDist
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from automl_core.space import Space
from automl_core.spec.parameters import Parameter
from automl_core.spec.relations import check_space

MODELS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Parameter])


def space_of(**parameters: dict[str, Any]) -> Space:
    models = MODELS.validate_python(parameters)
    check_space(models)
    return Space.from_models(models)


def value_at(u: float, **parameter: Any) -> Any:
    space = space_of(x=parameter)
    return space.at([u] if space.dimensions else [])["x"]  # one value only: nothing to search


finite = st.floats(-1e6, 1e6, allow_nan=False)
units = st.floats(0, 1)


@given(low=finite, width=st.floats(1e-3, 1e6), u=units)
def test_uniform_is_linear_in_the_unit_interval(low: float, width: float, u: float) -> None:
    value = value_at(u, type="uniform", low=low, high=low + width)
    assert value == pytest.approx(low + u * width, rel=1e-9, abs=1e-6)
    assert low <= value <= low + width


@given(low=st.floats(1e-9, 1e3), ratio=st.floats(1.001, 1e9), u=units)
def test_loguniform_is_linear_in_the_logarithm(low: float, ratio: float, u: float) -> None:
    value = value_at(u, type="loguniform", low=low, high=low * ratio)
    assert math.log(value) == pytest.approx(math.log(low) + u * math.log(ratio), abs=1e-6)


@given(low=finite, width=st.floats(0.1, 1e4), q=st.floats(0.01, 100), u=units)
def test_quniform_is_nnis_formula(low: float, width: float, q: float, u: float) -> None:
    high = low + width
    raw = low + u * (high - low)
    assume(abs(raw / q - math.floor(raw / q) - 0.5) > 1e-6)  # on the edge either neighbour is right
    expected = min(max(round(raw / q) * q, low), high)
    assert value_at(u, type="quniform", low=low, high=high, q=q) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(mu=st.floats(-100, 100), sigma=st.floats(0.01, 50), u=st.floats(0.001, 0.999))
def test_normal_and_lognormal_are_the_quantiles(mu: float, sigma: float, u: float) -> None:
    quantile = NormalDist(mu, sigma).inv_cdf(u)
    assert value_at(u, type="normal", mu=mu, sigma=sigma) == pytest.approx(quantile, abs=1e-4 * sigma)
    small = NormalDist(mu / 20, sigma / 20).inv_cdf(u)
    assert value_at(u, type="lognormal", mu=mu / 20, sigma=sigma / 20) == pytest.approx(math.exp(small), rel=1e-4)


@pytest.mark.parametrize("kind", ["int", "logint"])
def test_whole_numbers_take_every_value_and_only_those(kind: str) -> None:
    seen = {value_at(k / 2000, type=kind, low=1, high=9) for k in range(2001)}
    assert seen == set(range(1, 10))
    assert all(type(value) is int for value in seen)


def test_int_gives_each_value_the_same_share() -> None:
    counts = Counter(value_at((k + 0.5) / 1000, type="int", low=1, high=10) for k in range(1000))
    assert set(counts.values()) == {100}


def test_randint_leaves_out_high_as_nni_does() -> None:
    assert {value_at(k / 100, type="randint", low=0, high=3) for k in range(101)} == {0, 1, 2}


@given(low=st.integers(1, 50), width=st.integers(40, 500), step=st.integers(2, 40), u=units, log=st.booleans())
def test_multiples_are_multiples_within_the_limits(low: int, width: int, step: int, u: float, log: bool) -> None:
    kind = "logint" if log else "int"
    value = value_at(u, type=kind, low=low, high=low + width, multiple_of=step)
    assert value % step == 0
    assert low <= value <= low + width


@given(base=st.integers(2, 5), u=units)
def test_powers_are_powers_each_with_the_same_share(base: int, u: float) -> None:
    value = value_at(u, type="int", low=1, high=base**6, power_of=base)
    assert math.log(value, base) == pytest.approx(round(math.log(value, base)))
    space = space_of(x={"type": "int", "low": 1, "high": base**6, "power_of": base})
    counts = Counter(space.at([(k + 0.5) / 700])["x"] for k in range(700))
    assert sorted(counts) == [base**k for k in range(7)]
    assert all(abs(count - 100) <= 1 for count in counts.values())


def test_weights_are_the_shares_of_options_and_a_weight_of_none_never_comes() -> None:
    parameter = {"type": "choice", "values": ["a", "b", "c"], "weights": [3, 0, 1]}
    counts = Counter(value_at((k + 0.5) / 400, **parameter) for k in range(400))
    assert counts == {"a": 300, "c": 100}


MIXED: dict[str, dict[str, Any]] = {
    "model": {
        "type": "choice",
        "values": ["svm", {"value": "mlp", "space": {"units": {"type": "logint", "low": 4, "high": 256}}}],
    },
    "c": {"type": "loguniform", "low": 0.01, "high": 100, "when": {"model": ["svm"]}},
    "low": {"type": "int", "low": 1, "high": 50},
    "high": {"type": "int", "low": 10, "high": 99, "at_least": "low"},
    "rate": {"type": "quniform", "low": 0.05, "high": 0.95, "q": 0.1},
    "batch": {"type": "int", "low": 8, "high": 512, "power_of": 2},
    "bias": {"type": "normal", "mu": 0, "sigma": 2},
    "flag": {"type": "choice", "values": [True, False, None, 1.5]},
    "epochs": {"type": "fixed", "value": 10},
}


@given(seed=st.integers(0, 2**32))
def test_every_sample_is_a_combination_of_the_space_and_comes_back_from_its_units(seed: int) -> None:
    space = space_of(**MIXED)
    params = space.sample(random.Random(seed))
    assert space.problem(params) is None
    assert ("units" in params) == (params["model"] == "mlp")
    assert ("c" in params) == (params["model"] == "svm")
    assert params["high"] >= params["low"]
    place = space.units(params)
    assert all(math.isnan(u) or 0 <= u <= 1 for u in place)
    back = space.at([0.5 if math.isnan(u) else u for u in place])
    for name, value in params.items():
        assert back[name] == (pytest.approx(value, rel=1e-6, abs=1e-6) if isinstance(value, float) else value)


def test_a_combination_with_something_wrong_is_told_apart() -> None:
    space = space_of(**MIXED)
    good = space.sample(random.Random(1))
    assert space.problem(good) is None
    assert "no parameter 'extra'" in (space.problem({**good, "extra": 1}) or "")
    assert "missing" in (space.problem({k: v for k, v in good.items() if k != "rate"}) or "")
    assert "outside" in (space.problem({**good, "low": 50, "high": 20}) or "")
    assert "not among" in (space.problem({**good, "flag": "yes"}) or "")
    assert "not among" in (space.problem({**good, "flag": 1}) or ""), "1 is not True"


def test_defaults_fill_what_is_not_given_and_inactive_values_are_dropped() -> None:
    space = space_of(
        solver={"type": "choice", "values": ["adam", "sgd"], "default": "adam"},
        momentum={"type": "uniform", "low": 0, "high": 1, "default": 0.9, "when": {"solver": ["sgd"]}},
        lr={"type": "loguniform", "low": 1e-4, "high": 1},
    )
    assert space.defaults() == {"solver": "adam", "lr": pytest.approx(0.01)}
    assert space.complete({"solver": "sgd"})["momentum"] == 0.9
    assert "momentum" not in space.complete({"momentum": 0.3})
    with pytest.raises(ValueError, match="no parameter 'lrr'"):
        space.complete({"lrr": 1})
    with pytest.raises(ValueError, match="outside"):
        space.complete({"lr": 2})


def test_the_grid_has_each_combination_once_in_the_files_order() -> None:
    space = space_of(
        a={"type": "choice", "values": ["x", {"value": "y", "space": {"n": {"type": "int", "low": 1, "high": 3}}}]},
        b={"type": "int", "low": 0, "high": 1},
    )
    combinations = list(space.combinations())
    assert combinations[0] == {"a": "x", "b": 0}
    assert len(combinations) == len({Space.key(p) for p in combinations}) == space.size() == 2 + 3 * 2


def test_size_counts_or_says_that_it_can_not() -> None:
    assert space_of(x={"type": "uniform", "low": 0, "high": 1}).size() is None
    assert space_of(x={"type": "uniform", "low": 2, "high": 2}).size() == 1
    assert space_of(x={"type": "int", "low": 0, "high": 9}, y={"type": "choice", "values": [1, 2]}).size() == 20
    assert space_of(x={"type": "int", "low": 0, "high": 10**9}).size() is None


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"a": {"type": "int", "low": 1, "high": 5, "when": {"b": [1]}}}, "no other parameter 'b'"),
        (
            {"a": {"type": "int", "low": 1, "high": 5, "at_least": "b"}, "b": {"type": "int", "low": 1, "high": 9}},
            "'b' may be 9, above 5",
        ),
        (
            {
                "a": {"type": "choice", "values": [1, 2], "when": {"b": [1]}},
                "b": {"type": "choice", "values": [1, 2], "when": {"a": [1]}},
            },
            "circle",
        ),
        (
            {"a": {"type": "choice", "values": [1], "when": {"b": [3]}}, "b": {"type": "choice", "values": [1]}},
            "3 is not",
        ),
        ({"trial_id": {"type": "fixed", "value": 1}}, "another meaning"),
    ],
)
def test_what_parameters_say_of_one_another_is_checked(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        space_of(**parameters)


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ({"type": "int", "low": 33, "high": 60, "multiple_of": 32, "default": 40}, "no multiple of 32"),
        ({"type": "int", "low": 5, "high": 7, "power_of": 2}, "no power of 2"),
        ({"type": "loguniform", "low": 0, "high": 1}, "low > 0"),
        ({"type": "uniform", "low": 2, "high": 1}, "above high"),
        ({"type": "choice", "values": ["a", "a"]}, "stands twice"),
        ({"type": "choice", "values": ["a"], "weights": [1, 2]}, "2 weights for 1 values"),
        ({"type": "int", "low": 1, "high": 5, "default": 9}, "outside"),
    ],
)
def test_a_parameter_that_can_not_be_is_refused_with_words(parameter: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        space_of(x=parameter)
