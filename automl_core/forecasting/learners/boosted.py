"""Boosted trees over lags: one LightGBM forest for all series at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from automl_core.extras import needed_by
from automl_core.forecasting.learners.base import CannotFit, Document, Fitted, Floats, Ints, Learner, level_of
from automl_core.forecasting.learners.lagged import histories, rows_of
from automl_core.forecasting.learners.shape import Shape
from automl_core.modelfile.scoring.series.features import BASES, UNITS, Recipe
from automl_core.training.imports import without

if TYPE_CHECKING:
    from automl_core.forecasting.frequency import Frequency
    from automl_core.forecasting.panel import Panel

DAY, YEAR = 86_400, 365 * 86_400
OBJECTIVES = ("l1", "l2", "huber")


class FittedBoosted(Fitted):
    """A forest and the recipe of its features."""

    def __init__(self, booster: Any, recipe: Recipe, names: Sequence[str], season: int, level: float) -> None:
        super().__init__(season, level)
        self.booster, self.recipe, self.names = booster, recipe, list(names)
        self._codes = {name: place for place, name in enumerate(self.names)}

    def _margin(self, features: Floats) -> Floats:
        return np.asarray(self.booster.predict(features, num_threads=1), dtype=np.float64)

    def _forecast(self, panel: Panel, ends: Ints, asked: Ints, horizon: int) -> Floats:
        held = histories(panel, ends, asked, self.recipe.reach)
        some = np.flatnonzero(np.isfinite(self.recipe.values(held)).any(axis=1))
        found = np.full((len(asked), horizon), np.nan)
        for row in np.setdiff1d(np.arange(len(asked)), some):
            name = panel.series[asked[row]].name
            self.notes[name] = f"no value that counts among its last {self.recipe.reach}: seasonal naive"
        if not len(some):
            return found
        chosen = asked[some]
        codes = np.array([self._codes.get(panel.series[place].name, -1) for place in chosen], dtype=np.int64)
        last = np.array([panel.series[place].start + ends[place] - 1 for place in chosen], dtype=np.int64)
        known = panel.future_known(ends, horizon)[chosen]
        with np.errstate(over="ignore"):
            found[some] = self.recipe.forecast(
                held[some], horizon, last=last, grid=panel.grid, known=known, codes=codes, margin=self._margin
            )
        return found

    def export(self) -> Document:
        """``{"models": [a document of the type trees]}``: it forecasts every series."""
        from automl_core.modelfile.exporting import from_lightgbm

        found = from_lightgbm(self.booster)
        return {
            "models": [
                {"type": "trees", "recipe": self.recipe.document, "forest": found.model, "link": found.link},
            ]
        }


class Boosted(Learner):
    """LightGBM over lags, windows, seasons, calendar and known columns of all series."""

    name = "boosted"
    title = "Boosted trees"
    defaults: ClassVar[Mapping[str, Any]] = {
        "block": 0,
        "lags": 0,
        "cycles": 2,
        "base": "auto",
        "unit": "spread",
        "logarithm": False,
        "series": False,
        "objective": "l1",
        "iterations": 150,
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "lambda_l2": 1.0,
        "rows": 40_000,
    }

    def warm(self) -> None:
        """The library, without what it looks for."""
        _library()

    def suits(self, shape: Shape) -> bool:
        """From some hundred values on: a forest learns nothing from fewer."""
        return shape.values >= 200

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Recipe and forest. A block of 0 is the horizon (direct), 1 asks step by step."""
        found: dict[str, dict[str, Any]] = {
            "block": {"type": "choice", "values": [0, 1], "weights": [3, 1], "default": 0},
            "base": {"type": "choice", "values": ["auto", *BASES], "weights": [3, 1, 1, 1], "default": "auto"},
            "unit": {"type": "choice", "values": ["spread", "level"], "weights": [2, 1], "default": "spread"},
            "objective": {"type": "choice", "values": ["l1", "l2"], "weights": [2, 1], "default": "l1"},
            "iterations": {"type": "logint", "low": 30, "high": 600, "default": 150},
            "learning_rate": {"type": "loguniform", "low": 0.01, "high": 0.2, "default": 0.05},
            "num_leaves": {"type": "logint", "low": 4, "high": 127, "default": 31},
            "min_data_in_leaf": {"type": "logint", "low": 5, "high": 200, "default": 20},
            "feature_fraction": {"type": "uniform", "low": 0.3, "high": 1.0, "default": 0.7},
            "lambda_l2": {"type": "loguniform", "low": 1e-3, "high": 100.0, "default": 1.0},
        }
        if shape.positive:
            found["logarithm"] = {"type": "choice", "values": [False, True], "weights": [2, 1], "default": False}
        if shape.series > 1:
            found["series"] = {"type": "choice", "values": [False, True], "weights": [3, 1], "default": False}
        return found

    def portfolio(self, shape: Shape) -> list[dict[str, Any]]:
        """Three forests that err differently, which is what an ensemble lives on (docs/series-learners.md)."""
        first: dict[str, Any] = {"iterations": 100}
        if shape.positive:
            return [first | {"logarithm": True, "unit": "level"}, first, first | {"block": 1}]
        return [first, first | {"unit": "level"}, first | {"block": 1}]

    def fit(
        self,
        panel: Panel,
        ends: Ints,
        *,
        params: Mapping[str, Any],
        horizon: int,
        seasons: Sequence[int],
        seed: int = 0,
        threads: int = 1,
        start: Fitted | None = None,
        deadline: float | None = None,
    ) -> FittedBoosted:
        """Draw rows from all series, and add trees."""
        settled, ends = self.settled(params), np.asarray(ends, dtype=np.int64)
        lengths = sorted({int(each) for each in seasons if each > 1})
        recipe = _recipe(settled, panel, horizon, lengths)
        lgb = _library()
        rows = rows_of(panel, ends, recipe, most=int(settled["rows"]), rng=np.random.default_rng(seed))
        if len(rows.target) < 10:
            raise CannotFit(f"{len(rows.target)} rows of lags to learn from, boosted needs 10: the series are short")
        options = _options(settled, len(rows.target), seed, threads)
        categorical = [recipe.names.index("series")] if recipe.series else []
        train = lgb.Dataset(rows.features, rows.target, categorical_feature=categorical, params=options)
        booster = lgb.Booster(options, train)
        for _ in range(int(settled["iterations"])):
            if booster.update() or (deadline is not None and _overdue(deadline)):
                break
        main = lengths[0] if lengths else 1
        return FittedBoosted(booster.free_dataset(), recipe, panel.names, main, level_of(panel, ends))


def _recipe(settled: Mapping[str, Any], panel: Panel, horizon: int, seasons: Sequence[int]) -> Recipe:
    """The features of a panel.

    Raises:
        CannotFit: a parameter is none.
    """
    for name, allowed in (("unit", UNITS), ("base", ("auto", *BASES)), ("objective", OBJECTIVES)):
        if settled[name] not in allowed:
            raise CannotFit(f"boosted.{name}: found {settled[name]!r}; allowed: {', '.join(allowed)}")
    main = seasons[0] if seasons else 1
    base = settled["base"]
    if base == "auto":
        base = "season" if seasons else "last"
    logarithm = bool(settled["logarithm"])
    lags = int(settled["lags"]) or min(max(main, 6), 24)
    windows = sorted({3, max(6, main), *(each for each in seasons if each <= 400)})
    return Recipe(
        {
            "block": int(settled["block"]) or horizon,
            "lags": lags,
            "seasons": list(seasons),
            "cycles": int(settled["cycles"]),
            "windows": windows,
            "calendar": calendar_of(panel.grid.frequency, int(panel.lengths.max(initial=0))),
            "known": len(panel.known),
            "series": bool(settled["series"]) and len(panel.series) > 1,
            "logarithm": logarithm,
            "level": max(main, 4),
            "unit": str(settled["unit"]) if not (logarithm and settled["unit"] == "level") else "one",
            "base": str(base),
        }
    )


def calendar_of(frequency: Frequency, longest: int) -> list[str]:
    """Fields of the calendar that steps of a frequency may repeat by.

    Args:
        frequency: of the grid.
        longest: steps of the longest series: what comes once a year is no feature before it came twice.
    """
    unit, count = frequency.unit, frequency.count
    if unit == "step":
        return []
    if unit in ("month", "month_end"):
        return [] if count % 12 == 0 else ["month"]
    seconds = count * {"second": 1, "day": DAY, "business_day": DAY * 7 // 5}[unit]
    yearly = longest * seconds >= 2 * YEAR
    if seconds >= 7 * DAY:
        return ["week"] if yearly else []
    found = ["weekday", "day"] if seconds >= DAY * 2 // 3 else ["time_of_day", "weekday"]
    return [*found, "day_of_year"] if yearly else found


def _options(settled: Mapping[str, Any], rows: int, seed: int, threads: int) -> dict[str, Any]:
    """LightGBM's options of a fit."""
    return {
        "objective": {"l1": "regression_l1", "l2": "regression", "huber": "huber"}[str(settled["objective"])],
        "metric": "None",
        "learning_rate": float(settled["learning_rate"]),
        "num_leaves": int(settled["num_leaves"]),
        "min_data_in_leaf": max(1, min(int(settled["min_data_in_leaf"]), rows // 4)),
        "feature_fraction": float(settled["feature_fraction"]),
        "bagging_fraction": float(settled["bagging_fraction"]),
        "bagging_freq": 1,
        "lambda_l2": float(settled["lambda_l2"]),
        "min_data_in_bin": 1 if rows < 1000 else 3,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
        "feature_pre_filter": False,
    }


def _overdue(deadline: float) -> bool:
    import time

    return time.monotonic() >= deadline


def _library() -> Any:
    """The package, without what it imports only to look whether it is there."""
    with needed_by("the learner boosted", "series"), without("pandas", "sklearn", "matplotlib", "dask"):
        import lightgbm
    return lightgbm
