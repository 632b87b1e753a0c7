"""Which trials a model is made of: the best of each learner, weighed by their errors at the origins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting import ensemble
from automl_core.forecasting.intervals import scale_of
from automl_core.forecasting.panel import Panel
from automl_core.forecasting.prepared import Prepared
from automl_core.forecasting.trial import TrialResult
from automl_core.training.problems import TrainingError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GROWN = 10.0
"""Times that a series' scale at an origin may be below the one of today: one that did not move yet has no scale."""


@dataclass(frozen=True)
class Selection:
    """Members, and what they said at the origins.

    Attributes:
        members: trials that are taken, best first.
        weights: (S, M), each row sums to 1.
        ends: (O, S) values known at the origins, -1 where a series has none; with the test as the last row where it
            has been looked at.
        forecasts: (O, S, H) of the members together.
        test: (S, H) of the members together at the test; None where there is none.
        then: (O, S) scales of the series at the origins.
        now: (S,) the same with all that trials may see, or with everything once the test has been looked at.
        notes: who was left out, and why.
    """

    members: tuple[TrialResult, ...]
    weights: Floats
    ends: Ints
    forecasts: Floats
    test: Floats | None
    then: Floats
    now: Floats
    notes: tuple[str, ...]


def select(prepared: Prepared, results: Sequence[TrialResult], *, looked: bool = False) -> Selection:
    """Choose and weigh.

    Args:
        prepared: the series.
        results: of all trials.
        looked: whether the one look at the test has been taken: it is then the newest origin, and the one that says
            most about what comes.

    Raises:
        TrainingError: no trial is usable; says why each failed.
    """
    usable = sorted((each for each in results if each.usable), key=lambda each: (each.loss, each.number))
    if not usable:
        why = "; ".join(f"trial {each.number}, {each.learner}: {each.reason}" for each in results) or "there was none"
        raise TrainingError(f"no trial can be made a model of: {why}")
    best: dict[str, TrialResult] = {}
    for each in usable:
        best.setdefault(each.learner, each)
    candidates = list(best.values())
    most = prepared.options.ensemble
    if most == 1:
        candidates = candidates[:1]
    ends, forecasts = prepared.origins.ends, np.stack([each.forecasts for each in candidates])
    if looked and prepared.tested is not None:
        ends = np.concatenate([ends, prepared.tested[None]])
        forecasts = np.concatenate([forecasts, np.stack([each.test for each in candidates])[:, None]], axis=1)
    then, now = scales(prepared, ends, prepared.panel if looked else prepared.past)
    actual = np.stack([prepared.actual(known) for known in ends])
    found = ensemble.errors(forecasts, actual, then)
    origins = ensemble.independent(ends, prepared.options.horizon)
    looks = ensemble.by_origin(forecasts, actual, then)
    chosen = ensemble.choose([each.learner for each in candidates], found, origins, most, looks)
    places = list(chosen.chosen)
    test = None
    if prepared.tested is not None:
        test = prepared.bounded(ensemble.combined(np.stack([candidates[each].test for each in places]), chosen.weights))
    together = ensemble.combined(forecasts[places], chosen.weights)
    together = np.stack([prepared.bounded(each) for each in together])
    notes = tuple(f"not in the model: {why}" for _, why in sorted(chosen.why.items()))
    return Selection(
        tuple(candidates[each] for each in places), chosen.weights, ends, together, test, then, now, notes
    )  # fmt: skip


def scales(prepared: Prepared, ends: Ints, past: Panel) -> tuple[Floats, Floats]:
    """Scales of the series at some origins (O, S), and of all values of a panel (S,), all above 0.

    A series that never moved has the smallest scale that its level allows; where it has a few values alone, that says
    little: it has what is usual for such a level among the others.

    Args:
        prepared: the series.
        ends: (O, S) of the origins.
        past: the series as far as they may be looked at.
    """
    season = prepared.season
    now = np.array([scale_of(each.values, season) for each in past.series])
    level = np.array([np.nanmax(np.abs(each.values), initial=0.0) for each in past.series])
    moving = now > 0
    still = np.maximum(level, 1.0) * 1e-9
    if moving.any():
        usual = np.where(level > 0, level * np.median(now[moving] / level[moving]), np.median(now[moving]))
        still = np.where(past.unmoved, still, usual)
    now = np.where(moving, now, still)
    then = np.tile(now, (len(ends), 1))
    for place, known in enumerate(ends):
        for each in np.flatnonzero(known > 0):
            then[place, each] = scale_of(past.series[each].values[: known[each]], season)
    return np.maximum(then, now / GROWN), now
