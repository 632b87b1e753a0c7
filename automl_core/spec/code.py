"""The folder with the training's code that goes along with an experiment: ``code:``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from automl_core.spec.base import Model

CODE_DIR = "code_dir"
"""Name of the placeholder for the folder in which the training finds it."""

CWD = "code"
"""What ``cwd`` says for that folder."""


class Code(Model):
    """A folder that is packed once, when a run begins, and unpacked wherever its training runs."""

    folder: str = Field(min_length=1, description="The folder, relative to the experiment file.")
    ignore: list[str] = Field(
        default_factory=list,
        description="Patterns of what is not packed, as in a .gitignore; they come after the folder's .automlignore.",
    )
    digest: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of what is packed, filled in as a run begins; where a file states it, nothing else runs.",
    )

    def place(self, file: Path) -> Path:
        """The folder itself.

        Args:
            file: the experiment file.
        """
        return (file.absolute().parent / self.folder).resolve()


def code_problems(code: Any, tasks: Sequence[Mapping[str, Any]], where: str) -> list[str]:
    """What is wrong with training tasks that run in the code's folder.

    ``cwd: code`` of a local task of an experiment without ``code:`` is a folder of that name, as it always was.

    Args:
        code: what the experiment has under ``code``.
        tasks: what each training task says of ``backend`` and ``cwd``.
        where: the list that they stand in.
    """
    return [
        f"{where}[{index}].cwd: the experiment has no code: name its folder with code: FOLDER"
        for index, task in enumerate(tasks)
        if code is None and task.get("cwd") == CWD and task.get("backend") == "kubernetes"
    ]
