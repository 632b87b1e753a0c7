#!/usr/bin/env bash
# mlflow 3.17.2 (Python 3.11), the tracking server's REST API, protobuf 7.36.2, SQLite.
#
# Expected: a step of 0.25 in runs/log-batch is refused with 400, as a missing value or a step "a quarter" of
# runs/log-metric is, or cut to a whole number. Curves by parts of an epoch have such steps, and so has whoever counts
# epochs in decimals.
# Seen: 200, and the request is read as far as that step and no further. The point stands there at step 0 and time 0 (1970),
# the metrics after it in the same request, whole steps and all, are nowhere, and no answer and no log line says so. A
# time in milliseconds that was not rounded (time.time() * 1000) does the same. The reader of the request stops with an
# error at the first such number, which the handler catches and forgets: it then checks only fields that its own list
# names, of which log-batch has none inside a metric, and for log-metric "is it like a whole number" is asked by int(),
# which 0.25 passes.
#     log-batch, steps 0, 0.25, 1, 2: 200, written: [(0, 0.9, 7), (0, 0.8, 0)]
#     log-batch, steps 0, 1, 2, 3: 200, written: [(0, 0.9, 7), (1, 0.8, 7), (2, 0.7, 7), (3, 0.6, 7)]
#     log-metric, step 0.25: 200, written: [(0, 0.5, 0)]
#     log-metric, step "a quarter": 400
#
# https://mlflow.org/docs/latest/api_reference/rest-api.html#log-batch (step: INT64)
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet --no-deps mlflow==3.17.2
"$place/venv/bin/pip" install --quiet --quiet mlflow-skinny==3.17.2 mlflow-tracing==3.17.2 protobuf==7.36.2 flask==3.1.3 \
  flask-cors==6.0.5 sqlalchemy==2.1.9 alembic==1.20.1 pandas==3.1.1 numpy==2.4.6
cd "$place"
unset PYTHONPATH
"$place/venv/bin/python" -W ignore - "sqlite:///$place/runs.db" <<'PYTHON'
import logging
import os
import sys

os.environ["MLFLOW_BACKEND_STORE_URI"] = os.environ["_MLFLOW_SERVER_FILE_STORE"] = sys.argv[1]
os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = "artifacts"
logging.disable(logging.INFO)
from mlflow.server import app

client = app.test_client()


def ask(path, **body):
    answer = client.post(f"/api/2.0/mlflow/{path}", json=body)
    return answer.status_code, answer.get_json()


place = ask("experiments/create", name="curves")[1]["experiment_id"]


def run():
    return ask("runs/create", experiment_id=place, start_time=7)[1]["run"]["info"]["run_id"]


def history(run_id):
    asked = {"run_id": run_id, "metric_key": "loss"}
    found = client.get("/api/2.0/mlflow/metrics/get-history", query_string=asked).get_json()
    return [(each["step"], each["value"], each["timestamp"]) for each in found.get("metrics", [])]


def batch(steps):
    one, losses = run(), (0.9, 0.8, 0.7, 0.6)
    metrics = [{"key": "loss", "value": loss, "timestamp": 7, "step": step} for step, loss in zip(steps, losses)]
    status, _ = ask("runs/log-batch", run_id=one, metrics=metrics)
    print(f"log-batch, steps {', '.join(map(str, steps))}: {status}, written: {history(one)}")
    return status, history(one)


parts, whole = batch((0, 0.25, 1, 2)), batch((0, 1, 2, 3))
assert whole == (200, [(0, 0.9, 7), (1, 0.8, 7), (2, 0.7, 7), (3, 0.6, 7)])
one = run()
status, _ = ask("runs/log-metric", run_id=one, key="loss", value=0.5, step=0.25, timestamp=7)
print(f"log-metric, step 0.25: {status}, written: {history(one)}")
refused, _ = ask("runs/log-metric", run_id=run(), key="loss", value=0.5, step="a quarter", timestamp=7)
print(f'log-metric, step "a quarter": {refused}')
same = parts == (200, [(0, 0.9, 7), (0, 0.8, 0)]) and (status, history(one)) == (200, [(0, 0.5, 0)]) and refused == 400
sys.exit(0 if same else 1)
PYTHON
