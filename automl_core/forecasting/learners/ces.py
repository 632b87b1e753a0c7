"""Complex exponential smoothing by statsforecast: a level that is a complex number finds trends without a trend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from automl_core.extras import needed_by
from automl_core.forecasting.learners.base import CannotFit, Floats
from automl_core.forecasting.learners.local import Kept, LocalLearner
from automl_core.forecasting.learners.shape import Shape
from automl_core.modelfile.exporting import statsforecast as exporting

FORMS = ("auto", "N", "S", "P", "F")


ENOUGH = 30
"""Values of the median series without a season. With so many it is worth its place among others, though not alone."""


class Ces(LocalLearner):
    """A complex level, and a season that is none (N), simple (S), partial (P) or full (F)."""

    name = "ces"
    title = "CES"
    least = 6
    defaults: ClassVar[Mapping[str, Any]] = {"form": "auto"}

    def warm(self) -> None:
        """The library."""
        _library()

    def suits(self, shape: Shape) -> bool:
        """Where there is a season, or enough values for four numbers of a state: short series it takes far off."""
        return bool(shape.seasons) or shape.median >= ENOUGH

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """The kind of the season."""
        if not shape.seasons:
            return {}
        return {"form": {"type": "choice", "values": list(FORMS), "weights": [4, 1, 1, 1, 1], "default": "auto"}}

    def _prepare(self, params: Mapping[str, Any]) -> None:
        if params["form"] not in FORMS:
            raise CannotFit(f"ces.form: found {params['form']!r}; allowed: {', '.join(FORMS)}")
        _library()

    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        season = seasons[0] if seasons else 1
        wanted = form if form is not None else "Z" if params["form"] == "auto" else str(params["form"])
        model = _library().auto_ces(values, season, model=wanted)
        return Kept(exporting.ces(model), 0, str(model["seasontype"]))


def _library() -> Any:
    with needed_by("the learner ces", "series"):
        from statsforecast import ces
    return ces
