"""Times as numbers: how long ago, which part of the calendar, where in the year, the week and the day."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..matrix import Matrix
from .base import Cells, Floats, State, Work

DAY = 86400.0
YEAR = 365.2425 * DAY
_FIRST_MONDAY = 4 * DAY  # 1970-01-05


def _date(seconds: Floats, unit: str, per: str) -> Floats:
    """How many whole units have passed since the beginning of a larger one."""
    times = np.floor(seconds).astype("datetime64[s]")
    passed = times.astype(f"datetime64[{unit}]") - times.astype(f"datetime64[{per}]")
    return np.asarray(passed.astype(np.float64))


def _wave(function: Callable[[Floats], Floats], period: float, start: float = 0.0) -> Callable[[Floats], Floats]:
    return lambda seconds: function(2 * np.pi * ((seconds - start) % period) / period)


PARTS: dict[str, Callable[[Floats], Floats]] = {
    "days": lambda seconds: seconds / DAY,
    "year": lambda seconds: 1970 + np.floor(seconds).astype("datetime64[s]").astype("datetime64[Y]").astype(np.float64),
    "month": lambda seconds: 1 + _date(seconds, "M", "Y"),
    "day": lambda seconds: 1 + _date(seconds, "D", "M"),
    "weekday": lambda seconds: np.floor((seconds - _FIRST_MONDAY) % (7 * DAY) / DAY),
    "hour": lambda seconds: np.floor(seconds % DAY / 3600),
    "minute": lambda seconds: np.floor(seconds % 3600 / 60),
    "year sin": lambda seconds: np.sin(2 * np.pi * _date(seconds, "s", "Y") / YEAR),
    "year cos": lambda seconds: np.cos(2 * np.pi * _date(seconds, "s", "Y") / YEAR),
    "week sin": _wave(np.sin, 7 * DAY, _FIRST_MONDAY),
    "week cos": _wave(np.cos, 7 * DAY, _FIRST_MONDAY),
    "day sin": _wave(np.sin, DAY),
    "day cos": _wave(np.cos, DAY),
}
"""Name → seconds since 1970 (UTC, none missing) as that part; ``days`` since 1970, ``weekday`` from 0 for Monday."""


def part(name: str, seconds: Floats) -> Floats:
    """(n,) one part of times; what is missing stays so."""
    known = np.isfinite(seconds)
    values = np.full(len(seconds), np.nan)
    if known.any():
        values[known] = PARTS[name](seconds[known])
    return values


class Dates:
    """State: ``columns``; ``parts``, names of parts for each; ``between``, pairs of columns whose distance counts."""

    def __init__(self, state: State) -> None:
        self.parts = [(name, tuple(parts)) for name, parts in zip(state["columns"], state["parts"], strict=True)]
        self.between = [(str(first), str(second)) for first, second in state["between"]]

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Append a column for each part, and the days between two times."""
        names, values = [], []
        for column, parts in self.parts:
            seconds = work.numbers(column)
            names += [f"{column} ({each})" for each in parts]
            values += [part(each, seconds) for each in parts]
        for first, second in self.between:
            names.append(f"{second} − {first} (days)")
            values.append((work.numbers(second) - work.numbers(first)) / DAY)
        if not names:
            return matrix
        return Matrix.beside([matrix, Matrix.of(np.column_stack(values), names)])

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        found = list(values)
        for column, parts in self.parts:
            seconds = np.asarray([cells[column]])
            found += [float(part(each, seconds)[0]) for each in parts]
        return found + [(cells[second] - cells[first]) / DAY for first, second in self.between]
