#!/usr/bin/env bash
# apache-airflow 3.3.2 (Python 3.11), SQLite.
#
# Expected: SchedulerJobRunner.process_executor_events gets the ends of two tries of a task in one look, and the task,
# whose second try is queued, is tried again because that has failed: the executor's word counts for the try it is about.
# Seen: only where the first try's end comes first. It keeps one try number for each task, that of the last event; where
# the first try's end comes last, the second's is thrown away with the buffer, and the task stays queued. Nobody else
# ends it: LocalExecutor has no revoke_task, so that task_queued_timeout passes it over. The order comes about where the
# scheduler has missed the heartbeat of a task whose worker lives on: both tries' workers lose an API server that is
# away, and end within one look of the scheduler.
#     (2, failed): up_for_retry
#     (1, success), (2, failed): up_for_retry
#     (2, failed), (1, success): queued
#     LocalExecutor.revoke_task: NotImplementedError
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet apache-airflow==3.3.2 apache-airflow-providers-standard==1.21.0
export AIRFLOW_HOME="$place/home" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER="$place/dags"
export PATH="$place/venv/bin:$PATH"
unset PYTHONPATH
mkdir "$place/dags"
cat > "$place/dags/two_tries.py" <<'DAG'
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("two_tries", schedule=None):
    EmptyOperator(task_id="again", retries=3)
DAG
airflow db migrate > "$place/log" 2>&1
airflow dag-processor --num-runs 1 >> "$place/log" 2>&1
airflow dags trigger two_tries >> "$place/log" 2>&1
python - 2>> "$place/log" > "$place/seen" <<'PYTHON'
from airflow.executors.local_executor import LocalExecutor
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagbag import DBDagBag
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import select


def show(*ends):
    """Print the state of a task whose second try is queued, once the scheduler has seen these ends of its tries."""
    executor = LocalExecutor(parallelism=1)
    with create_session() as session:
        found = select(TaskInstance).where(TaskInstance.dag_id == "two_tries")
        task = session.scalar(found)
        job = Job(job_type="SchedulerJob")
        session.add(job)
        session.flush()
        task.state, task.try_number, task.max_tries, task.queued_by_job_id = "queued", 2, 3, job.id
        session.flush()
        for number, state in ends:
            executor.change_state(task.key.with_try_number(number), state)
        SchedulerJobRunner.process_executor_events(executor, job.id, DBDagBag(), session)
        session.flush()
        state = session.scalar(found).state
        session.rollback()
    print(f"seen {', '.join(f'({number}, {end})' for number, end in ends)}: {state}")


show((2, "failed"))
show((1, "success"), (2, "failed"))
show((2, "failed"), (1, "success"))
try:
    LocalExecutor(parallelism=1).revoke_task(ti=None)
    print("seen LocalExecutor.revoke_task: done")
except NotImplementedError:
    print("seen LocalExecutor.revoke_task: NotImplementedError")
PYTHON
sed -n 's/^seen //p' "$place/seen" | tee "$place/told"
diff "$place/told" - <<'SEEN'
(2, failed): up_for_retry
(1, success), (2, failed): up_for_retry
(2, failed), (1, success): queued
LocalExecutor.revoke_task: NotImplementedError
SEEN
