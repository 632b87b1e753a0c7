"""Programs of the shipped templates whose libraries development has; the others' are in tests/heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.program_checks import cases
from tests.support.programs import Case, Workplace

MLP = {"lr": 0.01, "units": 16, "layers": 1}
LIGHT = (
    Case(
        "lightgbm", "iteration", {"every": 5, "min_data_in_leaf": 5, "num_leaves": 7}, budget=60, lower=23,
        sampled={"bagging_fraction": 0.6, "feature_fraction": 0.5, "extra_trees": True},
    ),
    Case("mlp-classification", "epoch", MLP, budget=24, lower=8, tasks=("classification",)),
    Case("mlp-regression", "epoch", MLP, budget=24, lower=8, tasks=("regression",)),
)  # fmt: skip


@pytest.mark.parametrize(("case", "check"), cases(*LIGHT))
def test_programs_keep_their_promises(case: Case, check: Callable[[Case, Workplace], None], tmp_path: Path) -> None:
    check(case, Workplace(tmp_path))
