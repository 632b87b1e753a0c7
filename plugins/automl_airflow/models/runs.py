"""Runs of a rollout's DAG, seen and started from within its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automl_airflow.compat import start_run
from automl_airflow.models.names import run_of_version

if TYPE_CHECKING:
    from automl_core.models.life import Version

INSTEAD_OF = "instead_of"
"""In a run's conf: the run that had the version before, and has started this one in its place."""

VERSION = "version"

_GOES_ON = ["queued", "running"]


def exists(context: Any, run: str) -> bool:
    """Whether Airflow has a run of this DAG."""
    ti = context["ti"]
    return bool(ti.get_dr_count(dag_id=ti.dag_id, run_ids=[run]))


def goes_on(context: Any, run: str) -> bool:
    """Whether a run of this DAG is on: one that waits for people is."""
    ti = context["ti"]
    return bool(ti.get_dr_count(dag_id=ti.dag_id, run_ids=[run], states=_GOES_ON))


def run_to_start(context: Any, version: Version, *, but: str = "") -> str:
    """The id of the run that goes on with a version: the first that this Airflow hasn't, or that is on.

    It follows from the version and from how often that was evaluated, so whoever starts it starts the same run. One
    that has ended (it failed, or its task was marked by hand) goes on with nothing: the next number does.

    Args:
        context: of the task.
        version: it.
        but: a run that it isn't.
    """
    again = len(version.evidence) + 1
    while True:
        run = run_of_version(version.number, again)
        if run != but and (goes_on(context, run) or not exists(context, run)):
            return run
        again += 1


def start_for(context: Any, version: Version) -> str | None:
    """Start a run for a version that no run has. Returns its id; None where there is one already.

    Where its rollout is open, one that has ended doesn't count: somebody has to look at it.
    """
    from automl_core.models.life import VersionState

    if version.state is VersionState.ROLLING_OUT:
        run = run_to_start(context, version)
    else:
        run = run_of_version(version.number, len(version.evidence) + 1)
    return run if start_run(str(context["ti"].dag_id), run, {VERSION: version.number}) else None


def start_again(context: Any, version: Version) -> str:
    """Start the run in which a version is evaluated anew and asked about on a page of its own. Returns its id.

    A page of Airflow's keeps its first text whatever becomes of the task (standard provider 1.21.0,
    execution_api/routes/hitl.py), so other evidence needs another run.
    """
    this = str(context["run_id"])
    run = run_to_start(context, version, but=this)  # this one: cleared from its beginning, after it had asked
    start_run(str(context["ti"].dag_id), run, {VERSION: version.number, INSTEAD_OF: this})
    return run


def tried_again(version: int) -> str:
    """How a version that was taken back is rolled out again, by somebody who wants that."""
    return (
        f'to try it again start a run with {{"{VERSION}": {version}}} in its conf: it is evaluated and asked about '
        "anew, and has a rollout of its own"
    )
