"""Which DAG run a journal belongs to: a run's id alone doesn't say.

A run that is deleted and made again has the same id, a DAG that is deleted and comes back has the same ids, and so
have two Airflows that share a model storage path. What Airflow tells a task of its run stands in the first record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.spec.dates import RECORDED, recorded_dates


def identity_of(context: Any) -> dict[str, str]:
    """What tells the DAG run of a task from another run of the same id, and its dates, as plain JSON."""
    run = context["dag_run"]
    moments = {"run_after": getattr(run, "run_after", None), "started": getattr(run, "start_date", None)}
    found = {"dag": str(getattr(run, "dag_id", "")), "run": str(context["run_id"])}
    team = getattr(run, "team_name", None)
    if team:  # who may learn from it (`automl_core.study.earlier`)
        found["team"] = str(team)
    found |= {name: moment.isoformat() for name, moment in moments.items() if moment is not None}
    return found | recorded_dates({name: getattr(run, name, None) for name in RECORDED})


def another_run(recorded: Mapping[str, Any], context: Any) -> str:
    """Why a journal that is there already is not this DAG run's, empty if it is.

    Args:
        recorded: the identity in its first record; empty in journals of earlier releases, which are taken as they are.
        context: of the task that is about to use it.

    A run that a person clears begins anew, and then its tasks make a later try: so another moment of its start tells
    of another run only where this is the first try.
    """
    now = identity_of(context)
    first_try = getattr(context["ti"], "try_number", None) == 1
    differing = [
        name for name in ("dag", "run", "run_after", *(["started"] if first_try else []))
        if name in recorded and name in now and recorded[name] != now[name]
    ]  # fmt: skip
    if not differing:
        return ""
    told = ", ".join(f"{name} {recorded[name]} there, {now[name]} here" for name in differing)
    return (
        f"holds the experiment of another DAG run with the id {now['run']} ({told}): one that was deleted in Airflow, "
        "or of another Airflow that shares this storage path. Remove that folder (`automl gc` finds runs that are "
        "gone), give this experiment another output.storage, or trigger it with another run id"
    )
