"""What is wrong with a model's file: each group by itself, and what they say of one another."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from automl_core.models.file.model import ModelFile
from automl_core.models.file.relations import relation_problems
from automl_core.spec.errors import Problem, show
from automl_core.spec.explain import explain
from automl_core.spec.schedule import schedule_problems
from automl_core.spec.shapes import Shape
from automl_core.spec.sizes import size_problems

LIMITS: dict[tuple[str, ...], tuple[int, str]] = {
    ("tags",): (100, "tags"),
    ("candidates", "experiments"): (100, "experiments"),
    ("evaluate", "slices"): (100, "slices"),
    ("evaluate", "tests"): (1_000, "regression tests"),
    ("accept", "by"): (1_000, "users"),
    ("deploy", "keep"): (1_000, "columns"),
    ("deploy", "schedule", "assets"): (100, "assets"),
    ("alerts", "on"): (100, "occasions"),
}
"""Place of a list or mapping → how many entries it may have, and what they are."""

ModelFile.model_rebuild()  # built here once: a process that forks (Airflow's DAG processor) shares it


def validate(data: Any) -> tuple[ModelFile | None, list[Problem]]:
    """Check the plain data of a model's file.

    Args:
        data: what the file holds, keys as text.

    Returns:
        The file, or None; and every problem, without file and line. There is no file exactly when there are problems.
    """
    if not isinstance(data, dict):
        message = "the file is empty" if data is None else f"found {show(data)} where the file's keys are wanted"
        return None, [Problem(message, suggestion="A model's file has at least: kind, name, candidates, evaluate")]
    problems = size_problems(data, LIMITS)
    if problems:
        return None, problems
    try:
        file = ModelFile.model_validate(data)
    except ValidationError as error:
        return None, explain(error, Shape(ModelFile), data, whole=ModelFile)
    problems = list(relation_problems(file))
    if file.batch is not None:
        problems += schedule_problems(file.batch.schedule, ("deploy", "schedule"))
    return (None if problems else file), problems
