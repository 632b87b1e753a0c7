"""What is imported once in the process that forks the workers, instead of in each of them anew.

Airflow forks a process for each task instance. What that has to import, compile and build before it does anything is
paid by each trial, and by the first trials of an experiment all at once; what is loaded where it is forked from costs
nothing (benchmarks/README.md, "Slot use").
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import DAG

TRIALS = (
    "automl_airflow.began",
    "automl_airflow.data_access",
    "automl_airflow.factory",
    "automl_airflow.figures",
    "automl_airflow.labels",
    "automl_airflow.naming",
    "automl_airflow.plugin",  # each task's process loads Airflow's plugins, to look for listeners
    "automl_airflow.remote",
    "automl_airflow.reporting",
    "automl_airflow.stages",
    "automl_airflow.tracking",
    "automl_core.data.details",
    "automl_core.metrics.json_file",
    "automl_core.metrics.stdout",
    "automl_core.results",
    "automl_core.running.local",
    "automl_core.spec.loader",
    "automl_core.storage.renewing",
    "automl_core.storage.retry",
    "automl_core.storage.testing",
    "automl_core.study",
    "automl_core.study.finding",
)
"""What makes an experiment's DAG and runs a trial in the worker: all that is imported where it is first used."""

PARSING = (
    "automl_airflow.annotation.factory",
    "automl_airflow.factory",
    "automl_airflow.models.factory",
    "automl_core.spec.loader",
)
"""What makes the DAG of a file, of whatever kind: numpy and all that trials alone need is not among it."""

SEARCH = (
    "automl_core.search.auto",
    "automl_core.search.bayesian.acquisition",
    "automl_core.search.bayesian.initial",
    "automl_core.search.bayesian.maximize",
    "automl_core.search.bayesian.surrogate",
    "automl_core.search.bayesian.transfer",
    "automl_core.search.grid",
    "scipy.stats.qmc",  # Sobol points, with which nearly every search begins
    "threadpoolctl",
)
"""What a suggestion needs: the algorithms' own modules import numpy and scipy only when they are used.

`scipy.stats` alone costs two seconds of CPU, which each trial would spend before it trains.
"""


_EXPERIMENT = """
name: preloaded
goal: {metric: loss, direction: minimize}
space:
  x: {type: uniform, low: 0, high: 1}
trials: {max: 1}
tasks:
  - command: "true"
"""
"""A file of the smallest kind: pydantic builds the schema of a model when the first of its kind is made."""


def preload_trials() -> None:
    """Import what experiments' tasks need, and build the models that read their files.

    Raises:
        ImportError: something of ours can't be imported.
    """
    from automl_airflow.compat.preloaded import IN_TASKS, import_ahead
    from automl_core.templates.within import build_models

    for module in (*TRIALS, *SEARCH):
        importlib.import_module(module)
    import_ahead(IN_TASKS)
    build_models()
    _warm()
    os.register_at_fork(after_in_child=_reseed)


def _warm() -> None:
    """Do once what is remembered, so that no fork has to do it."""
    from automl_airflow.compat import warm_client
    from automl_airflow.plugin import is_installed

    dag = _smallest("trial")
    dag.get_template_env().from_string("{{ label }}")  # compiles its lexer's expressions: what names a mapped instance
    is_installed()
    warm_client()


def _smallest(task: str | None) -> DAG:
    """The DAG of the smallest file; all of it, or that of one of its tasks alone."""
    from automl_airflow.factory import experiment_dag
    from automl_core.templates.loading import parse_document
    from automl_core.templates.places import Places

    path = Path("preloaded.yaml")
    experiment, _ = parse_document(_EXPERIMENT, str(path), Places.of(path, None))
    return experiment_dag(experiment, path, task=task)


def preload_parsing() -> None:
    """Import what DAGs of files are made with, and build the models that read them.

    For the DAG processor, which forks a process for each file, and for each again every half a minute.

    Raises:
        ImportError: something of ours can't be imported.
    """
    from automl_airflow.compat.preloaded import IN_PARSING, import_ahead
    from automl_core.templates.within import build_models

    import_ahead(IN_PARSING)
    for module in PARSING:
        importlib.import_module(module)
    build_models()
    preload_models()
    _smallest(None)


def preload_models() -> None:
    """Import what makes DAGs of models' and projects' files, and their operators: a twentieth of a second a task."""
    from automl_airflow.annotation.factory import load_builder
    from automl_airflow.models.factory import load_builders

    load_builders()
    load_builder()


def _reseed() -> None:
    """In a forked process: numbers of its own, where all would go on with the one state that numpy began with.

    The search draws from generators of its own. But any task of any DAG is forked from here, and one that asks
    `numpy.random.rand` without a seed expects other numbers than its neighbour.
    """
    import numpy

    numpy.random.seed()
