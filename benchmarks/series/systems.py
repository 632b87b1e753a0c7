"""One system on one group, in a process of its own: imports and all, on one thread. Writes forecasts and bounds.

``python -m benchmarks.series.systems SYSTEM GROUP SAMPLE OUT``; SYSTEM is ``baselines`` (AutoETS and AutoTheta, one fit
each on all that is known) or ``ours``.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

LEVELS = (0.8, 0.9, 0.95)


def baselines(known: dict[str, Any], group: Any) -> dict[str, Any]:
    """Forecasts of statsforecast's models, as their users call them."""
    from statsforecast.models import AutoETS, AutoTheta

    found = {}
    for system, make in (("AutoETS", AutoETS), ("AutoTheta", AutoTheta)):
        forecasts, bounds = [], []
        for values in known.values():
            said = make(season_length=group.season).fit(values).predict(h=group.horizon, level=[80, 90, 95])
            forecasts.append(said["mean"])
            bounds.append([[said[f"{side}-{level}"] for level in (80, 90, 95)] for side in ("lo", "hi")])
        found[f"{system}.forecast"] = np.array(forecasts)
        found[f"{system}.bounds"] = np.array(bounds)  # (S, 2, L, H)
    return found


def ours(known: dict[str, Any], group: Any) -> dict[str, Any]:
    """Forecasts of `automl_core.forecasting` as it stands: nothing but the season and the horizon is said."""
    import pandas as pd
    import pyarrow as pa

    from automl_core import forecasting

    columns: dict[str, list[Any]] = {"series": [], "time": [], "y": []}
    for name, values in known.items():
        times = pd.date_range("1900-01-01" if group.step != "h" else "2001-01-01", periods=len(values), freq=group.step)
        columns["series"] += [name] * len(values)
        columns["time"] += times.to_pydatetime().tolist()
        columns["y"] += values.tolist()
    with tempfile.TemporaryDirectory() as folder:
        model = forecasting.fit(
            pa.table(columns), target="y", time="time", series="series", horizon=group.horizon, season=group.season,
            levels=LEVELS, folder=Path(folder),
        )  # fmt: skip
        said = model.forecast()
    place = {name: number for number, name in enumerate(known)}
    forecast = np.full((len(known), group.horizon), np.nan)
    bounds = np.full((len(known), 2, len(LEVELS), group.horizon), np.nan)
    at = dict.fromkeys(known, 0)
    for row in said:
        series, step = place[row["series"]], at[row["series"]]
        at[row["series"]] += 1
        forecast[series, step] = row["forecast"]
        for number, level in enumerate(LEVELS):
            bounds[series, 0, number, step] = row[f"lower_{level * 100:g}"]
            bounds[series, 1, number, step] = row[f"upper_{level * 100:g}"]
    return {"ours.forecast": forecast, "ours.bounds": bounds}


def filled(values: Any) -> Any:
    """Missing values on the line between their neighbours: what AutoETS and AutoTheta need."""
    there, places = np.isfinite(values), np.arange(len(values))
    return np.interp(places, places[there], values[there])


def main() -> None:
    """See the module."""
    from benchmarks.series import groups

    warnings.filterwarnings("ignore")
    system, name, sample, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    group = groups.load(name, sample)
    known = {each: values[: -group.horizon] for each, values in group.series.items()}
    if system == "baselines":
        found = baselines({each: filled(values) for each, values in known.items()}, group)
    else:
        found = ours(known, group)
    np.savez(out, **found)


if __name__ == "__main__":
    main()
