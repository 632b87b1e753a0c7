"""The theta method by statsforecast: four forms, the season taken out first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from automl_core.extras import needed_by
from automl_core.forecasting.learners.base import CannotFit, Floats
from automl_core.forecasting.learners.local import Kept, LocalLearner
from automl_core.forecasting.learners.shape import Shape
from automl_core.modelfile.exporting import statsforecast as exporting

FORMS = ("auto", "STM", "OTM", "DSTM", "DOTM")
SEASONS = ("multiplicative", "additive")


class Theta(LocalLearner):
    """A straight line and a smoothed one, averaged."""

    name = "theta"
    title = "Theta"
    defaults: ClassVar[Mapping[str, Any]] = {"form": "auto", "season": "multiplicative"}

    def warm(self) -> None:
        """The library."""
        library()

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """The form, and how the season is taken out."""
        found: dict[str, dict[str, Any]] = {
            "form": {"type": "choice", "values": list(FORMS), "weights": [4, 1, 2, 1, 2], "default": "auto"},
        }
        if shape.seasons and shape.positive:
            found["season"] = {"type": "choice", "values": list(SEASONS), "weights": [3, 1], "default": SEASONS[0]}
        return found

    def _prepare(self, params: Mapping[str, Any]) -> None:
        for name, allowed in (("form", FORMS), ("season", SEASONS)):
            if params[name] not in allowed:
                raise CannotFit(f"theta.{name}: found {params[name]!r}; allowed: {', '.join(allowed)}")
        library()

    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        wanted = form if form is not None else None if params["form"] == "auto" else str(params["form"])
        model = library().auto_theta(
            values, seasons[0] if seasons else 1, model=wanted, decomposition_type=str(params["season"])
        )
        return Kept(exporting.theta(model, values), 0, str(model["modeltype"]))


def library() -> Any:
    """The functions of the library on arrays."""
    with needed_by("the learner theta", "series"):
        from statsforecast import theta
    return theta
