"""What holds for each learner: the same suite over all of the registry."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from automl_core.modelfile.scoring.features import Features
from automl_core.modelfile.scoring.links import link_of
from automl_core.modelfile.scoring.models import model_of
from automl_core.optimizer import Optimizer
from automl_core.tabular.columns import learn_schema
from automl_core.tabular.learners import registry
from automl_core.tabular.learners.base import CannotFit
from automl_core.tabular.metrics import find
from automl_core.tabular.pipeline import FittedPipeline, Pipeline
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape
from automl_core.training.problems import TrainingError

KINDS = ("binary", "multiclass", "regression")
CASES = [(name, kind) for name in registry.installed() for kind in KINDS if kind in registry.find(name).kinds]
FEW = {"iterations": 40, "trees": 15, "epochs": 15, "min_samples_leaf": 4}
N, M = 240, 60


def table(n: int, seed: int = 0) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    size[rng.random(n) < 0.1] = np.nan
    return {
        "size": size.tolist(),
        "whole": rng.gamma(2, 3, n).round(2).tolist(),  # never missing in training
        "flag": rng.choice(["true", "false"], n).tolist(),
        "color": rng.choice(["red", "green", "blue", None], n, p=[0.4, 0.3, 0.2, 0.1]).tolist(),
        "city": [f"c{each}" for each in rng.integers(0, 45, n)],
        "when": [f"2026-{1 + each % 12:02d}-{1 + each % 28:02d}" for each in rng.integers(0, 300, n)],
    }


def target(data: dict[str, list[Any]], kind: str, seed: int = 1) -> Any:
    rng = np.random.default_rng(seed)
    size = np.nan_to_num(np.array(data["size"], dtype=float))
    score = 2 * size + 0.3 * np.array(data["whole"]) + 1.5 * (np.array(data["color"], dtype=object) == "red")
    score = score + 0.3 * rng.normal(size=len(score))
    if kind == "regression":
        return score * 10 + 100
    cuts = np.quantile(score, [0.5] if kind == "binary" else [0.33, 0.66])
    return np.searchsorted(cuts, score).astype(np.int64)


def problem(kind: str, metric: str | None = None) -> Problem:
    classes = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}[kind]
    return Problem(kind, "y", classes, find(metric, kind))


def small(name: str) -> dict[str, Any]:
    learner = registry.find(name)
    own = {f"{name}.{each}": FEW[each] for each in FEW if each in learner.default}
    return {"learner": name, **own}


DATA, LATER = table(N), table(M, seed=7)
TRUTH = {kind: target(LATER, kind) for kind in KINDS}
LATER["whole"][3] = None  # missing where training had all
LATER["color"][4], LATER["city"][5] = "violet", "c-unknown"
SCHEMA = learn_schema(DATA)
FRAME, LATER_FRAME = SCHEMA.read(DATA), SCHEMA.read(LATER)


def fit(name: str, kind: str, *, valid: bool = True, seed: int = 3, **params: Any) -> FittedPipeline:
    rows = np.arange(N) < N - M
    y = target(DATA, kind)
    held = (FRAME.take(~rows), y[~rows], np.ones(M)) if valid else None
    return Pipeline(problem(kind), SCHEMA, {**small(name), **params}, seed).fit(FRAME.take(rows), y[rows], valid=held)


def scored(document: dict[str, Any], frame: Any) -> Any:
    """By the numpy scorer alone."""
    matrix = Features(document["features"]).apply(frame)
    return link_of(document["link"])(model_of(document["model"]).margin(matrix))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_it_learns_and_its_document_says_the_same(name: str, kind: str) -> None:
    fitted = fit(name, kind)
    outputs = fitted.predict(LATER_FRAME)
    truth = TRUTH[kind]
    if kind == "regression":
        assert outputs.shape == (M,)
    else:
        assert outputs.shape == (M, len(problem(kind).classes))
        assert np.allclose(outputs.sum(axis=1), 1)
        assert (outputs >= 0).all()
    if name != "constant":
        baseline = fit("constant", kind).predict(LATER_FRAME)
        found, least = (problem(kind).metric.loss(truth, each) for each in (outputs, baseline))
        assert found < 0.9 * least
    document = fitted.document()
    assert document is not None
    again = scored(document, LATER_FRAME).reshape(outputs.shape)
    np.testing.assert_allclose(again, outputs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_row_alone_is_as_among_others(name: str, kind: str) -> None:
    fitted = fit(name, kind)
    together = fitted.predict(LATER_FRAME)
    alone = [fitted.predict(LATER_FRAME.take([row]))[0] for row in range(0, 12)]
    np.testing.assert_allclose(np.array(alone), together[:12], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_same_seed_gives_the_same(name: str, kind: str) -> None:
    first, second = (fit(name, kind, seed=11).predict(LATER_FRAME) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_rows_of_weight_0_teach_nothing_and_are_predicted(name: str, kind: str) -> None:
    y, extra = target(DATA, kind), 40
    rows = np.arange(N) < N - M
    wild = table(extra, seed=5)
    wild["whole"] = [1e6] * extra
    wild["city"] = ["nowhere"] * extra
    wild["color"] = [None] * extra
    both = {each: [*np.array(DATA[each], dtype=object)[rows], *wild[each]] for each in DATA}
    false = np.full(extra, 1e6) if kind == "regression" else np.zeros(extra, dtype=np.int64)
    weights = np.concatenate([np.ones(rows.sum()), np.zeros(extra)])
    pipeline = Pipeline(problem(kind), SCHEMA, small(name), 3)
    frame = SCHEMA.read(both)
    with_them = pipeline.fit(frame, np.concatenate([y[rows], false]), weights)
    without = pipeline.fit(FRAME.take(rows), y[rows])
    np.testing.assert_array_equal(with_them.predict(LATER_FRAME), without.predict(LATER_FRAME))
    assert len(with_them.predict(frame)) == frame.n


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_weights_are_heard(name: str, kind: str) -> None:
    """Two populations of the same rows with other answers: the heavier one is believed."""
    y, schema = target(DATA, kind), SCHEMA.select(["size", "whole", "flag", "color"])
    other = 200 - y if kind == "regression" else (len(problem(kind).classes) - 1 - y)
    data = {each: DATA[each] * 2 for each in DATA}
    frame = schema.read(data)
    weights = np.repeat([1.0, 30.0], N)
    fitted = Pipeline(problem(kind), schema, small(name), 3).fit(frame, np.concatenate([y, other]), weights)
    outputs = fitted.predict(FRAME)
    loss = problem(kind).metric.loss
    if name == "constant":
        assert kind != "regression" or outputs[0] == pytest.approx((y.mean() + 30 * other.mean()) / 31)
    else:
        assert loss(other, outputs) < loss(y, outputs)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_deadline_that_has_passed_leaves_a_model_or_a_reason(name: str, kind: str) -> None:
    y = target(DATA, kind)
    pipeline = Pipeline(problem(kind), SCHEMA, {"learner": name}, 3)
    if name == "svm":
        with pytest.raises(CannotFit, match="time is over"):
            pipeline.fit(FRAME, y, deadline=time.monotonic() - 1)
        return
    fitted = pipeline.fit(FRAME, y, deadline=time.monotonic() - 1)
    assert np.isfinite(fitted.predict(LATER_FRAME)).all()
    learner = registry.find(name)
    if learner.steps is not None and fitted.best_iteration is not None:
        assert fitted.best_iteration <= learner.default[learner.steps] / 5


@pytest.mark.parametrize("name", [name for name, kind in CASES if kind == "multiclass"])
def test_a_class_that_a_fold_has_not_is_unlikely_not_impossible(name: str) -> None:
    y = target(DATA, "multiclass")
    there = y != 1
    fitted = Pipeline(problem("multiclass"), SCHEMA, small(name), 3).fit(FRAME.take(there), y[there])
    outputs = fitted.predict(LATER_FRAME)
    assert outputs.shape == (M, 3)
    assert np.allclose(outputs.sum(axis=1), 1)
    assert (outputs[:, 1] > 0).all()
    assert (outputs[:, 1] < 0.01).all()
    document = fitted.document()
    assert document is not None
    np.testing.assert_allclose(scored(document, LATER_FRAME), outputs, atol=1e-9)
    for only in (0, 2):
        one = Pipeline(problem("multiclass"), SCHEMA, small(name), 3).fit(FRAME.take(y == only), y[y == only])
        assert (one.predict(LATER_FRAME)[:, only] > 0.98).all()


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_all_of_its_space_can_be_fitted(name: str, kind: str) -> None:
    """Random combinations, and that of the defaults."""
    learner = registry.find(name)
    shape = Shape(N, len(SCHEMA), 3, 0, 1, len(problem(kind).classes), kind, 45)
    parameters = learner.space(shape)
    assert set(parameters) <= set(learner.default)
    if not parameters:
        return
    optimizer = Optimizer(parameters, algorithm="random", max_trials=4, seed=1)
    steps = {learner.steps: FEW[learner.steps] // 2} if learner.steps else {}
    while (trial := optimizer.ask()) is not None:
        params = {f"{name}.{each}": value for each, value in {**trial.params, **steps}.items()}
        fitted = Pipeline(problem(kind), SCHEMA, {"learner": name, **params}, 1).fit(FRAME, target(DATA, kind))
        assert np.isfinite(fitted.predict(LATER_FRAME)).all()
        optimizer.tell(trial, 0.0)


@pytest.mark.parametrize("name", registry.installed())
def test_more_rows_and_columns_take_no_less_memory(name: str) -> None:
    learner = registry.find(name)
    sizes = [learner.memory(*size, {}) for size in ((100, 10), (100_000, 10), (100_000, 100))]
    assert sizes == sorted(sizes)
    assert sizes[0] > 0


def test_a_table_without_a_column_that_varies_has_a_reason() -> None:
    schema = learn_schema({"a": [1.0] * 20})
    frame = schema.read({"a": [1.0] * 20})
    y = np.arange(20) % 2
    for name in registry.installed():
        if name == "constant" or "binary" not in registry.find(name).kinds:
            continue
        with pytest.raises(CannotFit, match="no column varies"):
            Pipeline(problem("binary"), schema, {"learner": name}).fit(frame, y)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_handful_of_rows_is_learned_from_or_there_is_a_reason(name: str, kind: str) -> None:
    """With gaps in all of them, and numbers that no float32 holds."""
    classes = len(problem(kind).classes)
    for n in (1, 2, 3, 5):
        data = {"a": [1e35 * (-1) ** each for each in range(n)], "b": [None, "x"] * n, "e": [None] * n}
        data["b"] = data["b"][:n]
        schema = learn_schema(data, kinds={"b": "category", "e": "time"})
        frame = schema.read(data)
        y = np.arange(n) * 1e9 if kind == "regression" else np.arange(n) % classes
        params = {**small(name), "features.interactions": True}
        pipeline = Pipeline(problem(kind), schema, params, 1)
        held = (frame, y, np.ones(n)) if n % 2 else None
        if n == 1 and kind == "regression" and name != "constant":
            with pytest.raises(CannotFit, match="no column varies"):
                pipeline.fit(frame, y, valid=held)
            continue
        outputs = pipeline.fit(frame, y, valid=held).predict(frame)
        assert np.isfinite(outputs).all()
        assert len(outputs) == n


def test_what_is_not_known_is_named_with_the_nearest() -> None:
    frame, y = FRAME, target(DATA, "binary")
    for params, message in (
        ({"learner": "lightgmb"}, "did you mean 'lightgbm'"),
        ({"learner": "lightgbm", "lightgbm.num_leafs": 3}, "did you mean 'num_leaves'"),
        ({"learner": "lightgbm", "features.scalar": "x"}, "did you mean 'scaler'"),
        ({"learner": "lightgbm", "features.scaler": "log"}, "allowed: standard"),
        ({"learner": "lightgbm", "features.column.colour": "target"}, "did you mean 'color'"),
        ({"learner": "lightgbm", "features.column.size": "target"}, "of a number it may be: number, drop"),
    ):
        with pytest.raises(TrainingError, match=message):
            Pipeline(problem("binary"), SCHEMA, params).fit(frame, y)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_weights_that_are_none_are_refused_with_their_row(value: float) -> None:
    weights = np.ones(N)
    weights[17] = value
    with pytest.raises(TrainingError, match="row 17: its weight is"):
        Pipeline(problem("binary"), SCHEMA, {"learner": "constant"}).fit(FRAME, target(DATA, "binary"), weights)
