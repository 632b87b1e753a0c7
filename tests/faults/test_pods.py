"""Parts of Airflow are killed (SIGKILL) while an experiment of pods runs on the stand-in, at three moments of it."""

from __future__ import annotations

import pytest

from tests.faults.cases import MOMENTS, POD_FAULTS, Case

PODS = True


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", POD_FAULTS)
def test_nothing_is_lost_and_nothing_comes_twice(case: Case, fault: str, moment: str) -> None:
    case(POD_FAULTS, fault, moment)
