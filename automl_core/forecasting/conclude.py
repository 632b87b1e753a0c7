"""After the search: members chosen and weighed, fitted on all data, intervals, one look at the test, the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_core.forecasting.prepared import Prepared
from automl_core.forecasting.trial import TrialResult


@dataclass
class Concluded:
    """What a search has come to.

    Attributes:
        folder: of the model.
        report: what was tried, found and measured; also in ``report.json`` beside the model.
        document: the model as plain data and arrays, as `modelfile.series` wrote it.
    """

    folder: Path
    report: dict[str, Any]
    document: dict[str, Any]


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
) -> Concluded:
    """Make the model of a search, and its report (``report.json`` in the model's folder).

    The document that goes to `modelfile.series`::

        {"target": str, "horizon": int, "season": int, "seasons": [int], "frequency"/"grid"/"zone": as the panel's grid,
         "known": [{"name", …}], "series": [names],
         "members": [{"learner": str, "trial": int, "document": Fitted.export()}],   # M of them
         "weights": float64 (S, M), each row sums to 1,
         "non_negative": bool (S,),
         "intervals": {"levels": [L], "lower": float64 (S, L, H), "upper": float64 (S, L, H)}}

    A forecast is the weighted mean of the members', ends at 0 where ``non_negative``; its interval is
    ``[forecast + lower, forecast + upper]``, both in the target's units, ``lower <= 0 <= upper``; beyond ``horizon`` the
    last step's width grows with the square root of the step.

    Args:
        prepared: the series.
        results: of all trials.
        folder: the model's, made here.
        deadline: on the monotonic clock; members whose last fit would end after it go without it.
        made: more about what made the model, for its folder.
        why: the search ended, for the report.
        check: whether the folder is tried in a fresh process before it counts.
        times: seconds of what came before, by its name, for the report.
        title: of the report's page.

    Raises:
        TrainingError: no trial is usable, or the model's folder can't be written.
    """
    raise NotImplementedError
