"""Whether intervals hold after a model has been updated: ``python -m benchmarks.series.updates [options] GROUP …``.

A model is fitted without the last horizon and without the values before it that come as news (``--news`` horizons);
it is run on by the news, and what the intervals hold of the last horizon is counted twice: with the widths of training
(memory 0), and with widths that have followed the errors of the news. A group's last figure is the mean width at 90 %
by the mean size of a series' values. Series that would keep fewer than three horizons are left out.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.series import groups
from benchmarks.series.systems import LEVELS


def _table(values: dict[str, Any], step: str, first: dict[str, int]) -> Any:
    import pandas as pd
    import pyarrow as pa

    columns: dict[str, list[Any]] = {"series": [], "time": [], "y": []}
    for name, own in values.items():
        start = "1900-01-01" if step != "h" else "2001-01-01"
        times = pd.date_range(start, periods=first[name] + len(own), freq=step)[first[name] :]
        columns["series"] += [name] * len(own)
        columns["time"] += times.to_pydatetime().tolist()
        columns["y"] += own.tolist()
    return pa.table(columns)


def held(name: str, sample: int, news: int, memories: tuple[float, ...]) -> dict[str, list[float]]:
    """Shares of a group's last horizon that intervals hold, by level, for the widths of training and for followed ones.

    Args:
        name: of the group.
        sample: series at most.
        news: horizons of values that come after the fit.
        memories: of `intervals.MEMORY`, each tried.
    """
    import pyarrow.csv

    from automl_core import forecasting
    from automl_core.modelfile.scoring.csv_rows import pieces
    from automl_core.modelfile.scoring.series import intervals
    from automl_core.modelfile.scoring.series.forecaster import Forecaster
    from automl_core.modelfile.scoring.series.rows import read
    from automl_core.modelfile.scoring.series.update import check

    group = groups.load(name, sample)
    late = (1 + news) * group.horizon
    series = {each: values for each, values in group.series.items() if len(values) >= late + 3 * group.horizon}
    if not series:
        return {}
    before = {each: values[:-late] for each, values in series.items()}
    with tempfile.TemporaryDirectory() as folder:
        model = forecasting.fit(
            _table(before, group.step, dict.fromkeys(before, 0)), target="y", time="time", series="series",
            horizon=group.horizon, season=group.season, levels=LEVELS, folder=Path(folder),
        )  # fmt: skip
        path = Path(folder) / "news.csv"
        came = {each: values[-late : -group.horizon] for each, values in series.items()}
        table = _table(came, group.step, {each: len(values) for each, values in before.items()})
        pyarrow.csv.write_csv(table.filter(np.isfinite(table["y"].to_numpy())), path)
        found, usual = {}, intervals.MEMORY
        for memory in (0.0, *memories):
            own = Forecaster.load(model.folder)
            assert own.intervals is not None
            intervals.MEMORY = memory or 1.0
            if not memory:
                own.intervals.one = 0.0
            piece = list(pieces(str(path)))
            rows = read(own, {key: [value for each in piece for value in each[key]] for key in piece[0]})
            own.run_on(check(own, rows).news)
            intervals.MEMORY = usual  # the next group's golden series are made in this process
            said = own.forecast()
            last = np.stack([series[each][-group.horizon :] for each in said.names])
            inside = (last >= said.lower) & (last <= said.upper)
            there = np.isfinite(last)
            found[f"{memory:g}"] = [float(each[there].mean()) for each in inside] + [
                float(np.nanmean((said.upper[1] - said.lower[1]) / np.nanmean(np.abs(last), axis=1, keepdims=True)))
            ]
    return found


def main() -> None:
    """Print a line for each group, and the mean over groups."""
    parser = argparse.ArgumentParser(prog="benchmarks.series.updates")
    parser.add_argument("groups", nargs="+")
    parser.add_argument("--sample", type=int, default=groups.SAMPLE)
    parser.add_argument("--news", type=int, default=2, help="horizons of values that come after the fit")
    parser.add_argument("--memories", type=float, nargs="+", default=[20.0])
    said = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows = []
    for name in said.groups:
        found = held(name, said.sample, said.news, tuple(said.memories))
        if not found:
            print(f"{name} has no series that is long enough", flush=True)
            continue
        rows.append(found)
        print(name, {key: np.round(each, 3).tolist() for key, each in rows[-1].items()}, flush=True)
    for key in rows[0] if rows else ():
        print(f"mean {key:>4}", np.round(np.mean([row[key] for row in rows], axis=0), 3).tolist())


if __name__ == "__main__":
    main()
