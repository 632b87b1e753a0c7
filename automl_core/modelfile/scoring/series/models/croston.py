"""Intermittent demand: Croston's method and its kin, and that of Teunter, Syntetos and Babai."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .base import Floats, Ints, Local


class Croston(Local):
    """How much is asked for, when something is, by how long it takes (Croston 1972).

    Document::

        {"type": "croston",
         "alpha_demand": (k,), "alpha_interval": (k,),     smoothing of both; 0.1 in the classic form
         "factor": (k,),                                   1; 0.95 of Syntetos and Boylan (SBA)
         "demand": (k,), "interval": (k,),                 smoothed so far; NaN: nothing was ever asked for
         "since": (k,)}                                    steps since something was

    A missing value is as if that step had not been.
    """

    COLUMNS: Mapping[str, int] = {
        "alpha_demand": 0,
        "alpha_interval": 0,
        "factor": 0,
        "demand": 0,
        "interval": 0,
        "since": 0,
    }
    STATES = ("demand", "interval", "since")

    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """Demand by interval, flat; 0 where nothing was ever asked for."""
        demand, interval = self.columns["demand"][rows], self.columns["interval"][rows]
        known = ~np.isnan(demand) & (interval > 0)
        rate = np.divide(demand, interval, out=np.zeros_like(demand), where=known)
        return np.repeat((self.columns["factor"][rows] * rate)[:, None], horizon, axis=1)

    def step(self, rows: Ints, values: Floats) -> None:
        """Both are smoothed where something is asked for."""
        rows, values = rows[~np.isnan(values)], values[~np.isnan(values)]
        self.columns["since"][rows] += 1
        asked = values > 0
        rows, values = rows[asked], values[asked]
        for name, seen in (("demand", values), ("interval", self.columns["since"][rows])):
            old, alpha = self.columns[name][rows], self.columns[f"alpha_{name}"][rows]
            self.columns[name][rows] = np.where(np.isnan(old), seen, alpha * seen + (1.0 - alpha) * old)
        self.columns["since"][rows] = 0.0


class Tsb(Local):
    """Demand where there is some, by the probability that there is (Teunter, Syntetos & Babai 2011).

    Document::

        {"type": "tsb", "alpha_demand": (k,), "alpha_probability": (k,),
         "demand": (k,), "probability": (k,)}       smoothed so far; NaN: no demand, no value yet
    """

    COLUMNS: Mapping[str, int] = {"alpha_demand": 0, "alpha_probability": 0, "demand": 0, "probability": 0}
    STATES = ("demand", "probability")

    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """Probability times demand, flat."""
        rate = self.columns["demand"][rows] * self.columns["probability"][rows]
        return np.repeat(np.where(np.isnan(rate), 0.0, rate)[:, None], horizon, axis=1)

    def step(self, rows: Ints, values: Floats) -> None:
        """The probability is smoothed with each value, the demand where there is some."""
        rows, values = rows[~np.isnan(values)], values[~np.isnan(values)]
        asked = values > 0
        self._smooth("probability", rows, (values != 0).astype(np.float64))
        self._smooth("demand", rows[asked], values[asked])

    def _smooth(self, name: str, rows: Ints, seen: Floats) -> None:
        old, alpha = self.columns[name][rows], self.columns[f"alpha_{name}"][rows]
        self.columns[name][rows] = np.where(np.isnan(old), seen, alpha * seen + (1.0 - alpha) * old)
