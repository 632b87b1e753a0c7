"""The environment that an experiment's training programs run in: ``environment:``, a lock file beside the program."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from automl_core.spec.base import Model
from automl_core.spec.errors import show

CHANGES_NOTHING = "an image decides what a pod trains with"
"""Said where an experiment with a lock file has pods."""


class Environment(Model):
    """What local training tasks run with: a virtual environment that each machine makes once for a lock file."""

    lock: str = Field(
        min_length=1,
        description="Lock file: each package pinned, as `uv pip compile` or `pip-compile` writes it. Relative to this "
        "file, and one of those that go along as `code`.",
    )
    python: str | None = Field(
        None, pattern=r"^3\.[0-9]{1,2}$",
        description="Version of Python, such as 3.12, which has to be installed on the machine. The worker's own when "
        "left out.",
    )  # fmt: skip

    @field_validator("lock")
    @classmethod
    def _a_file(cls, lock: str) -> str:
        if "://" in lock or "${" in lock or lock.endswith("/"):
            raise ValueError("the path of one file beside the program is wanted here, such as requirements.txt")
        return lock


def lock_in(folder: str, lock: str) -> str | None:
    """Where a lock file lies in the code that goes along, with ``/``; None where it does not.

    Both are as the experiment file has them: relative to that file, or absolute.

    Args:
        folder: of the code.
        lock: the lock file.
    """
    if posixpath.isabs(folder) != posixpath.isabs(lock):
        return None
    inside = posixpath.relpath(posixpath.normpath(lock), posixpath.normpath(folder))
    return None if inside == "." or inside.split("/")[0] == ".." else inside


def environment_problems(environment: Any, code: Any) -> list[str]:
    """What is wrong with an experiment's environment beside its other parts; each with the place in front.

    Args:
        environment: what the experiment has under ``environment``, plain or as a model.
        code: what it has under ``code``.
    """
    lock, folder = _of(environment, "lock"), code if isinstance(code, str) else _of(code, "folder")
    if not isinstance(lock, str):
        return []
    if code is None:
        return [
            "environment.lock: the lock file goes along with the program: name the folder with both by code: FOLDER"
        ]
    if not isinstance(folder, str) or lock_in(folder, lock) is not None:
        return []
    beside = posixpath.join(folder, posixpath.basename(lock))
    return [
        f"environment.lock: {show(lock)} does not lie in the folder of the code ({folder}), and only that goes along: "
        f"move it there, and write {beside}"
    ]


def _of(group: Any, key: str) -> Any:
    return group.get(key) if isinstance(group, Mapping) else getattr(group, key, None)


def image_problems(environment: Any, tasks: Any, where: str) -> list[str]:
    """What is said of pods without an image where the experiment has a lock file, which no pod reads.

    Args:
        environment: what the experiment has under ``environment``.
        tasks: the training tasks of a list, plain.
        where: that list.
    """
    if not environment or not isinstance(tasks, list):
        return []
    return [
        f"{where}[{index}].image: {CHANGES_NOTHING}, and this one names none: build one that has automl-core and the "
        "lock file's packages (deploy/environment/Dockerfile does), and name it"
        for index, task in enumerate(tasks)
        if isinstance(task, Mapping)
        and task.get("backend") == "kubernetes"
        and task.get("image") is None
        and task.get("pod_template") is None
    ]
