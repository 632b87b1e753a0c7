"""Linear Gaussian state space models, run on by the Kalman filter: ARIMA."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .base import Floats, Ints, Local


class StateSpace(Local):
    """A state that moves linearly, of which a value shows one combination (Durbin & Koopman 2012, chapter 4).

    Document::

        {"type": "state_space",
         "transition": (k, r, r), "noise": (k, r, r),      T, V: state ← T state + noise
         "observation": (k, r), "measured": (k,),          Z, h: value = Z state + noise of variance h + line
         "state": (k, r), "covariance": (k, r, r),         after the last value: R's ``a`` and ``P`` of Arima's model
         "intercept": (k,), "drift": (k,), "steps": (k,)}  the line: intercept + drift times the number of the step

    A missing value only moves state and covariance on.
    """

    COLUMNS: Mapping[str, int] = {
        "transition": 2, "noise": 2, "observation": 1, "measured": 0, "state": 1, "covariance": 2, "intercept": 0,
        "drift": 0, "steps": 0,
    }  # fmt: skip
    STATES = ("state", "covariance", "steps")

    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """The state moved on, without noise."""
        of = {name: column[rows] for name, column in self.columns.items()}
        state = of["state"]
        found = np.empty((len(rows), horizon))
        for step in range(horizon):
            state = np.einsum("kij,kj->ki", of["transition"], state)
            line = of["intercept"] + of["drift"] * (of["steps"] + step + 1.0)
            found[:, step] = np.einsum("ki,ki->k", of["observation"], state) + line
        return found

    def step(self, rows: Ints, values: Floats) -> None:
        """Predict, and correct where there is a value."""
        of = {name: column[rows] for name, column in self.columns.items()}
        moves = of["transition"]
        state = np.einsum("kij,kj->ki", moves, of["state"])
        spread = np.einsum("kij,kjl,kml->kim", moves, of["covariance"], moves) + of["noise"]
        shown = np.einsum("kij,kj->ki", spread, of["observation"])
        gain = np.einsum("ki,ki->k", of["observation"], shown) + of["measured"]
        line = of["intercept"] + of["drift"] * (of["steps"] + 1.0)
        surprise = values - line - np.einsum("ki,ki->k", of["observation"], state)
        seen = ~np.isnan(values) & (gain > 0)
        share = np.where(seen[:, None], shown / np.where(gain > 0, gain, 1.0)[:, None], 0.0)
        self.columns["state"][rows] = state + share * np.where(seen, surprise, 0.0)[:, None]
        self.columns["covariance"][rows] = spread - share[:, :, None] * shown[:, None, :]
        self.columns["steps"][rows] += 1.0
