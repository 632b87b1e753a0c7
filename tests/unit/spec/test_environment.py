"""What an experiment file says of its environment, beside its code and its pods."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.spec.environment import lock_in
from automl_core.spec.stages import stage_of
from automl_core.spec.validation import validate

BODY: dict[str, Any] = {
    "name": "e", "goal": {"metric": "accuracy", "direction": "maximize"},
    "space": {"x": {"type": "uniform", "low": 0, "high": 1}}, "code": "program",
    "environment": {"lock": "program/requirements.txt"},
    "tasks": [{"name": "train", "cwd": "code", "command": ["python", "train.py"]}],
}  # fmt: skip
POD = {"name": "train", "backend": "kubernetes", "command": ["python", "train.py"]}


def problems(**groups: Any) -> list[tuple[str, str]]:
    _, found = validate({**BODY, **groups})
    return [(".".join(map(str, each.path)), each.message) for each in found]


def test_it_stands_in_the_experiment_and_in_its_stages() -> None:
    experiment, found = validate({**BODY, "prepare": [{"name": "p", "command": ["true"]}]})
    assert not found
    assert experiment is not None
    assert experiment.environment is not None
    assert stage_of(experiment, "prepare").environment == experiment.environment


@pytest.mark.parametrize(
    ("folder", "lock", "inside"),
    [
        ("program", "program/requirements.txt", "requirements.txt"),
        ("./program/", "program/locks/a.txt", "locks/a.txt"),
        (".", "requirements.txt", "requirements.txt"),
        ("../shared", "../shared/r.txt", "r.txt"),
        ("/opt/t/1", "/opt/t/1/r.txt", "r.txt"),
        ("program", "requirements.txt", None),
        ("program", "programs/r.txt", None),
        ("program", "program", None),
        ("program", "/opt/r.txt", None),
    ],
)
def test_where_the_lock_lies_in_the_code(folder: str, lock: str, inside: str | None) -> None:
    assert lock_in(folder, lock) == inside


def test_a_lock_that_does_not_go_along_is_refused_with_what_to_write() -> None:
    ((where, words),) = problems(environment={"lock": "requirements.txt"})
    assert where == "environment.lock"
    assert "program/requirements.txt" in words
    ((where, words),) = problems(code=None)
    assert where == "environment.lock"
    assert "code: FOLDER" in words


@pytest.mark.parametrize("lock", ["https://example.com/r.txt", "program/${x}.txt", "program/"])
def test_a_lock_is_a_file(lock: str) -> None:
    assert any(where == "environment.lock" for where, _ in problems(environment={"lock": lock}))


@pytest.mark.parametrize("python", ["3", "2.7", "3.12.1", "python3.12"])
def test_a_python_is_a_version(python: str) -> None:
    found = problems(environment={"lock": "program/requirements.txt", "python": python})
    assert [where for where, _ in found] == ["environment.python"]


def test_a_pod_without_an_image_is_told_how_to_build_one() -> None:
    found = problems(tasks=[POD])
    assert any(where == "tasks.0.image" and "deploy/environment/Dockerfile" in words for where, words in found)
    assert not any("Dockerfile" in words for _, words in problems(tasks=[{**POD, "image": "x:1"}]))
    assert not any("Dockerfile" in words for _, words in problems(tasks=[POD], environment=None))
