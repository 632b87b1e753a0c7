"""Programs of the shipped templates whose libraries are large: the same promises as those of the light ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.program_checks import cases
from tests.support.programs import Case, Workplace

LARGE = (
    Case(
        "xgboost", "iteration", {"every": 5, "max_depth": 3}, budget=60, lower=29,
        sampled={"subsample": 0.6, "colsample_bynode": 0.5, "colsample_bylevel": 0.7},
    ),
    Case("catboost", "iteration", {"every": 5, "depth": 3}, budget=60, lower=23, sampled={"rsm": 0.5}),
)  # fmt: skip


@pytest.mark.parametrize(("case", "check"), cases(*LARGE))
def test_programs_keep_their_promises(
    case: Case, check: Callable[[Case, Workplace], None], heavy_python: Path, tmp_path: Path
) -> None:
    check(case, Workplace(tmp_path, heavy_python))
