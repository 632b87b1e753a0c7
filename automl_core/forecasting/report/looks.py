"""The model's forecasts beside what came: what is told of them in report.json, over all series and of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.metrics import find

if TYPE_CHECKING:
    from automl_core.forecasting.metrics import Metric
    from automl_core.forecasting.prepared import Prepared

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TOLD = (
    "mase", "rmsse", "smape", "normalized_root_mean_squared_error", "normalized_mean_absolute_error",
    "spearman_correlation", "r2_score", "mape", "mae", "rmse",
)  # fmt: skip
"""Metrics that are told beside the problem's own."""

OF_EACH = ("mase", "rmsse", "smape", "mae")
"""Those that are told of each series."""

MOST_SERIES = 1000
"""Series of which report.json tells; all stand in series.csv."""

DRAWS, FEWEST = 1000, 8
"""Draws of series for an interval, and series that there have to be for one."""


@dataclass(frozen=True)
class Look:
    """The model's forecasts of all series from one moment.

    Attributes:
        kind: ``origin``: one of those that the search went by; ``test``: the one look at the end; ``ahead``: what comes
            after all data.
        ends: (S,) how many values of each series were known; below 0: the series was not forecast.
        forecast: (S, H).
        lower, upper: (S, L, H) ends of the intervals at the levels of `Prepared.options`, in the target's units; for an
            origin of intervals made without that origin's own residuals.
    """

    kind: Literal["origin", "test", "ahead"]
    ends: Ints
    forecast: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class Judged:
    """A look, and what came.

    Attributes:
        look: what was forecast.
        actual: (S, H), NaN where nothing came.
        history: S arrays, what was known then.
        scale: (S,) mean size of the seasonal naive forecast's errors on the history, NaN where there is none.
    """

    look: Look
    actual: Floats
    history: tuple[Floats, ...]
    scale: Floats

    @classmethod
    def of(cls, prepared: Prepared, look: Look) -> Judged:
        """Compare a look with the panel's own values."""
        panel = prepared.panel
        cut = np.maximum(look.ends, 0)
        history = tuple(one.values[:end] for one, end in zip(panel.series, cut.tolist(), strict=True))
        actual = panel.window(look.ends, look.forecast.shape[1])
        actual[~np.isfinite(look.forecast)] = np.nan
        return cls(look, actual, history, np.array([scale_of(each, prepared.season) for each in history]))

    def per_series(self, metric: Metric, season: int) -> Floats:
        """(S,) a metric of each series, NaN where it has none."""
        return metric.per_series(self.actual, self.look.forecast, self.history, season)


def scale_of(history: Floats, season: int) -> float:
    """Mean |y_t - y_(t-m)| of what was known, NaN where it is none or 0 (Hyndman and Koehler 2006, section 3)."""
    lag = season if len(history) > season else 1
    steps = np.abs(history[lag:] - history[:-lag])
    steps = steps[np.isfinite(steps)]
    found = float(steps.mean()) if len(steps) else math.nan
    return found if found > 0 else math.nan


def told(prepared: Prepared, looks: Sequence[Look], notes: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Parts of report.json: ``test``, ``coverage``, ``steps``, ``by_origin``, ``series``, ``plotted``, ``plots``.

    ``plotted`` are names that plots.json has; ``plots`` are those of the worst, the middle and the best series.

    Args:
        prepared: the series.
        looks: of the model, in the order of time; `conclude` has one of each origin, of the test where there is one,
            and ahead.
        notes: series' name → what was done in its learners' place.
    """
    from automl_core.forecasting.report.plots import chosen, plot, plotted

    judged = [Judged.of(prepared, each) for each in looks if each.kind != "ahead"]
    tests = [each for each in judged if each.look.kind == "test"]
    rows = per_series(prepared, judged, notes or {})
    return {
        "test": {"untouched": bool(tests), **_measured(prepared, tests or judged)},
        "coverage": _coverage(prepared, judged),
        "steps": _steps(judged),
        "by_origin": [_moment(prepared, each) for each in judged],
        "series": rows[:MOST_SERIES],
        "series_in_all": len(rows),
        "plotted": plotted(prepared, looks, rows),
        "plots": [{**plot(prepared, looks, name), "place": place} for place, name in chosen(rows)],
    }


def mean(values: Floats, axis: int | None = None) -> Any:
    """The mean of what is finite, NaN where nothing is."""
    there = np.isfinite(values)
    count = there.sum(axis=axis)
    total = np.where(there, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)[()]


def _measured(prepared: Prepared, judged: Sequence[Judged]) -> dict[str, Any]:
    if not judged:
        return {"series": 0, "values": 0, "metrics": {}}
    metrics: dict[str, Any] = {}
    for metric in [prepared.metric, *(find(name) for name in TOLD if name != prepared.metric.name)]:
        each = mean(np.stack([one.per_series(metric, prepared.season) for one in judged]), axis=0)
        value = float(mean(each))
        if math.isfinite(value):
            low, high = _interval(each[np.isfinite(each)], prepared.options.seed)
            metrics[metric.name] = {"value": value, "low": low, "high": high}
    there = np.stack([np.isfinite(one.actual) for one in judged])
    return {"series": int(there.any(axis=(0, 2)).sum()), "values": int(there.sum()), "metrics": metrics}


def _interval(values: Floats, seed: int) -> tuple[float | None, float | None]:
    """Of the mean over series, 95 %, by drawing them anew (Efron 1979); None of so few that it would mislead."""
    if len(values) < FEWEST:
        return None, None
    random = np.random.default_rng(seed)
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(DRAWS)]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def _inside(one: Judged) -> NDArray[np.bool_]:
    """(S, L, H) whether what came lies within; where nothing came, not."""
    actual = one.actual[:, None, :]
    return np.asarray((one.look.lower <= actual) & (actual <= one.look.upper))


def _coverage(prepared: Prepared, judged: Sequence[Judged]) -> list[dict[str, Any]]:
    found = []
    for place, level in enumerate(prepared.options.levels):
        row: dict[str, Any] = {"level": level}
        for name, kind in (("origins", "origin"), ("test", "test")):
            of = [one for one in judged if one.look.kind == kind]
            count = sum(int(np.isfinite(one.actual).sum()) for one in of)
            row[name] = sum(int(_inside(one)[:, place].sum()) for one in of) / count if count else None
        widths = [
            (one.look.upper[:, place] - one.look.lower[:, place]) / one.scale[:, None] for one in judged
        ]  # fmt: skip
        row["width"] = float(mean(np.concatenate(widths))) if widths else None
        found.append(row)
    return found


def _steps(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Errors at each step ahead, in units of the seasonal naive forecast's."""
    if not judged:
        return []
    errors = np.concatenate([(one.look.forecast - one.actual) / one.scale[:, None] for one in judged])
    size, bias = mean(np.abs(errors), axis=0), mean(errors, axis=0)
    return [
        {"step": step + 1, "mase": float(size[step]), "bias": float(bias[step]),
         "values": int(np.isfinite(errors[:, step]).sum())}
        for step in range(errors.shape[1])
    ]  # fmt: skip


def _moment(prepared: Prepared, one: Judged) -> dict[str, Any]:
    panel, asked = prepared.panel, np.isfinite(one.actual).any(axis=1)
    last = (panel.starts + one.look.ends - 1)[asked]
    texts = [panel.grid.text(int(each)) for each in panel.grid.times(np.unique(last)[[0, -1]])] if len(last) else []
    value = one.per_series(prepared.metric, prepared.season)
    return {
        "from": " to ".join(dict.fromkeys(texts)), "kind": one.look.kind, "series": int(asked.sum()),
        "value": float(mean(value)),
    }  # fmt: skip


def per_series(prepared: Prepared, judged: Sequence[Judged], notes: Mapping[str, str]) -> list[dict[str, Any]]:
    """How good the forecasts of each series are, over all moments of the past; the worst first.

    Args:
        prepared: the series.
        judged: the looks at what came.
        notes: series' name → what was done in its learners' place.
    """
    panel, season = prepared.panel, prepared.season
    nothing = np.full(len(panel), np.nan)

    def over(metric: Metric, of: Sequence[Judged]) -> Floats:
        values: Floats = mean(np.stack([one.per_series(metric, season) for one in of]), axis=0) if of else nothing
        return values

    tests = [one for one in judged if one.look.kind == "test"]
    columns = {"value": over(prepared.metric, judged), "test": over(prepared.metric, tests)}
    columns |= {name: over(find(name), judged) for name in OF_EACH}
    widest = int(np.argmax(prepared.options.levels))
    count = sum((np.isfinite(one.actual).sum(axis=1) for one in judged), np.zeros(len(panel), np.int64))
    inside = sum((_inside(one)[:, widest].sum(axis=1) for one in judged), np.zeros(len(panel), np.int64))
    columns["covered"] = np.where(count > 0, inside / np.maximum(count, 1), np.nan)
    times = panel.grid.times(np.concatenate([panel.starts, panel.starts + panel.lengths - 1]))
    rows: list[dict[str, Any]] = []
    for place, one in enumerate(panel.series):
        rows.append({
            "series": one.name,
            **{name: _plain(values[place]) for name, values in columns.items()},
            "values": int(panel.observed[place]), "missing": int(panel.lengths[place] - panel.observed[place]),
            "from": panel.grid.text(int(times[place])), "until": panel.grid.text(int(times[len(panel) + place])),
            "note": notes.get(one.name, ""),
        })  # fmt: skip
    losses = {row["series"]: _loss(prepared.metric, row["value"]) for row in rows}
    return sorted(rows, key=lambda row: -losses[row["series"]])


def _loss(metric: Metric, value: float | None) -> float:
    return -math.inf if value is None else metric.as_loss(value)


def _plain(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
