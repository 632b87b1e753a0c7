"""A run's conf changes what a run may change, says what it changed, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.spec.errors import Problem, SpecError
from automl_core.spec.loader import parse_experiment
from automl_core.spec.models import Experiment
from automl_core.spec.overrides import GROUPS, apply_overrides

EXPERIMENT = parse_experiment(
    """
name: digits
goal: {metric: {auc: 0.5, loss: -0.25}, direction: maximize}
search: {algorithm: grid, options: {resolution: 3}, seed: 7}
space:
  lr: {type: loguniform, low: 1e-4, high: 0.1, default: 0.01}
  units: {type: int, low: 8, high: 64}
  solver: {type: choice, values: [adam, sgd]}
  fixed: {type: fixed, value: 3}
trials: {max: 20, concurrency: 4, timeout: 10m, early_stopping: {rule: median, delay: 5}}
tasks: [{command: [python, train.py, "${lr}"]}]
""",
    "x.yaml",
)


def changes(conf: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {change.path: (change.old, change.new) for change in apply_overrides(EXPERIMENT, conf).changes}


def refusal(conf: dict[str, Any]) -> str:
    with pytest.raises(SpecError) as caught:
        apply_overrides(EXPERIMENT, conf)
    return str(caught.value)


def test_nothing_changes_nothing() -> None:
    same, changed = apply_overrides(EXPERIMENT, {})
    assert same == EXPERIMENT
    assert changed == ()
    assert changes({"trials": {"max": 20}, "stop": {}}) == {}


@pytest.mark.parametrize(
    ("conf", "changed"),
    [
        ({"trials": {"max": 5, "timeout": "1h"}}, {"trials.max": (20, 5), "trials.timeout": (600.0, 3600.0)}),
        ({"trials": {"timeout": None}}, {"trials.timeout": (600.0, None)}),
        ({"trials": {"max": None}}, {}),  # the default is what the file has
        ({"trials": {"concurrency": 2}}, {"trials.concurrency": (4, 2)}),
        ({"space": {"lr": {"low": 0.001}}}, {"space.lr.low": (0.0001, 0.001)}),
        ({"space": {"lr": {"default": None}}}, {"space.lr.default": (0.01, None)}),
        ({"goal": {"metric": {"auc": 1}}}, {"goal.metric.auc": (0.5, 1.0)}),
        ({"goal": {"metric": {"loss": None}}}, {"goal.metric.loss": (-0.25, None)}),
        ({"goal": {"metric": "acc"}}, {"goal.metric": ({"auc": 0.5, "loss": -0.25}, "acc")}),
        (
            {"search": {"algorithm": "random"}},
            {"search.algorithm": ("grid", "random"), "search.options.resolution": (3, None)},
        ),
        ({"search": {"options": {"shuffle": True}}}, {"search.options.shuffle": (None, True)}),
        ({"search": {"warm_start": [{"lr": 1e-3}]}}, {"search.warm_start": ([], [{"lr": 1e-3}])}),
        ({"stop": {"target": 0.9}}, {"stop.target": (None, 0.9)}),
        ({"trials": {"early_stopping": {"delay": 2}}}, {"trials.early_stopping.delay": (5, 2)}),
        ({"trials": {"early_stopping": None}}, {"trials.early_stopping": ({
            "interval": 1, "delay": 5, "rule": "median", "min_trials": 3, "proportion": 0.5, "window": None}, None)}),
    ],
)  # fmt: skip
def test_what_is_merged(conf: dict[str, Any], changed: dict[str, Any]) -> None:
    assert changes(conf) == changed


def test_another_type_starts_afresh() -> None:
    changed = apply_overrides(EXPERIMENT, {"space": {"lr": {"type": "choice", "values": [0.1, 0.2]}}}).experiment
    assert changed.space["lr"].options == [0.1, 0.2]
    stopping = {"trials": {"early_stopping": {"rule": "patience", "patience": 3}}}
    assert apply_overrides(EXPERIMENT, stopping).experiment.trials.early_stopping.delay == 0


def test_a_parameter_can_be_added_and_removed() -> None:
    conf = {"space": {"units": None, "extra": {"type": "int", "low": 1, "high": 2}}}
    changed = apply_overrides(EXPERIMENT, conf)
    assert list(changed.experiment.space) == ["lr", "solver", "fixed", "extra"]
    assert [change.path for change in changed.changes] == ["space.units", "space.extra"]


def test_null_is_a_value_where_one_must_stand() -> None:
    assert apply_overrides(EXPERIMENT, {"space": {"fixed": {"value": None}}}).experiment.space["fixed"].value is None


@pytest.mark.parametrize(
    ("conf", "says"),
    [
        ({"name": "x"}, "conf of the run: name: 'name' can't be changed for a single run. Allowed: search,"),
        ({"tasks": []}, "Change the experiment file instead."),
        ({"trails": {}}, "Allowed: search, space, goal, trials, stop. Did you mean 'trials'?"),
        ({"max_failed": 3}, "It belongs under 'trials': {trials: {max_failed: …}}."),
        ({"trials": {"maximum": 3}}, "conf of the run: trials.maximum: the key 'maximum' is not known here."),
        ({"trials": {"max": 0}}, "conf of the run: trials.max: 0 is too low."),
        ({"trials": 5}, "conf of the run: trials: found 5. Allowed: a mapping"),
        ({"space": None}, "conf of the run: space: found nothing."),
        ({"goal": {"direction": None}}, "conf of the run: goal.direction:"),
        ({"space": {"lr": None}}, "tasks[0].command[2]: ${lr} is not known."),
        ({"space": {"lr": {"low": 1}}}, "space.lr.low: low (1) is above high (0.1)."),
        ({"trials": {"concurrency": 5}}, "trials.concurrency: 5 is above the file's 4: Airflow fixes how many"),
    ],
)  # fmt: skip
def test_what_is_refused(conf: dict[str, Any], says: str) -> None:
    assert says in refusal(conf)


def test_all_that_is_wrong_at_once() -> None:
    assert len(refusal({"name": "x", "trials": {"max": 0}, "stop": {"max_cost": -1}}).splitlines()) == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 50) | st.floats() | st.sampled_from(["", "random", "lr", "10m"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["max", "lr", "low", "rule", "algorithm", "metric", "target", "x"]), inner)
    ),
    max_leaves=8,
)


@given(conf=st.dictionaries(st.sampled_from([*GROUPS, "name", "x"]), JSON))
def test_any_conf_gives_an_experiment_or_words(conf: dict[str, Any]) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        changed = apply_overrides(EXPERIMENT, conf)
    except SpecError as error:
        changed, problems = None, error.problems
    assert all(problem.message and problem.path for problem in problems)
    assert (changed is None) == bool(problems)
    if changed is not None:
        assert Experiment.model_validate(changed.experiment.model_dump(mode="json")) == changed.experiment
        assert (changed.experiment == EXPERIMENT) == (not changed.changes)
        for group in ("name", "output", "tasks", "schedule"):
            assert getattr(changed.experiment, group) == getattr(EXPERIMENT, group)


def test_the_experiment_itself_is_never_changed() -> None:
    before = EXPERIMENT.model_dump()
    apply_overrides(EXPERIMENT, {"space": {"lr": {"low": 0.01}}, "search": {"options": {"shuffle": True}}})
    assert EXPERIMENT.model_dump() == before


def test_null_says_never_where_that_is_not_the_default() -> None:
    assert changes({"stop": {"same_error": None}}) == {"stop.same_error": (5, None)}
    assert changes({"stop": {"same_error": 9}}) == {"stop.same_error": (5, 9)}
    assert changes({"trials": {"timeout": None}}) == {"trials.timeout": (600.0, None)}
