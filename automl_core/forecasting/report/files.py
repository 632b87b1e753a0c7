"""What is left beside a model for people and programs: forecasts ahead, every series' figures, forecasts and truth."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_core.forecasting.report.looks import Judged, Look, per_series
from automl_core.forecasting.report.plots import plot, plotted
from automl_core.modelfile.scoring.texts import text_of

if TYPE_CHECKING:
    from automl_core.forecasting.prepared import Prepared

FORECAST, SERIES, PLOTS, PREDICTIONS = "forecast.csv", "series.csv", "plots.json", "predictions.parquet"

MOST_ROWS = 100_000
"""Rows of a file of predictions; of more an even share is taken: figures of so many rows are exact enough."""


def leave(
    folder: Path, prepared: Prepared, looks: Sequence[Look], notes: Mapping[str, str] | None = None
) -> list[Path]:
    """Write the files beside a model.

    Args:
        folder: of the model.
        prepared: the series.
        looks: of the model, see `looks.told`.
        notes: series' name → what was done in its learners' place.

    Returns:
        What was written: ``series.csv`` (a row a series, the worst first), ``forecast.csv`` (what comes after all
        data, a row a series and moment), ``plots.json`` (for the run's page), ``predictions.parquet`` (forecasts
        beside what came, in the form that `details` sums up).
    """
    judged = [Judged.of(prepared, each) for each in looks if each.kind != "ahead"]
    rows = per_series(prepared, judged, notes or {})
    _csv(folder / SERIES, list(rows[0]), ([_text(each) for each in row.values()] for row in rows))
    written = [folder / SERIES]
    written += [_ahead(folder / FORECAST, prepared, look) for look in looks if look.kind == "ahead"]
    plots = [plot(prepared, looks, name) for name in plotted(prepared, looks, rows)]
    document = {"format": 1, "plots": plots}
    (folder / PLOTS).write_text(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    written.append(folder / PLOTS)
    tests = [each for each in judged if each.look.kind == "test"]
    if any(np.isfinite(each.actual).any() for each in judged):
        written.append(write_predictions(folder, prepared, tests or judged))
    return written


def level_names(levels: Sequence[float]) -> list[tuple[str, str]]:
    """Columns of the ends of intervals: ``lower_80``, ``upper_80`` and so on.

    >>> level_names([0.8, 0.975])
    [('lower_80', 'upper_80'), ('lower_97.5', 'upper_97.5')]
    """
    return [(f"lower_{100 * each:.6g}", f"upper_{100 * each:.6g}") for each in levels]


def _ahead(file: Path, prepared: Prepared, look: Look) -> Path:
    """What comes after all data, as `automl predict` writes it: an hour that the clock shows twice has two rows."""
    panel = prepared.panel
    ends = [name for pair in level_names(prepared.options.levels) for name in pair]
    horizon = look.forecast.shape[1]

    def rows() -> Any:
        for place, one in enumerate(panel.series):
            if look.ends[place] < 0:
                continue
            first = one.start + int(look.ends[place])
            times, steps = panel.grid.real_times(first, first + horizon)
            keys = panel.key_values.get(one.name, ())
            for time, step in zip(times.tolist(), steps.tolist(), strict=True):
                bounds = [
                    text_of(float(side[place, rank, step])) or ""
                    for rank in range(len(prepared.options.levels)) for side in (look.lower, look.upper)
                ]  # fmt: skip
                forecast = text_of(float(look.forecast[place, step])) or ""
                yield [*keys, panel.grid.text(time), step + 1, forecast, *bounds]

    _csv(file, [*panel.keys, panel.time, "step", "forecast", *ends], rows())
    return file


def write_predictions(folder: Path, prepared: Prepared, judged: Sequence[Judged]) -> Path:
    """Write ``predictions.parquet``: a row a series, moment of the forecast and step, with truth and prediction.

    Args:
        folder: of the model.
        prepared: the series.
        judged: looks at what came; the ends of their intervals are left out where they have none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    panel = prepared.panel
    parts = []
    for number, one in enumerate(judged):
        series, step = np.nonzero(np.isfinite(one.actual))
        parts.append(np.stack([np.full(len(series), number), series, step], axis=1))
    rows = np.concatenate(parts)
    if len(rows) > MOST_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.int64)]
    forecast = np.stack([one.look.forecast for one in judged])
    actual = np.stack([one.actual for one in judged])
    lower, upper = np.stack([one.look.lower for one in judged]), np.stack([one.look.upper for one in judged])
    ends = np.stack([one.look.ends for one in judged])
    look, series, step = rows.T
    slots = panel.starts[series] + ends[look, series]
    distinct, which = np.unique(np.concatenate([slots - 1, slots + step]), return_inverse=True)
    texts = np.array([panel.grid.text(int(each)) for each in panel.grid.times(distinct)], dtype=object)
    names = np.asarray(panel.names, dtype=object)[series]
    times = texts[which[len(slots) :]]
    columns: dict[str, Any] = {
        "id": pa.array([f"{name} {time}" for name, time in zip(names, times, strict=True)], type=pa.string()),
        "truth": actual[look, series, step], "prediction": forecast[look, series, step],
        "series": pa.array(names, type=pa.string()), "time": pa.array(times, type=pa.string()),
        "forecast_after": pa.array(texts[which[: len(slots)]], type=pa.string()), "step": step + 1,
    }  # fmt: skip
    for rank, (low, high) in enumerate(level_names(prepared.options.levels)[: lower.shape[2]]):
        columns |= {low: lower[look, series, rank, step], high: upper[look, series, rank, step]}
    file = folder / PREDICTIONS
    pq.write_table(pa.table(columns), file, compression="zstd")
    return file


def _csv(file: Path, head: Sequence[str], rows: Any) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def _text(value: Any) -> str:
    """A cell; a number in as few digits as give it back, nothing where there is none."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value)
