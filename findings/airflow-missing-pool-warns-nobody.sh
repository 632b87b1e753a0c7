#!/usr/bin/env bash
# apache-airflow 3.3.2 (Python 3.11), SQLite.
#
# Expected: a DAG whose task names a pool that doesn't exist gets a DAG warning, "non-existent pool" (models/dagwarning.py
# has the type, dagbag.py the words, GET /dagWarnings and the pages show it): such a task is never scheduled.
# Seen: no warning. DagBag makes it only where it is told the known pools, and no caller in 3.3.2 tells it any: the DAG
# parses without a complaint, its tasks stay "scheduled" for ever, and only the scheduler's log says why.
#     parsed: with_missing_pool, import errors: 0, dag warnings: 0
#     the same bag, told the known pools: Dag 'with_missing_pool' references non-existent pools: ['of_nobody']
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet apache-airflow==3.3.2 apache-airflow-providers-standard==1.21.0
export AIRFLOW_HOME="$place/home" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER="$place/dags"
unset PYTHONPATH
mkdir "$place/dags"
cat > "$place/dags/with_missing_pool.py" <<'DAG'
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("with_missing_pool"):
    EmptyOperator(task_id="never_starts", pool="of_nobody")
DAG
"$place/venv/bin/airflow" db migrate > "$place/log" 2>&1
"$place/venv/bin/airflow" dag-processor --num-runs 1 >> "$place/log" 2>&1
"$place/venv/bin/python" - <<'PYTHON' 2>> "$place/log"
import os
import sys

from airflow.dag_processing.dagbag import DagBag
from airflow.models.dag import DagModel
from airflow.models.dagwarning import DagWarning
from airflow.models.errors import ParseImportError
from airflow.utils.session import create_session
from sqlalchemy import func, select

with create_session() as session:
    parsed = list(session.scalars(select(DagModel.dag_id)))
    errors = session.scalar(select(func.count()).select_from(ParseImportError))
    warnings = session.scalar(select(func.count()).select_from(DagWarning))
bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"], known_pools={"default_pool"}, bundle_name="x")
told = [warning.message for warning in bag.dag_warnings]
print(f"parsed: {', '.join(parsed)}, import errors: {errors}, dag warnings: {warnings}")
print(f"the same bag, told the known pools: {', '.join(told)}")
sys.exit(0 if (parsed, errors, warnings, len(told)) == (["with_missing_pool"], 0, 0, 1) else 1)
PYTHON
