"""Exponential smoothing in state space form (Hyndman et al. 2008, table 2.1), as statsforecast has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Floats, Ints, Local

NEAR_ZERO = 1e-10
"""Where what is divided by is closer to 0, the quotient is `HUGE` (so do R's forecast and statsforecast)."""

HUGE = 1e10


class Ets(Local):
    """Level, growth and season of a series, with smoothing parameters.

    Document::

        {"type": "ets", "error": "A" | "M", "trend": "N" | "A" | "M", "season": "N" | "A" | "M",
         "alpha": (k,), "beta": (k,), "gamma": (k,), "phi": (k,),      beta, gamma 0 where unused; phi 1: not damped
         "level": (k,), "growth": (k,),                                growth 0 (1 of trend M) where there is none
         "seasonal": (k, m)}                                           m = 1 and 0 (1 of season M) where there is none

    ``seasonal`` is newest first: its last is the next step's, as in a row of statsforecast's ``states``, which is
    ``[level, growth?, *seasonal]``. beta is that of the book: the growth's gain over the *error*, alpha times beta*.
    With a forecast q = level ∘ growth^phi before the season, y the value and s the season's:

    ====== ==================================================================
    level  q + alpha (y ⊖ s - q)
    growth growth^phi + beta / alpha (level ⊖ old level - growth^phi)
    season s + gamma (y ⊖ q - s)
    ====== ==================================================================

    ∘ and ⊖ are + and -, or times and divided by where trend or season are multiplicative. The kind of the error changes
    likelihood and intervals, neither recursion nor forecast: it is kept for whoever reads the file.

    A damped growth is forecast as statsforecast 2.1 does (and R's forecast): h steps ahead it counts phi + phi +
    phi^2 + … + phi^(h-1) times, where the book, and the recursion above, have phi + phi^2 + … + phi^h.
    """

    COLUMNS: Mapping[str, int] = {"alpha": 0, "beta": 0, "gamma": 0, "phi": 0, "level": 0, "growth": 0, "seasonal": 1}
    STATES = ("level", "growth", "seasonal")

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(document)
        self.trend, self.season = str(document["trend"]), str(document["season"])
        for name, value in (("trend", self.trend), ("season", self.season)):
            if value not in ("N", "A", "M"):
                raise ValueError(f"ets: {name} is {value!r} (known: N, A, M)")

    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """Level, damped growth and season of each step ahead."""
        of = {name: column[rows] for name, column in self.columns.items()}
        phi = of["phi"]
        found = np.empty((len(rows), horizon))
        damped = phi.copy()
        period = of["seasonal"].shape[1]
        for step in range(horizon):
            if self.trend == "N":
                value = of["level"]
            elif self.trend == "A":
                value = of["level"] + damped * of["growth"]
            else:
                value = of["level"] * _power(of["growth"], damped)
            seasonal = of["seasonal"][:, (period - 1 - step) % period]
            if self.season == "A":
                value = value + seasonal
            elif self.season == "M":
                value = value * seasonal
            found[:, step] = value
            damped = damped + np.where(np.abs(phi - 1.0) < NEAR_ZERO, 1.0, phi ** (step + 1))
        return found

    def step(self, rows: Ints, values: Floats) -> None:
        """The book's recursions, by a value each."""
        y = self.filled(rows, values)
        of = {name: column[rows] for name, column in self.columns.items()}
        old, growth, seasonal = of["level"], of["growth"], of["seasonal"][:, -1]
        if self.trend == "N":
            onward, expected = growth, old
        elif self.trend == "A":
            onward = of["phi"] * growth
            expected = old + onward
        else:
            onward = np.where(np.abs(of["phi"] - 1.0) < NEAR_ZERO, growth, _power(growth, of["phi"]))
            expected = old * onward
        adjusted = y - seasonal if self.season == "A" else _quotient(y, seasonal) if self.season == "M" else y
        level = expected + of["alpha"] * (adjusted - expected)
        self.columns["level"][rows] = level
        if self.trend != "N":
            change = level - old if self.trend == "A" else _quotient(level, old)
            self.columns["growth"][rows] = onward + (of["beta"] / of["alpha"]) * (change - onward)
        if self.season != "N":
            share = y - expected if self.season == "A" else _quotient(y, expected)
            newest = seasonal + of["gamma"] * (share - seasonal)
            self.columns["seasonal"][rows] = np.column_stack([newest, of["seasonal"][:, :-1]])


def _quotient(one: Floats, other: Floats) -> Floats:
    small = np.abs(other) < NEAR_ZERO
    return np.asarray(np.where(small, HUGE, one / np.where(small, 1.0, other)))


def _power(base: Floats, exponent: Floats) -> Floats:
    """A negative growth has no power: NaN."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(base < 0, np.nan, np.abs(base) ** exponent))
