#!/usr/bin/env bash
# mlflow 3.17.2 (Python 3.11), the tracking server's REST API, protobuf 7.36.2, SQLite.
#
# Expected: a step of 0.25 in runs/log-batch is refused with 400, as the step "a quarter" of runs/log-metric is, or cut to
# a whole number. Curves by parts of an epoch have such steps, and so has whoever counts epochs in decimals.
# Seen: 200, and the request is read as far as that step and no further; no answer and no log line says so. What is lost is
# what stands behind it in the JSON: the metrics after it in the same request, whole steps and all; and, where the keys are
# sorted, as many writers of JSON do, the time and the value of the point itself, which then is written as 0.0 of 1970.
# A time in milliseconds that was not rounded (time.time() * 1000) does the same. The reader of the request stops with an
# error at the first such number; the handler catches that, and refuses only what its own checks of single fields find:
# log-batch has none for a step, and log-metric asks int() whether it is like a whole number, which 0.25 passes.
#     log-batch, steps 0, 0.25, 1, 2: 200, written: [(0, 0.8, 7), (0, 0.9, 7)]
#     log-batch, steps 0, 1, 2, 3: 200, written: [(0, 0.9, 7), (1, 0.8, 7), (2, 0.7, 7), (3, 0.6, 7)]
#     log-metric, step 0.25: 200, written: [(0, 0.5, 7)]
#     log-metric, step 0.25, keys sorted: 200, written: [(0, 0.0, 0)]
#     log-metric, step "a quarter": 400
#
# https://mlflow.org/docs/latest/api_reference/rest-api.html#log-batch (step: INT64)
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet --no-compile mlflow-skinny==3.17.2 mlflow-tracing==3.17.2 protobuf==7.36.2 \
  flask==3.1.3 flask-cors==6.0.5 sqlalchemy==2.1.9 alembic==1.20.1 pandas==3.1.1 numpy==2.4.6
"$place/venv/bin/pip" install --quiet --quiet --no-compile --no-deps mlflow==3.17.2
cd "$place"
unset PYTHONPATH
"$place/venv/bin/python" -W ignore - "sqlite:///$place/runs.db" <<'PYTHON'
import json
import logging
import os
import sys

os.environ["MLFLOW_BACKEND_STORE_URI"] = os.environ["_MLFLOW_SERVER_FILE_STORE"] = sys.argv[1]
os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = "artifacts"
logging.disable(logging.INFO)
from mlflow.server import app

client = app.test_client()


def ask(path, sort=False, **body):
    text = json.dumps(body, sort_keys=sort)
    answer = client.post(f"/api/2.0/mlflow/{path}", data=text, content_type="application/json")
    return answer.status_code, answer.get_json()


place = ask("experiments/create", name="curves")[1]["experiment_id"]


def run():
    return ask("runs/create", experiment_id=place, start_time=7)[1]["run"]["info"]["run_id"]


def history(run_id):
    asked = {"run_id": run_id, "metric_key": "loss"}
    found = client.get("/api/2.0/mlflow/metrics/get-history", query_string=asked).get_json()
    return sorted((each["step"], each["value"], each["timestamp"]) for each in found.get("metrics", []))


def batch(steps):
    one, losses = run(), (0.9, 0.8, 0.7, 0.6)
    metrics = [{"key": "loss", "value": loss, "timestamp": 7, "step": step} for step, loss in zip(steps, losses)]
    status, _ = ask("runs/log-batch", run_id=one, metrics=metrics)
    print(f"log-batch, steps {', '.join(map(str, steps))}: {status}, written: {history(one)}")
    return status, history(one)


parts, whole = batch((0, 0.25, 1, 2)), batch((0, 1, 2, 3))
assert whole == (200, [(0, 0.9, 7), (1, 0.8, 7), (2, 0.7, 7), (3, 0.6, 7)])
single = {}
for sort in (False, True):
    one = run()
    status, _ = ask("runs/log-metric", sort, run_id=one, key="loss", value=0.5, timestamp=7, step=0.25)
    single[sort] = (status, history(one))
    print(f"log-metric, step 0.25{', keys sorted' if sort else ''}: {status}, written: {single[sort][1]}")
refused, _ = ask("runs/log-metric", run_id=run(), key="loss", value=0.5, timestamp=7, step="a quarter")
print(f'log-metric, step "a quarter": {refused}')
same = parts == (200, [(0, 0.8, 7), (0, 0.9, 7)]) and refused == 400
same &= single == {False: (200, [(0, 0.5, 7)]), True: (200, [(0, 0.0, 0)])}
sys.exit(0 if same else 1)
PYTHON
