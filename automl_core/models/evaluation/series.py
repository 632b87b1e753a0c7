"""Two models of series, forecasting by rolling origins what neither has seen: each run on by its own update.

The first origin is the later one of the two models' ends, so that no model is asked for what it was fitted on. At
each origin both have read the same values, and forecast the same steps. Windows never overlap. What is compared is
the metric of each series at each origin.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.models.evaluation.options import EvaluateOptions, NotEvaluated

if TYPE_CHECKING:
    from automl_core.modelfile.scoring.series.rows import Rows
    from automl_core.modelfile.series import SeriesModel

Floats = NDArray[np.float64]


class SeriesSubject:
    """A model of series, opened.

    Attributes:
        folder, role: as `subjects.Subject` has them.
        model: as it was when it was written; `run_on` moves it.
    """

    kind = "forecasting"
    classes: tuple[str, ...] = ()

    def __init__(self, folder: Path, role: str) -> None:
        from automl_core.modelfile.model import BrokenModel
        from automl_core.modelfile.scoring.documents import LaterFormat
        from automl_core.modelfile.series import load

        self.folder, self.role = folder, role
        began = time.perf_counter()
        try:
            self.model: SeriesModel = load(folder)
        except (BrokenModel, LaterFormat, ImportError, ValueError) as error:
            raise NotEvaluated(f"the {role} can't be opened: {error}") from None
        self.opened = time.perf_counter() - began
        self.target = self.model.target
        self.metric: str | None = None

    def read(self, table: Any) -> Rows:
        """Rows on its grid.

        Raises:
            NotEvaluated: rows that don't fit.
        """
        from automl_core.modelfile.scoring.series.problems import SeriesProblem

        try:
            return self.model.read(table)
        except SeriesProblem as error:
            raise NotEvaluated(f"the {self.role} can't read the data: {error}") from None

    def run_on(self, rows: Rows, origin: int) -> None:
        """Take what came until an origin, that among them.

        Raises:
            NotEvaluated: it can't.
        """
        from automl_core.modelfile.scoring.series.problems import SeriesProblem

        until = rows.slot <= origin
        part = replace(
            rows, of=rows.of[until], slot=rows.slot[until], value=rows.value[until], known=rows.known[until], notes=()
        )  # fmt: skip
        try:
            self.model.update(part)
        except SeriesProblem as error:
            raise NotEvaluated(f"the {self.role} can't be run on by the data: {error}") from None

    def names(self) -> tuple[str, ...]:
        """Of its series."""
        return self.model.names

    def reopened(self) -> None:
        """Open it once more, for the clock."""
        from automl_core.modelfile.series import load

        load(self.folder)


@dataclass(frozen=True)
class Window:
    """Forecasts of both models from one origin.

    Attributes:
        origin: as text.
        names: (k,) series.
        actual: (k, H) what came, NaN where nothing did.
        values: role → (k, H).
        levels: role → level → (lower, upper), each (k, H).
        history: (k,) what was known at the origin.
        season: by which metrics scale.
    """

    origin: str
    names: tuple[str, ...]
    actual: Floats
    values: dict[str, Floats]
    levels: dict[str, dict[float, tuple[Floats, Floats]]]
    history: tuple[Floats, ...]
    season: int


@dataclass(frozen=True)
class Rolled:
    """All windows.

    Attributes:
        windows: in the order of time.
        horizon: steps ahead.
        rows: role → the data as its model reads them.
        left_out: why values or series are not among them, and how many.
        notes: what is to be said.
    """

    windows: tuple[Window, ...]
    horizon: int
    rows: dict[str, Rows]
    left_out: dict[str, int]
    notes: tuple[str, ...]


def roll(table: Any, subjects: Sequence[SeriesSubject], options: EvaluateOptions) -> Rolled:
    """Forecast by rolling origins.

    Raises:
        NotEvaluated: the models are of other grids, series or targets, or can't read the data.
    """
    _check(subjects)
    rows = {subject.role: subject.read(table) for subject in subjects}
    first = rows[subjects[0].role]
    came = ~np.isnan(first.value)
    end = int(first.slot[came].max()) if came.any() else -1
    begin = max(int(subject.model.forecaster.last.max()) for subject in subjects)
    horizon = options.horizon or min(subject.model.horizon for subject in subjects)
    total = end - begin
    left = {"without a value": int(np.count_nonzero(~came)),
            "of times that a model was fitted on": int(np.count_nonzero(came & (first.slot <= begin)))}  # fmt: skip
    if total < 1:
        text = subjects[0].model.forecaster.text(begin)
        return Rolled((), horizon, rows, left, (f"nothing came after {text}, where the later of the models ends",))
    steps = min(horizon, total)
    count = min(options.origins, max(1, total // horizon))
    starts = np.unique(np.linspace(begin, max(begin, end - horizon), count).astype(np.int64)).tolist()
    windows = []
    for origin in starts:
        for subject in subjects:
            subject.run_on(rows[subject.role], origin)
        window, without = _window(subjects, rows, steps)
        left["of series that not every model knows, or that end elsewhere for one of them"] = without
        if window is not None:
            windows.append(window)
    notes = () if steps == horizon else (f"only {steps} of {horizon} steps have come since the models end",)
    return Rolled(tuple(windows), steps, rows, left, notes)


def _check(subjects: Sequence[SeriesSubject]) -> None:
    one = subjects[0].model
    for other in subjects[1:]:
        for what, first, second in (
            ("target", one.target, other.model.target),
            ("column of times", one.forecaster.time, other.model.forecaster.time),
            ("columns that tell series apart", list(one.forecaster.keys), list(other.model.forecaster.keys)),
            ("grid of times", one.grid.as_json(), other.model.grid.as_json()),
        ):
            if first != second:
                raise NotEvaluated(f"the models can't be compared: their {what} differ ({first} and {second})")


def _window(
    subjects: Sequence[SeriesSubject], rows: dict[str, Rows], steps: int
) -> tuple[Window | None, int]:  # fmt: skip
    from automl_core.forecasting.against import compared, kept
    from automl_core.modelfile.scoring.series.problems import SeriesProblem

    models = {subject.role: subject.model.forecaster for subject in subjects}
    first = models[subjects[0].role]
    names = [
        name
        for name in first.names
        if all(
            name in model.place and model.last[model.place[name]] == first.last[first.place[name]]
            for model in models.values()
        )
    ]
    known = {name for model in models.values() for name in model.names}
    if not names:
        return None, len(known)
    values: dict[str, Floats] = {}
    levels: dict[str, dict[float, tuple[Floats, Floats]]] = {}
    against = None
    for subject in subjects:
        own = rows[subject.role]
        try:
            told = subject.model.forecast(steps, known=own, series=names).arrays
        except SeriesProblem as error:
            raise NotEvaluated(f"the {subject.role} can't forecast: {error}") from None
        values[subject.role] = told.values
        levels[subject.role] = {
            level: (told.lower[rank], told.upper[rank])
            for rank, level in enumerate(told.levels)
            if np.isfinite(told.lower[rank]).any()
        }
        if against is None:
            against = compared(first, told, own, kept(first, names))
    assert against is not None
    origin = first.text(max(int(first.last[first.place[name]]) for name in names))
    season = against.season
    return Window(origin, tuple(names), against.actual, values, levels, against.history, season), len(known) - len(
        names
    )
