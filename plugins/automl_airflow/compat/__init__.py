"""What depends on the version of Airflow (3.3 now), in one place: nothing outside this package touches its insides.

Here is what tasks, the DAG processor and triggerers need; `metadata`, `acts`, `signed_in` and `importers` have what
the web view and the importer do. docs/airflow-versions.md says of each private interface what breaks when it changes,
and tests/unit/plugins/test_compat.py notices.
"""

from __future__ import annotations

import functools
import logging
import os
import socket
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.study import Study

log = logging.getLogger("airflow.task.automl")

_ENDED = ("failed", "skipped", "success", "removed", "upstream_failed")
"""States of a task instance after which Airflow does nothing more by itself."""


def name_map_index(context: Any, label: str) -> None:
    """Name a mapped task instance while it runs and when it has ended.

    Airflow renders ``map_index_template`` before and after ``execute``; a name for a running instance has to
    be sent from inside.
    """
    context["label"] = label
    try:
        from airflow.sdk.execution_time.comms import SetRenderedMapIndex
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        SUPERVISOR_COMMS.send(msg=SetRenderedMapIndex(rendered_map_index=label[:250]))
    except Exception as error:  # a name is not worth a trial
        log.debug("the map index was not named: %s", error)


def name_at_its_end(context: Any, label: str) -> None:
    """Name a mapped task instance that is about to end, without a request of its own.

    Airflow renders the name once more, and sends it where that is another than the instance has; the message that ends
    the task carries it in any case (sdk/execution_time/task_runner.py:1584 and :1777).
    """
    context["label"] = label[:250]
    context["ti"].rendered_map_index = label[:250]


def skip_instances(context: Any, instances: Iterable[tuple[str, int]]) -> None:
    """Skip mapped task instances of this run at once, whatever becomes of the calling task.

    ``DownstreamTasksSkipped`` does the same but ends its task as a success; here it may fail.
    Airflow leaves running, successful and failed instances as they are.
    """
    instances = list(instances)
    if not instances:
        return
    from airflow.sdk.execution_time.comms import SkipDownstreamTasks
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    log.info("skipping %d slots that nothing will be bound to any more", len(instances))
    SUPERVISOR_COMMS.send(msg=SkipDownstreamTasks(tasks=instances))


def release_lost(
    context: Any, study: Study, step_ids: list[str], states: Mapping[str, str | None] | None = None
) -> bool:
    """Note the trials whose task instance has ended although nobody has told how. Returns whether there were any.

    A worker that was killed tells nothing; Airflow finds out after a while. Without this its trial would
    keep a place that the slot which is to try it again then waits for. A trial that waits for a new attempt
    which Airflow will not make any more (its tries are used up, or a person marked it) is given up.

    Args:
        context: of a task of the run.
        study: of the run.
        step_ids: tasks of the trials.
        states: what `states_of` says, where the caller has asked already.
    """
    unfinished = study.state.unended
    if not unfinished:
        return False
    states = states_of(context, step_ids) if states is None else states
    before = study.state.seq
    for work in unfinished:
        attempt = work.last_attempt()
        step = step_ids[attempt.task if attempt else 0]
        state = states.get(f"{step}_{work.slot}")
        if attempt is not None and attempt.state == "RUNNING" and state in (*_ENDED, "up_for_retry"):
            study.release(work.slot)
        elif work.retry and state in _ENDED:
            study.give_up(work.slot)
    return study.state.seq != before


def stands_outside(study: Study, states: Mapping[str, str | None], step_ids: list[str]) -> bool:
    """Whether a trial that is held to be running waits for Airflow to let its task instance in (again).

    Its worker was lost, and the others that Airflow counts are waiting for it: one of them has to make room.
    """
    places = [f"{step_ids[work.attempts[-1].task]}_{work.slot}" for work in study.state.running if work.attempts]
    return any(place in states and states[place] in ("scheduled", "up_for_retry", None) for place in places)


def states_of(context: Any, step_ids: list[str]) -> dict[str, str | None]:
    """States of all task instances of these tasks in this run, by ``TASK_INDEX``."""
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=step_ids, run_ids=[context["run_id"]])
    found: dict[str, str | None] = states.get(context["run_id"], states)
    return found


def worker_name() -> str:
    """Which process this is, for people."""
    return f"{socket.gethostname()}:{os.getpid()}"


def bundle_folder(context: Any) -> Path | None:
    """The folder of the DAG bundle that a task's file was parsed from, in the version that its run is held to.

    A task's process gets its bundle before it parses the file, and holds a lock on that version while it runs
    (sdk/execution_time/task_runner.py:1012 and :2438). None where a task is called by hand.
    """
    path = getattr(getattr(context["ti"], "bundle_instance", None), "path", None)
    return Path(path) if path is not None else None


def generation_of(context: Any) -> int | None:
    """How often people have cleared this task instance, by a count that only grows when they do.

    Airflow tells a task no such number, but a clear raises ``max_tries`` (to the tries made plus the task's
    retries; models/taskinstance.py:418), and a try of its own doesn't.
    """
    count = getattr(context["ti"], "max_tries", None)
    return count if isinstance(count, int) else None


def warm_client() -> None:
    """Load the certificates that a worker's client of the execution API trusts, before workers are forked.

    Each worker process does so for its first task (sdk/api/client.py:1150), a twentieth of a second of CPU, and keeps
    them.
    """
    try:
        from airflow.sdk.api.client import Client

        Client(base_url="http://127.0.0.1", token="").close()
    except Exception as error:  # a missing certificate is told by each task, in Airflow's own words
        log.debug("the client's certificates were not loaded ahead: %s", error)


def list_as_dag_files() -> None:
    """Have the DAG processor find files of every registered importer, not of Python alone.

    Airflow 3.3 parses and runs a file through the importer of its extension (dag_processing/dagbag.py:292),
    but its processor still looks for files with ``list_py_file_paths`` (dag_processing/manager.py:961). Called
    before that module is imported. Where Airflow asks the registry itself, this adds nothing.
    """
    from airflow.utils import file

    from automl_airflow.compat.importers import get_importer_registry

    listed = file.list_py_file_paths
    if getattr(listed, "lists_experiments", False):
        return

    @functools.wraps(listed)
    def list_dag_files(directory: Any, *args: Any, **kwargs: Any) -> list[str]:
        found = listed(directory, *args, **kwargs)
        if directory is not None and os.path.isdir(directory):
            importer = get_importer_registry().get_importer("experiments/x.yaml")
            known = set(found)
            found += [path for path in (importer.list_dag_files(directory) if importer else ()) if path not in known]
        return found

    list_dag_files.lists_experiments = True  # type: ignore[attr-defined]
    file.list_py_file_paths = list_dag_files


def connection_of(name: str, team: str) -> Any:
    """A connection of a team, or one that is everybody's, in the API server.

    `airflow.sdk.Connection.get` names no team there, and so finds everybody's alone
    (sdk/execution_time/context.py:213).

    Raises:
        AirflowNotFoundException: the team has none of that name; the SDK's exception.
    """
    from airflow.models.connection import Connection

    return Connection.get_connection_from_secrets(name, team_name=team)


def hide_secrets(text: str) -> str:
    """A text without what Airflow's own masker knows: the connections and variables that this process has read.

    `airflow.sdk.log` has the masker of tasks, triggers and parsers (sdk/execution_time/context.py:159 tells it).
    """
    try:
        from airflow.sdk.log import redact  # type: ignore[attr-defined]  # it stands there, and is not said to
    except ImportError:  # no line of a trial is lost for that
        return text
    found = redact(text)
    return found if isinstance(found, str) else text


def give_triggers_their_team() -> None:
    """Have triggers of a triggerer with ``--team-name`` find connections of that team, as its tasks do.

    Airflow runs a team's triggers in the team's triggerers alone (models/trigger.py:360), but these ask for connections
    as nobody's task (api_fastapi/execution_api/app.py:409 gives an id that no task has), and so find everybody's alone.
    What they ask is an API of their own process; it is told the team here.
    """
    from airflow.api_fastapi.execution_api.security import get_team_name_dep
    from airflow.jobs import triggerer_job_runner

    made = triggerer_job_runner.TriggerRunnerSupervisor.make_client
    if getattr(made, "knows_teams", False):
        return

    @functools.wraps(made)
    def make_client(self: Any) -> Any:
        team = self.team_name
        if not team:
            return made(self)
        serve = triggerer_job_runner.in_process_api_server
        api = serve()

        async def the_team() -> str:
            return str(team)

        api.app.dependency_overrides[get_team_name_dep] = the_team
        triggerer_job_runner.in_process_api_server = lambda: api  # `made` calls it by that name
        try:
            return made(self)
        finally:
            triggerer_job_runner.in_process_api_server = serve

    make_client.knows_teams = True  # type: ignore[attr-defined]
    triggerer_job_runner.TriggerRunnerSupervisor.make_client = make_client  # type: ignore[method-assign]


def is_paused(context: Any, dag_id: str) -> bool | None:
    """Whether a DAG is paused; None where this Airflow has no such DAG.

    Args:
        context: of a task.
        dag_id: of the other DAG.
    """
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        return bool(context["ti"].get_dag(dag_id).is_paused)
    except AirflowRuntimeError as error:
        detail = error.error.detail or {}
        if detail.get("status_code") == 404:
            return None
        raise


def start_run(dag_id: str, run_id: str, conf: Mapping[str, Any], logical_date: datetime | None = None) -> bool:
    """Start a run of a DAG from within a task, and let the task go on.

    Airflow's own way (`TriggerDagRunOperator`) ends the task that asks.

    Args:
        dag_id: of a DAG of this Airflow.
        run_id: of the run.
        conf: its conf.
        logical_date: its logical date, for a DAG that asks for one; None: it has none.

    Returns:
        False where there is a run of that id already.

    Raises:
        RuntimeError: Airflow refuses, for another reason.
    """
    from airflow.sdk.execution_time.comms import TriggerDagRun
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    wanted = TriggerDagRun(dag_id=dag_id, run_id=run_id, conf=dict(conf), logical_date=logical_date)
    answer = SUPERVISOR_COMMS.send(wanted)
    error = getattr(answer, "error", None)
    if error is None:
        return True
    if getattr(error, "value", error) == "DAGRUN_ALREADY_EXISTS":
        return False
    raise RuntimeError(f"the run {run_id} of {dag_id} was not started: {getattr(error, 'value', error)}")


async def count_runs(dag_id: str, run_id: str, states: Iterable[str] = ()) -> int:
    """How many runs of a DAG have an id, 0 or 1, asked for by a trigger.

    As `ti.get_dr_count` in a task. The provider's triggers call that in a thread of asyncio's default executor, which
    is for all of a triggerer; this takes none.

    Args:
        dag_id: of the DAG.
        run_id: of the run.
        states: of which it has to be in one; none for whatever state.
    """
    from airflow.sdk.execution_time.comms import GetDRCount
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    wanted = GetDRCount(dag_id=dag_id, run_ids=[run_id], states=list(states) or None)
    answer = await SUPERVISOR_COMMS.asend(wanted)
    count = getattr(answer, "count", None)
    if not isinstance(count, int):
        raise RuntimeError(f"whether there is a run {run_id} of {dag_id} was not answered: {answer!r}")
    return count
