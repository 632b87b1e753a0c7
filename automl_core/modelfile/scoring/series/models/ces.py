"""Complex exponential smoothing (Svetunkov, Kourentzes & Ord 2022, NRL 69:1108), as statsforecast has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Floats, Ints, Local


class Ces(Local):
    """A complex level, and a season that is none (N), simple (S), partial (P) or full (F).

    Document::

        {"type": "ces", "season": "N" | "S" | "P" | "F",
         "alpha_0": (k,), "alpha_1": (k,), "beta_0": (k,), "beta_1": (k,),     betas 0 where unused
         "states": (k, m, c)}       after each of the last m values, oldest first; m = 1 of N; c = 2, of P 3, of F 4

    That is rows n to n + m - 1 of statsforecast's ``states``. States run on by the recursion; statsforecast's
    ``forward`` estimates the first states anew, from all values, back and forth.
    """

    COLUMNS: Mapping[str, int] = {"alpha_0": 0, "alpha_1": 0, "beta_0": 0, "beta_1": 0, "states": 2}
    STATES = ("states",)

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(document)
        self.season = str(document["season"])
        parts = {"N": 2, "S": 2, "P": 3, "F": 4}
        if self.season not in parts or self.columns["states"].shape[2] != parts[self.season]:
            raise ValueError(f"ces: no season {self.season!r} with states of {self.columns['states'].shape[2]} parts")

    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """Each step as if the ones before it had come."""
        of = {name: column[rows] for name, column in self.columns.items()}
        found = np.empty((len(rows), horizon))
        for step in range(horizon):
            found[:, step] = self._expected(of["states"])
            of["states"] = self._moved(of, found[:, step])
        return found

    def step(self, rows: Ints, values: Floats) -> None:
        """One state more, the oldest goes."""
        of = {name: column[rows] for name, column in self.columns.items()}
        y = np.where(np.isnan(values), self._expected(of["states"]), values)
        self.columns["states"][rows] = self._moved(of, y)

    def _expected(self, states: Floats) -> Floats:
        level = states[:, 0 if self.season == "S" else -1, 0]
        return np.asarray(level + states[:, 0, 2] if self.season in "PF" else level)

    def _moved(self, of: Mapping[str, Floats], y: Floats) -> Floats:
        states = of["states"]
        before, season = states[:, 0 if self.season == "S" else -1], states[:, 0]
        error = y - self._expected(states)
        new = np.empty(season.shape)
        new[:, 0], new[:, 1] = _pair(before[:, 0], before[:, 1], of["alpha_0"], of["alpha_1"], error)
        if self.season == "P":
            new[:, 2] = season[:, 2] + of["beta_0"] * error
        elif self.season == "F":
            new[:, 2], new[:, 3] = _pair(season[:, 2], season[:, 3], of["beta_0"], of["beta_1"], error)
        return np.concatenate([states[:, 1:], new[:, None]], axis=1)


def _pair(real: Floats, imaginary: Floats, one: Floats, other: Floats, error: Floats) -> tuple[Floats, Floats]:
    return (
        real - (1.0 - other) * imaginary + (one - other) * error,
        real + (1.0 - one) * imaginary + (one + other) * error,
    )
