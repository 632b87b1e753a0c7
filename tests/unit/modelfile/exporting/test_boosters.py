"""Boosters of every library, against the library: margins, contributions, one row alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from automl_core.modelfile.exporting import NotExportable, from_catboost, from_lightgbm, from_xgboost
from automl_core.modelfile.scoring.links import link_of
from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.modelfile.scoring.models import Model, model_of
from tests.unit.modelfile.libraries import Data, data, same_alone

KINDS = ("binary", "regression", "multiclass")
QUIET = {"verbose": -1, "num_threads": 1}


def agrees(model: Model, matrix: Matrix, margin: Any, tolerance: float = 1e-9) -> None:
    found = model.margin(matrix)
    np.testing.assert_allclose(found, np.asarray(margin).reshape(found.shape), rtol=tolerance, atol=tolerance)
    for row in range(0, len(matrix), 7):
        np.testing.assert_array_equal(model.margin(matrix.take([row])), found[row : row + 1])
    same_alone(model, matrix)


def contributes(model: Model, matrix: Matrix, told: Any, tolerance: float) -> None:
    """Against a library's contributions, whose last column is the base."""
    found = model.explain(matrix)
    told = np.asarray(told).reshape(len(matrix), len(found.base), -1)
    np.testing.assert_allclose(found.contributions.transpose(0, 2, 1), told[:, :, :-1], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        np.broadcast_to(found.base, told.shape[:2]), told[:, :, -1], rtol=tolerance, atol=tolerance
    )
    np.testing.assert_allclose(
        found.base + found.contributions.sum(axis=1), model.margin(matrix), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("zeros", [False, True], ids=["", "zero_as_missing"])
@pytest.mark.parametrize("kind", KINDS)
def test_lightgbm(kind: str, zeros: bool) -> None:
    lgb = pytest.importorskip("lightgbm")
    held = data(kind)
    objective = {"binary": "binary", "regression": "regression", "multiclass": "multiclass"}[kind]
    params: dict[str, Any] = {
        **QUIET, "objective": objective, "num_leaves": 15, "min_data_in_leaf": 3, "min_data_per_group": 3, "seed": 1,
        "zero_as_missing": zeros, "deterministic": True, "cat_smooth": 1, "cat_l2": 0,
    }  # fmt: skip
    if kind == "multiclass":
        params["num_class"] = 3
    booster = lgb.train(params, lgb.Dataset(held.x, held.y, categorical_feature=[held.x.shape[1] - 1]), 30)
    exported = from_lightgbm(booster)
    model = model_of(exported.model)
    assert "sets" in exported.model, "this data is here for its category"
    agrees(model, held.matrix(held.strange), booster.predict(held.strange, raw_score=True))
    contributes(model, held.matrix(held.strange), booster.predict(held.strange, pred_contrib=True), 1e-6)
    outputs = link_of(exported.link)(model.margin(held.matrix(held.strange)))
    told = booster.predict(held.strange)
    np.testing.assert_allclose(outputs if kind == "multiclass" else outputs[:, -1], told, rtol=1e-9, atol=1e-12)


def test_lightgbm_compares_missing_values_as_zero_where_training_had_none() -> None:
    lgb = pytest.importorskip("lightgbm")
    rows = np.random.default_rng(1).normal(size=(400, 1))
    booster = lgb.train(QUIET, lgb.Dataset(rows, rows[:, 0] * 10), 20)
    model = model_of(from_lightgbm(booster).model)
    missing, zero = Matrix.of([[np.nan]], ["a"]), Matrix.of([[0.0]], ["a"])
    assert model.margin(missing) == model.margin(zero)
    agrees(model, missing, booster.predict([[np.nan]], raw_score=True))


@pytest.mark.parametrize(
    ("objective", "link"),
    [("poisson", "exp"), ("tweedie", "exp"), ("quantile", "identity"), ("cross_entropy", "sigmoid")],
)
def test_lightgbm_objectives(objective: str, link: str) -> None:
    lgb = pytest.importorskip("lightgbm")
    held = data("binary")
    params = {"objective": objective, "verbose": -1, "num_threads": 1}
    booster = lgb.train(params, lgb.Dataset(held.x, held.y.astype(float)), 10)
    exported = from_lightgbm(booster)
    assert exported.link == link
    outputs = link_of(link)(model_of(exported.model).margin(held.matrix(held.strange)))
    np.testing.assert_allclose(outputs[:, -1], booster.predict(held.strange), rtol=1e-9)


def test_lightgbm_rounds_and_stumps() -> None:
    lgb = pytest.importorskip("lightgbm")
    held = data("binary")
    rows, matrix = lgb.Dataset(held.x, held.y, free_raw_data=False), held.matrix(held.strange)
    booster = lgb.train({**QUIET, "objective": "binary"}, rows, 12)
    few = model_of(from_lightgbm(booster, num_iteration=5).model)
    agrees(few, matrix, booster.predict(held.strange, raw_score=True, num_iteration=5))
    alone = lgb.train({**QUIET, "min_data_in_leaf": 10**6}, lgb.Dataset(held.x, held.y), 3)
    agrees(model_of(from_lightgbm(alone).model), matrix, alone.predict(held.strange, raw_score=True))


def test_lightgbm_forests_are_means_of_their_trees() -> None:
    """LightGBM's own raw score of a forest is the sum; only what it predicts is made of the mean."""
    lgb = pytest.importorskip("lightgbm")
    held = data("binary")
    forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5, "objective": "binary"}
    booster = lgb.train({**QUIET, **forest}, lgb.Dataset(held.x, held.y), 12)
    exported = from_lightgbm(booster)
    outputs = link_of(exported.link)(model_of(exported.model).margin(held.matrix(held.strange)))
    np.testing.assert_allclose(outputs[:, 1], booster.predict(held.strange), rtol=1e-9)


def test_lightgbm_that_the_scorer_does_not_know() -> None:
    lgb = pytest.importorskip("lightgbm")
    held = data("binary", gaps=False)
    linear = lgb.train({"linear_tree": True, "verbose": -1, "num_threads": 1}, lgb.Dataset(held.x, held.y), 3)
    with pytest.raises(NotExportable, match="linear trees"):
        from_lightgbm(linear)
    steep = lgb.train(
        {"objective": "binary", "sigmoid": 2.0, "verbose": -1, "num_threads": 1}, lgb.Dataset(held.x, held.y), 3
    )
    with pytest.raises(NotExportable, match="sigmoid:1"):
        from_lightgbm(steep)


def test_lightgbm_of_classes_each_for_themselves_has_no_document() -> None:
    """Their probabilities don't sum to 1: written with others, the model would not say what its library says."""
    lgb = pytest.importorskip("lightgbm")
    held = data("multiclass", gaps=False)
    booster = lgb.train({**QUIET, "objective": "multiclassova", "num_class": 3}, lgb.Dataset(held.x, held.y), 3)
    assert np.abs(booster.predict(held.x).sum(axis=1) - 1).max() > 1e-3
    with pytest.raises(NotExportable, match="don't sum to 1"):
        from_lightgbm(booster)


@pytest.mark.parametrize("onehot", [1, 50], ids=["sets", "onehot"])
@pytest.mark.parametrize("kind", KINDS)
def test_xgboost(kind: str, onehot: int) -> None:
    """Margins are float32 in XGBoost: they are equal up to the base score's last bit."""
    xgb = pytest.importorskip("xgboost")
    held = data(kind)
    # XGBoost itself refuses categories that training had not; float32 has no 1e300
    strange = held.strange.copy()
    strange[:, -1] = np.where(np.isin(strange[:, -1], held.x[:, -1]), strange[:, -1], np.nan)
    strange[strange > 1e30] = 1e30
    types = ["q"] * (held.x.shape[1] - 1) + ["c"]
    objective = {"binary": "binary:logistic", "regression": "reg:squarederror", "multiclass": "multi:softprob"}[kind]
    params: dict[str, Any] = {
        "objective": objective,
        "max_depth": 5,
        "max_cat_to_onehot": onehot,
        "nthread": 1,
        "seed": 1,
    }
    if kind == "multiclass":
        params["num_class"] = 3

    def rows(values: Any, label: Any = None) -> Any:
        return xgb.DMatrix(values, label, feature_types=types, enable_categorical=True, nthread=1)

    booster = xgb.train(params, rows(held.x, held.y), 30)
    exported = from_xgboost(booster)
    assert "sets" in exported.model
    model = model_of(exported.model)
    agrees(model, held.matrix(strange), booster.predict(rows(strange), output_margin=True), 1e-6)
    contributes(model, held.matrix(strange), booster.predict(rows(strange), pred_contribs=True), 3e-6)
    outputs = link_of(exported.link)(model.margin(held.matrix(strange)))
    told = booster.predict(rows(strange))
    np.testing.assert_allclose(outputs if kind == "multiclass" else outputs[:, -1], told, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{"booster": "dart", "rate_drop": 0.5}, {"objective": "count:poisson"}, {"objective": "reg:logistic"}],
)
def test_xgboost_of_other_kinds(options: dict[str, Any]) -> None:
    xgb = pytest.importorskip("xgboost")
    held = data("binary")
    booster = xgb.train({"nthread": 1, "seed": 1, **options}, xgb.DMatrix(held.x, held.y), 15)
    exported = from_xgboost(booster)
    strange = np.where(held.strange > 1e30, 1.0, held.strange)
    model, rows = model_of(exported.model), xgb.DMatrix(strange)
    agrees(model, held.matrix(strange), booster.predict(rows, output_margin=True), 1e-6)
    outputs = link_of(exported.link)(model.margin(held.matrix(strange)))
    np.testing.assert_allclose(outputs[:, -1], booster.predict(rows), rtol=1e-5, atol=1e-6)


def test_xgboost_of_logarithms_of_odds_says_these() -> None:
    xgb = pytest.importorskip("xgboost")
    held = data("binary", gaps=False)
    params = {"nthread": 1, "objective": "binary:logitraw", "base_score": 0.2}
    booster = xgb.train(params, xgb.DMatrix(held.x, held.y), 5)
    exported = from_xgboost(booster)
    outputs = link_of(exported.link)(model_of(exported.model).margin(held.matrix(held.x)))
    np.testing.assert_allclose(outputs[:, 0], booster.predict(xgb.DMatrix(held.x)), rtol=1e-6, atol=1e-6)


def test_xgboost_that_the_scorer_does_not_know() -> None:
    xgb = pytest.importorskip("xgboost")
    held = data("binary", gaps=False)
    zeros = xgb.XGBClassifier(n_estimators=2, n_jobs=1, missing=0.0).fit(held.x, held.y)
    with pytest.raises(NotExportable, match=r"takes 0\.0 for a missing value"):
        from_xgboost(zeros)
    from_xgboost(xgb.XGBClassifier(n_estimators=2, n_jobs=1).fit(held.x, held.y))
    labels = xgb.train(
        {"nthread": 1, "objective": "binary:logistic"}, xgb.DMatrix(held.x, np.c_[held.y, 1 - held.y]), 2
    )
    with pytest.raises(NotExportable, match="with 2 targets"):
        from_xgboost(labels)


def test_xgboost_keeps_its_best_rounds() -> None:
    xgb = pytest.importorskip("xgboost")
    held = data("binary", gaps=False)
    rows = xgb.DMatrix(held.x, held.y)
    noise = xgb.DMatrix(held.x, 1 - held.y)
    booster = xgb.train(
        {"nthread": 1, "objective": "binary:logistic"},
        rows,
        20,
        evals=[(noise, "n")],
        early_stopping_rounds=3,
        verbose_eval=False,
    )
    best = int(booster.best_iteration) + 1
    assert best < booster.num_boosted_rounds()
    model = model_of(from_xgboost(booster).model)
    told = booster.predict(xgb.DMatrix(held.strange), output_margin=True, iteration_range=(0, best))
    agrees(model, held.matrix(held.strange), told, 1e-6)


@pytest.mark.parametrize("nan", ["Min", "Max"])
@pytest.mark.parametrize("kind", KINDS)
def test_catboost(kind: str, nan: str) -> None:
    cb = pytest.importorskip("catboost")
    held = data(kind)
    maker = cb.CatBoostRegressor if kind == "regression" else cb.CatBoostClassifier
    fitted = maker(iterations=20, depth=4, verbose=0, nan_mode=nan, thread_count=1, allow_writing_files=False)
    fitted.fit(held.x, held.y)
    exported = from_catboost(fitted)
    model, matrix = model_of(exported.model), held.matrix(held.strange)
    agrees(model, matrix, fitted.predict(held.strange, prediction_type="RawFormulaVal"))
    found = model.explain(matrix)
    np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), model.margin(matrix), rtol=1e-9, atol=1e-9)


def test_catboost_with_categories_has_no_document() -> None:
    cb = pytest.importorskip("catboost")
    rows = [[f"a{each % 7}", each] for each in range(60)]
    fitted = cb.CatBoostRegressor(iterations=3, verbose=0, thread_count=1, allow_writing_files=False)
    fitted.fit(rows, list(range(60)), cat_features=[0])
    with pytest.raises(NotExportable, match="only CatBoost knows"):
        from_catboost(fitted)


def test_the_data_is_what_it_says() -> None:
    held: Data = data("binary")
    assert not np.isnan(held.x[:, 0]).any()
    assert np.isnan(held.strange[:, 0]).any()
    assert set(held.strange[:, -1][~np.isnan(held.strange[:, -1])]) - set(held.x[:, -1])
