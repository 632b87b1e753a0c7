"""Exponential smoothing by statsforecast: a form for each series, chosen once, fitted again at later origins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from automl_core.extras import needed_by
from automl_core.forecasting.learners.base import CannotFit, Floats
from automl_core.forecasting.learners.local import Kept, LocalLearner, best_of, positive
from automl_core.forecasting.learners.shape import Shape
from automl_core.modelfile.exporting import statsforecast as exporting

LONGEST = 24
"""Of the seasons that a form may have: each place of a season is a parameter that is searched (so does R's ets)."""

USUAL = ("ANN", "AAN", "AAdN", "ANA", "AAA", "MNN", "MAN", "MAdN", "MNM", "MAM")
"""Forms of ``auto``: none with a damped trend beside a season, nor with multiplicative errors of an additive season.
Two fifths of the time of all, and no worse (docs/series-learners.md has the figures)."""

EVERY = ("ANN", "AAN", "AAdN", "ANA", "AAA", "AAdA", "MNN", "MAN", "MAdN", "MNA", "MAA", "MAdA", "MNM", "MAM", "MAdM")
"""Forms of ``all``: AutoETS' own."""

DAMPED = ("ANN", "AAdN", "AAdA", "MAdN", "MAdM")
"""Forms of ``damped``."""

_CHOICES = {"auto": USUAL, "all": EVERY, "damped": DAMPED}


class Ets(LocalLearner):
    """Level, trend and season, each smoothed."""

    name = "ets"
    title = "ETS"
    least = 5
    defaults: ClassVar[Mapping[str, Any]] = {"form": "auto", "criterion": "aicc"}

    def warm(self) -> None:
        """The library."""
        library()

    def suits(self, shape: Shape) -> bool:
        """Where the main season is short enough for a form to have it, or where there is none."""
        return not shape.seasons or shape.seasons[0] <= LONGEST

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Which forms are tried, and what chooses among them."""
        return {
            "form": {"type": "choice", "values": list(_CHOICES), "weights": [4, 1, 2], "default": "auto"},
            "criterion": {"type": "choice", "values": ["aicc", "bic"], "weights": [3, 1], "default": "aicc"},
        }

    def _prepare(self, params: Mapping[str, Any]) -> None:
        if params["form"] not in _CHOICES and params["form"] not in EVERY:
            allowed = ", ".join([*_CHOICES, *EVERY])
            raise CannotFit(f"ets.form: found {params['form']!r}; allowed: {allowed}")
        if params["criterion"] not in ("aicc", "aic", "bic"):
            raise CannotFit(f"ets.criterion: found {params['criterion']!r}; allowed: aicc, aic, bic")
        library()

    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        season = seasons[0] if seasons and seasons[0] <= LONGEST and len(values) > seasons[0] else 1
        wanted = str(params["form"])
        forms = [form] if form is not None else _CHOICES.get(wanted, (wanted,))
        found = best(values, season, forms, str(params["criterion"]))
        if found is None and len(forms) == 1:  # of one that can't be: what its components become
            found = best(values, season, USUAL, str(params["criterion"]))
        if found is None:
            raise ValueError("no form of ETS fits")
        chosen, model = found
        return Kept(exporting.ets(model), 0, chosen)


def library() -> Any:
    """Statsforecast's functions on arrays: no data frame is made."""
    with needed_by("the learner ets", "series"):
        from statsforecast import ets
    return ets


def best(values: Floats, season: int, forms: Sequence[str], criterion: str) -> tuple[str, Any] | None:
    """The form with the lowest criterion, and the library's model; None where none could be fitted."""
    ets_f, found = library().ets_f, []
    for form in forms:
        error, trend, of_season = form[0], form[1], form[-1]
        if (of_season != "N" and season == 1) or ("M" in (error, of_season) and not positive(values)):
            continue
        try:
            # alone, not by ets_f's own choice: there each form narrows the bounds of those after it
            model = ets_f(values, season, error + trend + of_season, damped="d" in form)
        except (NotImplementedError, ValueError, ArithmeticError):  # too few values for it
            continue
        if isinstance(model, dict) and model.get("fit") is not None:
            found.append((float(model[criterion]), (form, model)))
    lowest: tuple[str, Any] | None = best_of(found)
    return lowest
