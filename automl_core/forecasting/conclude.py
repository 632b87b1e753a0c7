"""After the search: members chosen and weighed, intervals, one look at the test, last fits, the model and its report.

From the same finished trials it makes the same bytes: nothing that it writes into the model depends on the clock.
"""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.finals import Final, document, finals
from automl_core.forecasting.intervals import Intervals, measure
from automl_core.forecasting.prepared import Prepared
from automl_core.forecasting.selecting import Selection, select
from automl_core.forecasting.trial import TrialResult, counts
from automl_core.release import RELEASE
from automl_core.training.problems import TrainingError

if TYPE_CHECKING:
    from automl_core.forecasting.report.looks import Look
    from automl_core.modelfile.series import SeriesModel

Floats = NDArray[np.float64]

GOLDEN = 4
"""Series kept in the model's folder with their forecasts."""


@dataclass
class Concluded:
    """What a search has come to.

    Attributes:
        folder: of the model.
        report: what was tried, found and measured; also in ``report.json`` beside the model.
        model: as it was read back from its folder.
    """

    folder: Path
    report: dict[str, Any]
    model: SeriesModel


def conclude(
    prepared: Prepared,
    results: Sequence[TrialResult],
    *,
    folder: str | Path,
    deadline: float | None = None,
    made: Mapping[str, Any] | None = None,
    why: str = "",
    check: bool = True,
    times: Mapping[str, float] | None = None,
    title: str = "",
    page: bool = True,
) -> Concluded:
    """Make the model of a search, and its report (``report.json`` and the files beside it, in the model's folder).

    Args:
        prepared: the series.
        results: of all trials.
        folder: the model's, made here.
        deadline: on the monotonic clock; members whose last fit would end after it are left out.
        made: more about what made the model, for its folder.
        why: the search ended, for the report.
        check: whether the folder is tried in a fresh process before it counts.
        times: seconds of what came before, by its name, for the report.
        title: of the report's page.
        page: whether ``report.html`` is drawn.

    Raises:
        TrainingError: no trial is usable, or the model's folder can't be written, or a fresh process forecasts its
            golden series otherwise.
    """
    from automl_core.forecasting.report import leave, told, write
    from automl_core.modelfile import series as files

    began = time.monotonic()
    home = Path(folder)
    judged = select(prepared, results)
    looks = _looks(prepared, judged)
    selection = select(prepared, results, looked=True) if prepared.tested is not None else judged
    intervals = _measured(prepared, selection)
    members, notes = finals(prepared, selection, deadline)
    described = document(prepared, members, intervals)
    golden, known = _golden(prepared)
    try:
        files.write(home, described, made=_made(prepared, members, made), golden=golden, known=known)
    except (FileExistsError, ValueError) as error:
        raise TrainingError(f"the model can't be written: {error}") from None
    if check:
        _check(home)
    model = files.load(home)
    looks.append(_ahead(prepared, model))
    of_series = _notes(members)
    report = _report(prepared, results, judged, members)
    report["notes"] = [*prepared.notes, *selection.notes, *notes]
    if prepared.tested is not None:
        report["notes"].append(
            "after the look at the test, members and weights were chosen anew with it as one origin more"
        )
    report["search"] = {"why": why, **counts(results)}
    report |= told(prepared, looks, of_series)
    spent = {**(times or {}), "conclude": time.monotonic() - began}
    # of a run in several processes only the last part is known here
    report["times"] = {**spent, "total": math.fsum(spent.values())} if times else spent
    report = _finite(report)
    (home / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    leave(home, prepared, looks, of_series)
    if page:
        write(home, title=title)
    return Concluded(home, report, model)


def _looks(prepared: Prepared, selection: Selection) -> list[Look]:
    """The members at the origins, and at the test, which nothing of them has seen."""
    from automl_core.forecasting.report.looks import Look

    ends, levels = selection.ends, prepared.options.levels
    residuals = np.stack([prepared.actual(each) for each in ends]) - selection.forecasts
    looks = []
    for place, known in enumerate(ends):
        forecast = selection.forecasts[place]
        apart = measure(residuals, selection.then, selection.now, ends, without=place)
        lower, upper = _bounds(prepared, apart, forecast, levels)
        looks.append(Look("origin", known, forecast, lower, upper))
    if prepared.tested is not None and selection.test is not None:
        lower, upper = _bounds(prepared, _measured(prepared, selection), selection.test, levels)
        looks.append(Look("test", prepared.tested, selection.test, lower, upper))
    return looks


def _measured(prepared: Prepared, selection: Selection) -> Intervals:
    residuals = np.stack([prepared.actual(each) for each in selection.ends]) - selection.forecasts
    return measure(residuals, selection.then, selection.now, selection.ends)


def _bounds(
    prepared: Prepared, intervals: Intervals, forecast: Floats, levels: Sequence[float]
) -> tuple[Floats, Floats]:
    lower, upper = intervals.bounds(forecast, levels)
    return prepared.bounded(lower), prepared.bounded(upper)


def _ahead(prepared: Prepared, model: SeriesModel) -> Look:
    """What comes after all data, by the model as it was read back from its folder."""
    from automl_core.forecasting.report.looks import Look

    panel, options = prepared.panel, prepared.options
    known = panel.future_known(panel.lengths, options.horizon)
    found = model.forecaster.forecast(known=known, levels=options.levels)
    return Look(
        "ahead", panel.lengths, found.values, found.lower.transpose(1, 0, 2), found.upper.transpose(1, 0, 2)
    )  # fmt: skip


def _golden(prepared: Prepared) -> tuple[list[str], Floats | None]:
    """Names of some series, from first to last, and the known columns at their next steps; 0 where nobody knows."""
    panel = prepared.panel
    places = np.unique(np.linspace(0, len(panel) - 1, min(GOLDEN, len(panel))).astype(np.int64))
    known = panel.future_known(panel.lengths, prepared.options.horizon)[places] if panel.known else None
    return [panel.names[each] for each in places], None if known is None else np.nan_to_num(known)


def _check(home: Path) -> None:
    from automl_core.modelfile.checking import CheckFailed
    from automl_core.modelfile.checking import check as tried

    try:
        tried(home)
    except CheckFailed as error:
        raise TrainingError(f"the model was written and can't be used: {error}") from None


def _made(prepared: Prepared, members: Sequence[Final], made: Mapping[str, Any] | None) -> dict[str, Any]:
    options = prepared.options.as_json()
    return {
        "release": RELEASE,
        "python": platform.python_version(),
        "data": {"fingerprint": prepared.fingerprint, "series": len(prepared.panel)},
        "seed": prepared.options.seed,
        "ensemble": [{"trial": each.trial.number, "weight": float(each.weight.mean())} for each in members],
        "options": {name: value for name, value in options.items() if name != "deadline"},
        **(made or {}),
    }


def _report(
    prepared: Prepared, results: Sequence[TrialResult], selection: Selection, members: Sequence[Final]
) -> dict[str, Any]:
    """What `forecasting.report` draws, but for what comes of looks at the model."""
    panel, options, origins = prepared.panel, prepared.options, prepared.origins
    grid = panel.grid

    def when(slot: int) -> str:
        return grid.text(int(grid.times(np.array([slot], dtype=np.int64))[0]))

    last = panel.starts + np.array([len(each.values) for each in panel.series]) - 1
    board = sorted(results, key=lambda each: (not each.usable, each.loss, each.number))
    total = math.fsum(float(each.weight.mean()) for each in members)
    values = [
        float(np.nanmean(found)) if np.isfinite(found).any() else math.nan
        for found in (prepared.judged(selection.forecasts[place], known) for place, known in enumerate(origins.ends))
    ]
    there = [each for each in values if math.isfinite(each)]
    return {
        "problem": {
            "kind": "forecasting", "target": options.target, "metric": prepared.metric.name,
            "direction": prepared.metric.direction, "horizon": options.horizon,
            "frequency": grid.frequency.words, "zone": grid.zone, "seasons": list(prepared.seasons),
            "time": panel.time, "series": list(panel.keys), "known": [each.name for each in panel.known],
            "levels": list(options.levels),
        },
        "data": {
            "series": len(panel), "values": int(panel.observed.sum()),
            "missing": int((panel.lengths - panel.observed).sum()), "from": when(int(panel.starts.min())),
            "until": when(int(last.max())), "fingerprint": prepared.fingerprint,
        },
        "options": options.as_json(),
        "guardrails": [dict(each) for each in prepared.findings],
        "leaderboard": [
            {
                "trial": each.number, "learner": each.learner, "value": each.value, "state": each.state,
                "origins": each.origins, "seconds": each.seconds, "params": dict(each.params),
                "reason": each.reason, "fallbacks": len(each.notes),
            }
            for each in board
        ],
        "ensemble": [
            {"trial": each.trial.number, "weight": float(each.weight.mean()) / total} for each in members
        ],
        "estimate": math.fsum(there) / len(there) if there else math.nan,
        "validation": {
            "origins": len(origins), "step": origins.step,
            "ends": [_latest(prepared, known, when) for known in origins.ends], "why": "rolling origins",
        },
    }  # fmt: skip


def _notes(members: Sequence[Final]) -> dict[str, str]:
    """Series' name → what was done in the place of each member that has a note on it."""
    found: dict[str, dict[str, None]] = {}
    for each in members:
        for name, note in each.series_notes.items():
            found.setdefault(name, {})[note] = None
    return {name: "; ".join(notes) for name, notes in found.items()}


def _latest(prepared: Prepared, known: NDArray[np.int64], when: Any) -> str:
    slots = (prepared.panel.starts + known - 1)[known > 0]
    return str(when(int(slots.max()))) if len(slots) else ""


def _finite(value: Any) -> Any:
    """Plain data as JSON can hold them: no number that is none."""
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
