"""The theta method in state space form (Fiorucci et al. 2016, IJF 32:1151), as statsforecast has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Floats, Ints, Local

STATIC, DYNAMIC = ("STM", "OTM"), ("DSTM", "DOTM")


class Theta(Local):
    """A theta line's level, and a straight line that is that of all values (static) or runs along (dynamic).

    Document::

        {"type": "theta", "form": "STM" | "OTM" | "DSTM" | "DOTM",
         "season": "N" | "A" | "M",                the series was decomposed first: less, or divided by, its season
         "seasonal": (k, m),                       oldest first: the first is the next step's; N: m = 1 and 0
         "alpha": (k,), "theta": (k,),
         "steps": (k,),                            n, the number of values so far
         "level": (k,), "mean": (k,),              statsforecast's states[-1]: [level, mean, intercept, slope, …]
         "intercept": (k,), "slope": (k,),
         "total": (k,), "moment": (k,)}            Σ y_t and Σ t y_t, t from 1, of the adjusted values; 0 where dynamic

    All but ``seasonal`` are of the seasonally adjusted series. The step after n values is forecast by

        level + (1 - 1/theta) (intercept (1-alpha)^n + slope (1 - (1-alpha)^(n+1)) / alpha)

    and the steps after it as if this had come. The season's shape stays as fitted while states run on (statsforecast's
    ``forward`` decomposes anew); without a season the states are ``forward``'s.
    """

    COLUMNS: Mapping[str, int] = {
        "alpha": 0, "theta": 0, "steps": 0, "level": 0, "mean": 0, "intercept": 0, "slope": 0, "total": 0,
        "moment": 0, "seasonal": 1,
    }  # fmt: skip
    STATES = ("steps", "level", "mean", "intercept", "slope", "total", "moment", "seasonal")

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(document)
        self.form, self.season = str(document["form"]), str(document["season"])
        if self.form not in STATIC + DYNAMIC or self.season not in ("N", "A", "M"):
            raise ValueError(f"theta: no form {self.form!r} with a season {self.season!r}")

    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """Each step as if the ones before it had come."""
        of = {name: column[rows] for name, column in self.columns.items()}
        period = of["seasonal"].shape[1]
        found = np.empty((len(rows), horizon))
        for step in range(horizon):
            expected = _expected(of)
            seasonal = of["seasonal"][:, step % period]
            found[:, step] = _with(self.season, expected, seasonal)
            self._move(of, expected, static=True)
        return found

    def step(self, rows: Ints, values: Floats) -> None:
        """The paper's recursions, by a value each."""
        of = {name: column[rows] for name, column in self.columns.items()}
        y = np.where(np.isnan(values), _expected(of), _without(self.season, values, of["seasonal"][:, 0]))
        self._move(of, y, static=False)
        of["seasonal"] = np.roll(of["seasonal"], -1, axis=1)
        for name in self.STATES:
            self.columns[name][rows] = of[name]

    def _move(self, of: dict[str, Floats], y: Floats, *, static: bool) -> None:
        """States after a value.

        Args:
            of: columns of some series; replaced.
            y: adjusted values.
            static: leave the line of a static form as it is: what is forecast is no value.
        """
        n = of["steps"]
        of["level"] = of["alpha"] * y + (1.0 - of["alpha"]) * of["level"]
        mean = of["mean"]
        of["mean"] = (n * mean + y) / (n + 1.0)
        if self.form in DYNAMIC:
            of["slope"] = ((n - 1.0) * of["slope"] + 6.0 * (y - mean) / (n + 1.0)) / (n + 2.0)
            of["intercept"] = of["mean"] - of["slope"] * (n + 2.0) / 2.0
        elif not static:
            size = n + 1.0
            of["total"], of["moment"] = of["total"] + y, of["moment"] + size * y
            of["slope"] = 6.0 * (2.0 * of["moment"] / size - (size + 1.0) * of["total"] / size) / (size * size - 1.0)
            of["intercept"] = of["total"] / size - (size + 1.0) * of["slope"] / 2.0
        of["steps"] = n + 1.0


def _expected(of: Mapping[str, Floats]) -> Floats:
    rest = 1.0 - of["alpha"]
    line = of["intercept"] * rest ** of["steps"] + of["slope"] * (1.0 - rest ** (of["steps"] + 1.0)) / of["alpha"]
    return np.asarray(of["level"] + (1.0 - 1.0 / of["theta"]) * line)


def _with(season: str, value: Floats, seasonal: Floats) -> Floats:
    return value * seasonal if season == "M" else value + seasonal if season == "A" else value


def _without(season: str, value: Floats, seasonal: Floats) -> Floats:
    return value / seasonal if season == "M" else value - seasonal if season == "A" else value
