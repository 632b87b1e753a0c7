"""The API server is killed while an experiment of local trials runs, at three moments of it.

Nobody's heartbeat reaches it meanwhile, so that this Airflow has the product's own time-out for those: with the short
one of the other modules the tasks of workers that live on were tried again beside them (`automl_airflow.busy`).
"""

from __future__ import annotations

import pytest

from automl_airflow.busy import PATIENT
from tests.faults.cases import FAULTS, MOMENTS, Case

_TIMEOUT = "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"

ENVIRONMENT = {f"AIRFLOW__{_TIMEOUT}": PATIENT[_TIMEOUT]}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", ["api-server"])
def test_nothing_is_lost_and_nothing_comes_twice(case: Case, fault: str, moment: str) -> None:
    case(FAULTS, fault, moment)
