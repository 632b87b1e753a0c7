"""A program: prints what a process still imports that reads a file and was forked from the DAG processor.

Run by test_bootstrap.py in a process of its own.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from automl_airflow import bootstrap

sys.argv = ["airflow", "dag-processor"]
import airflow.dag_processing.manager  # noqa: E402, F401 (Airflow's own process has it before it forks)

bootstrap.preload()

import structlog  # noqa: E402

folder = Path(tempfile.mkdtemp())
FILES = {
    "first": f"""
name: first
output: {{storage: "file://{folder}/runs"}}
goal: {{metric: accuracy, direction: maximize}}
space: {{x: {{type: uniform, low: 0, high: 1}}}}
tasks: [{{command: "echo accuracy=${{x}}"}}]
""",
    "kept.model": f"""
kind: model
name: kept
output: {{storage: "file://{folder}/runs"}}
candidates: {{experiments: [first]}}
evaluate: {{data: latest.csv, target: y, key: id}}
accept: {{when: better, by: anybody, within: 1h}}
""",
}
experiments = folder / "experiments"
experiments.mkdir()
for name, text in FILES.items():
    (experiments / f"{name}.yaml").write_text(text)
reader, writer = os.pipe()
for name in FILES:
    if os.fork() == 0:
        before = set(sys.modules)
        from airflow.dag_processing.dagbag import BundleDagBag
        from airflow.dag_processing.processor import _serialize_dags

        bag = BundleDagBag(
            dag_folder=str(experiments / f"{name}.yaml"), bundle_path=folder, bundle_name="b", load_op_links=False
        )
        dags, _ = _serialize_dags(bag, structlog.get_logger())
        wrong = [str(error) for error in bag.import_errors.values()] or ([] if dags else [f"{name}: no DAG"])
        os.write(writer, (json.dumps(wrong + sorted(set(sys.modules) - before)) + "\n").encode())
        os._exit(0)
    os.wait()
os.close(writer)
with open(reader) as told:
    print(json.dumps([each for line in told for each in json.loads(line)]))
