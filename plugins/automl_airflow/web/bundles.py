"""Which DAG bundle a folder lies in, and whose it is: by Airflow's configuration, as its DAG processor reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from airflow.configuration import conf

from automl_core.templates.places import Places

_LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"


class Bundle(NamedTuple):
    """A DAG bundle that is a folder of this machine.

    Attributes:
        name: as ``[dag_processor] dag_bundle_config_list`` has it.
        path: the folder.
        team: its ``team_name``; None where Airflow knows no teams (``[core] multi_team``), or it is everybody's.
    """

    name: str
    path: Path
    team: str | None


def many_teams() -> bool:
    """Whether this Airflow is shared by teams."""
    return bool(conf.getboolean("core", "multi_team", fallback=False))


def local_bundles() -> list[Bundle]:
    """Every bundle that is a folder. One without a path is the DAGs folder (dag_processing/bundles/local.py:38)."""
    configured: Any = conf.getjson("dag_processor", "dag_bundle_config_list", fallback=[]) or []
    teams = many_teams()
    return [
        Bundle(
            str(each.get("name")),
            Path((each.get("kwargs") or {}).get("path") or conf.get("core", "dags_folder")).expanduser(),
            (each.get("team_name") or None) if teams else None,
        )
        for each in configured
        if each.get("classpath") == _LOCAL
    ]


def places_in(bundle: str | None) -> Places:
    """Where templates lie for experiment files of a bundle, as far as the API server has the bundle's folder.

    Args:
        bundle: its name; None where that isn't known.
    """
    folder = next((each.path for each in local_bundles() if each.name == bundle), None)
    return Places.of(bundle=folder)


def bundle_of(folder: Path) -> Bundle | None:
    """The bundle that a folder lies in, the innermost where several do; None where it is none's."""
    place = folder.resolve()
    around = [bundle for bundle in local_bundles() if place.is_relative_to(bundle.path.resolve())]
    return max(around, key=lambda bundle: len(bundle.path.resolve().parts), default=None)
