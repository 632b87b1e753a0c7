"""Rows as a model sees them: steps that were learned, each plain data, applied one after the other.

A *state* is what a step has learned: a dict of JSON values and numpy arrays, with the step's name under ``step``. Steps
that read columns of the table append to the matrix; steps over the matrix give another one; `cross` adds columns to the
table. Training and scoring run this very code, so a row is seen as it was learned from, alone or among others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..matrix import Matrix
from .arithmetic import Arithmetic
from .base import Cells, State, Step, Work
from .cross import Cross
from .dates import Dates
from .encode import Encode
from .fill import Fill
from .group import Group
from .hashing import Hashing
from .numbers import Numbers
from .onehot import OneHot
from .ordinal import Ordinal
from .project import Project
from .quantile import Quantile
from .scale import Scale
from .select import Select
from .text import Text

__all__ = ["STEPS", "Features", "State", "Step", "Work", "apply", "step"]

STEPS: Mapping[str, type[Step]] = {
    "arithmetic": Arithmetic,
    "cross": Cross,
    "dates": Dates,
    "encode": Encode,
    "fill": Fill,
    "group": Group,
    "hashing": Hashing,
    "numbers": Numbers,
    "onehot": OneHot,
    "ordinal": Ordinal,
    "project": Project,
    "quantile": Quantile,
    "scale": Scale,
    "select": Select,
    "text": Text,
}
"""Name of a step in a state → what applies it."""


def step(state: State) -> Step:
    """What applies a state.

    Raises:
        ValueError: its step is not known: the file is of a later release.
    """
    name = str(state.get("step"))
    if name not in STEPS:
        raise ValueError(f"features: there is no step {name!r} (known: {', '.join(STEPS)}); a later release wrote it")
    return STEPS[name](state)


class Features:
    """All steps of a pipeline, ready to be applied again and again."""

    def __init__(self, states: Iterable[State]) -> None:
        self._steps = [step(state) for state in states]

    def apply(self, frame: Any) -> Matrix:
        """What a model sees of a frame (`values.Frame`)."""
        work, matrix = Work.of(frame), Matrix.empty(frame.n)
        for each in self._steps:
            matrix = each(work, matrix)
        return matrix

    def row(self, cells: Cells) -> list[float]:
        """What a model sees of one row: the numbers that `apply` gives for a frame of it.

        Args:
            cells: see `base.Cells`; it may get columns.
        """
        values: list[float] = []
        for each in self._steps:
            values = each.row(cells, values)
        return values


def apply(states: Iterable[State], frame: Any) -> Matrix:
    """What a model sees of a frame, by the states of its steps; for many frames `Features` is cheaper."""
    return Features(states).apply(frame)
