"""Runs of the project's DAG, seen and started from within its tasks."""

from __future__ import annotations

from typing import Any

from automl_airflow.annotation.names import run_of_round
from automl_airflow.compat import start_run

_GOES_ON = ["queued", "running"]


def state_of_round(context: Any, number: int) -> str:
    """What became of the run that is a round: ``absent``, ``on``, or ``over``.

    Args:
        context: of a task of the project's DAG.
        number: of the round.
    """
    ti = context["ti"]
    run = run_of_round(number)
    if not ti.get_dr_count(dag_id=ti.dag_id, run_ids=[run]):
        return "absent"
    return "on" if ti.get_dr_count(dag_id=ti.dag_id, run_ids=[run], states=_GOES_ON) else "over"


def start_round(context: Any, number: int) -> bool:
    """Start the run that is a round; once, whoever asks. Returns whether it was started now.

    Args:
        context: of a task of the project's DAG.
        number: of the round.

    Raises:
        RuntimeError: Airflow refuses.
    """
    return start_run(str(context["ti"].dag_id), run_of_round(number), {"round": number})
