"""Demand that is mostly zero: Croston's method with Syntetos and Boylan's correction, and that of Teunter et al.

Ours, on the model file's own recursions (`modelfile.scoring.series.models.croston`): statsforecast has them with fixed
smoothing parameters of 0.1, or optimized without the correction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from automl_core.forecasting.learners.base import CannotFit, Floats
from automl_core.forecasting.learners.local import Kept, LocalLearner
from automl_core.forecasting.learners.shape import Shape
from automl_core.modelfile.scoring.series.models import local_of

FORMS = ("auto", "sba", "tsb")
ALPHAS = (0.02, 0.05, 0.1, 0.2, 0.3)
"""Smoothing parameters that are tried, as in the comparisons of the field: between 0.01 and 0.3."""

MANY = 0.2
"""Share of series that are mostly zero from which on the learner is worth a trial."""


class Intermittent(LocalLearner):
    """How much is asked for when something is, and how often that is."""

    name = "intermittent"
    title = "Intermittent demand"
    least = 3
    defaults: ClassVar[Mapping[str, Any]] = {"form": "auto"}

    def suits(self, shape: Shape) -> bool:
        """Where many series are mostly zero."""
        return shape.intermittent >= MANY

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Which of the two."""
        return {"form": {"type": "choice", "values": list(FORMS), "weights": [2, 1, 1], "default": "auto"}}

    def _prepare(self, params: Mapping[str, Any]) -> None:
        if params["form"] not in FORMS:
            raise CannotFit(f"intermittent.form: found {params['form']!r}; allowed: {', '.join(FORMS)}")

    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        if values.min() < 0:
            raise ValueError("demand is never below 0")
        wanted = form or str(params["form"])
        best: tuple[float, dict[str, Any], str] | None = None
        for kind in ("sba", "tsb"):
            if wanted in ("auto", kind):
                error, record = _run(_candidates(kind), values)
                if best is None or error < best[0]:
                    best = error, record, kind
        assert best is not None
        return Kept(best[1], 0, best[2])


def _candidates(kind: str) -> dict[str, Any]:
    """A document of all smoothing parameters side by side, before the first value."""
    demand, other = (each.ravel() for each in np.meshgrid(ALPHAS, ALPHAS))
    none, zero = np.full(len(demand), np.nan), np.zeros(len(demand))
    if kind == "tsb":
        return {
            "type": "tsb", "alpha_demand": demand, "alpha_probability": other, "demand": none, "probability": none
        }  # fmt: skip
    alphas = np.array(ALPHAS)  # one for both, as in Croston's method
    none, zero = none[: len(alphas)], zero[: len(alphas)]
    return {
        "type": "croston", "alpha_demand": alphas, "alpha_interval": alphas, "factor": 1 - alphas / 2,
        "demand": none, "interval": none, "since": zero,
    }  # fmt: skip


def _run(candidates: Mapping[str, Any], values: Floats) -> tuple[float, dict[str, Any]]:
    """The mean squared error one step ahead, and the record, of the candidate where that is smallest."""
    model = local_of(candidates)
    rows = np.arange(model.count)
    errors, counted = np.zeros(model.count), 0
    started = False
    for value in values:
        if started:
            errors += (model.forecast(rows, 1)[:, 0] - value) ** 2
            counted += 1
        model.step(rows, np.full(model.count, value))
        started = started or value > 0
    best = int(np.argmin(errors))
    found = {name: float(column[best]) for name, column in model.columns.items()}
    return float(errors[best]) / max(1, counted), {"type": candidates["type"], **found}
