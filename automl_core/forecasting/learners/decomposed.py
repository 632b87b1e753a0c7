"""Several or long seasons: taken out by loess one after the other (MSTL), then ETS or theta of what is left.

The ETS of statsforecast searches each place of a season as a parameter, which above some two dozen takes minutes and
finds nothing; theta and CES know one season. The decomposition is statsmodels' STL (Cleveland et al. 1990), repeated as
Bandara, Hyndman & Bergmeir (2021) do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from automl_core.extras import needed_by
from automl_core.forecasting.learners import ets, theta
from automl_core.forecasting.learners.base import CannotFit, Document, Floats
from automl_core.forecasting.learners.local import Kept, LocalLearner
from automl_core.forecasting.learners.shape import Shape
from automl_core.modelfile.exporting import statsforecast as exporting

INNER = ("ets", "theta")
FORMS = ("ANN", "AAN", "AAdN")
"""Of ETS of what is left, which may be of any sign."""

WINDOW, WIDER = 7, 4
"""Cycles that the k-th season's loess looks at: 7 + 4 k, as R's ``mstl``."""

ROUNDS = 2


class Decomposed(LocalLearner):
    """Seasons by loess, and a model of the rest."""

    name = "decomposed"
    title = "Decomposition"
    least = 6
    defaults: ClassVar[Mapping[str, Any]] = {"inner": "ets"}

    def warm(self) -> None:
        """The libraries."""
        _stl()

    def suits(self, shape: Shape) -> bool:
        """Where there are several seasons or a long one, and two cycles of the shortest."""
        if not shape.seasons or shape.median < 2 * shape.seasons[0]:
            return False
        return len(shape.seasons) > 1 or shape.seasons[0] > ets.LONGEST

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """The model of what is left."""
        return {"inner": {"type": "choice", "values": list(INNER), "weights": [2, 1], "default": "ets"}}

    def _prepare(self, params: Mapping[str, Any]) -> None:
        if params["inner"] not in INNER:
            raise CannotFit(f"decomposed.inner: found {params['inner']!r}; allowed: {', '.join(INNER)}")
        _stl()

    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        used = [each for each in seasons if len(values) >= 2 * each]
        if not used:
            raise ValueError(f"{len(values)} values are less than two seasons")
        left, shapes = decompose(values, used)
        record, chosen = _inner(left, str(params["inner"]), form)
        # the newest cycle, oldest first: its first place is the next step's
        seasonal = {f"seasonal_{each}": shape[-each:] for each, shape in zip(used, shapes, strict=True)}
        return Kept({"type": "decomposed", **seasonal, "inner": record}, 0, chosen)


def decompose(values: Floats, seasons: Sequence[int]) -> tuple[Floats, list[Floats]]:
    """Values without their seasons, and these, (n,) each.

    Args:
        values: (n,) two cycles at least of each season.
        seasons: lengths, shortest first.
    """
    stl = _stl()
    left, shapes = np.array(values), [np.zeros(len(values)) for _ in seasons]
    for _ in range(ROUNDS if len(seasons) > 1 else 1):
        for place, season in enumerate(seasons):
            left = left + shapes[place]
            fitted = stl(left, period=season, seasonal_deg=0, **_windows(season, WINDOW + WIDER * (place + 1))).fit()
            shapes[place] = np.asarray(fitted.seasonal, dtype=np.float64)
            left = left - shapes[place]
    return left, shapes


def _windows(season: int, cycles: int) -> dict[str, int]:
    """Widths of STL's three smoothers, and how far each goes between two fits: a tenth of its width, as in R's ``stl``.

    Between them is a line. With statsmodels' own jumps of 1 a day and a week of half-hours take twenty times as long,
    for nearly the same seasons (docs/series-learners.md).

    Args:
        season: its length.
        cycles: that its smoother looks at; odd.
    """
    trend, low = int(np.ceil(1.5 * season / (1 - 1.5 / cycles))) | 1, (season + 1) | 1
    widths = {"seasonal": cycles, "trend": trend, "low_pass": low}
    return widths | {f"{name}_jump": -(-width // 10) for name, width in widths.items()}


def _inner(left: Floats, kind: str, form: str | None) -> tuple[Document, str]:
    """Record and form of the model of what is left."""
    if kind == "theta":
        model = theta.library().auto_theta(left, 1, model=form)
        return exporting.theta(model, left), str(model["modeltype"])
    found = ets.best(left, 1, [form] if form is not None else FORMS, "aicc")
    if found is None:
        raise ValueError("no form of ETS fits what is left")
    return exporting.ets(found[1]), found[0]


def _stl() -> Any:
    with needed_by("the learner decomposed", "series"):
        from statsmodels.tsa.seasonal import STL
    return STL
