"""The product as Airflow's plugin: the page AutoML, its tabs, and its REST API.

Every process of Airflow loads plugins, so the app is made only where somebody asks for it: in the API server.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from automl_airflow.teams import TeamListener

URL_PREFIX = "/automl"

_RUN = "automl/experiments/{DAG_ID}/runs/{RUN_ID}"


@cache
def is_installed() -> bool:
    """Whether Airflow finds this plugin by its entry point.

    That reads the metadata of every installed package, a fiftieth of a second of CPU: a process that was forked from
    one that has asked (`preloading`) knows.
    """
    return any(each.module == __name__ for each in entry_points(group="airflow.plugins"))


@cache
def _apps() -> tuple[dict[str, Any], ...]:
    from automl_airflow.web.app import create_app

    return ({"app": create_app(), "url_prefix": URL_PREFIX, "name": "AutoML"},)


class _Apps:
    """Made when they are read."""

    def __get__(self, instance: object, owner: type) -> list[dict[str, Any]]:
        return list(_apps())


def _view(destination: str, href: str, route: str) -> dict[str, str]:
    return {"name": "AutoML", "destination": destination, "href": href, "url_route": route}


class AutoMLPlugin(AirflowPlugin):
    """The web view in Airflow's own UI."""

    name = "automl"
    fastapi_apps = _Apps()
    listeners = [TeamListener()]  # noqa: RUF012
    external_views = [  # noqa: RUF012 (Airflow's own interface)
        _view("nav", "automl/", "automl"),
        _view("dag", "automl/experiments/{DAG_ID}", "automl-dag"),
        _view("dag_run", _RUN, "automl-run"),
        _view("task_instance", f"{_RUN}/tasks/{{TASK_ID}}/{{MAP_INDEX}}", "automl-trial"),
    ]

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Refuse an Airflow that this release doesn't know; the message stands in Airflow's list of import errors.

        Raises:
            UnsupportedAirflow: it says which releases are supported.
        """
        from automl_airflow.supported import check_airflow

        check_airflow()
