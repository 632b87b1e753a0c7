"""Where items lie before a model says anything: alike ones near each other, in any language, whatever the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.annotation.rounds.features import PLACES, features, hashed
from automl_core.annotation.selection import Pool, Rules, select
from tests.support.examples import examples


def near(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other)


@pytest.mark.parametrize(
    "texts",
    [
        ["where is my order", "my order is late", "the weather is nice", "nice weather today"],
        ["我的订单在哪里", "我的订单迟到了", "今天天气很好啊", "天气很好"],
    ],
)
def test_alike_texts_lie_near_each_other(texts: list[str]) -> None:
    table = features([{"text": each} for each in texts], ["text"], "text")
    assert table is not None
    assert table.shape == (4, PLACES)
    assert near(table[0], table[1]) > near(table[0], table[2])
    assert near(table[2], table[3]) > near(table[1], table[3])


def test_rows_have_their_numbers_and_their_words() -> None:
    rows: list[dict[str, Any]] = [
        {"n": 1, "big": None, "kind": "a", "on": True},
        {"n": None, "big": float("inf"), "kind": "b", "on": False},
    ]
    table = features(rows, ["n", "big", "kind", "on"], "row")
    assert table is not None
    assert table.shape == (2, 2 + PLACES)
    assert np.isnan(table[:, :2]).tolist() == [[False, True], [True, True]]
    assert features([{"n": 1}, {"n": 2}], ["n"], "row").tolist() == [[1.0], [2.0]]  # type: ignore[union-attr]


def test_images_have_none() -> None:
    assert features([{"image": "s3://a/b.png"}], ["image"], "image") is None
    assert features([], ["text"], "text") is None


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.none() | st.text() | st.floats() | st.booleans() | st.integers())
    )
)
@settings(max_examples=examples(25), deadline=None)
def test_any_rows_make_features_that_selection_takes(rows: list[dict[str, object]]) -> None:
    table = features(rows, ["a", "b", "c"], "row")
    if table is not None:
        assert len(table) == len(rows)
        assert not np.isinf(table).any()
        select(Pool([str(place) for place in range(len(rows))], features=table), Rules(), many=2, seed=0)


def test_a_line_has_length_one_or_none() -> None:
    table = hashed([["a", "b", "b"], [], ["a"]])
    assert np.linalg.norm(table, axis=1).round(9).tolist() == [1, 0, 1]
