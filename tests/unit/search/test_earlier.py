"""Observations of earlier experiments in today's space: what is kept, what is left out, and which are tried first."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core import Optimizer
from automl_core.search import Context
from automl_core.search.base import leading, rng_for
from automl_core.search.earlier import Incompatible, as_history, first_tried, translate
from automl_core.space import Params, Space
from tests.contract.search_suite import SPACES, build
from tests.support.examples import examples

TODAY: dict[str, Any] = {
    "lr": {"type": "loguniform", "low": 1e-4, "high": 1e-1},
    "units": {"type": "int", "low": 16, "high": 256, "multiple_of": 16},
    "solver": {"type": "choice", "values": ["adam", "sgd"]},
    "momentum": {"type": "uniform", "low": 0, "high": 0.99, "when": {"solver": ["sgd"]}},
}


def params(**changes: Any) -> dict[str, Any]:
    return {"lr": 0.01, "units": 64, "solver": "adam"} | changes


def space(**more: Any) -> Space:
    return build({**TODAY, **more})


def test_what_fits_is_taken_best_first() -> None:
    found = translate(space(), [(params(lr=0.02), 3.0), (params(), 1.0), (params(units=32), 2.0)])

    assert found.observations == ((params(), 1.0), (params(units=32), 2.0), (params(lr=0.02), 3.0))
    assert found.dropped == {}


@pytest.mark.parametrize(
    ("outside", "reason"),
    [
        ({"lr": 0.2}, "lr lies outside today's values"),
        ({"solver": "rmsprop"}, "solver lies outside today's values"),
        ({"solver": "sgd"}, "momentum was not active"),
    ],
)
def test_what_lies_outside_is_left_out_with_the_reason(outside: dict[str, Any], reason: str) -> None:
    inside = (params(solver="sgd", momentum=0.5), 1.0)
    found = translate(space(), [inside, (params(**outside), 0.5)])

    assert found.observations == (inside,)
    assert found.dropped == {reason: 1}


def test_a_value_beyond_what_bounds_it_is_left_out() -> None:
    today = build(SPACES["bounds"])
    found = translate(today, [({"low": 4, "high": 9, "inner": 7.5}, 1.0), ({"low": 9, "high": 4, "inner": 2.0}, 0.0)])

    assert found.observations == (({"low": 4, "high": 9, "inner": 7.5}, 1.0),)
    assert found.dropped == {"high lies outside today's values": 1}


def test_a_value_between_the_steps_goes_to_the_nearest_and_the_better_of_two_stays() -> None:
    found = translate(space(), [(params(units=65), 2.0), (params(units=60), 1.0)])

    assert found.observations == ((params(units=64), 1.0),)


def test_trials_without_a_finite_value_are_left_out() -> None:
    found = translate(space(), [(params(), 1.0), (params(lr=0.02), math.nan), (params(lr=0.03), -math.inf)])

    assert len(found.observations) == 1
    assert found.dropped == {"no finite value": 2}


def test_a_new_parameter_takes_its_default_and_without_one_says_nothing() -> None:
    new = {
        "depth": {"type": "int", "low": 1, "high": 8},
        "drop": {"type": "uniform", "low": 0, "high": 1, "default": 0.1},
    }
    found = translate(space(**new), [(params(), 1.0)])

    assert found.observations == ((params(drop=0.1), 1.0),)


def test_a_parameter_that_is_gone_is_dropped() -> None:
    found = translate(space(), [(params(nesterov=True), 1.0)])

    assert found.observations == ((params(), 1.0),)


def test_a_fixed_parameter_counts_only_where_the_earlier_experiment_searched_it() -> None:
    today = space(epochs={"type": "fixed", "value": 10})
    both_fixed = translate(today, [(params(epochs=5), 1.0), (params(lr=0.02, epochs=5), 2.0)])
    searched = translate(today, [(params(epochs=5), 1.0), (params(lr=0.02, epochs=10), 2.0)])

    assert [given["epochs"] for given, _ in both_fixed.observations] == [10, 10]
    assert searched.observations == ((params(lr=0.02, epochs=10), 2.0),)


@pytest.mark.parametrize(
    ("observations", "reason"),
    [
        ([], "no trial with a value"),
        ([(params(), math.nan)], "no trial with a value"),
        (
            [({"lr": 0.01, "other": 1}, 1.0)],
            "less than half of today's 4 parameters; not there: units, solver, momentum",
        ),
        ([(params(lr="fast"), 1.0)], "lr is a number today, and was none there"),
        ([(params(lr=0.5), 1.0)], r"none of its 1 trials fits today's space: lr lies outside today's values \(1\)"),
    ],
)
def test_what_has_nothing_in_common_is_refused(observations: list[Any], reason: str) -> None:
    with pytest.raises(Incompatible, match=reason):
        translate(space(), observations)


@pytest.mark.parametrize(("most", "kept"), [(1, [0]), (4, [0, 1, 4, 8]), (5, [0, 1, 2, 4, 8]), (10, list(range(10)))])
def test_of_too_many_the_best_and_some_of_all_ranks_are_kept(most: int, kept: list[int]) -> None:
    found = translate(space(), [(params(lr=0.01 + 0.001 * rank), float(rank)) for rank in range(10)], most)

    assert [loss for _, loss in found.observations] == kept


@pytest.mark.parametrize("name", SPACES)
def test_an_experiment_on_the_same_space_enters_whole(name: str) -> None:
    today, rng = build(SPACES[name]), rng_for(0, name)
    drawn = {Space.key(one): one for one in (today.sample(rng) for _ in range(20))}

    found = translate(today, [(one, float(i)) for i, one in enumerate(drawn.values())])

    assert [one for one, _ in found.observations] == list(drawn.values())


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 300), st.floats(), st.sampled_from(["adam", "sgd", "x", ""])
)  # fmt: skip


@settings(max_examples=examples(150))
@given(
    observations=st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(["lr", "units", "solver", "momentum", "gone"]), VALUES),
            st.floats(),
        ),
        max_size=6,
    ),
    most=st.integers(1, 4),
)
def test_whatever_comes_in_only_what_fits_comes_out(observations: list[Any], most: int) -> None:
    today = space()
    try:
        found = translate(today, observations, most)
    except Incompatible:
        return
    assert 1 <= len(found.observations) <= most
    losses = [loss for _, loss in found.observations]
    assert losses == sorted(losses)
    for one, loss in found.observations:
        assert math.isfinite(loss)
        assert today.problem(today.complete(one)) is None
        assert {name: today.complete(one)[name] for name in one} == one


def histories(*sources: list[tuple[Params, float]]) -> tuple[Any, ...]:
    return tuple(as_history(translate(space(), source).observations) for source in sources)


def test_the_best_of_each_earlier_experiment_is_tried_after_the_warm_start() -> None:
    near = [(params(lr=0.01 + 0.0001 * i), float(i)) for i in range(5)]
    context = Context(
        space=space(lr={**TODAY["lr"], "default": 0.05}),
        max_trials=40,
        warm_start=(params(lr=0.07),),
        earlier=histories([(params(), 0.0), (params(lr=0.09), 1.0)], [*near, (params(lr=0.0002), 4.5)]),
    )

    tried = [(given["lr"], note) for given, note in leading(context)]

    assert tried == [
        (0.07, "warm start"),
        (0.01, "among the best of earlier experiment 1"),
        (0.0104, "among the best of earlier experiment 2"),
        (0.05, "defaults"),
    ]


@pytest.mark.parametrize(("max_trials", "tried"), [(5, 1), (19, 1), (20, 2), (30, 3), (1000, 3)])
def test_misleading_experiments_cost_one_trial_in_ten_and_three_at_most(max_trials: int, tried: int) -> None:
    earlier = histories(*([(params(lr=0.01 * (i + 1)), 0.0)] for i in range(5)))

    assert len(first_tried(Context(space=space(), max_trials=max_trials, earlier=earlier))) == tried


def test_from_python_the_optimizer_takes_values_of_the_goal() -> None:
    mapping = {"x": {"type": "uniform", "low": -5, "high": 5}}
    past = [({"x": float(x)}, -float((x - 2) ** 2)) for x in range(-5, 6)]
    optimizer = Optimizer(mapping, goal="maximize", algorithm="bayesian", max_trials=12, earlier=[past])
    first = optimizer.ask()
    assert first is not None
    assert first.params == {"x": 2.0}
    with pytest.raises(ValueError, match=r"earlier\[1\] can't be used: it has less than half of today's 1 parameters"):
        Optimizer(mapping, earlier=[past, [({"y": 1.0}, 1.0)]])
