"""Pipelines of every learner and feature, fitted on a table of every kind of column: SQL says what numpy says."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from automl_core.modelfile.sql import NotInSql, to_sql
from automl_core.tabular.columns import learn_schema
from automl_core.tabular.metrics import find
from automl_core.tabular.pipeline import Pipeline
from automl_core.tabular.problem import Problem
from tests.unit.modelfile.sql.engines import DIALECTS, agree

CITIES = ("Bonn", "Ulm", "Köln", "O'Hara", 'say "x"', "a\\b", "new\nline", "semi;colon", "trail ", "trail", "NA")


def rows(n: int, seed: int, strange: bool = False) -> pa.Table:
    """Numbers with gaps and without, whole numbers, booleans, texts, numbers as categories, dates, times."""
    rng = np.random.default_rng(seed)

    def holes(values: list[Any], share: float) -> list[Any]:
        return [None if rng.random() < share else value for value in values]

    start = datetime.datetime(2019, 1, 1)
    times = [start + datetime.timedelta(seconds=int(s), milliseconds=250) for s in rng.integers(0, 2e8, n)]
    days = [start.date() + datetime.timedelta(days=int(d)) for d in rng.integers(0, 3000, n)]
    numbers = rng.normal(size=n)
    cities = rng.choice(CITIES[:-1], n).tolist()
    codes = rng.integers(1, 9, n).tolist()
    gap = 0.3 if strange else 0.0
    if strange:
        numbers[::7], numbers[1::11], numbers[2::13], numbers[3::17] = 1e300, -1e31, np.inf, 0.0
        numbers[4::19] = np.nan
        cities[::5] = ["nowhere"] * len(cities[::5])
        cities[1::9] = [""] * len(cities[1::9])
        codes[::6] = [99] * len(codes[::6])
        times[::8] = [datetime.datetime(1965, 3, 1, 23, 59, 59)] * len(times[::8])
        days[::8] = [datetime.date(2100, 2, 28)] * len(days[::8])
    return pa.table({
        "whole": pa.array(holes(rng.integers(-50, 50, n).tolist(), 0.1), pa.int64()),
        "plain": pa.array(holes(numbers.tolist(), gap), pa.float64()),
        "gappy": pa.array(holes(rng.lognormal(size=n).tolist(), 0.2), pa.float64()),
        "flag": pa.array(holes((rng.random(n) < 0.4).tolist(), gap), pa.bool_()),
        "city": pa.array(holes(cities, 0.1), pa.string()),
        "select": pa.array(holes(codes, gap), pa.int64()),  # a reserved word
        "Mixed_Case": pa.array(holes(rng.choice(["a", "b", "c"], n).tolist(), gap), pa.string()),
        "day": pa.array(holes(days, 0.1), pa.date32()),
        "time": pa.array(holes(times, gap), pa.timestamp("us")),
    })  # fmt: skip


def target(table: pa.Table, kind: str) -> Any:
    rng = np.random.default_rng(5)
    x = np.nan_to_num(table["plain"].to_numpy(zero_copy_only=False))
    city = np.asarray([str(each) in ("Bonn", "Ulm") for each in table["city"].to_pylist()])
    y = (
        x
        + 2.0 * city
        + 0.3 * np.nan_to_num(table["gappy"].to_numpy(zero_copy_only=False))
        + rng.normal(size=len(x)) / 3
    )
    if kind == "regression":
        return y
    return (y > np.median(y)).astype(int) if kind == "binary" else np.digitize(y, np.quantile(y, [0.3, 0.7]))


PROBLEMS = {
    "regression": Problem("regression", "y", (), find(None, "regression")),
    "binary": Problem("binary", "y", ("no", "it's"), find(None, "binary")),
    "multiclass": Problem("multiclass", "y", ("a", "b", "c"), find(None, "multiclass")),
}
TRAIN = rows(300, 1)


def fewer(model: dict[str, Any], most: int = 4) -> dict[str, Any]:
    """A forest's first trees: engines take long to plan hundreds."""
    if model["type"] != "trees":
        return model
    sizes = np.asarray(model["sizes"])[:most]
    condition = np.asarray(model["condition"])[: sizes.sum()]
    leaves = int((condition == len(model["columns"])).sum())
    kept = {name: value for name, value in model.items() if name != "cover"}
    kept |= {"sizes": sizes, "condition": condition, "value": np.asarray(model["value"])[:leaves]}
    kept["cut"] = np.asarray(model["cut"])[: len(condition) - leaves]
    return kept | ({"output": np.asarray(model["output"])[:most]} if "output" in model else {})


def fitted(kind: str, learner: str, parameters: dict[str, Any] | None = None, n: int = 300) -> dict[str, Any]:
    table = TRAIN.slice(0, n)
    schema = learn_schema(table, kinds={"select": "category"})
    y = target(table, kind)
    fit, valid = np.arange(n * 2 // 3), np.arange(n * 2 // 3, n)
    frame = schema.read(table)
    pipeline = Pipeline(PROBLEMS[kind], schema, {"learner": learner, **(parameters or {})})
    found = pipeline.fit(
        frame.take(fit), y[fit], np.ones(len(fit)), valid=(frame.take(valid), y[valid], np.ones(len(valid)))
    )
    member = found.document()
    assert member is not None
    member = member | {"model": fewer(member["model"])}
    problem = {"kind": kind, "target": "y", "classes": list(PROBLEMS[kind].classes)}
    return {"format": 1, "problem": problem, "schema": schema.to_json(), "members": [member]}


SMALL = {
    "lightgbm": {"lightgbm.num_leaves": 8},
    "xgboost": {"xgboost.max_depth": 3},
    "catboost": {"catboost.depth": 3},
}


@pytest.mark.parametrize(
    ("learner", "kind"),
    [
        ("lightgbm", "multiclass"), ("xgboost", "regression"), ("histogram", "binary"), ("random_forest", "multiclass"),
        ("linear", "regression"), ("naive_bayes", "multiclass"),
    ],
)  # fmt: skip
def test_every_learner_says_in_sql_what_it_says_in_numpy(learner: str, kind: str) -> None:
    dialects = DIALECTS if learner in ("lightgbm", "linear") else DIALECTS[::2]
    agree(fitted(kind, learner, SMALL.get(learner)), rows(60, 2, strange=True), dialects)


@pytest.mark.parametrize(
    ("learner", "parameters"),
    [
        ("lightgbm", {"features.encoding": "native", "features.interactions": True, "features.rare": 3}),
        ("xgboost", {"features.encoding": "target", "features.interactions": True, "xgboost.max_depth": 3}),
        ("histogram", {"features.encoding": "codes", "features.keep": 0.5}),
        ("linear", {"features.scaler": "quantile", "features.rare": 10}),
        ("linear", {"features.scaler": "robust", "features.reduce": "pca"}),
        ("naive_bayes", {"features.scaler": "minmax", "features.reduce": "svd"}),
        ("mlp", {"mlp.units": 4, "mlp.layers": 2, "mlp.activation": "tanh"}),
        ("mlp", {"mlp.units": 4, "mlp.layers": 1, "mlp.activation": "relu"}),
    ],
)
def test_every_feature_says_in_sql_what_it_says_in_numpy(learner: str, parameters: dict[str, Any]) -> None:
    document = fitted("binary", learner, parameters, n=90)
    assert document["members"][0]["features"]
    agree(document, rows(60, 3, strange=True), DIALECTS[::2])


def test_what_its_library_alone_can_score_is_refused_by_its_name() -> None:
    """CatBoost with categories is kept so."""
    member = {"weight": 0.4, "features": [], "model": {"type": "estimator", "name": "catboost_2"}}
    sure = {"weight": 0.6, "features": [], "model": {"type": "constant", "value": np.asarray([1.0])}}
    problem = {"kind": "regression", "target": "y", "classes": []}
    document = {"format": 1, "problem": problem, "schema": [], "members": [sure, member]}
    with pytest.raises(
        NotInSql, match=r"member 2, estimator, \(weight 0.4\) .*: catboost_2 is an estimator of its"
    ) as told:
        to_sql(document, table="t")
    assert "lightgbm, xgboost, histogram, linear" in str(told.value), "what to do"


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        ("neighbours", "member 1, neighbours, .weight 1. can't be written as SQL: nearest neighbours compare"),
        ("svm", "member 1, svm, .* a kernel machine compares"),
    ],
)
def test_what_has_no_sql_is_refused_by_name_with_what_to_do(learner: str, said: str) -> None:
    numbers = TRAIN.select(["plain", "gappy"])
    schema = learn_schema(numbers)
    frame, y = schema.read(numbers), target(TRAIN, "binary")
    found = Pipeline(PROBLEMS["binary"], schema, {"learner": learner}).fit(frame, y, np.ones(len(y)))
    problem = {"kind": "binary", "target": "y", "classes": ["no", "yes"]}
    document = {"format": 1, "problem": problem, "schema": schema.to_json(), "members": [found.document()]}
    with pytest.raises(NotInSql, match=said) as caught:
        to_sql(document, table="t")
    assert "docs/sql-scoring.md" in str(caught.value)
