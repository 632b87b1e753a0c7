"""Parts of Airflow are killed or stand still while an experiment of local trials runs, at three moments of it."""

from __future__ import annotations

import pytest

from tests.faults.cases import FAULTS, MOMENTS, Case


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", ["worker", "scheduler", "scheduler-alone", "scheduler-starved", "triggerer"])
def test_nothing_is_lost_and_nothing_comes_twice(case: Case, fault: str, moment: str) -> None:
    case(FAULTS, fault, moment)
