from __future__ import annotations

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest
from sklearn.preprocessing import StandardScaler

from automl_core.training.columns import Columns
from automl_core.training.dense import Dense
from automl_core.training.problems import TrainingError

TABLE = pa.table(
    {
        "whole": pa.array([1, None, 3], pa.int64()),
        "real": [0.5, float("inf"), float("nan")],
        "exact": [decimal.Decimal("1.25"), None, decimal.Decimal("2.50")],
        "flag": [True, False, None],
        "day": [datetime.date(1970, 1, 2), None, datetime.date(1970, 1, 3)],
        "moment": pa.array([1500, 2500, None], pa.timestamp("ms")),
        "name": ["b", None, "a"],
        "code": [10, 2, 10],
        "coded": pa.array(["x", "y", "x"]).dictionary_encode(),
        "empty": pa.nulls(3),
    }
)
NAMES = [name for name in TABLE.column_names if name != "empty"]


def test_every_kind_of_column_becomes_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    columns = Columns.learn(TABLE, TABLE.column_names, ["code"])
    assert columns.names == NAMES
    assert "column 'empty' has no value" in capsys.readouterr().out
    nan = np.nan
    expected = [
        [1, 0.5, 1.25, 1, 86400, 1.5, 1, 0, 0], [nan, nan, nan, 0, nan, 2.5, nan, 1, 1],
        [3, nan, 2.5, nan, 172800, nan, 0, 0, 0],
    ]  # fmt: skip
    assert np.array_equal(columns.encode(TABLE), expected, equal_nan=True)
    assert columns[7].categories == ("10", "2"), "named categorical, so in the order of names"
    again = Columns.from_json(columns.as_json())
    assert list(again) == list(columns)


def test_what_was_not_seen_is_missing() -> None:
    columns = Columns.learn(pa.table({"name": ["a", "b"]}), ["name"])
    assert np.array_equal(columns.encode(pa.table({"name": ["c", "b"]})), [[np.nan], [1]], equal_nan=True)


@pytest.mark.parametrize(
    ("table", "names", "words"),
    [
        ({"a": [1]}, ["b"], "there is no column 'b'"),
        ({"price": [1]}, ["prize"], "did you mean 'price'"),
        ({"a": [[1, 2]]}, ["a"], "column 'a' is list<"),
        ({"a": [None]}, ["a"], "no column to learn from"),
    ],
)
def test_columns_that_do_not_do_are_told(table: dict[str, list[object]], names: list[str], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        Columns.learn(pa.table(table), names)


def test_text_where_numbers_were_learned_is_told() -> None:
    columns = Columns.learn(pa.table({"a": [1.0]}), ["a"])
    with pytest.raises(TrainingError, match="column 'a' is string, and its values are no numbers"):
        columns.encode(pa.table({"a": ["x"]}))


def dense(scaling: str, values: np.ndarray, names: list[str | None] | None = None) -> tuple[Dense, np.ndarray]:
    table = {"v": pa.array(values, from_pandas=True)} | ({"n": pa.array(names)} if names else {})
    columns = Columns.learn(pa.table(table), list(table))
    matrix = columns.encode(pa.table(table))
    learned = Dense.learn(matrix, columns, scaling)
    return Dense.from_arrays(scaling, learned.arrays()), matrix


def test_numbers_are_scaled_and_gaps_told() -> None:
    values = np.array([1.0, 5.0, np.nan, 2.0])
    learned, matrix = dense("standard", values, ["x", "y", None, "y"])
    found = learned.apply(matrix)
    scaled = StandardScaler().fit_transform(values[:, None])[:, 0]
    assert np.allclose(found[[0, 1, 3], 0], scaled[[0, 1, 3]], atol=1e-6)
    assert found[2, 0] == 0
    assert found[:, 1].tolist() == [0, 0, 1, 0], "which are missing"
    assert found[:, 2:].tolist() == [[1, 0], [0, 1], [0, 0], [0, 1]]


def test_ranks_are_normal_and_in_order() -> None:
    values = np.random.default_rng(0).lognormal(0, 2, 1000)
    learned, matrix = dense("quantile", values)
    found = learned.apply(matrix)[:, 0]
    assert abs(found.mean()) < 0.05
    assert 0.9 < found.std() < 1.1
    order = np.argsort(values)
    assert (np.diff(found[order]) >= 0).all()
    assert np.abs(learned.apply(np.array([[1e12], [-1e12]]))).max() < 3.2, "outside is not far out"


def test_a_constant_is_no_division_by_zero() -> None:
    for scaling in ("standard", "quantile"):
        learned, matrix = dense(scaling, np.full(5, 7.0))
        assert learned.apply(matrix)[:, 0] == pytest.approx(0, abs=1e-6)
