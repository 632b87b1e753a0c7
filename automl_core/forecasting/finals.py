"""The model's members fitted on all data, as the document that scores without any library."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.intervals import Intervals
from automl_core.forecasting.prepared import Prepared
from automl_core.forecasting.selecting import Selection
from automl_core.forecasting.trial import TrialResult, said
from automl_core.training.problems import TrainingError

Floats = NDArray[np.float64]

SPARED = 1.2
"""Times as long as its fit in the trial that a last fit is thought to take: it has more values."""


@dataclass(frozen=True)
class Final:
    """A member as it goes into the model.

    Attributes:
        trial: that it came from.
        weight: (S,).
        models: documents of `modelfile.scoring.series.models`.
        series_notes: series' name → what was done in the learner's place.
    """

    trial: TrialResult
    weight: Floats
    models: list[Any]
    series_notes: dict[str, str]


def finals(prepared: Prepared, selection: Selection, deadline: float | None) -> tuple[list[Final], list[str]]:
    """Fit the members once more, on all values of all series.

    What a learner chose for the origins (a form of ETS) is chosen anew: on shorter series it chose simpler ones.

    Args:
        prepared: the series.
        selection: the members.
        deadline: on the monotonic clock; a member whose fit would end after it is left out, but for the first.

    Returns:
        Members, and what is to be said.

    Raises:
        TrainingError: none could be fitted.
    """
    found: list[Final] = []
    notes: list[str] = []
    order = sorted(range(len(selection.members)), key=lambda place: selection.members[place].fit_seconds)
    for place in order:
        member, began = selection.members[place], time.monotonic()
        if found and deadline is not None and began + SPARED * member.fit_seconds > deadline:
            notes.append(f"not in the model: {member.learner}, for whose last fit no time was left")
            continue
        try:
            final = _fitted(prepared, member, selection.weights[:, place], deadline)
        except Exception as error:  # of any library: the others are still a model
            notes.append(f"not in the model: {member.learner}, whose last fit failed: {said(error)}")
            continue
        if final is None:
            notes.append(f"not in the model: {member.learner}, which numpy alone can't score")
        else:
            found.append(final)
    if not found:
        raise TrainingError(f"no member of the model could be fitted on all data: {'; '.join(notes)}")
    found.sort(key=lambda each: selection.members.index(each.trial))
    return found, notes


def _fitted(prepared: Prepared, member: TrialResult, weight: Floats, deadline: float | None) -> Final | None:
    from automl_core.forecasting.learners import registry

    options, panel = prepared.options, prepared.panel
    fitted = registry.find(member.learner).fit(
        panel, panel.lengths, params=member.own, horizon=options.horizon, seasons=sorted(prepared.seasons),
        seed=member.seed, threads=options.threads, deadline=deadline,
    )  # fmt: skip
    document = fitted.export()
    return None if document is None else Final(member, weight, list(document["models"]), dict(fitted.notes))


def document(prepared: Prepared, members: Sequence[Final], intervals: Intervals) -> dict[str, Any]:
    """The whole model as `modelfile.scoring.series` reads it."""
    from automl_core.modelfile.scoring.series.history import kept
    from automl_core.modelfile.scoring.series.members import Member

    options, panel = prepared.options, prepared.panel
    told = [{"name": each.trial.learner, "weight": each.weight, "models": each.models} for each in members]
    reach = max(Member(each, len(panel)).reach for each in told)
    seasons = sorted(prepared.seasons)
    keep = min(int(panel.lengths.max()), max(reach, 2 * max(seasons, default=1), 2 * options.horizon))
    return {
        "problem": {"kind": "forecasting", "target": options.target},
        "columns": {"time": panel.time, "target": panel.target, "series": list(panel.keys)},
        "grid": panel.grid.as_json(),
        "horizon": options.horizon,
        "seasons": seasons,
        "levels": list(options.levels),
        "known": [_known(panel, place) for place in range(len(panel.known))],
        "series": {
            "names": list(panel.names),
            "keys": {key: [panel.key_values[name][at] for name in panel.names] for at, key in enumerate(panel.keys)},
            "trained": len(panel),
            "first": panel.starts,
            "last": panel.starts + panel.lengths - 1,
            "values": kept([each.values for each in panel.series], keep),
        },
        "members": told,
        "combine": "mean",
        "intervals": intervals.document(prepared.season, panel.unmoved),
        "limits": {
            "low": np.where(prepared.never_negative, 0.0, -np.inf),
            "high": None,
            **({"said": True} if prepared.options.non_negative else {}),
        },
    }


def _known(panel: Any, place: int) -> dict[str, Any]:
    column = panel.known[place]
    missing = any(not np.isfinite(each.known[:, place]).all() for each in panel.series)
    return {"name": column.name, "kind": column.kind, "categories": list(column.categories), "missing": missing}
