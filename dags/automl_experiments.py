"""Experiments as DAGs, where Airflow doesn't read experiment files by itself.

With this product's airflow_local_settings.py in the plugins folder each experiment file is a DAG file
of its own and nothing is left to do here. Without it (a deployment with another file of that name)
all of them come from this one, and what is wrong with any is one import error of this file.
"""

from __future__ import annotations

from pathlib import Path

from automl_airflow.collection import experiment_dags

for dag in experiment_dags(Path(__file__).parent):
    globals()[dag.dag_id] = dag
