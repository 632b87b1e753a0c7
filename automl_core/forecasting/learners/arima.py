"""ARIMA by statsforecast's search (Hyndman & Khandakar 2008): as dear as all other learners together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from automl_core.extras import needed_by
from automl_core.forecasting.learners.base import Floats
from automl_core.forecasting.learners.local import Kept, LocalLearner
from automl_core.forecasting.learners.shape import Shape
from automl_core.modelfile.exporting import statsforecast as exporting

LONGEST = 24
"""Of the seasons that are modelled: the state grows with them, and the time with its square."""


class Arima(LocalLearner):
    """AutoARIMA. Its orders are chosen anew at each fit."""

    name = "arima"
    title = "ARIMA"
    least = 8
    optional = True
    defaults: ClassVar[Mapping[str, Any]] = {"approximation": False}

    def warm(self) -> None:
        """The library."""
        _library()

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Whether orders are compared by an approximation of the likelihood."""
        return {"approximation": {"type": "choice", "values": [False, True], "default": False}}

    def _prepare(self, params: Mapping[str, Any]) -> None:
        _library()

    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        season = seasons[0] if seasons and seasons[0] <= LONGEST and len(values) >= 2 * seasons[0] else 1
        model = _library().auto_arima_f(
            values, period=season, seasonal=season > 1, approximation=bool(params["approximation"])
        )
        p, q, big_p, big_q, _, d, big_d = (int(each) for each in model["arma"])
        return Kept(exporting.arima(model, values), 0, f"({p},{d},{q})({big_p},{big_d},{big_q})[{season}]")


def _library() -> Any:
    with needed_by("the learner arima", "series"):
        from statsforecast import arima
    return arima
