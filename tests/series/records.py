"""Cases of statsforecast's models: fitted, exported, forecast and run on by it; the asset that other tests go by.

``python -m tests.series.records`` (in the environment of series, from the repository's root) writes
tests/assets/series/statsforecast.json anew.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ASSET = Path(__file__).resolve().parents[1] / "assets" / "series" / "statsforecast.json"

FITTED, MORE, HORIZON, SEASON = 48, 6, 15, 12
ETS = ("ANN", "AAN", "ANA", "AAA", "MNM", "MAM", "MMN", "MMM", "AAM", "MAA")
"""Error, trend, season; those with a trend damped, too."""

OF_ASSET = ("ANA", "AAN", "MAM", "MMM")


def values(seed: int, trend: float = 0.3) -> Any:
    """(FITTED + MORE,) a series with trend, season and noise."""
    step, noise = np.arange(FITTED + MORE), np.random.default_rng(seed)
    return 60 + trend * step + 8 * np.sin(step * 2 * np.pi / SEASON) + noise.normal(size=len(step)) * 2


def demand(seed: int) -> Any:
    """(FITTED + MORE,) demand that is mostly 0."""
    noise = np.random.default_rng(seed)
    step = np.arange(FITTED + MORE)
    return np.where(noise.random(len(step)) < 0.35, noise.integers(1, 9, len(step)), 0).astype(np.float64)


def cases(ets_forms: tuple[str, ...] = ETS) -> Iterator[tuple[str, Any, dict[str, Any], Any, Any]]:
    """Name, all values, the record of the first `FITTED`, the library's forecast from there, and after the others.

    The last is None where the library fits something anew when it goes on (seasons of theta, the first states of CES).
    """
    from statsforecast import arima, ces, ets, theta

    from automl_core.modelfile.exporting import statsforecast as exporting

    warnings.filterwarnings("ignore")
    for number, form in enumerate(ets_forms):
        for damped in (False, True) if form[1] != "N" else (False,):
            y = values(number)
            fitted = ets.ets_f(
                y[:FITTED], SEASON, model=form, damped=damped, restrict=False, allow_multiplicative_trend=True
            )
            then = ets.forecast_ets(ets.forward_ets(fitted, y), HORIZON)["mean"]
            name = f"ets {form}{' damped' if damped else ''}"
            yield name, y, exporting.ets(fitted), ets.forecast_ets(fitted, HORIZON)["mean"], then
    for form in ("STM", "OTM", "DSTM", "DOTM"):
        for season, kind in ((1, "additive"), (SEASON, "additive"), (SEASON, "multiplicative")):
            y = values(7)
            fitted = theta.auto_theta(y[:FITTED], season, model=form, decomposition_type=kind)
            now = theta.forecast_theta(fitted, HORIZON)["mean"]
            then = theta.forecast_theta(theta.forward_theta(fitted, y), HORIZON)["mean"] if season == 1 else None
            yield f"theta {form} {season} {kind}", y, exporting.theta(fitted, y[:FITTED]), now, then
    for form in "NSPF":
        y = values(11)
        fitted = ces.auto_ces(y[:FITTED], SEASON, model=form)
        yield f"ces {form}", y, exporting.ces(fitted), ces.forecast_ces(fitted, HORIZON)["mean"], None
    y = values(13)
    orders = {
        "seasonal": {"d": 1, "D": 0, "max_p": 1, "max_q": 1, "max_P": 1, "max_Q": 0},
        "drift": {"seasonal": False, "d": 1},
    }
    for name, order in orders.items():
        fitted = arima.auto_arima_f(y[:FITTED], period=SEASON, **order)
        now = arima.forecast_arima(fitted, HORIZON)["mean"]
        then = arima.forecast_arima(arima.forward_arima(fitted, y), HORIZON)["mean"]
        yield f"arima {name}", y, exporting.arima(fitted, y[:FITTED]), now, then


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def main() -> None:
    """Write the asset."""
    import statsforecast

    found = [
        {"name": name, "values": y.tolist(), "record": _plain(record), "forecast": now.tolist(),
         "after": None if then is None else then.tolist()}
        for name, y, record, now, then in cases(OF_ASSET)
    ]  # fmt: skip
    whole = {"source": f"statsforecast {statsforecast.__version__}", "fitted": FITTED, "cases": found}
    ASSET.parent.mkdir(parents=True, exist_ok=True)
    ASSET.write_text(json.dumps(whole, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
