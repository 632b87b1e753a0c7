"""Series made ready: read, seasons and origins settled; what every trial works on, and conclude after them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting import afterwards
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.metrics import Metric, MetricError, find
from automl_core.forecasting.options import Options
from automl_core.forecasting.origins import Origins, last_look, plan
from automl_core.forecasting.panel import KnownColumn, Panel, Series
from automl_core.forecasting.seasons import find_seasons
from automl_core.tabular import documents
from automl_core.training.problems import TrainingError

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FORMAT = 1
"""Of a saved preparation. Another is refused: it lives as long as its run."""


FARTHEST = 8
"""Horizons that the earliest origin lies before the end, at most."""

PARTS = 4
"""Origins in a horizon: windows that overlap more say hardly more."""

MOST = 24
"""Origins at most."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """Series ready for trials.

    Attributes:
        options: what the user said.
        panel: all series with all of their values, those of the test included.
        seasons: lengths in steps, the main one first; empty where there is none.
        metric: what trials are judged by.
        origins: where forecasts are made from; none of them sees the test.
        tested: (S,) how many values of each are known at the one look at the end, -1 where there is none of a series;
            None: there is no test.
        findings: what was found in the table and done about it, as plain data.
        notes: what was decided, in words.
        fingerprint: of all values: the same text, the same data.
    """

    options: Options
    panel: Panel
    seasons: tuple[int, ...]
    metric: Metric
    origins: Origins
    tested: Ints | None = None
    findings: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    fingerprint: str = ""

    @property
    def season(self) -> int:
        """The main season's length; 1 where there is none."""
        return self.seasons[0] if self.seasons else 1

    @cached_property
    def past(self) -> Panel:
        """The series as trials see them: without the test's values."""
        if self.tested is None:
            return self.panel
        return self.panel.until(np.where(self.tested >= 0, self.tested, self.panel.lengths))

    @cached_property
    def first_ends(self) -> Ints:
        """(S,) how many values of each are known at its earliest origin; -1: it has none."""
        ends = self.origins.ends
        earliest = np.where(ends >= 0, ends, np.iinfo(np.int64).max).min(axis=0)
        return np.where((ends >= 0).any(axis=0), earliest, -1).astype(np.int64)

    @cached_property
    def non_negative(self) -> NDArray[np.bool_]:
        """(S,) of which series forecasts and intervals end at zero, by what trials may see."""
        return self._never_below(self.past)

    @cached_property
    def never_negative(self) -> NDArray[np.bool_]:
        """(S,) the same by all values, those of the test too: of the model that is fitted on them."""
        return self._never_below(self.panel)

    def _never_below(self, panel: Panel) -> NDArray[np.bool_]:
        if self.options.non_negative is not None:
            return np.full(len(panel), self.options.non_negative)
        return np.array([bool(np.nanmin(each.values, initial=0.0) >= 0) for each in panel.series])

    def bounded(self, forecasts: Floats) -> Floats:
        """Forecasts (S, …), at least zero where nothing else is possible."""
        bounded = self.non_negative.reshape(-1, *[1] * (forecasts.ndim - 1))
        return np.where(bounded, np.maximum(forecasts, 0.0), forecasts)

    def actual(self, ends: Ints) -> Floats:
        """(S, H) what came after so many values of each; NaN where nothing did."""
        return self.panel.window(ends, self.options.horizon)

    def judged(self, forecasts: Floats, ends: Ints) -> Floats:
        """(S,) the metric of forecasts (S, H) that were made when ``ends`` (S,) values of each series were known."""
        values = np.full(len(self.panel), np.nan)
        there = np.flatnonzero(ends >= 0)
        history = [self.panel.series[each].values[: ends[each]] for each in there]
        if len(there):
            actual = self.actual(ends)[there]
            values[there] = self.metric.per_series(actual, forecasts[there], history, self.season)
        return values

    def save(self, folder: str | Path) -> None:
        """Keep it as JSON and arrays (``prepared.json``, ``prepared.npz``); nothing in it is code."""
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        panel = self.panel
        arrays: dict[str, Any] = {
            "values": np.concatenate([each.values for each in panel.series]),
            "known": np.concatenate([each.known for each in panel.series]),
            "starts": panel.starts,
            "lengths": panel.lengths,
            "futures": np.array([each.future for each in panel.series], dtype=np.int64),
            "ends": self.origins.ends,
        }
        if self.tested is not None:
            arrays["tested"] = self.tested
        document = {
            "format": FORMAT,
            "options": self.options.as_json(),
            "grid": panel.grid.as_json(),
            "known": [{"name": each.name, "kind": each.kind, "categories": each.categories} for each in panel.known],
            "series": panel.names,
            "time": panel.time,
            "keys": panel.keys,
            "key_values": panel.key_values,
            "seasons": self.seasons,
            "step": self.origins.step,
            "by": self.origins.by,
            "findings": [dict(each) for each in self.findings],
            "notes": list(self.notes),
            "fingerprint": self.fingerprint,
        }
        np.savez(home / "prepared.npz", **arrays)
        (home / "prepared.json").write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Prepared:
        """What `save` left.

        Raises:
            TrainingError: the folder holds none, or one of another release.
        """
        home = Path(folder)
        try:
            said = json.loads((home / "prepared.json").read_text(encoding="utf-8"))
            arrays = documents.arrays_of(home / "prepared.npz")
        except (OSError, ValueError) as error:
            raise TrainingError(f"no prepared series can be read from {home}: {error}") from None
        if said.get("format") != FORMAT:
            raise TrainingError(f"{home} holds series prepared by another release (format {said.get('format')!r})")
        options = Options.from_json(said["options"])
        lengths = arrays["lengths"]
        values = np.split(arrays["values"], np.cumsum(lengths)[:-1])
        known = np.split(arrays["known"], np.cumsum(lengths + arrays["futures"])[:-1])
        panel = Panel(
            tuple(map(Series, said["series"], arrays["starts"].tolist(), values, known)),
            Grid.from_json(said["grid"]),
            tuple(KnownColumn(each["name"], each["kind"], tuple(each["categories"])) for each in said["known"]),
            options.target,
            said["time"],
            tuple(said["keys"]),
            {name: tuple(each) for name, each in said["key_values"].items()},
        )
        return cls(
            options,
            panel,
            tuple(said["seasons"]),
            find(options.metric),
            Origins(arrays["ends"], options.horizon, said["step"], said["by"]),
            arrays.get("tested"),
            said["findings"],
            said["notes"],
            said["fingerprint"],
        )


def prepare(source: Any, options: Options) -> Prepared:
    """Make series ready for trials.

    Args:
        source: rows: a table of PyArrow, a frame of pandas or polars, columns or rows as plain data, or the place of a
            file.
        options: what the user says of them.

    Raises:
        TrainingError: what the user said doesn't fit the data, in words.
    """
    from automl_core.forecasting.reading import read_panel

    try:
        metric = find(options.metric)
    except MetricError as error:
        raise TrainingError(f"metric: {error}") from None
    panel, findings = read_panel(
        table_of(source), target=options.target, time=options.time, series=options.series or None,
        known=options.known, frequency=options.frequency, zone=options.zone, duplicates=options.duplicates,
        unusable=options.unusable,
    )  # fmt: skip
    seasons = find_seasons(panel, options.season)
    findings = [*findings, *seasons.findings, *afterwards.examine(panel, options.horizon)]
    tested, past, notes = _test(panel, options)
    season = seasons.lengths[0] if seasons.lengths else 1
    origins = plan(past, options.horizon, *_moments(past, options), season=season)
    if options.origins is None and options.step is None:
        origins = _fed(past, origins, season)
    told = [each.as_json() for each in (*findings, *origins.findings)]
    return Prepared(
        options, panel, seasons.lengths, metric, origins, tested, told, notes, _fingerprint(panel)
    )  # fmt: skip


def _moments(past: Panel, options: Options) -> tuple[int | None, int | None]:
    """How many origins, and how far apart, where the user leaves it open.

    They lie in the last third of the median series, and at most `FARTHEST` horizons back: a learner that is judged on
    much less than it will have is judged as another one. Windows overlap: an origin costs next to nothing, and
    intervals live on residuals.
    """
    horizon = options.horizon
    if options.origins is not None or options.step is not None:
        return options.origins, options.step
    length = int(np.median(past.lengths)) if len(past) else 0
    back = max(horizon, min(length // 3, FARTHEST * horizon))
    step = max(1, -(-horizon // PARTS))
    return min(MOST, 1 + (back - horizon) // step), step


def _fed(past: Panel, origins: Origins, season: int) -> Origins:
    """Without origins at which a series had too little: what is fitted there is another model than the last fit.

    Dates are the same for all series, so a series that began late has origins near its first values. It keeps those in
    its own last third that have two seasons before them, and its latest one in any case.
    """
    lengths, ends = past.lengths, origins.ends
    latest = ends.max(axis=0)
    allowed = lengths - np.maximum(origins.horizon, lengths // 3)
    least = np.minimum(np.maximum(allowed, 2 * season + 1 if season > 1 else 0), latest)
    kept = np.where((ends >= least) & (ends >= 0), ends, -1)
    return replace(origins, ends=kept[(kept >= 0).any(axis=1)])


def _test(panel: Panel, options: Options) -> tuple[Ints | None, Panel, list[str]]:
    """What is held back for the one look at the end, the panel without it, and why."""
    if options.test is False:
        return None, panel, ["no look at the end, as asked"]
    look = last_look(panel, options.horizon)
    if look is None:
        if options.test:
            raise TrainingError(
                f"test: no series is long enough to hold {options.horizon} steps back; leave test out, or shorten the "
                "horizon"
            )
        return None, panel, ["the series are too short to hold steps back for a look at the end"]
    tested = look.ends[-1]
    past = panel.until(np.where(tested >= 0, tested, panel.lengths))
    held = int((tested >= 0).sum())
    return tested, past, [
        f"the last {options.horizon} steps of {held:,} of {len(panel):,} series were seen by no trial: the test"
    ]  # fmt: skip


def table_of(source: Any) -> pa.Table:
    """Rows as a table of PyArrow.

    Args:
        source: such a table, a frame, a dict of columns, a list of rows, or the place of a file.

    Raises:
        TrainingError: it is none of these, or can't be read.
    """
    import pyarrow as pa

    if isinstance(source, pa.Table):
        return source
    if isinstance(source, str | Path):
        from automl_core.data.access import DataError
        from automl_core.data.reading import read_table

        try:
            return read_table(source)
        except DataError as error:
            raise TrainingError(str(error)) from None
    try:
        if hasattr(source, "to_arrow"):  # polars
            return source.to_arrow()
        if hasattr(source, "iloc"):  # pandas, whose index is no column
            return pa.Table.from_pandas(source, preserve_index=False)
        if isinstance(source, Mapping):
            return pa.table({str(name): values for name, values in source.items()})
        if isinstance(source, Sequence) and all(isinstance(each, Mapping) for each in source):
            return pa.Table.from_pylist([dict(each) for each in source])
        if hasattr(source, "__arrow_c_stream__"):
            return pa.table(source)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TrainingError(f"data: {error}") from None
    raise TrainingError(
        f"data: found {type(source).__name__}; give a table of PyArrow, a frame, columns, rows, or the place of a file"
    )


def _fingerprint(panel: Panel) -> str:
    """SHA-256 over names, places on the grid and values in their order."""
    digest = hashlib.sha256()
    digest.update(json.dumps([panel.names, panel.grid.as_json()], ensure_ascii=False, sort_keys=True).encode())
    for each in panel.series:
        digest.update(f"{each.start} {len(each.values)} {len(each.known)}".encode())
        digest.update(np.ascontiguousarray(each.values).tobytes())
        digest.update(np.ascontiguousarray(each.known).tobytes())
    return f"sha256:{digest.hexdigest()}"
