"""Series with their forecasts as plain data that a plot is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from automl_core.forecasting.prepared import Prepared
    from automl_core.forecasting.report.looks import Look

FEWEST_STEPS, HORIZONS, MOST_STEPS = 60, 4, 600
"""So many steps are drawn before the first forecast, or so many horizons if that is more; and never more than these."""

MOST_PLOTS, MOST_NUMBERS = 200, 400_000
"""Series that can be looked at on the run's page, and numbers of all of them together."""

DIGITS = 6


def chosen(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The worst, the middle and the best series by name, each once.

    Args:
        rows: of `looks.per_series`, the worst first.
    """
    names = [str(row["series"]) for row in rows if row["value"] is not None] or [str(row["series"]) for row in rows]
    places = {"worst": 0, "median": len(names) // 2, "best": len(names) - 1}
    found: dict[str, str] = {}
    for place, at in places.items():
        if names:
            found.setdefault(names[at], place)
    return [(place, name) for name, place in found.items()]


def plotted(prepared: Prepared, looks: Sequence[Look], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of as many series as a page has room for: all of them, or every so many from the worst to the best.

    Args:
        prepared: the series.
        looks: at them.
        rows: of `looks.per_series`, the worst first.
    """
    names = [str(row["series"]) for row in rows]
    if not names:
        return []
    first = plot(prepared, looks, names[0])
    size = len(first["times"]) + sum(
        len(each["forecast"]) * (1 + 2 * len(each["intervals"])) for each in first["forecasts"]
    )
    most = min(MOST_PLOTS, max(3, MOST_NUMBERS // max(size, 1)), len(names))
    places = dict.fromkeys(np.linspace(0, len(names) - 1, most).round().astype(int).tolist())
    return [names[at] for at in places]


def plot(prepared: Prepared, looks: Sequence[Look], name: str) -> dict[str, Any]:
    """The end of a series, and every forecast of it: ``series``, ``times``, ``values``, ``forecasts``.

    Args:
        prepared: the series.
        looks: at them.
        name: of the series.
    """
    panel = prepared.panel
    place = panel.position(name)
    one = panel.series[place]
    ends = [int(look.ends[place]) for look in looks if look.ends[place] >= 0]
    horizon = looks[0].forecast.shape[1] if looks else 0
    begin = min([*ends, len(one.values)]) - max(FEWEST_STEPS, HORIZONS * horizon)
    first = max(begin, len(one.values) - MOST_STEPS, 0)
    until = max([len(one.values), *(end + horizon for end in ends)])
    slots = panel.grid.times(np.arange(one.start + first, one.start + until))
    forecasts = []
    for look in looks:
        end = int(look.ends[place])
        if end < first:
            continue
        bands = [
            {"level": level, "low": _rounded(look.lower[place, rank]), "high": _rounded(look.upper[place, rank])}
            for rank, level in enumerate(prepared.options.levels)
        ]
        forecasts.append({
            "kind": look.kind, "first": end - first, "forecast": _rounded(look.forecast[place]), "intervals": bands,
        })  # fmt: skip
    return {
        "series": name, "times": [panel.grid.text(int(each)) for each in slots],
        "values": _rounded(one.values[first:]), "forecasts": forecasts,
    }  # fmt: skip


def _rounded(values: Any) -> list[float | None]:
    """Numbers as short as a plot needs them; None where there is none."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values.tolist()]
