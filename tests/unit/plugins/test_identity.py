"""A journal that is there already: this run's, or one of another run with the same id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.compat import generation_of
from automl_airflow.identity import another_run, identity_of
from automl_airflow.operators import ProposeOperator
from tests.unit.plugins.files import body, write

BEGAN = datetime(2026, 11, 29, 4, 10, tzinfo=UTC)
DAY = timedelta(days=1)


class Asked:
    """What Airflow tells a task: of its run, and of its try."""

    def __init__(self, *, after: datetime = BEGAN, started: datetime = BEGAN, attempt: int = 1) -> None:
        self.run = SimpleNamespace(dag_id="first", conf={}, run_after=after, start_date=started)
        self.ti = SimpleNamespace(try_number=attempt, max_tries=10, xcom_push=lambda **_: None)

    @property
    def context(self) -> dict[str, Any]:
        return {"run_id": "scheduled__2026-11-29", "ti": self.ti, "dag_run": self.run}


@pytest.mark.parametrize(
    ("asked", "differs"),
    [
        (Asked(), ""),
        (Asked(attempt=2), ""),
        (Asked(attempt=2, started=BEGAN + DAY), ""),  # a person has cleared the run: it begins anew
        (Asked(started=BEGAN + DAY), "started"),  # deleted and made again
        (Asked(after=BEGAN + DAY, started=BEGAN + DAY, attempt=3), "run_after"),
    ],
)
def test_a_run_is_told_from_another_of_its_id(asked: Asked, differs: str) -> None:
    told = another_run(identity_of(Asked().context), asked.context)
    assert bool(told) == bool(differs)
    assert differs in told


def test_a_journal_that_does_not_say_whose_it_is_is_taken_as_it_is() -> None:
    assert not another_run({}, Asked().context)


def test_the_journal_of_a_run_that_was_deleted_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    where: dict[str, Any] = {"storage": f"file://{tmp_path}/runs", "connection": None, "experiment": "first"}
    operator = ProposeOperator(task_id="propose", file=str(write(tmp_path, "first.yaml", body())), **where)
    assert operator.execute(Asked().context) == operator.execute(Asked(attempt=2).context)
    with pytest.raises(AirflowFailException, match=r"holds the experiment of another DAG run .*automl gc"):
        operator.execute(Asked(started=BEGAN + DAY).context)


def test_a_generation_is_airflows_count_of_tries_allowed() -> None:
    assert generation_of(Asked().context) == 10
    assert generation_of({"ti": SimpleNamespace()}) is None
