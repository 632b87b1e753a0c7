"""Which tasks somebody gets next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl_core.annotation.project.rules import free_for

if TYPE_CHECKING:
    from automl_core.annotation.project.state import ProjectState


def tasks_for(state: ProjectState, who: str, many: int, at: float, to: str) -> list[int]:
    """Numbers of items for somebody: those that they have, then by batch and priority those that are free.

    What they have answered in an earlier batch comes last: a second look is better another's.

    Args:
        state: as it is.
        who: their name.
        many: how many at most.
        at: the time, seconds since 1970.
        to: where the batches were sent.
    """
    mine = state.claimed_by(who, at)
    have: list[int] = []
    fresh: list[int] = []
    again: list[int] = []
    for batch in state.open_batches(to):
        for number in batch.items:
            if state.tasks.get(number) != batch.number or not free_for(state, number, who, at):
                continue
            if number in mine:
                have.append(number)
            elif len(have) + len(fresh) < many:
                (again if state.answer_by(number, who) is not None else fresh).append(number)
            elif len(have) >= len(mine):
                break
    return [*have, *fresh, *again][: max(many, 0)]
