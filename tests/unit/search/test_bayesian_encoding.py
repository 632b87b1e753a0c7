"""Rows stand for combinations: there and back, conditions and rounding included."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from automl_core.search.bayesian.encoding import ABSENT, MIDDLE, Encoding
from automl_core.space import Space
from automl_core.spec.parameters import Parameter

_PARAMETERS = TypeAdapter(dict[str, Parameter])
MIXED: dict[str, Any] = {
    "rate": {"type": "loguniform", "low": 1e-5, "high": 1.0},
    "layers": {"type": "int", "low": 1, "high": 4},
    "width": {"type": "logint", "low": 1, "high": 100_000},
    "batch": {"type": "int", "low": 8, "high": 512, "power_of": 2},
    "kind": {"type": "choice", "values": ["a", None, True, 1], "weights": [1, 2, 1, 0]},
    "momentum": {"type": "uniform", "low": 0.0, "high": 1.0, "when": {"kind": ["a"]}},
    "second": {"type": "choice", "values": ["x", "y"], "when": {"layers": [2, 3]}},
    "third": {"type": "int", "low": 0, "high": 9, "when": {"second": ["y"]}},
}
BOUNDED: dict[str, Any] = {
    "low": {"type": "int", "low": 1, "high": 20},
    "high": {"type": "int", "low": 1, "high": 40, "at_least": "low"},
    "inner": {"type": "uniform", "low": 0, "high": 40, "at_most": "high"},
}


def encoding(mapping: dict[str, Any]) -> Encoding:
    return Encoding(Space.from_models(_PARAMETERS.validate_python(mapping)))


@pytest.mark.parametrize("mapping", [MIXED, BOUNDED], ids=["mixed", "bounded"])
@given(seed=st.integers(0, 10_000))
def test_a_combination_comes_back_from_its_row(mapping: dict[str, Any], seed: int) -> None:
    code = encoding(mapping)
    params = code.space.sample(random.Random(seed))
    back = code.params(code.rows([params])[0])
    assert code.space.problem(back) is None
    for name, value in params.items():
        assert back[name] == (pytest.approx(value, rel=1e-4, abs=1e-4) if isinstance(value, float) else value)


@pytest.mark.parametrize("mapping", [MIXED, BOUNDED], ids=["mixed", "bounded"])
def test_settled_rows_are_the_rows_of_their_combinations(mapping: dict[str, Any]) -> None:
    code = encoding(mapping)
    rows = code.sample(300, np.random.default_rng(0))
    combinations = [code.params(row) for row in rows]
    assert all(code.space.problem(params) is None for params in combinations)
    assert code.rows(combinations) == pytest.approx(rows, abs=2e-5)


def test_what_is_not_active_is_the_same_in_every_row() -> None:
    code = encoding(MIXED)
    rows = code.sample(300, np.random.default_rng(1))
    names = [p.name for p in code.space.dimensions]
    for row, active in zip(rows, code.active(rows), strict=True):
        params = code.params(row)
        assert [n for n, a in zip(names, active, strict=True) if a] == [n for n in names if n in params]
        for j, name in enumerate(names):
            if name not in params:
                assert row[j] == (ABSENT if j in code.categorical else MIDDLE)


def test_an_option_with_weight_0_is_never_drawn() -> None:
    code = encoding(MIXED)
    column = [p.name for p in code.space.dimensions].index("kind")
    drawn = code.sample(500, np.random.default_rng(2))[:, column]
    assert set(drawn) == {0.0, 1.0, 2.0}


def test_counts_the_columns_that_a_combination_has() -> None:
    unit = {"type": "uniform", "low": 0, "high": 1}
    branches = [
        {"value": name, "space": {f"{name}_{i}": unit for i in range(count)}} for name, count in (("a", 1), ("b", 3))
    ]
    tree = encoding({"model": {"type": "choice", "values": branches}, "rate": unit})
    assert tree.width == 6
    assert tree.usual_width == pytest.approx(4.0, abs=0.3)  # two shared ones; one or three of its branch
    assert tree.usual_width == encoding({"model": {"type": "choice", "values": branches}, "rate": unit}).usual_width
    assert encoding({"x": unit, "y": unit}).usual_width == 2
