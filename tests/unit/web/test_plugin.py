"""The plugin: light in every process of Airflow, and what the API server mounts."""

from __future__ import annotations

import subprocess
import sys

from starlette.routing import Mount

from automl_airflow.plugin import AutoMLPlugin
from tests.sources import ROOT
from tests.unit.web.conftest import World, body_of


def test_only_the_api_server_pays_for_the_web_view() -> None:
    program = (
        "import sys\n"
        "from automl_airflow.plugin import AutoMLPlugin\n"
        "plugin = AutoMLPlugin(); plugin.validate()\n"
        "assert plugin.external_views and plugin.name == 'automl'\n"
        "assert not [m for m in sys.modules if m.startswith(('automl_airflow.web', 'automl_core.views', 'fastapi.'))]\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_airflow_mounts_it_and_shows_its_views(world: World) -> None:
    assert [r.path for r in world.app.routes if isinstance(r, Mount)].count("/automl") == 1
    assert AutoMLPlugin().fastapi_apps[0]["app"] is AutoMLPlugin.fastapi_apps[0]["app"], "it is made once"
    plugins = body_of(world.client().get("/api/v2/plugins"))["plugins"]
    views = next(each for each in plugins if each["name"] == "automl")["external_views"]
    assert {view["destination"]: view["href"] for view in views} == {
        "nav": "automl/",
        "dag": "automl/experiments/{DAG_ID}",
        "dag_run": "automl/experiments/{DAG_ID}/runs/{RUN_ID}",
        "task_instance": "automl/experiments/{DAG_ID}/runs/{RUN_ID}/tasks/{TASK_ID}/{MAP_INDEX}",
    }
    assert len({view["url_route"] for view in views}) == 4


def test_where_an_experiment_lies_stands_in_its_serialized_dag(world: World, ended: tuple[str, str]) -> None:
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from automl_airflow.web.catalog import place_in

    with create_session() as session:
        data = session.scalar(select(SerializedDagModel).where(SerializedDagModel.dag_id == ended[0])).data
    place = place_in(data)
    assert place is not None
    assert (place.storage, place.connection) == (f"file://{world.storage}", None)
    assert (place.experiment, place.steps) == (ended[0], ("trial",))
    for task in data["dag"]["tasks"]:  # as a release before the web view has written it
        for field in ("storage", "connection", "experiment"):
            task["__var"].pop(field, None)
    assert place_in(data) == place


def test_what_is_no_experiment_has_no_place() -> None:
    from automl_airflow.web.catalog import place_in

    for data in ({}, {"dag": {}}, {"dag": {"tasks": [{"__var": {"task_id": "propose", "task_type": "BashOperator"}}]}}):
        assert place_in(data) is None
