"""The goal: one objective or several, and constraints."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest

from automl_core.spec.goal import Constraint, Goal
from automl_core.spec.models import Experiment
from automl_core.spec.overrides import apply_overrides
from automl_core.spec.schema import experiment_schema
from automl_core.spec.validation import validate

FILE: dict[str, Any] = {
    "name": "a",
    "goal": {"metric": "accuracy", "direction": "maximize"},
    "space": {"lr": {"type": "uniform", "low": 0, "high": 1}},
    "tasks": [{"command": ["train"]}],
}
TWO: list[dict[str, Any]] = [
    {"metric": "accuracy", "direction": "maximize", "reference": 0.5},
    {"metric": "latency", "direction": "minimize"},
]
LIMITS: list[dict[str, Any]] = [{"metric": "memory", "max": 20}, {"metric": "recall", "min": 0.8}]


def problems(goal: Any, **groups: Any) -> list[str]:
    found = validate({**copy.deepcopy(FILE), "goal": goal, **groups})[1]
    return [".".join(map(str, problem.path)) + ": " + problem.message for problem in found]


def test_one_objective_with_constraints() -> None:
    goal = Goal.model_validate({**FILE["goal"], "constraints": LIMITS})
    assert (goal.several, goal.plain, goal.final) == (False, False, "best")
    assert goal.metrics == ("accuracy", "memory", "recall")
    assert goal.summary == "maximize accuracy; memory ≤ 20; recall ≥ 0.8"
    assert goal.satisfied_by({"memory": 20, "recall": 0.8})
    assert not goal.satisfied_by({"memory": 20.1, "recall": 0.8})
    assert not goal.satisfied_by({"memory": 1})


def test_what_a_training_is_told_of_it() -> None:
    assert Goal(metric="loss", direction="minimize").told == {
        "metric": "loss", "direction": "minimize", "final": "best"
    }  # fmt: skip
    weighted = Goal(metric={"auc": 0.5, "loss": -0.25}, direction="maximize", final="last")
    assert weighted.told == {"metric": {"auc": 0.5, "loss": -0.25}, "direction": "maximize", "final": "last"}
    several = [{"metric": "auc", "direction": "maximize"}, {"metric": "ms", "direction": "minimize"}]
    assert Goal.model_validate({"objectives": several}).told == {}


def test_several_objectives_take_their_values_from_the_last_step() -> None:
    goal = Goal.model_validate({"objectives": TWO})
    assert (goal.several, goal.plain, goal.final, goal.label) == (True, False, "last", "accuracy")
    assert [(each.sign, each.reference) for each in goal.all_objectives] == [(-1.0, 0.5), (1.0, None)]
    assert Goal.model_validate({"objectives": TWO, "final": "mean"}).final == "mean"
    assert Goal.model_validate(goal.model_dump(mode="json")) == goal


def test_an_objective_may_be_weighted() -> None:
    goal = Goal.model_validate({"objectives": [{"metric": {"a": 0.5, "b": -2}, "direction": "maximize"}, TWO[1]]})
    assert goal.label == "0.5*a-2*b"
    assert goal.metrics == ("a", "b", "latency")


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        ({"objectives": TWO[:1]}, "goal.objectives: found 1; 2 to 4 are allowed; give metric and direction for one"),
        (
            {"objectives": [{**TWO[0], "metric": f"m{i}"} for i in range(5)]},
            "goal.objectives: found 5; 2 to 4 are allowed",
        ),
        ({"objectives": [TWO[0], TWO[0]]}, "goal.objectives.1.metric: two objectives are 'accuracy'"),
        ({"objectives": TWO, "metric": "x"}, "goal.metric: found 'x'; with objectives each of them has its own metric"),
        ({"objectives": TWO, "final": "best"}, "goal.final: best has no meaning with several objectives"),
        ({"metric": "x"}, "goal.direction: 'direction' is missing"),
        ({"direction": "minimize"}, "goal.metric: 'metric' is missing"),
        ({"objectives": [{"metric": "x"}, TWO[1]]}, "goal.objectives.0.direction: 'direction' is missing"),
        ({**FILE["goal"], "constraints": [{"metric": "m"}]}, "goal.constraints.0: give exactly one of max and min"),
        (
            {**FILE["goal"], "constraints": [{"metric": "m", "max": 1, "min": 0}]},
            "goal.constraints.0: give exactly one of max and min",
        ),
        (
            {**FILE["goal"], "constraints": [LIMITS[0], {"metric": "memory", "max": 3}]},
            "goal.constraints.1.max: found 3; memory has a max in constraints[0] already",
        ),
        ({**FILE["goal"], "constraints": [{"metric": "", "max": 1}]}, "goal.constraints.0.metric: at least one"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(goal: dict[str, Any], says: str) -> None:
    found = problems(goal)
    assert len(found) == 1
    assert found[0].startswith(says)


def test_a_metric_may_be_limited_from_both_sides() -> None:
    assert problems({**FILE["goal"], "constraints": [{"metric": "m", "max": 2}, {"metric": "m", "min": 1}]}) == []
    assert Constraint(metric="m", min=1).excess(0.25) == 0.75


def test_what_needs_one_value_is_refused_with_several() -> None:
    found = problems(
        {"objectives": TWO}, stop={"target": 0.9}, trials={"early_stopping": {"rule": "median"}, "max": "many"}
    )
    assert [each.split(":")[0] for each in found] == ["trials.max", "trials.early_stopping", "stop.target"]
    one = problems({**FILE["goal"], "constraints": LIMITS}, stop={"target": 0.9})
    assert one == []


def test_all_missing_keys_are_named_beside_other_mistakes() -> None:
    assert [each.split(": ")[0] for each in problems({"final": "worst"})] == [
        "goal.final", "goal.metric", "goal.direction",
    ]  # fmt: skip


def test_a_run_may_change_the_kind_of_goal() -> None:
    experiment = Experiment.model_validate(FILE)
    changed = apply_overrides(experiment, {"goal": {"metric": None, "direction": None, "objectives": TWO}})
    assert changed.experiment.goal == Goal.model_validate({"objectives": TWO})
    back = {"goal": {"objectives": None, "final": None, **FILE["goal"]}}
    assert apply_overrides(changed.experiment, back).experiment.goal == experiment.goal


@pytest.mark.parametrize(
    ("goal", "valid"),
    [({"objectives": TWO, "constraints": LIMITS}, True), ({"metric": "x"}, False), ({"objectives": [{}]}, False)],
)
def test_the_schema_knows_both_forms(goal: dict[str, Any], valid: bool) -> None:
    validator = jsonschema.Draft202012Validator(experiment_schema())
    assert (not list(validator.iter_errors({**FILE, "goal": goal}))) is valid
