"""``above`` and ``below``: bounds that are never reached, by a number or by another parameter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from automl_core.space import Space
from automl_core.spec.parameters import Parameter
from automl_core.spec.relations import RelationError, check_space

READ = TypeAdapter(dict[str, Parameter])


def space(**parameters: dict[str, Any]) -> Space:
    models = READ.validate_python(parameters)
    check_space(models)
    return Space.from_models(models)


KINDS: dict[str, dict[str, Any]] = {
    "whole": {"type": "int", "low": 0, "high": 40},
    "logarithm": {"type": "logint", "low": 1, "high": 40},
    "multiples": {"type": "int", "low": 0, "high": 40, "multiple_of": 8},
    "powers": {"type": "int", "low": 1, "high": 40, "power_of": 2},
    "numbers": {"type": "uniform", "low": 0, "high": 40},
    "steps": {"type": "quniform", "low": 0, "high": 39.7, "q": 0.5},
    "grid": {"type": "uniform", "low": 0, "high": 40, "multiple_of": 0.1},
}
UNITS = st.sampled_from([0.0, 1.0, 0.5]) | st.floats(0, 1)


@pytest.mark.parametrize("kind", KINDS)
@given(units=st.tuples(UNITS, UNITS))
def test_a_parameter_above_another_is_never_the_same(kind: str, units: tuple[float, float]) -> None:
    whole = space(a={"type": "int", "low": 0, "high": 31}, b={**KINDS[kind], "above": "a"})
    params = whole.at(units)
    assert params["b"] > params["a"]  # type: ignore[operator]
    assert whole.problem(params) is None
    assert whole.problem({**params, "a": params["b"]}) is not None or not isinstance(params["b"], int)


@pytest.mark.parametrize("kind", KINDS)
@given(units=st.tuples(UNITS, UNITS))
def test_a_parameter_below_another_is_never_the_same(kind: str, units: tuple[float, float]) -> None:
    whole = space(a={"type": "int", "low": 9, "high": 40}, b={**KINDS[kind], "below": "a"})
    params = whole.at(units)
    assert params["b"] < params["a"]  # type: ignore[operator]
    assert whole.problem(params) is None


@pytest.mark.parametrize("kind", KINDS)
@given(unit=UNITS)
def test_a_number_is_not_reached(kind: str, unit: float) -> None:
    whole = space(b={**KINDS[kind], "above": 8, "below": 32})
    value = whole.at([unit][: len(whole.dimensions)])["b"]  # of the powers there is one
    assert 8 < value < 32  # type: ignore[operator]
    assert whole.by_name["b"].check(8) is not None
    assert whole.by_name["b"].check(32) is not None


def test_whole_ones_are_counted() -> None:
    assert space(b={"type": "int", "low": 0, "high": 5, "above": 0, "below": 3}).size() == 2
    assert (
        space(a={"type": "int", "low": 1, "high": 3}, b={"type": "int", "low": 1, "high": 4, "above": "a"}).size() == 6
    )


@pytest.mark.parametrize(
    ("parameter", "says"),
    [
        ({"above": 40}, "above and below leave nothing between low (0) and high (40): above 40"),
        ({"above": "a", "at_least": "a"}, "above and at_least name a parameter each: give one of them"),
        ({"above": "a", "at_most": "a"}, "above names a parameter, and so does a bound on the other side"),
        ({"above": 0, "default": 0}, "default (0) lies outside low..high (1..40)"),
    ],
)
def test_what_can_not_be_is_refused(parameter: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        space(a={"type": "int", "low": 0, "high": 3}, b={**KINDS["whole"], **parameter})
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        ({"high": 40}, {"above": "a"}, "space.b.above: 'a' may be 40, the highest value here"),
        ({"high": 41}, {"above": "a"}, "space.b.above: 'a' may be 41, above 40, the highest value here"),
        ({"low": 0}, {"below": "a"}, "space.b.below: 'a' may be 0, the lowest value here"),
        ({"default": 2}, {"above": "a", "default": 2}, "space.b.default: 2 is the same as the default of 'a' (2)"),
        ({}, {"above": "c"}, "space.b.above: there is no other parameter 'c'"),
    ],
)
def test_a_bound_that_leaves_no_room_is_refused(a: dict[str, Any], b: dict[str, Any], says: str) -> None:
    with pytest.raises(RelationError) as caught:
        space(a={"type": "int", "low": 0, "high": 3, **a}, b={**KINDS["whole"], **b})
    assert str(caught.value).startswith(says)
