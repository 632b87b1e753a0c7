"""What holds for the training tasks of a trial holds for those of prepare and conclude: limits, places, prices."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.spec.sizes import TASK_LISTS
from automl_core.spec.validation import validate


def said(**groups: Any) -> list[str]:
    """The problems of a file that is good but for some groups, each as ``place: message``."""
    data = {
        "name": "first", "goal": {"metric": "accuracy", "direction": "maximize"},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}}, "tasks": [{"command": ["true", "${x}"]}], **groups,
    }  # fmt: skip
    return [f"{'.'.join(map(str, problem.path))}: {problem.message}" for problem in validate(data)[1]]


@pytest.mark.parametrize("where", TASK_LISTS)
def test_the_lists_of_training_tasks_are_bounded_alike(where: str) -> None:
    many = [{"name": f"t{i}", "command": ["true"]} for i in range(101)]
    assert said(**{where: many}) == [f"{where}: 101 training tasks are too many"]
    task = {"command": ["true"], "env": {f"v{i}": "" for i in range(1001)}}
    assert said(**{where: [task]}) == [f"{where}.0.env: 1,001 variables are too many"]
    assert said(**{where: [{"command": ["true"] * 5001}]}) == [f"{where}.0.command: 5,001 arguments are too many"]


@pytest.mark.parametrize("where", TASK_LISTS)
def test_a_custom_resource_that_finds_no_folder_is_named_where_it_stands(where: str) -> None:
    resource = {
        "name": "fit", "backend": "custom_resource", "connection": "c", "api_version": "example.org/v1", "kind": "Job",
        "spec": {}, "success": [{"condition": "Complete"}],
    }  # fmt: skip
    found = said(**{where: [resource]}, output={"storage": "file://./runs"})
    assert [each for each in found if each.startswith(f"{where}.0.storage_path: ")], found
