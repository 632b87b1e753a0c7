"""The whole space of a table, and what is tried first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from automl_core.optimizer import Optimizer
from automl_core.tabular import Custom, Pipeline, Shape
from automl_core.tabular.columns import learn_schema
from automl_core.tabular.learned import PORTFOLIOS
from automl_core.tabular.learners import registry
from automl_core.tabular.metrics import find
from automl_core.tabular.problem import Problem
from automl_core.tabular.space import portfolio, space
from automl_core.training.problems import TrainingError

WIDE = Shape(1500, 40, 6, 1, 1, 2, "binary", 300)
SHAPES = [
    WIDE,
    Shape(150, 4, 0, 0, 0, 3, "multiclass"),
    Shape(300_000, 12, 3, 0, 0, 0, "regression", 9),
    Shape(60, 2, 1, 0, 0, 0, "regression", 2),
    Shape(20_000, 30, 0, 0, 0, 40, "multiclass"),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("algorithm", ["random", "tpe", "bayesian"])
def test_searches_take_the_space_and_begin_with_the_portfolio(shape: Shape, algorithm: str) -> None:
    first = portfolio(shape)
    optimizer = Optimizer(space(shape), algorithm=algorithm, warm_start=first, max_trials=len(first) + 6, seed=1)
    asked = []
    while (trial := optimizer.ask()) is not None:
        asked.append(dict(trial.params))
        optimizer.tell(trial, float(len(asked) % 5))
    assert asked[: len(first)] == first
    for params in asked:
        # of one learner, and of features that it makes
        others = {name.partition(".")[0] for name in params} - {"learner", "features", params["learner"]}
        assert not others


@pytest.mark.parametrize("shape", SHAPES)
def test_a_portfolio_has_each_combination_once_and_each_learner(shape: Shape) -> None:
    found = portfolio(shape)
    assert len({str(sorted(params.items())) for params in found}) == len(found)
    assert {params["learner"] for params in found} == set(space(shape)["learner"]["values"])
    assert len({params["learner"] for params in found[:6]}) >= 2


def test_learners_that_would_take_all_the_time_are_offered_where_they_are_asked_for_alone() -> None:
    large = Shape(300_000, 10, 0, 0, 0, 2, "binary")
    assert "svm" not in space(large)["learner"]["values"]
    assert "svm" in space(large, allowed=["svm", "linear"])["learner"]["values"]
    assert "svm" in space(WIDE)["learner"]["values"]


def test_what_takes_long_on_many_rows_is_tried_last() -> None:
    learners = [params["learner"] for params in portfolio(Shape(8000, 20, 0, 0, 0, 2, "binary"))]
    assert learners.index("random_forest") > max(place for place, name in enumerate(learners) if name == "lightgbm")
    few = [params["learner"] for params in portfolio(Shape(1000, 20, 0, 0, 0, 2, "binary"))]
    assert sorted(few[: few.index("random_forest")]) != sorted(learners[: learners.index("random_forest")])


def test_allowed_and_blocked_learners() -> None:
    assert set(space(WIDE, blocked=["svm", "mlp"])["learner"]["values"]).isdisjoint({"svm", "mlp"})
    only = space(WIDE, allowed=["lightgbm"])
    assert only["learner"] == {"type": "fixed", "value": "lightgbm"}
    assert all(name.split(".")[0] in {"learner", "lightgbm", "features"} for name in only)
    assert {params["learner"] for params in portfolio(WIDE, allowed=["linear", "mlp"])} == {"linear", "mlp"}
    for wrong, message in (
        ({"allowed": ["lightgmb"]}, "did you mean 'lightgbm'"),
        ({"blocked": ["svn"]}, "did you mean 'svm'"),
        ({"allowed": ["naive_bayes"], "blocked": ["naive_bayes"]}, "no learner is left"),
    ):
        with pytest.raises(TrainingError, match=message):
            space(WIDE, **wrong)
    with pytest.raises(TrainingError, match="no learner is left for regression"):
        space(Shape(100, 3, kind="regression"), allowed=["naive_bayes"])


def test_a_learner_whose_library_is_missing_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "installed", lambda: ["linear"])
    assert space(WIDE)["learner"]["value"] == "linear"
    with pytest.raises(TrainingError, match="the learner lightgbm needs its library"):
        space(WIDE, allowed=["lightgbm"])


def test_a_learner_of_the_users_own_is_searched_and_tried_early() -> None:
    own = Custom("sklearn.tree:DecisionTreeClassifier", space={
        "criterion": {"type": "choice", "values": ["gini", "entropy"], "default": "gini"},
        "max_depth": {"type": "int", "low": 2, "high": 9, "default": 4, "when": {"criterion": ["gini"]}},
    })  # fmt: skip
    found = space(WIDE, extra=[own])
    assert found["DecisionTreeClassifier.max_depth"]["when"] == {
        "learner": ["DecisionTreeClassifier"], "DecisionTreeClassifier.criterion": ["gini"]
    }  # fmt: skip
    first = portfolio(WIDE, extra=[own])
    assert first[1]["learner"] == "DecisionTreeClassifier"
    assert first[1]["DecisionTreeClassifier.max_depth"] == 4
    Optimizer(found, warm_start=first, algorithm="random", max_trials=3)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_all_of_the_portfolio_can_be_fitted(kind: Any) -> None:
    rng = np.random.default_rng(0)
    data = {"a": rng.normal(size=90).tolist(), "b": rng.choice(list("xyz"), 90).tolist()}
    schema = learn_schema(data)
    classes = {"binary": ("0", "1"), "multiclass": ("0", "1", "2"), "regression": ()}[kind]
    y = np.array(data["a"]) if kind == "regression" else np.arange(90) % len(classes)
    problem = Problem(kind, "y", classes, find(None, kind))
    shape = Shape.of(schema, problem, 90)
    assert (shape.categories, shape.levels, shape.kind) == (1, 3, kind)
    steps = {"iterations": 10, "trees": 10, "epochs": 3}
    for params in portfolio(shape):
        learner = registry.find(params["learner"])
        few = {f"{learner.name}.{learner.steps}": steps[learner.steps]} if learner.steps else {}
        fitted = Pipeline(problem, schema, {**params, **few}).fit(schema.read(data), y)
        assert np.isfinite(fitted.predict(schema.read(data))).all()
    assert len(PORTFOLIOS[kind]) >= 8


def test_logarithms_are_searched_where_the_target_has_a_long_tail() -> None:
    rng = np.random.default_rng(0)
    schema, problem = learn_schema({"a": [1.0, 2.0]}), Problem("regression", "y", (), find(None, "regression"))
    for y, searched in ((rng.lognormal(10, 1, 500), True), (rng.normal(100, 1, 500), False), (-rng.random(9), False)):
        assert ("features.target" in space(Shape.of(schema, problem, len(y), y))) is searched
