"""Copies of rows: no fold judges by a row whose copy it has learned."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.tabular.options import Options
from automl_core.tabular.prepared import prepare


@pytest.mark.parametrize("test_share", [None, 0.2])
def test_no_row_is_judged_by_what_has_learned_its_copy(test_share: float | None) -> None:
    random = np.random.default_rng(0)
    count = 400
    x = random.normal(size=(count, 3))
    rows = np.concatenate([np.arange(count), random.choice(count, 60, replace=False)])
    data = {"a": x[rows, 0], "b": x[rows, 1], "c": x[rows, 2], "y": (x[:, 0] + random.normal(size=count))[rows]}
    ready = prepare(data, Options.of(target="y", test_share=test_share))
    assert [each["kind"] for each in ready.findings] == ["duplicates"]
    key = ready.frame.numbers("a")
    for fold in ready.split.folds:
        assert not np.isin(key[fold.train], key[fold.valid]).any()
        assert len(fold.train) > 200
    assert not np.isin(key[ready.test], key[ready.rows]).any()
