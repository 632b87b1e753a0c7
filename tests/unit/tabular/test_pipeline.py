"""Pipelines: cases that a quick implementation gets wrong, parameters of features, learners of the user's own."""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from automl_core.modelfile.scoring.features import Features
from automl_core.modelfile.scoring.links import link_of
from automl_core.modelfile.scoring.models import model_of
from automl_core.tabular import Custom, Pipeline
from automl_core.tabular.columns import learn_schema
from automl_core.tabular.learners.base import CannotFit
from automl_core.tabular.metrics import find
from automl_core.tabular.pipeline import check
from automl_core.tabular.problem import Problem, ordered
from automl_core.training.problems import TrainingError

RNG = np.random.default_rng(0)
REGRESSION = Problem("regression", "y", (), find(None, "regression"))
BINARY = Problem("binary", "y", ("no", "yes"), find(None, "binary"))


def scored(document: dict[str, Any], frame: Any) -> Any:
    matrix = Features(document["features"]).apply(frame)
    return link_of(document["link"])(model_of(document["model"]).margin(matrix))


@pytest.mark.parametrize("learner", ["lightgbm", "linear", "histogram", "xgboost", "random_forest"])
def test_a_hundred_rows_of_weight_0_with_values_of_a_million(learner: str) -> None:
    """y is 10 x and noise of 0.1: RMSE near 0.1 over the rows with weight, all others predicted."""
    x = RNG.random(900)
    y = 10 * x + RNG.normal(0, 0.1, 900)
    x[:100], y[:100] = 1e6, 1e6
    weights = np.where(np.arange(900) < 100, 0.0, 1.0)
    data = {"x": x.tolist(), "kind": ["odd"] * 100 + RNG.choice(["a", "b"], 800).tolist()}
    schema = learn_schema(data)
    frame, train, test = schema.read(data), np.arange(600), np.arange(600, 900)
    fitted = Pipeline(REGRESSION, schema, {"learner": learner}).fit(
        frame.take(train), y[train], weights[train], valid=(frame.take(test), y[test], weights[test])
    )
    outputs = fitted.predict(frame)
    assert np.isfinite(outputs).all()
    assert REGRESSION.metric.score(y, outputs, weights) < 0.25
    assert outputs[100:].max() < 11
    assert "odd" not in str(fitted.states)


def test_a_column_without_gaps_in_training_and_one_at_scoring() -> None:
    """LightGBM compares such a gap as if it were 0, whatever its trees say; a pipeline gives it the median."""
    data = {"x": (5 + RNG.random(400)).tolist(), "z": RNG.random(400).tolist()}
    y = np.array(data["x"]) * 3
    schema = learn_schema(data)
    gap = schema.read({"x": [None, 5.5], "z": [0.5, 0.5]})
    for learner in ("lightgbm", "xgboost", "histogram"):
        fitted = Pipeline(REGRESSION, schema, {"learner": learner, f"{learner}.iterations": 50}).fit(
            schema.read(data), y
        )
        outputs = fitted.predict(gap)
        document = fitted.document()
        assert document is not None
        np.testing.assert_allclose(scored(document, gap)[:, 0], outputs, rtol=1e-9)
        assert outputs[0] == pytest.approx(np.median(data["x"]) * 3, abs=0.2)  # as 0 it would be near 15


def test_a_category_of_whole_numbers_and_an_empty_cell_in_the_file_to_score() -> None:
    codes = RNG.choice([1, 2, 3], 300)
    schema = learn_schema({"type": codes.tolist()})
    assert schema["type"].kind == "category"
    frame = schema.read({"type": codes.tolist()})
    for learner in ("lightgbm", "linear"):
        fitted = Pipeline(REGRESSION, schema, {"learner": learner}).fit(frame, np.array([0, 100.0, 7.0, 60.0])[codes])
        plain = fitted.predict(schema.read({"type": [1, 2, 3]}))
        gap = fitted.predict(schema.read({"type": np.array([1.0, 2.0, 3.0, np.nan])}))
        single = [fitted.predict(schema.read({"type": [each]}))[0] for each in (1, 2, 3)]
        np.testing.assert_array_equal(gap[:3], plain)
        np.testing.assert_array_equal(single, plain)
        assert plain[0] > plain[2] > plain[1]


def test_levels_of_a_small_table_are_used() -> None:
    """By default LightGBM cuts by no level of fewer than 100 rows."""
    levels = RNG.choice(list("abcde"), 200)
    schema = learn_schema({"x": levels.tolist()})
    frame, y = schema.read({"x": levels.tolist()}), (levels == "c") * 10.0
    outputs = Pipeline(REGRESSION, schema, {"learner": "lightgbm"}).fit(frame, y).predict(frame)
    assert outputs[levels == "c"].mean() > outputs[levels != "c"].mean() + 5


@pytest.mark.parametrize("texts", [["01", "02", "10"], [str(each) for each in range(11)]])
def test_classes_keep_their_letters_and_one_order(texts: list[str]) -> None:
    classes = ordered(texts)
    assert list(classes) == texts
    problem = Problem("multiclass", "y", classes, find(None, "multiclass"))
    y = np.arange(40 * len(texts)) % len(texts)
    data = {"x": (y + 0.1 * RNG.random(len(y))).tolist()}
    schema = learn_schema(data)
    for learner in ("lightgbm", "linear", "random_forest", "mlp", "neighbours"):
        fitted = Pipeline(problem, schema, {"learner": learner}).fit(schema.read(data), y)
        found = fitted.predict(schema.read({"x": [each + 0.05 for each in range(len(texts))]})).argmax(axis=1)
        assert (found == np.arange(len(texts))).mean() > (0.5 if learner == "linear" else 0.8)
        assert found[-1] == len(texts) - 1


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "accuracy", "f1", "brier_score"])
def test_boosting_stops_by_the_problems_metric(metric: str) -> None:
    x = RNG.normal(size=(500, 3))
    y = (x[:, 0] + RNG.normal(size=500) > 0).astype(np.int64)
    data = {name: x[:, each].tolist() for each, name in enumerate("abc")}
    schema = learn_schema(data)
    frame, train, test = schema.read(data), np.arange(350), np.arange(350, 500)
    problem = Problem("binary", "y", ("no", "yes"), find(metric, "binary"))
    # histogram boosting stops by the loss that it descends
    for learner in ("lightgbm", "xgboost", *(["histogram"] if metric == "log_loss" else [])):
        held = (frame.take(test), y[test], np.ones(150))
        fitted = Pipeline(problem, schema, {"learner": learner}).fit(frame.take(train), y[train], valid=held)
        assert fitted.best_iteration is not None
        assert fitted.best_iteration < 400
        best = problem.metric.loss(y[test], fitted.predict(frame.take(test)))
        for steps in (1, 2 * fitted.best_iteration + 50):
            params = {"learner": learner, f"{learner}.iterations": steps}
            other = Pipeline(problem, schema, params).fit(frame.take(train), y[train])
            assert best <= problem.metric.loss(y[test], other.predict(frame.take(test))) + 1e-9


@pytest.mark.parametrize("learner", ["lightgbm", "xgboost", "mlp"])
def test_rows_to_stop_by_may_have_one_class_alone(learner: str) -> None:
    """There is no area under a curve then; the log loss says when to stop."""
    x = RNG.normal(size=400)
    y = (x + 0.3 * RNG.normal(size=400) > 0).astype(np.int64)
    schema = learn_schema({"x": x.tolist()})
    frame, train = schema.read({"x": x.tolist()}), np.arange(300)
    only = 300 + np.flatnonzero(y[300:] == 1)
    problem = Problem("binary", "y", ("no", "yes"), find("roc_auc", "binary"))
    held = (frame.take(only), y[only], np.ones(len(only)))
    fitted = Pipeline(problem, schema, {"learner": learner}).fit(frame.take(train), y[train], valid=held)
    assert (fitted.best_iteration or 0) > 5


def test_a_fit_without_rows_to_stop_by_takes_the_steps_that_were_best() -> None:
    data = {"x": RNG.random(300).tolist()}
    y = np.array(data["x"]) * 5 + RNG.normal(size=300)
    schema = learn_schema(data)
    frame = schema.read(data)
    held = (frame.take(np.arange(200, 300)), y[200:], np.ones(100))
    pipeline = Pipeline(REGRESSION, schema, {"learner": "lightgbm"})
    fitted = pipeline.fit(frame.take(np.arange(200)), y[:200], valid=held)
    assert fitted.settled()["lightgbm.iterations"] == fitted.best_iteration
    again = Pipeline(REGRESSION, schema, fitted.settled(1.5)).fit(frame, y)
    assert again.best_iteration == round(1.5 * (fitted.best_iteration or 0))


def test_quantiles_and_medians_are_what_their_metrics_ask_for() -> None:
    data = {"x": RNG.random(800).tolist()}
    y = np.array(data["x"]) + RNG.exponential(size=800)
    schema = learn_schema(data)
    frame = schema.read(data)
    for learner in ("lightgbm", "xgboost"):
        shares = []
        for metric in ("pinball(0.1)", "mae", "pinball(0.9)"):
            problem = Problem("regression", "y", (), find(metric, "regression"))
            params = {"learner": learner, f"{learner}.iterations": 60}
            outputs = Pipeline(problem, schema, params).fit(frame, y).predict(frame)
            shares.append(float((y <= outputs).mean()))
        assert shares[0] < 0.25 < 0.35 < shares[1] < 0.65 < 0.75 < shares[2]


@pytest.mark.parametrize("learner", ["lightgbm", "linear", "mlp"])
def test_numbers_can_be_learned_as_logarithms(learner: str) -> None:
    data = {"x": RNG.normal(size=400).tolist()}
    y = np.exp(2 * np.array(data["x"]) + 0.1 * RNG.normal(size=400)) * 100
    schema = learn_schema(data)
    frame, train, test = schema.read(data), np.arange(300), np.arange(300, 400)
    held = (frame.take(test), y[test], np.ones(100))
    losses = []
    for target in ("plain", "auto", "log"):
        problem = Problem("regression", "y", (), find("rmsle", "regression"))
        pipeline = Pipeline(problem, schema, {"learner": learner, "features.target": target})
        fitted = pipeline.fit(frame.take(train), y[train], valid=held)
        outputs = fitted.predict(frame)
        losses.append(problem.metric.loss(y[test], np.maximum(outputs[test], 0)))
        document = fitted.document()
        assert document is not None
        np.testing.assert_allclose(scored(document, frame)[:, 0], outputs, rtol=1e-9)
    assert losses[1] == losses[2]  # a metric of ratios asks for them
    assert losses[1] < losses[0] or learner == "lightgbm"  # which can stop by that metric, and bend as it likes
    below = Pipeline(REGRESSION, schema, {"learner": "linear", "features.target": "log"}).fit(frame, y - 200)
    assert below.predict(frame).min() < -1  # there is no logarithm of these


def test_featurization_off_and_column_by_column() -> None:
    n = 200
    data = {
        "num": RNG.random(n).tolist(),
        "cat": RNG.choice(list("abc"), n).tolist(),
        "when": [f"2026-01-{1 + each % 28:02d}" for each in range(n)],
        "note": [f"some words number {each}" for each in range(n)],
    }
    schema = learn_schema(data)
    frame, y = schema.read(data), (np.arange(n) % 2).astype(np.int64)

    def names(**features: Any) -> tuple[str, ...]:
        params = {"learner": "lightgbm", "lightgbm.iterations": 5}
        params |= {f"features.{name}": value for name, value in features.items()}
        return Pipeline(BINARY, schema, params).fit(frame, y).features.apply(frame).names

    assert names(mode="off") == ("num", "when", "cat")
    assert "when (weekday)" in names()
    assert any(each.startswith("note (topic") for each in names())
    said = {"column.cat": ["onehot", "frequency"], "column.note": "drop", "column.when": "drop", "column.num": "drop"}
    assert set(names(**said)) == {"cat = a", "cat = b", "cat = c", "frequency of cat"}
    assert "cat (hash 0)" in names(**{"column.cat": "hash"})


def test_a_category_can_be_read_as_text() -> None:
    data = {"cat": [f"left {each % 5}" for each in range(60)], "x": list(range(60))}
    schema = learn_schema(data)
    params = {"learner": "lightgbm", "features.column.cat": "text"}
    fitted = Pipeline(REGRESSION, schema, params).fit(schema.read(data), np.arange(60.0))
    assert "cat (words)" in fitted.features.apply(schema.read(data)).names


class Nearest:
    """A learner of a user's: the class of the nearest mean."""

    def __init__(self, shrink: float = 0.0) -> None:
        self.shrink = shrink

    def fit(self, X: Any, y: Any) -> Nearest:
        if self.shrink > 0.9:
            raise RuntimeError("too much")
        self.means = np.stack([X[y == each].mean(axis=0) for each in np.unique(y)]) * (1 - self.shrink)
        return self

    def predict_proba(self, X: Any) -> Any:
        near = -np.linalg.norm(X[:, None] - self.means, axis=2)
        shares = np.exp(near)
        return shares / shares.sum(axis=1, keepdims=True)


def test_a_learner_of_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("theirs")
    module.Nearest = Nearest  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "theirs", module)
    own = Custom("theirs:Nearest", space={"shrink": {"type": "uniform", "low": 0, "high": 1}}, default={"shrink": 0.1})
    assert own.kinds == {"binary", "multiclass"}
    data = {"x": [*RNG.normal(0, 1, 50), *RNG.normal(4, 1, 50)]}
    schema = learn_schema(data)
    frame, y = schema.read(data), np.repeat([0, 1], 50)
    fitted = Pipeline(BINARY, schema, {"learner": "Nearest"}, extra=(own,)).fit(frame, y)
    assert fitted.fitted.estimator.shrink == 0.1
    assert (fitted.predict(frame).argmax(axis=1) == y).mean() > 0.9
    assert fitted.document() is None
    assert isinstance(fitted.estimators()["Nearest"], Nearest)
    params = {"learner": "Nearest", "Nearest.shrink": 0.95}
    with pytest.raises(CannotFit, match="Nearest: RuntimeError: too much"):
        Pipeline(BINARY, schema, params, extra=(own,)).fit(frame, y)
    with pytest.raises(CannotFit, match="takes no sample_weight"):
        Pipeline(BINARY, schema, {"learner": "Nearest"}, extra=(own,)).fit(frame, y, np.arange(1.0, 101))


def test_learners_of_scikit_learn_by_their_place_have_a_document() -> None:
    own = Custom("sklearn.ensemble:ExtraTreesRegressor", name="mine", default={"n_estimators": 5}, matrix="filled")
    data = {"x": RNG.random(80).tolist()}
    schema = learn_schema(data)
    frame = schema.read(data)
    fitted = Pipeline(REGRESSION, schema, {"learner": "mine"}, seed=4, extra=(own,)).fit(frame, np.array(data["x"]))
    document = fitted.document()
    assert document is not None
    np.testing.assert_allclose(scored(document, frame)[:, 0], fitted.predict(frame), rtol=1e-9)
    assert fitted.fitted.estimator.random_state == 4


def test_an_estimator_is_written_as_plain_data_only_where_that_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that the exporter doesn't know of is no reason to publish another model than was judged."""
    from automl_core.modelfile.exporting import Exported, sklearn_models

    own = Custom("sklearn.linear_model:LogisticRegression", name="mine")
    data = {"x": RNG.normal(size=80).tolist()}
    schema = learn_schema(data)
    frame, y = schema.read(data), (np.array(data["x"]) > 0).astype(int)
    fitted = Pipeline(BINARY, schema, {"learner": "mine"}, extra=(own,)).fit(frame, y)
    assert fitted.document() is not None

    def bolder(estimator: Any) -> Exported:
        model, link = sklearn_models._logistic(estimator)
        return Exported({**model, "coef": model["coef"] * 1.001}, link)

    monkeypatch.setitem(sklearn_models.EXPORTERS, "LogisticRegression", bolder)  # type: ignore[arg-type]
    assert fitted.document() is None
    assert list(fitted.estimators()) == ["mine"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere.at_all:Model", "there is no module 'nowhere'"),
        ("collections:Modell", "collections has no Modell"),
        ("collections:OrderedDict", "no class with a method fit"),
        ("collections.OrderedDict", "package.module:Class"),
    ],
)
def test_a_place_that_is_none(place: str, message: str) -> None:
    with pytest.raises(TrainingError, match=re.escape(message)):
        Custom(place)


def test_a_problem_that_a_learner_can_not_solve_is_told_before_any_row_is_read() -> None:
    schema = learn_schema({"x": [1, 2]})
    with pytest.raises(TrainingError, match="Naive Bayes can't learn regression"):
        check({"learner": "naive_bayes"}, schema, REGRESSION)
    check({"learner": "naive_bayes"}, schema, BINARY)
    frame = schema.read({"x": [1, 2, 3]})
    with pytest.raises(CannotFit, match="Naive Bayes can't learn regression"):
        Pipeline(REGRESSION, schema, {"learner": "naive_bayes"}).fit(frame, np.arange(3.0))
