"""A model of series: its folder written, loaded, run on by new values, and saved again.

The folder is as that of a model of a table (`writing`), its document that of `scoring.series`; who loads it refuses
what its digests don't fit, as there (`model`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.modelfile.writing import (
    FORECASTING,
    FORMAT,
    KIND,
    making,
    plain,
    write_info,
    write_json,
    write_scorer,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from automl_core.modelfile.scoring.calendars.grid import Grid
    from automl_core.modelfile.scoring.series.forecaster import Forecast, Forecaster
    from automl_core.modelfile.scoring.series.rows import Rows
    from automl_core.modelfile.scoring.series.update import Checked

GOLDEN_SERIES, GOLDEN_VALUES = 4, 3
"""Series that a folder's golden ones are where nobody names them, and values by which they are run on."""


class Forecasts(Sequence[dict[str, Any]]):
    """Forecasts as rows, in the order of series and time: a sequence of dicts.

    Attributes:
        columns: the same as columns: the model's own of series and time, ``step``, ``forecast``, ``lower_80``, …
        arrays: the same as arrays, a row a series and a column a step.
        notes: what is to be said about them, in words.
    """

    def __init__(self, columns: dict[str, list[Any]], arrays: Forecast, notes: Sequence[str]) -> None:
        self.columns, self.arrays, self.notes = columns, arrays, tuple(notes)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        return {name: values[place] for name, values in self.columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[place] for place in range(len(self)))

    def __repr__(self) -> str:
        return f"<Forecasts: {len(self.arrays.names)} series, {self.arrays.horizon} steps>"


class SeriesModel:
    """A model of series that was loaded. Rows are what `scoring.sources.source_of` knows, or the path of a CSV.

    Attributes:
        folder: where it lies.
        info: what ``model.json`` says: ``made``, ``updates``, ``grid``, …
        forecaster: what forecasts.
    """

    def __init__(self, folder: Path, info: Mapping[str, Any], forecaster: Forecaster) -> None:
        self.folder, self.info, self.forecaster = folder, info, forecaster
        self._updates: list[dict[str, Any]] = list(info.get("updates", ()))

    @property
    def kind(self) -> str:
        """``forecasting``."""
        return FORECASTING

    @property
    def target(self) -> str:
        """The column that is forecast."""
        return self.forecaster.target

    @property
    def names(self) -> tuple[str, ...]:
        """Of all series."""
        return tuple(self.forecaster.names)

    @property
    def grid(self) -> Grid:
        """Of their steps."""
        return self.forecaster.grid

    @property
    def horizon(self) -> int:
        """Steps ahead that the model was made for."""
        return self.forecaster.horizon

    @property
    def until(self) -> str:
        """The newest value's time."""
        return self.forecaster.text(int(self.forecaster.last.max()))

    def read(self, rows: Any) -> Rows:
        """Rows on the model's grid: read once, they can be given to `update`, `forecast` and `evaluate` alike.

        Raises:
            SeriesProblem: rows that don't fit: which series, row and column, and what is wrong.
        """
        from automl_core.modelfile.model import rows_of
        from automl_core.modelfile.scoring.series.rows import Rows, read

        return rows if isinstance(rows, Rows) else read(self.forecaster, rows_of(rows))

    def forecast(
        self, horizon: int | None = None, known: Any = None, series: Sequence[str] | str | None = None,
        levels: Sequence[float] | None = None,
    ) -> Forecasts:  # fmt: skip
        """What comes after the last values.

        Args:
            horizon: steps ahead; None: those that the model was made for.
            known: rows with the known columns of these steps; others are passed over.
            series: names of the series; None: all.
            levels: of the intervals; None: the model's.

        Raises:
            SeriesProblem: an unknown series, a horizon or level that is none, a known column's value that is missing.
        """
        from automl_core.modelfile.scoring.series.table import columns
        from automl_core.modelfile.scoring.series.update import future

        model = self.forecaster
        places = model.places([series] if isinstance(series, str) else series)
        rows = None if known is None else self.read(known)
        steps = model.horizon if horizon is None else int(horizon)
        ahead = future(model, rows, places, steps) if steps > 0 else None
        found = model.forecast(steps, known=ahead, places=places, levels=levels)
        return Forecasts(columns(model, found), found, (*found.notes, *(rows.notes if rows is not None else ())))

    def check_update(self, rows: Any) -> Checked:
        """What `update` would take of rows, and what it would say."""
        from automl_core.modelfile.scoring.series.update import check

        return check(self.forecaster, self.read(rows))

    def update(self, rows: Any, source: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """Run on by rows that are newer than the model's last values, parameters as fitted: no fit.

        Args:
            rows: of a table; those that the model has seen are compared with what it saw.
            source: what the rows are, for who reads the saved model: a file's name and digest.

        Returns:
            What is to be said: gaps, changed values, new series.

        Raises:
            SeriesProblem: rows that don't fit.
        """
        checked = self.check_update(rows)
        if not checked.values:
            return checked.notes
        self.forecaster.run_on(checked.news)
        self._updates.append(
            {
                "values": checked.values,
                "series": len(checked.news.names),
                "until": self.until,
                "digest": _digest(checked),
                "source": plain(dict(source or {})),
            }
        )
        return checked.notes

    def save(self, folder: str | Path, golden: Sequence[str] | None = None) -> Path:
        """Write it as it is now: states and values after all updates, which ``model.json`` lists; new golden series.

        Args:
            folder: does not exist, or is a model's folder that is replaced.
            golden: names of the golden series; None: some.
        """
        return write(folder, self.forecaster.as_document(), made=self.info["made"], golden=golden,
                     updates=self._updates)  # fmt: skip

    def __repr__(self) -> str:
        return f"<SeriesModel of {self.target!r}: {len(self.names)} series until {self.until}, in {self.folder}>"


def _digest(checked: Checked) -> str:
    """SHA-256 of the values that a model was updated by: of names, slots and numbers, whatever file they were in."""
    found = hashlib.sha256()
    for name, first, values in zip(checked.news.names, checked.news.first, checked.news.values, strict=True):
        found.update(f"{name}\n{first}\n{len(values)}\n".encode("utf-8", "surrogatepass"))
        found.update(values.astype("<f8").tobytes())
    return found.hexdigest()


def write(
    folder: str | Path,
    document: Mapping[str, Any],
    *,
    made: Mapping[str, Any],
    golden: Sequence[str] | None = None,
    known: NDArray[np.float64] | None = None,
    updates: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write a folder of a model of series.

    Args:
        folder: does not exist, or is a model's folder that is replaced.
        document: see `scoring.series`.
        made: what made it: fingerprints of data, template, versions, seed, commit; plain data.
        golden: names of series whose forecasts are kept; None: some, from first to last.
        known: (golden, H, c) known columns at their steps ahead; None: as if all were 0.
        updates: what has run the model on since it was fitted.

    Returns:
        The folder.

    Raises:
        FileExistsError: there is something else at this place.
        ValueError: the document is broken, or holds what can't be kept.
    """
    from automl_core.modelfile.scoring.documents import load
    from automl_core.modelfile.scoring.series.forecaster import Forecaster

    with making(folder) as unfinished:
        write_scorer(unfinished, {"format": FORMAT} | dict(document))
        model = Forecaster(load(unfinished))  # as it lies in the file
        names = _golden_names(model) if golden is None else list(golden)
        until = model.text(int(model.last.max()))
        _write_golden(unfinished, model, names, known)  # which runs it on
        write_info(
            unfinished,
            {
                "format": FORMAT,
                "kind": KIND,
                "problem": {"kind": FORECASTING, "target": model.target},
                "scorer": "numpy",
                "series": len(model.names),
                "columns": {"time": model.time, "series": list(model.keys), "target": model.target},
                "known": [each.name for each in model.known],
                "grid": model.grid.as_json(),
                "horizon": model.horizon,
                "seasons": list(model.seasons),
                "until": until,
                "members": [each.name for each in model.members],
                "estimators": [],
                "pickle": False,
                "golden_series": len(names),
                "environment": _write_environment(unfinished, model.grid.zone is not None),
                "made": plain(made),
                "updates": [plain(dict(each)) for each in updates],
            },
        )
    return Path(folder)


def _golden_names(model: Forecaster) -> list[str]:
    import numpy as np

    places = np.unique(np.linspace(0, len(model.names) - 1, GOLDEN_SERIES).astype(np.int64))
    return [model.names[place] for place in places]


def _write_golden(folder: Path, model: Forecaster, names: list[str], known: NDArray[np.float64] | None) -> None:
    import numpy as np

    from automl_core.modelfile.scoring.golden import FILE
    from automl_core.modelfile.scoring.series.golden import made

    if model.known and known is None:
        known = np.zeros((len(names), model.horizon, len(model.known)))
    first = model.forecast(known=known if model.known else None, places=model.places(names)).values
    # values that are near what was expected, and not it: states that a value moves are moved
    more = first[:, np.arange(GOLDEN_VALUES) % first.shape[1]] * np.asarray([1.02, 0.97, 1.01])[:GOLDEN_VALUES]
    write_json(folder / FILE, made(model, names, known if model.known else None, more), indent=None)


def _write_environment(folder: Path, zoned: bool) -> dict[str, Any]:
    import platform

    from automl_core.modelfile.environment import lock, versions

    needs = versions(["numpy", "tzdata"] if zoned else ["numpy"])
    text = lock(needs, what="What the forecasts need (predict.py)")
    (folder / "requirements.txt").write_text(text, encoding="utf-8")
    return {"python": platform.python_version(), "scorer": needs}


def load(folder: str | Path) -> SeriesModel:
    """A model of series of its folder. Nothing that lies in it is run.

    Raises:
        BrokenModel: it is none, one of a table, or a file of it is missing or changed.
        LaterFormat: a later release wrote it.
    """
    from automl_core.modelfile.model import BrokenModel, compare, read_info
    from automl_core.modelfile.scoring.series.forecaster import Forecaster

    folder = Path(folder)
    info = read_info(folder)
    if info["problem"].get("kind") != FORECASTING:
        raise BrokenModel(f"{folder} is a model of a table ({info['problem'].get('kind')}), none of series")
    compare(folder, info)
    return SeriesModel(folder, info, Forecaster.load(folder))
