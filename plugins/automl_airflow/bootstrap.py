"""What every Airflow process does once at its start.

Found by the entry point ``airflow.policy``, which Airflow loads in each process before it parses anything (settings.py,
`load_policy_plugins`), or by an ``airflow_local_settings.py`` that imports it. Plugins load too late for this.

Registers the importer, so that each experiment file is a DAG file of its own: with its own import
error, its own place in the DAG processor's queue, and parsed alone by a task's process. What a DAG
and a trial need is imported here once, in the process that forks the workers and the parsing
processes, rather than in each of them anew (benchmarks/README.md has what that saves).
"""

from __future__ import annotations

import logging
import sys

log = logging.getLogger(__name__)


def register() -> bool:
    """Make Airflow read experiment files, unless it is one that is not supported.

    Never raises: a process of Airflow must start whatever is wrong here.

    Returns:
        Whether this Airflow is supported.
    """
    try:
        from automl_airflow.supported import UnsupportedAirflow, check_airflow

        check_airflow()
    except UnsupportedAirflow as error:
        log.error("%s", error)
        return False
    except Exception:
        log.exception("Airflow's version could not be read")
    try:
        from automl_airflow.compat import hide_secrets, list_as_dag_files
        from automl_airflow.compat.importers import get_importer_registry
        from automl_airflow.importer import ExperimentImporter
        from automl_core.masking import also

        also(hide_secrets)
        list_as_dag_files()
        get_importer_registry().register(ExperimentImporter())
    except Exception:
        log.exception("experiment files are not read as DAG files of their own; dags/automl_experiments.py still is")
    return True


def preload() -> None:
    """Import what is needed once in the process that forks: each fork has it then for nothing.

    What trials need in the scheduler (LocalExecutor forks from it) and in Celery's parent process; what files are read
    with in the DAG processor, which forks for each of them; what experiments with pods need, in all three.
    """
    forking = {"scheduler", "celery", "dag-processor"} & set(sys.argv[1:3])
    if forking:
        _preload_operators()
    if "dag-processor" in forking:
        _preload_parsing()
    if not forking - {"dag-processor"}:
        return
    try:
        from automl_airflow.preloading import preload_models, preload_trials

        preload_trials()
        preload_models()
    except Exception:
        log.exception("what trials need is imported by each of them instead of once")


def _preload_parsing() -> None:
    """Import what makes DAGs of files."""
    try:
        from automl_airflow.preloading import preload_parsing

        preload_parsing()
    except Exception:
        log.exception("what files are read with is imported for each of them instead of once")


def _preload_operators() -> None:
    """Import the operators of the backends that experiments here use."""
    try:
        from automl_airflow.kubernetes.preload import wanted

        if wanted():
            import automl_airflow.kubernetes.operator  # noqa: F401
    except Exception:
        log.exception("what trials in pods need is imported by each of them instead of once")


if register():
    preload()
