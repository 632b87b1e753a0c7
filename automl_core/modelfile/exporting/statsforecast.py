"""Models of statsforecast (2.1) as records of a series' scorer: what `scoring.series.models.stacked` lays side by side.

A record is made of the dict that a fitted model of statsforecast keeps as ``model_``; nothing of it is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Record = dict[str, Any]


def ets(fitted: Mapping[str, Any]) -> Record:
    """A record of ``AutoETS(…).fit(y).model_`` (what `statsforecast.ets.ets_f` gives).

    Args:
        fitted: with ``components`` (``AAdM`` as error, trend, season, ``D`` if damped), ``par`` (alpha, beta, gamma,
            phi, then states) and ``states``, a row a step.
    """
    error, trend, season, damped = list(str(fitted["components"]))
    alpha, beta, gamma, phi = (float(each) for each in np.asarray(fitted["par"], dtype=np.float64)[:4])
    state = np.asarray(fitted["states"], dtype=np.float64)[-1]
    start = 1 + (trend != "N")
    return {
        "type": "ets", "error": error, "trend": trend, "season": season,
        "alpha": alpha, "beta": 0.0 if trend == "N" else beta, "gamma": 0.0 if season == "N" else gamma,
        "phi": phi if damped == "D" else 1.0,
        "level": float(state[0]), "growth": float(state[1]) if trend != "N" else 0.0,
        "seasonal": np.array(state[start:]) if season != "N" else np.zeros(1),
    }  # fmt: skip


def theta(fitted: Mapping[str, Any], values: Any) -> Record:
    """A record of ``AutoTheta(…).fit(y).model_`` (what `statsforecast.theta.auto_theta` gives).

    Args:
        fitted: with ``modeltype``, ``par``, ``states``, ``n`` and, where it took a season out, ``decompose``,
            ``decomposition_type`` and ``seas_forecast``.
        values: (n,) what it was fitted on.
    """
    y = np.asarray(values, dtype=np.float64)
    form, n = str(fitted["modeltype"]), len(y)
    season, seasonal = "N", np.zeros(1)
    if fitted.get("decompose", False):
        season = "M" if fitted["decomposition_type"] == "multiplicative" else "A"
        seasonal = np.array(fitted["seas_forecast"]["mean"], dtype=np.float64)
        m = len(seasonal)
        shape = seasonal[(np.arange(n) - n) % m]  # the season repeats itself, and the next step's is the first
        y = y / shape if season == "M" else y - shape
    level, mean, intercept, slope = (float(each) for each in np.asarray(fitted["states"], dtype=np.float64)[-1][:4])
    static = form in ("STM", "OTM")
    return {
        "type": "theta", "form": form, "season": season, "seasonal": seasonal,
        "alpha": float(fitted["par"]["alpha"]), "theta": float(fitted["par"]["theta"]),
        "steps": float(n), "level": level, "mean": mean, "intercept": intercept, "slope": slope,
        "total": float(y.sum()) if static else 0.0,
        "moment": float(y @ np.arange(1.0, n + 1.0)) if static else 0.0,
    }  # fmt: skip


def ces(fitted: Mapping[str, Any]) -> Record:
    """A record of ``AutoCES(…).fit(y).model_`` (what `statsforecast.ces.auto_ces` gives)."""
    season, n = str(fitted["seasontype"]), int(fitted["n"])
    period = 1 if season == "N" else int(fitted["m"])
    par = {name: float(value) for name, value in fitted["par"].items()}
    return {
        "type": "ces", "season": season,
        "alpha_0": par["alpha_0"], "alpha_1": par["alpha_1"],
        "beta_0": par["beta_0"] if season in "PF" else 0.0, "beta_1": par["beta_1"] if season == "F" else 0.0,
        "states": np.array(np.asarray(fitted["states"], dtype=np.float64)[n : n + period]),
    }  # fmt: skip


def arima(fitted: Mapping[str, Any], values: Any) -> Record:
    """A record of ``AutoARIMA(…).fit(y).model_`` (what `statsforecast.arima.auto_arima_f` gives), without regressors.

    Args:
        fitted: with ``model`` (R's state space form: T, V, Z, h, a, P), ``arma`` and ``coef``.
        values: (n,) what it was fitted on.

    Raises:
        ValueError: it has regressors of the user's.
    """
    coefficients = {str(name): float(value) for name, value in fitted["coef"].items()}
    names = list(coefficients)[sum(fitted["arma"][:4]) :]
    if not set(names) <= {"intercept", "drift"}:
        raise ValueError(f"an ARIMA with regressors is not exported: {', '.join(names)}")
    form = {name: np.array(fitted["model"][name], dtype=np.float64) for name in ("T", "V", "Z", "a", "P")}
    return {
        "type": "state_space", "transition": form["T"], "noise": form["V"], "observation": form["Z"],
        "measured": float(fitted["model"]["h"]), "state": form["a"], "covariance": form["P"],
        "intercept": coefficients.get("intercept", 0.0), "drift": coefficients.get("drift", 0.0),
        "steps": float(len(np.asarray(values))),
    }  # fmt: skip
