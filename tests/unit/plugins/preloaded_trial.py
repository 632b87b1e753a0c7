"""A program: prints what a trial's process still imports, and builds, that was forked from a preloaded one.

Run by test_bootstrap.py in a fork of a process that is preloaded.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import airflow.sdk.execution_time.task_runner  # noqa: F401 (Airflow's own process has it before it forks)
from pydantic import BaseModel

from automl_airflow.importer import build_all
from automl_airflow.operators import ProposeOperator, TrialOperator

built: list[str] = []
rebuild = BaseModel.model_rebuild.__func__  # type: ignore[attr-defined]


def counted(model: type[BaseModel], *args: Any, **kwargs: Any) -> Any:
    """Rebuild a model, and note it."""
    built.append(f"schema of {model.__name__}")
    return rebuild(model, *args, **kwargs)


class TaskInstance:
    """As much of one as the operators use."""

    dag_id = "first"

    def xcom_push(self, key: str, value: Any) -> None:
        """Nothing is kept."""


folder = Path(tempfile.mkdtemp())
file = folder / "experiments" / "first.yaml"
file.parent.mkdir()
file.write_text(f"""
name: first
output: {{storage: "file://{folder}/runs"}}
goal: {{metric: accuracy, direction: maximize}}
space: {{x: {{type: uniform, low: 0, high: 1}}}}
trials: {{max: 2, canary: false}}
tasks: [{{command: "echo accuracy=0.5"}}]
""")
context = {"run_id": "r", "ti": TaskInstance(), "dag_run": type("Run", (), {"conf": {}})()}
where: dict[str, Any] = {"storage": f"file://{folder}/runs", "connection": None, "experiment": "first"}
reader, writer = os.pipe()
if os.fork() == 0:  # as Airflow forks propose and each trial: neither leaves anything for the other
    ProposeOperator(task_id="propose", file=str(file), **where).execute(context)
    os._exit(0)
os.wait()
if os.fork() == 0:
    os.environ |= {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": "first", "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "trial"}
    BaseModel.model_rebuild = classmethod(counted)  # type: ignore[assignment]
    before = set(sys.modules)
    build_all(file, folder)
    TrialOperator(task_id="trial", slot=0, step_ids=["trial"], **where).execute(context)
    os.write(writer, json.dumps(sorted(set(sys.modules) - before) + built).encode())
    os._exit(0)
os.wait()
os.close(writer)
with open(reader) as told:
    print(told.read())
