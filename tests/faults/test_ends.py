"""Ends that Airflow has thrown away are known by what its scheduler says of them."""

from __future__ import annotations

import pytest

from tests.faults.ends import hidden_ends

LINE = (
    "2026-11-30T09:35:23.041199Z [warning  ] Multiple executor events for same TI with different try_numbers! "
    "primary_key=('api_server_early', 'trial', 'manual__2026-11-30T09:33:12.742073+00:00', {index}) "
    "existing_try_number={before} new_try_number={after} new_state=success.  [airflow.jobs.scheduler_job_runner]\n"
)


@pytest.mark.parametrize(("before", "after", "hidden"), [(2, 1, {("trial", 3, 2)}), (1, 2, set())])
def test_an_earlier_trys_end_hides_that_of_the_later_one(before: int, after: int, hidden: set[object]) -> None:
    line = LINE.format(index=3, before=before, after=after)
    assert hidden_ends(f"before\n{line}after\n", "api_server_early") == hidden
    assert hidden_ends(line, "api_server_late") == set()


def test_a_task_that_is_not_mapped_has_no_index() -> None:
    assert hidden_ends(LINE.format(index=-1, before=3, after=2), "api_server_early") == {("trial", -1, 3)}
