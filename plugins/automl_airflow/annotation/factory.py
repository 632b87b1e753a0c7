"""From an annotation project's file to its DAG, NAME.annotation.

Parsed all day by Airflow: nothing heavy is imported here or by what is imported here.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from automl_core.annotation.file import AnnotationFile, load_annotation_file
from automl_core.spec.errors import Problem


def build_annotation(path: Path, bundle: Path | None = None) -> tuple[list[DAG], list[Problem]]:
    """Make the DAG of an annotation project's file, and say what in the file may be a slip.

    Args:
        path: of the file.
        bundle: root of the DAG bundle that it lies in, where that is known.

    Raises:
        SpecError: the file is wrong; the text says where and what is allowed.
    """
    from automl_airflow.annotation.round_dag import round_dag

    if get_parsing_context().dag_id is not None:  # a task's process reads its one file; it has been let in
        return [round_dag(load_annotation_file(path), path)], []
    from automl_core.annotation.file.checks import examine_annotation_file

    examined = examine_annotation_file(path, bundle)
    _check_closed(examined.file, path, bundle)
    warnings = [each for each in examined.warnings if each.severity == "warning"]
    dag = round_dag(examined.file, path)
    if warnings:
        from automl_airflow.factory import doc_of_warnings

        dag.doc_md = f"{dag.doc_md or ''}{doc_of_warnings(warnings)}"
    return [dag], warnings


def load_builder() -> None:
    """Import what makes a project's DAG, in a process that is forked for each task."""
    import automl_airflow.annotation.round_dag  # noqa: F401


def _check_closed(file: AnnotationFile, path: Path, bundle: Path | None) -> None:
    from automl_airflow.closed import is_closed

    if is_closed(file):
        from automl_airflow.annotation.closed import check_closed_annotation
        from automl_core.spec.loader import read_text

        check_closed_annotation(file, read_text(path), str(path), bundle)
