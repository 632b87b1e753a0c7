"""What a person is told of an experiment's environment before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.preview.environment import environment_ahead, environment_notes, environment_warnings
from automl_core.spec.models import Experiment

LOCAL = {"name": "train", "cwd": "code", "command": ["python", "train.py"]}
POD = {"name": "pod", "backend": "kubernetes", "image": "x:1", "command": ["python", "train.py"]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "r.txt").write_text("tiny-lib==1.2\nother==2\n")
    return tmp_path / "e.yaml"


def made(*tasks: dict[str, Any], **groups: Any) -> Experiment:
    body = {
        "name": "e", "goal": {"metric": "accuracy", "direction": "maximize"}, "code": "program",
        "output": {"storage": "s3://b/p"}, "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "environment": {"lock": "program/r.txt"}, "tasks": list(tasks), **groups,
    }  # fmt: skip
    return Experiment.model_validate(body)


def test_a_line_for_what_will_be_made(file: Path) -> None:
    found = environment_ahead(made(LOCAL), file.parent, file)
    assert found is not None
    assert (found.packages, found.made, found.problem) == (2, False, "")
    assert found.python.startswith("Python 3.")
    assert environment_ahead(made(LOCAL, environment=None), file.parent, file) is None
    assert environment_ahead(made(POD), file.parent, file) is None, "an image decides"
    assert not list(environment_warnings(made(LOCAL), file))


def test_a_python_that_is_not_here(file: Path) -> None:
    found = environment_ahead(made(LOCAL, environment={"lock": "program/r.txt", "python": "3.99"}), file.parent, file)
    assert found is not None
    assert "python3.99" in found.problem


def test_a_lock_file_that_can_not_be_used_is_warned_of(file: Path) -> None:
    (file.parent / "program" / "r.txt").write_text("a>1\nb>2\n")
    found = list(environment_warnings(made(LOCAL), file))
    assert [each.path for each in found] == [("environment", "lock")] * 2
    ahead = environment_ahead(made(LOCAL), file.parent, file)
    assert ahead is not None
    assert "several versions" in ahead.problem
    (file.parent / "program" / "r.txt").unlink()
    (missing,) = environment_warnings(made(LOCAL), file)
    assert "there is no file" in missing.message


def test_pods_have_what_their_image_has(file: Path) -> None:
    (unread,) = environment_warnings(made(POD), file)
    assert "nothing reads the lock file" in unread.message
    (note,) = environment_notes(made(LOCAL, POD))
    assert note.path == ("tasks", 1, "image")
    assert not list(environment_notes(made(LOCAL)))
