"""What is wrong with an annotation project's file: each group by itself, and what they say of one another."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.annotation.file.relations import relation_problems
from automl_core.spec.errors import Problem, show
from automl_core.spec.explain import explain
from automl_core.spec.schedule import schedule_problems
from automl_core.spec.shapes import Shape
from automl_core.spec.sizes import size_problems

LIMITS: dict[tuple[str, ...], tuple[int, str]] = {
    ("tags",): (100, "tags"),
    ("items", "data"): (100, "places"),
    ("items", "columns"): (1_000, "columns"),
    ("items", "show"): (1_000, "columns"),
    ("labels", "classes"): (1_000, "classes"),
    ("models",): (2, "models"),
    ("models", "*", "command"): (5_000, "arguments"),
    ("models", "*", "env"): (1_000, "variables"),
    ("people", "who"): (1_000, "people"),
    ("schedule", "assets"): (100, "assets"),
    ("alerts", "on"): (100, "occasions"),
}
"""Place of a list or mapping (``*``: any index) → how many entries it may have, and what they are."""

AnnotationFile.model_rebuild()  # built here once: a process that forks (Airflow's DAG processor) shares it


def validate(data: Any) -> tuple[AnnotationFile | None, list[Problem]]:
    """Check the plain data of an annotation project's file.

    Args:
        data: what the file holds, keys as text.

    Returns:
        The file, or None; and every problem, without file and line. There is no file exactly when there are problems.
    """
    if not isinstance(data, dict):
        message = "the file is empty" if data is None else f"found {show(data)} where the file's keys are wanted"
        least = "An annotation project's file has at least: kind, name, items, labels, models"
        return None, [Problem(message, suggestion=least)]
    problems = size_problems(data, LIMITS)
    if problems:
        return None, problems
    try:
        file = AnnotationFile.model_validate(data)
    except ValidationError as error:
        return None, explain(error, Shape(AnnotationFile), data, whole=AnnotationFile)
    problems = [*relation_problems(file), *schedule_problems(file.schedule)]
    return (None if problems else file), problems
