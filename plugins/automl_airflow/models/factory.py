"""From a model's file to its DAGs: NAME.rollout, NAME.score where it is deployed, NAME.watch where it is watched.

Parsed all day by Airflow: nothing heavy is imported here or by what is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, get_parsing_context

from automl_core.models.file import ModelFile, load_model_file
from automl_core.models.file.checks import examine_model_file
from automl_core.models.file.model import ROLLOUT, SCORE, WATCH, dag_id
from automl_core.spec.errors import Problem

BUILDERS = {ROLLOUT: "rollout_dag", SCORE: "score_dag", WATCH: "watch_dag"}
"""What the last part of a DAG's id says → the module and the function in it that make the DAG."""


def build_model(path: Path, bundle: Path | None = None) -> tuple[list[DAG], list[Problem]]:
    """Make the DAGs of a model's file, and say what in the file may be a slip.

    A task's process gets only the DAG that it asks for.

    Args:
        path: of the file.
        bundle: root of the DAG bundle that it lies in, where that is known.

    Raises:
        SpecError: the file is wrong; the text says where and what is allowed.
    """
    wanted = get_parsing_context().dag_id
    if wanted is not None:  # a task's process reads its one file; it has been let in
        file = load_model_file(path)
        return [builder(file, path) for builder in _builders(file, wanted)], []
    examined = examine_model_file(path, bundle)
    _check_closed(examined.file, path, bundle)
    warnings = [each for each in examined.warnings if each.severity == "warning"]
    dags = [builder(examined.file, path) for builder in _builders(examined.file, None)]
    if warnings:
        from automl_airflow.factory import doc_of_warnings

        for dag in dags:
            dag.doc_md = f"{dag.doc_md or ''}{doc_of_warnings(warnings)}"
    return dags, warnings


def load_builders() -> None:
    """Import what makes a model's DAGs, in a process that is forked for each task."""
    for name in BUILDERS.values():
        _builder(name)


def _builder(name: str) -> Any:
    """What makes one of a model's DAGs: a function in a module of the same name."""
    return getattr(import_module(f"automl_airflow.models.{name}"), name)


def _check_closed(file: ModelFile, path: Path, bundle: Path | None) -> None:
    from automl_airflow.closed import is_closed

    if is_closed(file):
        from automl_airflow.models.closed import check_closed_model
        from automl_core.spec.loader import read_text

        check_closed_model(file, read_text(path), str(path), bundle, path)


def _builders(file: ModelFile, wanted: str | None) -> Sequence[Callable[[ModelFile, Path], DAG]]:
    """What makes the DAGs that a file has; of these only the one that is wanted, where one is."""
    return [
        _builder(name)
        for what, name in BUILDERS.items()
        if dag_id(file.name, what) in file.dag_ids and wanted in (None, dag_id(file.name, what))
    ]
