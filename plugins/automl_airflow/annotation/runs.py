"""Runs of the project's DAG, seen and started from within its tasks."""

from __future__ import annotations

from typing import Any

from automl_airflow.annotation.names import run_of_round
from automl_airflow.compat import start_run

_GOES_ON = ["queued", "running"]


def newest_run(context: Any, number: int) -> tuple[str, str]:
    """The newest run that is a round, and what became of it: ``absent``, ``on``, or ``over``.

    Args:
        context: of a task of the project's DAG.
        number: of the round.
    """
    ti, again = context["ti"], 1
    found = (run_of_round(number), "absent")
    while ti.get_dr_count(dag_id=ti.dag_id, run_ids=[run := run_of_round(number, again)]):
        on = ti.get_dr_count(dag_id=ti.dag_id, run_ids=[run], states=_GOES_ON)
        found, again = (run, "on" if on else "over"), again + 1
    return found


def start_round(context: Any, number: int) -> tuple[str, bool]:
    """Start the run that is a round which the journal has not: once, whoever asks.

    Args:
        context: of a task of the project's DAG.
        number: of the round.

    Returns:
        Its id, and whether it was started now.

    Raises:
        RuntimeError: Airflow refuses.
    """
    ti, again = context["ti"], 1
    while True:
        run = run_of_round(number, again)
        if start_run(str(ti.dag_id), run, {"round": number}):
            return run, True
        if ti.get_dr_count(dag_id=ti.dag_id, run_ids=[run], states=_GOES_ON):
            return run, False
        again += 1
