"""The store is killed, hangs, or refuses the keys it took, while an experiment of local trials runs."""

from __future__ import annotations

import pytest

from tests.faults.cases import FAULTS, MOMENTS, Case


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", ["store", "hung-store", "keys"])
def test_nothing_is_lost_and_nothing_comes_twice(case: Case, fault: str, moment: str) -> None:
    case(FAULTS, fault, moment)
