"""Optuna's numbers and what they stand for; a space that holds what a study's trials had."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.importing.distributions import compatible, read_distribution, space_of, value_of
from automl_core.importing.trials import Distribution, OldTrial
from automl_core.space import Space
from automl_core.spec.models import Experiment


def text(name: str, **attributes: Any) -> str:
    return json.dumps({"name": name, "attributes": attributes})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (text("FloatDistribution", low=0.1, high=1.0, log=True, step=None), Distribution("float", 0.1, 1.0, log=True)),
        (text("FloatDistribution", low=0.0, high=0.9, log=False, step=0.3), Distribution("float", 0.0, 0.9, 0.3)),
        (text("IntDistribution", low=1, high=9, log=False, step=1), Distribution("int", 1, 9)),
        (text("IntDistribution", low=1, high=9, log=False, step=4), Distribution("int", 1, 9, 4)),
        (text("UniformDistribution", low=0.0, high=1.0), Distribution("float", 0, 1)),
        (text("LogUniformDistribution", low=0.1, high=1.0), Distribution("float", 0.1, 1, log=True)),
        (text("DiscreteUniformDistribution", low=0.0, high=1.0, q=0.25), Distribution("float", 0, 1, 0.25)),
        (text("IntLogUniformDistribution", low=1, high=64, step=1), Distribution("int", 1, 64, log=True)),
        (text("CategoricalDistribution", choices=["a", 1, None]), Distribution("categorical", choices=("a", 1, None))),
    ],
)
def test_every_class_of_every_release_is_read(written: str, expected: Distribution) -> None:
    assert read_distribution(written) == expected


@pytest.mark.parametrize("wrong", ["", "[]", "{}", text("GammaDistribution", low=0, high=1), text("IntDistribution")])
def test_what_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no distribution of Optuna's"):
        read_distribution(wrong)


def test_a_choice_is_kept_by_its_index_whatever_its_value() -> None:
    numbers = Distribution("categorical", choices=(32, 16, 64))
    assert [value_of(numbers, index) for index in (0.0, 1.0, 2.0)] == [32, 16, 64]
    for outside in (-1.0, 3.0, math.nan):
        with pytest.raises(ValueError, match="of 3"):
            value_of(numbers, outside)
    assert repr(value_of(Distribution("int", 1, 9), 3.0)) == "3"
    assert repr(value_of(Distribution("float", 1, 9), 3.0)) == "3.0"


def test_choices_must_be_the_same_and_ranges_need_not() -> None:
    nan = Distribution("categorical", choices=(math.nan, "a"))
    assert compatible(nan, Distribution("categorical", choices=(math.nan, "a")))
    assert not compatible(nan, Distribution("categorical", choices=("a",)))
    assert compatible(Distribution("int", 1, 3), Distribution("int", 1, 9, 2))
    assert not compatible(Distribution("int", 1, 3), Distribution("int", 1, 3, log=True))
    assert not compatible(Distribution("int", 1, 3), Distribution("float", 1, 3))


def trial(**params: tuple[Any, Distribution]) -> OldTrial:
    return OldTrial(
        "trial", params={k: v[0] for k, v in params.items()}, distributions={k: v[1] for k, v in params.items()}
    )


MODEL = Distribution("categorical", choices=("tree", "net", "none"))
SIZE = Distribution("int", 1, 4)
KIND = Distribution("categorical", choices=("relu", "tanh"))
SLOPE = Distribution("float", 0.0, 1.0)


def test_conditions_are_found_where_a_choice_tells_them_exactly() -> None:
    trials = [
        trial(model=("net", MODEL), layers=(2, SIZE), act=("relu", KIND), slope=(0.5, SLOPE)),
        trial(model=("net", MODEL), layers=(3, SIZE), act=("tanh", KIND)),
        trial(model=("tree", MODEL), depth=(3, SIZE)),
        trial(model=("none", MODEL)),
        trial(other=(3, SIZE)),  # of another program in the same study
    ]
    space = space_of(trials)
    assert {name: model.get("when") for name, model in space.items()} == {
        "model": None, "layers": {"model": ["net"]}, "act": {"model": ["net"]}, "slope": {"act": ["relu"]},
        "depth": {"model": ["tree"]}, "other": None,
    }  # fmt: skip
    experiment(space)


def test_two_parameters_that_always_come_together_are_not_each_others_condition() -> None:
    trials = [trial(a=("relu", KIND), b=("relu", KIND)), trial(a=("relu", KIND), b=("relu", KIND)), trial(c=(1, SIZE))]
    assert [model.get("when") for model in space_of(trials).values()] == [None, None, None]


def test_ranges_that_changed_are_joined() -> None:
    space = space_of([trial(depth=(n, Distribution("int", 1, 2 + n))) for n in range(1, 4)])
    assert space == {"depth": {"type": "int", "low": 1, "high": 5}}


@pytest.mark.parametrize(
    ("distribution", "model"),
    [
        (Distribution("float", 0.2, 0.8, 0.2), {"type": "quniform", "low": 0.2, "high": 0.8, "q": 0.2}),
        # a grid that begins beside the multiples of its step is none of ours: every value between is allowed then
        (Distribution("float", 0.1, 0.9, 0.2), {"type": "uniform", "low": 0.1, "high": 0.9}),
        (Distribution("int", 16, 64, 16), {"type": "int", "low": 16, "high": 64, "multiple_of": 16}),
        (Distribution("int", 10, 98, 8), {"type": "int", "low": 10, "high": 98}),
        (Distribution("int", 4, 4), {"type": "fixed", "value": 4}),
    ],
)
def test_steps_become_ours_only_where_both_grids_are_the_same(
    distribution: Distribution, model: dict[str, Any]
) -> None:
    assert space_of([trial(x=(distribution.low, distribution))]) == {"x": model}


def experiment(space: dict[str, Any]) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "e",
            "goal": {"metric": "v", "direction": "minimize"},
            "space": space,
            "tasks": [{"command": ["true"]}],
        }
    )


numbers = st.integers(-1000, 1000)


@st.composite
def distributions(draw: st.DrawFn) -> tuple[Distribution, float]:
    """A distribution and one of its values, as Optuna draws it."""
    if draw(st.booleans()):
        scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
        choices = draw(st.lists(scalars, min_size=1, max_size=5, unique_by=json.dumps))
        return Distribution("categorical", choices=tuple(choices)), draw(st.integers(0, len(choices) - 1))
    kind, log = draw(st.sampled_from(["int", "float"])), draw(st.booleans())
    low = draw(st.integers(1, 50)) if log else draw(numbers)
    step = None if log else draw(st.sampled_from([None, 2, 3, 8]))
    high = low + draw(st.integers(0, 200))
    if step is not None:
        high = low + (high - low) // step * step
        return Distribution(kind, low, high, step), low + step * draw(st.integers(0, (high - low) // step))  # type: ignore[arg-type]
    return Distribution(kind, low, high, None, log), draw(st.integers(low, high))  # type: ignore[arg-type]


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), distributions(), min_size=1), min_size=1, max_size=8))
def test_every_value_that_optuna_drew_is_one_of_the_space(drawn: list[dict[str, tuple[Distribution, float]]]) -> None:
    known: dict[str, Distribution] = {}
    trials = []
    for params in drawn:
        fitting = {k: v for k, v in params.items() if compatible(known.setdefault(k, v[0]), v[0])}
        trials.append(trial(**{name: (value_of(d, value), d) for name, (d, value) in fitting.items()}))
    found = space_of(trials)
    if not found:
        return
    space = Space.from_models(experiment(found).space)
    for each in trials:
        for name, value in each.params.items():
            assert space.by_name[name].check(value) is None
        conditions = {name for name in each.params if not space.is_active(space.by_name[name], each.params)}
        assert not conditions, "a condition that was found holds for every trial that has the parameter"
