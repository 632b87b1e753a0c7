"""Few models are kept where many would be large; every pipeline keeps one."""

from __future__ import annotations

import numpy as np

from automl_core.tabular.slimming import BYTES, MODELS, kept, size_of


def test_small_bags_are_kept_whole() -> None:
    assert kept([[1000] * 10, [1000] * 10], rows=500) == [10, 10]


def test_the_number_of_models_is_limited_evenly() -> None:
    found = kept([[10] * 10] * 4, rows=500)
    assert sum(found) == MODELS
    assert max(found) - min(found) <= 1


def test_the_largest_pipelines_give_way_first() -> None:
    assert kept([[BYTES // 5] * 10, [1000] * 10], rows=500) == [4, 10]


def test_everyone_keeps_one_however_large() -> None:
    assert kept([[BYTES * 9] * 5, [BYTES * 9] * 5], rows=500) == [1, 1]


def test_a_larger_table_may_have_a_larger_model() -> None:
    assert kept([[BYTES // 5] * 10], rows=80_000) == [10]


def test_the_size_is_that_of_all_arrays() -> None:
    assert size_of({"a": [np.zeros(3), {"b": np.zeros(2, dtype=np.int32)}], "c": "text"}) == 32
