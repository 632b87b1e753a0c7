"""What a user may say about a search on time series, checked where it is said."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from automl_core.spec.units import parse_duration
from automl_core.training.problems import TrainingError, nearest

METRIC = "mase"
"""The metric where none is named: free of units, defined where series touch zero, and what forecasters compare by."""

LEVELS = (0.8, 0.9, 0.95)
"""Shares of what comes that intervals are made to hold, where none are named."""

_DUPLICATES = Literal["refuse", "mean", "sum", "last"]
_UNUSABLE = Literal["refuse", "leave_out"]
_TUPLES = ("series", "known", "season", "levels", "allowed", "blocked")
_NAMES = ("series", "known", "allowed", "blocked")


@dataclass(frozen=True)
class Options:
    """Everything that may be said; what is left out is decided by the data.

    Attributes:
        target: the column to forecast.
        time: the column of times.
        horizon: steps ahead.
        series: columns whose values together name a row's series; none: the table is one series.
        known: columns whose future is known when a forecast is made: holidays, prices, promotions.
        frequency: of the steps, as `panel.read_panel` takes it; None: found.
        season: lengths in steps, the main one first; None: by frequency and evidence; ``(1,)``: there is none.
        zone: name of the time zone whose clock the series follow; None: times as they are.
        duplicates: what several values of a series at one step become: ``refuse``, ``mean``, ``sum`` or ``last``.
        unusable: of series that can't be read ``refuse`` the table, or ``leave_out`` these and say so.
        metric: a name of `automl_core.forecasting.metrics`.
        levels: of intervals, each between 0 and 1.
        origins: moments in the past from which forecasts are made and judged; None: by the series' lengths.
        step: steps between two of them; None: by horizon and lengths.
        test: whether the last ``horizon`` steps are held back for one look at the end; None: where series are long
            enough.
        non_negative: whether forecasts end at zero; None: of a series that has never been below it.
        allowed, blocked: names of learners.
        arima: whether AutoARIMA is offered: it costs as much as all others together.
        iterations: trials at most; None: one of each learner, or what the deadline allows.
        deadline: seconds that everything may take, from the call to the model; None: no limit.
        exit_score: the search ends when a trial is as good as this.
        ensemble: members at most; 1: the best learner alone.
        seed: same seed, same data, same versions: the same model.
        threads: of one trial.
    """

    target: str
    time: str
    horizon: int
    series: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    frequency: str | None = None
    season: tuple[int, ...] | None = None
    zone: str | None = None
    duplicates: _DUPLICATES = "refuse"
    unusable: _UNUSABLE = "refuse"
    metric: str = METRIC
    levels: tuple[float, ...] = LEVELS
    origins: int | None = None
    step: int | None = None
    test: bool | None = None
    non_negative: bool | None = None
    allowed: tuple[str, ...] | None = None
    blocked: tuple[str, ...] = ()
    arima: bool = False
    iterations: int | None = None
    deadline: float | None = None
    exit_score: float | None = None
    ensemble: int = 6
    seed: int = 0
    threads: int = 1

    @classmethod
    def of(cls, **given: Any) -> Options:
        """Options from what a user wrote: durations as texts, lists as tuples, one name or number in place of a list.

        Raises:
            TrainingError: an unknown option, one that is missing, or a value that is not allowed; says which are.
        """
        known = {each.name for each in dataclasses.fields(cls)}
        for name in given:
            if name not in known:
                raise TrainingError(f"there is no option {name!r}{nearest(name, known)}")
        values = {name: value for name, value in given.items() if value is not None}
        for name in ("target", "time", "horizon"):
            if name not in values:
                raise TrainingError(f"{name}: is needed: give {_WANTED[name]}")
        for name in _TUPLES:
            if name not in values:
                continue
            value = values[name]
            values[name] = (value,) if isinstance(value, str | int | float) else tuple(value)
        if "deadline" in values:
            values["deadline"] = _duration("deadline", values["deadline"])
        return cls(**values)

    def __post_init__(self) -> None:
        """Check what can be checked without the data.

        Raises:
            TrainingError: a value that is not allowed; says which are.
        """
        for name in ("target", "time"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise TrainingError(f"{name}: found {value!r}; give {_WANTED[name]}")
        for name, allowed in (("duplicates", get_args(_DUPLICATES)), ("unusable", get_args(_UNUSABLE))):
            value = getattr(self, name)
            if value not in allowed:
                raise TrainingError(f"{name}: found {value!r}{nearest(str(value), allowed)}")
        for name, low, high in (
            ("horizon", 1, 100_000),
            ("origins", 1, 1000),
            ("step", 1, 100_000),
            ("iterations", 1, 1_000_000),
            ("ensemble", 1, 100),
            ("threads", 1, 1024),
        ):
            self._whole(name, getattr(self, name), low, high)
        for each in self.season or ():
            self._whole("season", each, 1, 1_000_000)
        if self.season is not None and (not self.season or len(set(self.season)) != len(self.season)):
            raise TrainingError(f"season: found {list(self.season)}; give lengths that differ, or leave it out")
        levels: tuple[Any, ...] = self.levels  # of a caller who may not have read the types
        for level in levels:
            if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
                hint = f"; did you mean {level / 100:g}?" if isinstance(level, int | float) and 1 < level < 100 else ""
                raise TrainingError(f"levels: found {level!r}; allowed: shares between 0 and 1{hint}")
        if not self.levels:
            raise TrainingError("levels: found none; give at least one, such as 0.9")
        if self.exit_score is not None and not math.isfinite(self.exit_score):
            raise TrainingError(f"exit_score: found {self.exit_score!r}; give a number")
        for name in _NAMES:
            for each in getattr(self, name) or ():
                if not isinstance(each, str) or not each:
                    raise TrainingError(f"{name}: found {each!r}; give names")
        roles: dict[str, str] = {}
        for role, column in self._columns():
            if column in roles:
                raise TrainingError(
                    f"column {column!r} is named twice as {role}" if roles[column] == role
                    else f"column {column!r} can't be both {roles[column]} and {role}"
                )  # fmt: skip
            roles[column] = role

    def _columns(self) -> list[tuple[str, str]]:
        """(role, column) of all that were named."""
        single = [(role, getattr(self, role)) for role in ("target", "time")]
        return single + [(role, each) for role in ("series", "known") for each in getattr(self, role)]

    @staticmethod
    def _whole(name: str, value: Any, low: int, high: int) -> None:
        if value is None and name not in ("horizon", "season", "ensemble", "threads"):
            return
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise TrainingError(f"{name}: found {value!r}; allowed: {low} to {high}")

    def replaced(self, **changes: Any) -> Options:
        """A copy with some options changed."""
        return dataclasses.replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        """What stands in a report and in a saved preparation: everything that differs from the defaults."""
        found: dict[str, Any] = {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if value != each.default:
                found[each.name] = list(value) if isinstance(value, tuple) else value
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Options:
        """What `as_json` gave."""
        return cls.of(**found)


_WANTED = {
    "target": "the name of the column to forecast",
    "time": "the name of the column of times",
    "horizon": "how many steps to forecast",
}


def _duration(name: str, value: Any) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise TrainingError(f"{name}: found {value!r}; {error}") from None
    if seconds <= 0:
        raise TrainingError(f"{name}: found {value!r}; allowed: more than nothing")
    return seconds
