"""How tasks are tried again, by Airflow's own reckoning of when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models.taskinstance import TaskInstance
from airflow.sdk import DAG, BaseOperator, RetryAction
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow.serialization.serialized_objects import DagSerialization

from automl_airflow.retrying import TRIES, OthersAway, Soon, again

SECOND = timedelta(seconds=1)


def delays(asked: timedelta, tries: int = TRIES) -> list[float]:
    """Seconds before each further try of a task that is lost each time."""
    with DAG("d", schedule=None) as dag:
        BaseOperator(task_id="t", **again(asked))
    task = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task("t")
    ended, found = datetime(2026, 11, 30, 9, tzinfo=UTC), []
    for number in range(1, tries + 1):
        lost: Any = SimpleNamespace(
            task=task, try_number=number, end_date=ended, retry_delay_override=None, dag_id="d", task_id="t",
            logical_date=None,
        )  # fmt: skip
        found.append((TaskInstance.next_retry_datetime(lost) - ended).total_seconds())
    return found


def test_an_api_server_that_is_away_for_twenty_minutes_takes_no_task_all_its_tries() -> None:
    """With a delay of a second each, ten tries were over after three minutes: the run failed, its trials untrained."""
    for asked in (0, 1, 5):
        waited = delays(asked * SECOND)
        assert waited[0] <= 2 * max(1, asked), "one lost worker costs hardly any time"
        assert sum(waited) >= 12 * 60
    assert sum(delays(5 * SECOND)) >= 20 * 60, "as files have it that say nothing"
    assert max(delays(5 * SECOND)) <= 300


def test_a_delay_that_is_longer_than_that_holds() -> None:
    assert min(delays(timedelta(hours=1))) >= 3600


@pytest.mark.parametrize(
    ("made", "most", "at_most", "action"),
    [
        (1, TRIES, TRIES, RetryAction.RETRY),
        (TRIES, TRIES, TRIES, RetryAction.RETRY),
        (1, TRIES, 2, RetryAction.RETRY),
        (2, TRIES, 2, RetryAction.RETRY),
        (3, TRIES, 2, RetryAction.FAIL),
        (4, TRIES + 3, 2, RetryAction.RETRY),  # a person has cleared it after three tries
        (6, TRIES + 3, 2, RetryAction.FAIL),
        (1, 5, 5, RetryAction.RETRY),  # it was begun by a release that allowed five tries, and waits for days
        (5, 5, 5, RetryAction.RETRY),
    ],
)
def test_an_error_of_the_task_s_own_is_tried_again_soon_and_so_often(
    made: int, most: int, at_most: int, action: RetryAction
) -> None:
    decision = Soon(7 * SECOND, at_most).evaluate(AirflowException("it broke"), made, most)
    assert decision.action is action
    assert decision.retry_delay == (7 * SECOND if action is RetryAction.RETRY else None)


def test_an_api_server_that_answers_no_more_is_no_error_of_the_task_s_own() -> None:
    error = AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={}))
    assert Soon(SECOND, 0).evaluate(error, 5, TRIES).action is RetryAction.DEFAULT


def test_an_answer_that_a_thing_is_not_there_is_an_answer() -> None:
    error = AirflowRuntimeError(ErrorResponse(error=ErrorType.CONNECTION_NOT_FOUND, detail={}))
    assert Soon(SECOND, 1).evaluate(error, 1, TRIES).action is RetryAction.RETRY
    assert Soon(SECOND, 1).evaluate(error, 2, TRIES).action is RetryAction.FAIL


def test_who_waits_for_a_cluster_that_is_away_comes_later_and_later() -> None:
    """Two minutes without the cluster's API server had taken nine of reduce's eleven tries."""
    assert Soon(SECOND, 0).evaluate(OthersAway("jobs may be left"), 5, TRIES).action is RetryAction.DEFAULT
