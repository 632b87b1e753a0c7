#!/usr/bin/env bash
# apache-airflow 3.3.2 (Python 3.11), SQLite. [core] min_serialized_dag_update_interval stands at 600 s here instead of
# 30, so that the moment lasts; the bundle has no versions.
#
# Expected: a DAG whose file is given another outlet is stored anew as a whole, so that a task that begins afterwards is
# asked about the assets of one and the same version of it.
# Seen: what the file refers to is stored at once, and the scheduler's next look makes the asset inactive that nothing
# refers to any more; the DAG itself is stored when the interval is over and the file is parsed once more. A task that
# begins in between is asked about the old asset, which is inactive by then: AirflowInactiveAssetInInletOrOutletException,
# an AirflowFailException, so that the task fails without another try, whatever its retries, and has not begun its work.
#     active: s3://lake/new
#     outlets of the stored DAG: s3://lake/old
#     inactive assets of a task that begins now: s3://lake/old
#     fails without another try: True
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet apache-airflow==3.3.2 apache-airflow-providers-standard==1.21.0
export AIRFLOW_HOME="$place/home" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER="$place/dags"
export AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL=600
export PATH="$place/venv/bin:$PATH"
unset PYTHONPATH
mkdir "$place/dags"
write() {
    cat > "$place/dags/publishes.py" <<DAG
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset

with DAG("publishes", schedule=None):
    EmptyOperator(task_id="publish", retries=3, outlets=[Asset("$1")])
DAG
}
write s3://lake/old
airflow db migrate > "$place/log" 2>&1
airflow dag-processor --num-runs 1 >> "$place/log" 2>&1
airflow dags trigger publishes >> "$place/log" 2>&1
write s3://lake/new
airflow dag-processor --num-runs 1 >> "$place/log" 2>&1
python - 2>> "$place/log" > "$place/seen" <<'PYTHON'
from airflow.api_fastapi.execution_api.routes.task_instances import validate_inlets_and_outlets
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.asset import AssetActive
from airflow.models.dagbag import DBDagBag
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.exceptions import AirflowFailException, AirflowInactiveAssetInInletOrOutletException
from airflow.utils.session import create_session
from sqlalchemy import select

with create_session() as session:
    SchedulerJobRunner(Job())._update_asset_orphanage(session=session)
    session.flush()
    print("seen active:", *session.scalars(select(AssetActive.uri)))
    task = session.scalar(select(TaskInstance).where(TaskInstance.dag_id == "publishes"))
    bag = DBDagBag()
    stored = bag.get_dag_for_run(task.dag_run, session=session).get_task("publish")
    print("seen outlets of the stored DAG:", *(asset.uri for asset in stored.outlets))
    told = validate_inlets_and_outlets(task.id, session, bag)
    print("seen inactive assets of a task that begins now:", *(asset.uri for asset in told.inactive_assets))
final = issubclass(AirflowInactiveAssetInInletOrOutletException, AirflowFailException)
print("seen fails without another try:", final)
PYTHON
sed -n 's/^seen //p' "$place/seen" | tee "$place/told"
diff "$place/told" - <<'SEEN'
active: s3://lake/new
outlets of the stored DAG: s3://lake/old
inactive assets of a task that begins now: s3://lake/old
fails without another try: True
SEEN
