"""How far people are with a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.annotation.project import ProjectState


def answered_in(state: ProjectState, batch: int) -> tuple[int, int] | None:
    """How many items of a batch are answered by as many people as was asked for, and how many there are.

    Items that were retired meanwhile are waited for no more.

    Args:
        state: the project's.
        batch: its number.

    Returns:
        Both; None where there is no such batch.
    """
    raise NotImplementedError
