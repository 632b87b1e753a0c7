"""The plain forecasts: the last season again, a line through the first and the last value, a mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from automl_core.forecasting.learners.base import CannotFit, Floats
from automl_core.forecasting.learners.local import Kept, LocalLearner, fallback_record
from automl_core.forecasting.learners.shape import Shape

FORMS = ("season", "drift", "mean")


class SeasonalNaive(LocalLearner):
    """What everything else has to beat."""

    name = "seasonal_naive"
    title = "Seasonal naive"
    least = 1
    slow = False
    defaults: ClassVar[Mapping[str, Any]] = {"form": "season"}

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Without a season the last value, with or without the mean change, or a mean."""
        if shape.seasons:
            return {}
        return {"form": {"type": "choice", "values": list(FORMS), "default": "season"}}

    def portfolio(self, shape: Shape) -> list[dict[str, Any]]:
        """The last season; without one the drift too."""
        return [{"form": "season"}] if shape.seasons else [{"form": "season"}, {"form": "drift"}]

    def _prepare(self, params: Mapping[str, Any]) -> None:
        if params["form"] not in FORMS:
            raise CannotFit(f"seasonal_naive.form: found {params['form']!r}; allowed: {', '.join(FORMS)}")

    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        wanted = str(params["form"])
        record: dict[str, Any]
        if wanted == "drift":
            steps = float(len(values) - 1)
            record = {"type": "drift", "first": float(values[0]), "last": float(values[-1]), "steps": steps}
        elif wanted == "mean":
            record = {"type": "mean", "total": float(values.sum()), "steps": float(len(values))}
        else:
            record = fallback_record(values, seasons[0] if seasons else 1)
        return Kept(record, 0, wanted)
