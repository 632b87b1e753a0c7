"""Loaded by Airflow in each of its processes: makes experiment files DAG files of their own.

A deployment that has a file of this name already adds the one import below to its own.
"""

from automl_airflow import bootstrap  # noqa: F401 (registers on import)

__all__: list[str] = []
