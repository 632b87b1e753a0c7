"""What of Airflow's insides the product leans on is as it was when it was tried; a change of it fails here."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_airflow.compat.preloaded import IN_COMPONENTS, IN_PARSING, IN_TASKS
from tests.sources import ROOT

PLUGINS = ROOT / "plugins" / "automl_airflow"
COMPAT = PLUGINS / "compat"

PUBLIC = (
    "airflow.sdk", "airflow.triggers.base", "airflow.plugins_manager", "airflow.configuration", "airflow.listeners",
    "airflow.exceptions", "airflow.providers", "airflow.api_fastapi.auth.managers.models", "airflow.__main__",
)  # fmt: skip
"""Modules that Airflow's documentation of its public interface names, the auth managers' interface, and its command."""

PRIVATE_OF_SDK = ("airflow.sdk.execution_time", "airflow.sdk.api")


def within(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def is_private(module: str) -> bool:
    return within(module, ("airflow",)) and (not within(module, PUBLIC) or within(module, PRIVATE_OF_SDK))


def imported(path: Path) -> set[str]:
    """Every name of Airflow's that a file imports from a private module, with its module; type hints included."""
    found: set[str] = set()
    text = path.read_text()
    if "airflow" not in text:  # most of the product: no tree need be made of it
        return found
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module and within(node.module, ("airflow",)):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {f"{alias.name}." for alias in node.names if alias.name.startswith("airflow.")}
    return {name for name in found if is_private(name) and name != "airflow.__version__"}


def named(path: Path) -> set[str]:
    """Every module of Airflow's that a file names in a text, to import it by its name, and that is private."""
    text = path.read_text()
    if "airflow." not in text:
        return set()
    texts = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    names = {each for each in texts if isinstance(each, str) and re.fullmatch(r"airflow(\.\w+)+", each)}
    return {each for each in names if is_private(each) and is_module(each)}


def is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # what it would lie in is no package
        return False


SEAMS = sorted(set().union(*(imported(path) for path in COMPAT.glob("*.py"))))


AHEAD = sorted(
    each for each in {*IN_TASKS, *IN_PARSING, *(each for some in IN_COMPONENTS.values() for each in some)}
    if is_private(each)
)  # fmt: skip
"""Private modules of Airflow's that are imported by their name, before they are needed."""


@pytest.mark.parametrize("folder", ["plugins", "dags", "automl_core"])
def test_airflows_insides_are_touched_in_one_place(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*.py") if not path.is_relative_to(COMPAT)]
    assert files
    assert {
        str(path.relative_to(ROOT)): sorted(names) for path in files if (names := imported(path) | named(path))
    } == {}


def test_the_documentation_has_every_one_and_no_other() -> None:
    text = (ROOT / "docs" / "airflow-versions.md").read_text().split("## Private interfaces")[1].split("\n## ")[0]
    rows = [row for row in text.splitlines() if row.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`(airflow\.[\w.]+)`", row.split(" | ")[0])}
    assert told == {*SEAMS, *AHEAD}
    assert all(len(row.split(" | ")) == 3 and len(row.split(" | ")[2]) > 20 for row in rows), "what breaks is said"


def test_their_number_does_not_grow_unnoticed() -> None:
    assert len(AHEAD) <= 8
    assert len(SEAMS) <= 39, "a further private interface wants a reason: see docs/airflow-versions.md"


@pytest.mark.parametrize("name", [*SEAMS, *AHEAD])
def test_each_is_there(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError:
        pytest.fail(f"this Airflow has no {module}")
    if attribute == "SUPERVISOR_COMMS":  # set when a task's process starts
        assert "SUPERVISOR_COMMS" in inspect.getsource(found)
    elif not hasattr(found, attribute):
        importlib.import_module(name)


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_what_is_called_takes_what_it_is_called_with() -> None:
    from airflow.models.connection import Connection

    from automl_airflow.compat import acts, signed_in
    from automl_airflow.compat.importers import AbstractDagImporter
    from automl_airflow.compat.metadata import DagModel, TaskInstance

    assert {"dag_id", "body", "dag_bag", "user", "session", "request"} <= set(parameters(acts.trigger_dag_run))
    assert {"dag_id", "dag_bag", "body", "session", "user"} <= set(parameters(acts.post_clear_task_instances))
    assert {"dag", "dag_run", "state", "session"} <= set(parameters(acts.patch_dag_run_state))
    assert {"dag_run", "session"} <= set(parameters(type(acts.create_dag_bag()).get_dag_for_run))
    assert {"dag_run_id", "task_ids", "dry_run", "only_failed", "reset_dag_runs", "note"} <= set(
        acts.ClearTaskInstancesBody.model_fields
    )
    assert parameters(signed_in.requires_access_dag)[:2] == ["method", "access_entity"]
    assert parameters(DagModel.get_team_name)[0] == "dag_id"
    assert parameters(Connection.get_connection_from_secrets) == ["conn_id", "team_name"]
    assert {"task", "run_id", "map_index", "state", "dag_version_id"} <= set(parameters(TaskInstance.__init__))
    assert {"import_file", "supported_extensions", "list_dag_files"} <= set(dir(AbstractDagImporter))


def test_columns_that_pages_read_are_there() -> None:
    from automl_airflow.compat import metadata

    wanted = {
        "DagModel": ["dag_id", "is_stale", "is_paused", "bundle_name", "relative_fileloc", "fileloc", "description",
                     "timetable_summary", "has_import_errors", "last_parsed_time", "next_dagrun_create_after", "tags"],
        "DagRun": ["id", "dag_id", "run_id", "state", "conf", "run_after", "queued_at", "start_date", "end_date",
                   "clear_number", "created_dag_version_id", "note"],
        "DagCode": ["dag_id", "source_code", "last_updated"],
        "SerializedDagModel": ["dag_id", "dag_version_id", "created_at", "data"],
        "ParseImportError": ["filename", "bundle_name", "stacktrace", "timestamp"],
        "Pool": ["pool", "DEFAULT_POOL_NAME"],
        "XComModel": ["get_many", "deserialize_value"],
        "TaskInstance": ["dag_id", "run_id", "task_id", "map_index", "state", "try_number", "start_date"],
        "TaskInstanceHistory": ["dag_id", "run_id", "task_id", "map_index", "try_number", "start_date"],
    }  # fmt: skip
    missing = [f"{model}.{name}" for model, names in wanted.items() for name in names
               if not hasattr(getattr(metadata, model), name)]  # fmt: skip
    assert not missing


def test_a_task_asks_its_supervisor_in_words_that_it_knows() -> None:
    from airflow.sdk.execution_time.comms import SetRenderedMapIndex, SkipDownstreamTasks

    assert SetRenderedMapIndex(rendered_map_index="lr=1").rendered_map_index == "lr=1"
    assert list(SkipDownstreamTasks(tasks=[("trial", 3)]).tasks) == [("trial", 3)]


def test_a_run_is_started_once_with_its_logical_date(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, OKResponse

    from automl_airflow.compat import start_run

    sent: list[Any] = []

    class Comms:
        def send(self, message: Any) -> Any:
            sent.append(message)
            again = [(each.dag_id, each.run_id) for each in sent].count((message.dag_id, message.run_id)) > 1
            return ErrorResponse(error=ErrorType.DAGRUN_ALREADY_EXISTS) if again else OKResponse(ok=True)

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Comms(), raising=False)
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    assert start_run("churn", "retrain_churn_1", {"transfer": True}, moment)
    assert not start_run("churn", "retrain_churn_1", {"transfer": True}, moment)
    assert (sent[0].logical_date, sent[0].conf) == (moment, {"transfer": True})


def test_a_trigger_asks_for_a_run_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from airflow.jobs.triggerer_job_runner import TriggerCommsDecoder
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import DRCount

    from automl_airflow.compat import count_runs

    assert inspect.iscoroutinefunction(TriggerCommsDecoder.asend)
    sent: list[Any] = []

    class Comms:
        async def asend(self, message: Any) -> Any:
            sent.append(message)
            return DRCount(count=1)

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Comms(), raising=False)
    assert asyncio.run(count_runs("search", "run_1", ("failed", "success"))) == 1
    assert asyncio.run(count_runs("search", "run_1")) == 1
    assert [(each.dag_id, each.run_ids, each.states) for each in sent] == [
        ("search", ["run_1"], ["failed", "success"]), ("search", ["run_1"], None),
    ]  # fmt: skip


def test_a_dag_that_this_airflow_does_not_have() -> None:
    from types import SimpleNamespace

    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    from automl_airflow.compat import is_paused

    def answers(found: Any) -> Any:
        def get_dag(dag_id: str) -> Any:
            if isinstance(found, int):
                raise AirflowRuntimeError(
                    ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": found})
                )
            return SimpleNamespace(is_paused=found == "paused")

        return {"ti": SimpleNamespace(get_dag=get_dag)}

    assert is_paused(answers("paused"), "churn") is True
    assert is_paused(answers("running"), "churn") is False
    assert is_paused(answers(404), "churn") is None
    with pytest.raises(AirflowRuntimeError):
        is_paused(answers(500), "churn")


def test_a_task_instance_has_what_is_read_and_written_of_it() -> None:
    """`name_at_its_end`, `generation_of`, `bundle_folder`, `states_of`: they do nothing without, in silence."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    fields = {"bundle_instance", "max_tries", "rendered_map_index", "try_number"}
    assert fields <= set(RuntimeTaskInstance.model_fields)
    source = inspect.getsource(importlib.import_module("airflow.sdk.execution_time.task_runner"))
    assert "rendered_map_index=ti.rendered_map_index" in source, "the message that ends a task carries the name"
    assert set(parameters(RuntimeTaskInstance.get_task_states)) >= {"dag_id", "task_ids", "run_ids"}


def test_what_airflow_knows_to_be_secret_is_hidden() -> None:
    from airflow.sdk.log import mask_secret

    from automl_airflow.compat import hide_secrets

    mask_secret("a-password-of-airflows-own")
    assert hide_secrets("it is a-password-of-airflows-own, is it") == "it is ***, is it"


def test_an_answer_goes_along_to_the_next_try_of_its_task() -> None:
    """`models/hitl.py`: the archive of a try takes the instance's new id, and with it what hangs on that."""
    from airflow.models.hitl import HITLDetail

    (key,) = HITLDetail.__table__.foreign_keys
    assert key.onupdate == "CASCADE"


def test_only_a_clear_raises_max_tries() -> None:
    """`generation_of` tells a person's clear by it: clear_task_instances sets it to the tries made plus the retries."""
    from airflow.models import taskinstance

    assert "ti.max_tries = " in inspect.getsource(taskinstance.clear_task_instances)


def test_the_dag_processor_looks_for_files_by_the_function_that_is_wrapped() -> None:
    from airflow.dag_processing import manager

    assert "list_py_file_paths" in inspect.getsource(manager)
