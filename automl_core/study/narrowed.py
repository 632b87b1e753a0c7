"""A space that was narrowed while its experiment ran: which trials still lie in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from automl_core.search.base import PastTrial
from automl_core.space import ListParameter, Params, Space
from automl_core.space.parameter import OPTION_KINDS


def is_within(params: Params, space: Space) -> bool:
    """Whether every value of a combination is one that the space still hands out."""
    for name, value in params.items():
        parameter = space.by_name.get(name)
        if parameter is None or parameter.check(value):
            return False
        if isinstance(parameter, ListParameter) and parameter.off_grid(value) and parameter.kind == "subset":
            return False
        if parameter.kind in OPTION_KINDS and value not in (parameter.values_within(0, 0) or ()):
            return False
    return True


def known_within(history: Sequence[PastTrial], space: Space) -> list[PastTrial]:
    """A history in which trials outside the space have no values: an algorithm can't place them in it."""
    return [trial if is_within(trial.params, space) else _without_values(trial) for trial in history]


def _without_values(trial: PastTrial) -> PastTrial:
    return replace(trial, loss=None, losses_at={}, curve=(), objectives=(), constraints=())
