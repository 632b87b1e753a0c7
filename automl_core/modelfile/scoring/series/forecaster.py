"""A model of series as numpy forecasts it: arrays in, arrays out. `rows`, `update` and `table` know what a table is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calendars.clock import known
from ..calendars.grid import Grid
from ..documents import check_format, load
from .history import kept, pushed
from .intervals import Conformal
from .members import Member, together
from .problems import SeriesProblem, listed, nearest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KIND = "forecasting"
"""Of the problem, in a document of a model of series."""

FARTHEST = 100_000
"""Steps ahead, or of a gap: more is a time that was written wrongly."""

ENDED = 2
"""A series has ended long ago if it ends so many horizons before the newest."""


@dataclass(frozen=True)
class Known:
    """A column whose future is known.

    Attributes:
        name: the table's.
        kind: ``number`` or ``category``.
        categories: texts of a category; their places are what features see.
        missing: whether values may be missing.
    """

    name: str
    kind: str
    categories: tuple[str, ...] = ()
    missing: bool = False

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Known:
        """Of the document."""
        categories = tuple(map(str, told.get("categories") or ()))
        return cls(str(told["name"]), str(told["kind"]), categories, bool(told.get("missing", False)))


@dataclass(frozen=True)
class Forecast:
    """What comes next of some series.

    Attributes:
        names: (k,) of the series.
        last: (k,) slots of their last values: forecasts are of the slots after them.
        values: (k, H).
        levels: (L,) of the intervals.
        lower, upper: (L, k, H); NaN where the model has no intervals.
        notes: what is to be said about it, in words.
    """

    names: tuple[str, ...]
    last: Ints
    values: Floats
    levels: tuple[float, ...]
    lower: Floats
    upper: Floats
    notes: tuple[str, ...] = ()

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return int(self.values.shape[1])


@dataclass
class News:
    """New values of some series, by slot.

    Attributes:
        names: of the series.
        first: slot of the first value of each.
        values: of each, from that slot on, NaN where there is none; the last is none of these.
        known: of each series (n, c) the known columns at these slots, NaN where there is none; empty: of none.
        keys: series' name → its values in the columns that tell series apart.
    """

    names: list[str] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    known: list[Floats] = field(default_factory=list)
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Forecaster:
    """A model, made of its document (see the package).

    Attributes:
        target: the column that is forecast.
        time: the column of times.
        keys: columns that tell series apart; none: the table is one series.
        names: of all series; those that came after training stand at the end.
        grid: of their slots.
        horizon: steps that the model was made for.
        seasons: lengths in steps.
        levels: of intervals.
        known: columns whose future is known.
        first, last: (S,) slots.
        history: (S, K) kept values.
        trained: series that training had; they are the first.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Make one.

        Raises:
            LaterFormat: a later release wrote the document.
            SeriesProblem: the model's time zone is not known here.
            ValueError: it is broken, or no model of series.
        """
        check_format(document)
        if document["problem"].get("kind") != KIND:
            raise ValueError(f"the document is no model of series, but one of {document['problem'].get('kind')}")
        self.document = document
        columns, series = document["columns"], document["series"]
        self.target, self.time = str(columns["target"]), str(columns["time"])
        self.keys = tuple(map(str, columns["series"]))
        self.grid = Grid.from_json(document["grid"])
        _check_zone(self.grid.zone)
        self.horizon = int(document["horizon"])
        self.seasons = tuple(map(int, document["seasons"]))
        self.levels = tuple(map(float, document["levels"]))
        self.known = tuple(Known.from_json(each) for each in document["known"])
        self.names: list[str] = list(map(str, series["names"]))
        self.place = {name: place for place, name in enumerate(self.names)}
        self.key_values = [list(map(str, series["keys"][name])) for name in self.keys]
        self.first: Ints = np.array(series["first"], dtype=np.int64)
        self.last: Ints = np.array(series["last"], dtype=np.int64)
        self.history: Floats = np.array(series["values"], dtype=np.float64)
        self.trained = int(series.get("trained", len(self.names)))
        self.members = [Member(each, len(self.names)) for each in document["members"]]
        self.how = str(document["combine"])
        intervals = document["intervals"]
        self.intervals = None if intervals is None else Conformal(intervals)
        self.low, self.high = (
            self._limit(document["limits"].get(name), none) for name, none in (("low", -np.inf), ("high", np.inf))
        )
        self.limited = bool(document["limits"].get("said"))
        if len(self.place) != len(self.names) or self.history.shape[0] != len(self.names):
            raise ValueError("the document's series have names twice, or values of another number of series")
        if self.how not in ("mean", "median"):
            raise ValueError(f"members are put together by {self.how!r} (known: mean, median)")

    @classmethod
    def load(cls, folder: str | Path) -> Forecaster:
        """The model in a folder.

        Raises:
            LaterFormat: a later release wrote it.
            OSError, ValueError: a file is not there, or broken.
        """
        return cls(load(Path(folder)))

    def _limit(self, told: Any, none: float) -> Floats:
        return np.broadcast_to(np.asarray(none if told is None else told, dtype=np.float64), (len(self.names),)).copy()

    @property
    def season(self) -> int:
        """The shortest season; 1: none."""
        return self.seasons[0] if self.seasons else 1

    def places(self, names: Sequence[str] | None) -> Ints:
        """Places of series by their names; of all where None.

        Raises:
            SeriesProblem: there is none of a name; the nearest is said.
        """
        if names is None:
            return np.arange(len(self.names), dtype=np.int64)
        for name in names:
            if name not in self.place:
                raise SeriesProblem(f"the model has no series {name!r}{nearest(name, self.names)}")
        return np.asarray([self.place[name] for name in dict.fromkeys(names)], dtype=np.int64)

    def forecast(
        self, horizon: int | None = None, *, known: Floats | None = None, places: Ints | None = None,
        levels: Sequence[float] | None = None,
    ) -> Forecast:  # fmt: skip
        """What comes after the last value of series.

        Args:
            horizon: steps ahead; None: those that the model was made for.
            known: (k, H, c) the known columns at these steps, as numbers and places of categories.
            places: (k,) of the series; None: all.
            levels: of intervals; None: the model's.

        Raises:
            SeriesProblem: a horizon or a level that is none.
        """
        steps = self.horizon if horizon is None else int(horizon)
        if not 1 <= steps <= FARTHEST:
            raise SeriesProblem(f"a horizon of {steps} steps is none (allowed: 1 to {FARTHEST:,})")
        asked = tuple(float(each) for each in (self.levels if levels is None else levels))
        for each in asked:
            if not 0.0 < each < 1.0:
                raise SeriesProblem(f"{each:g} is no level of intervals (allowed: between 0 and 1, as 0.9)")
        where = self.places(None) if places is None else np.asarray(places, dtype=np.int64)
        if known is None:
            known = np.full((len(where), steps, len(self.known)), np.nan)
        codes = np.where(where < self.trained, where, -1)
        said = together(
            self.members, where, steps, how=self.how, season=self.season, history=self.history[where],
            last=self.last[where], grid=self.grid, known=known, codes=codes,
        )  # fmt: skip
        low, high = self.low[where, None], self.high[where, None]
        values = np.clip(said.forecast, low, high)
        if self.intervals is None:
            lower = upper = np.full((len(asked), *values.shape), np.nan)
        else:
            lower, upper = (
                np.clip(each, low, high)
                for each in self.intervals.bounds(where, said.forecast, asked, self.history[where])
            )  # fmt: skip
        notes = [*self._notes(where, steps), *self._replaced(where, said.replaced, said.alone)]
        return Forecast(
            tuple(self.names[each] for each in where), self.last[where].copy(), values, asked, lower, upper,
            tuple(notes),
        )  # fmt: skip

    def _notes(self, where: Ints, steps: int) -> list[str]:
        notes = []
        if steps > self.horizon and self.intervals is not None:
            notes.append(
                f"the model's intervals were measured up to {self.horizon} steps ahead; those of later steps are "
                f"widened by the square root of the distance, and nobody has measured them"
            )
        newest = int(self.last.max()) if len(self.last) else 0
        ended = [each for each in where if newest - self.last[each] >= ENDED * self.horizon]
        if ended:
            parts = [f"{self.names[each]} ({self.text(int(self.last[each]))})" for each in ended]
            notes.append(
                f"{len(ended)} series ended long before the newest value ({self.text(newest)}), and their forecasts "
                f"go on from there: {listed(parts)}"
            )
        return notes

    def _replaced(self, where: Ints, replaced: Sequence[Sequence[str]], alone: NDArray[np.bool_]) -> list[str]:
        notes = []
        names = [f"{self.names[where[k]]} ({', '.join(each)})" for k, each in enumerate(replaced) if each]
        if names:
            notes.append(f"a member's forecast was no number, and the last season stands for it: {listed(names)}")
        names = [self.names[each] for each in where[alone]]
        if names:
            notes.append(
                f"no member knows {'this series' if len(names) == 1 else 'these series'}, which training had not; the "
                f"last season again is {'its' if len(names) == 1 else 'their'} forecast: {listed(names)}"
            )
        return notes

    def text(self, slot: int) -> str:
        """When a slot begins, as the table of training wrote its times."""
        return self.grid.text(int(self.grid.times(np.asarray([slot], dtype=np.int64))[0]))

    def run_on(self, news: News) -> None:
        """Go on by new values, value by value, parameters as fitted; series that are new are added.

        Args:
            news: of each series the values after its last one, or all there are of a new series. What `update.check`
                has looked at.
        """
        fresh = [place for place, name in enumerate(news.names) if name not in self.place]
        self._add(news, fresh)
        at = [place for place in range(len(news.names)) if place not in set(fresh)]
        places = np.asarray([self.place[news.names[each]] for each in at], dtype=np.int64)
        values = [news.values[each] for each in at]
        columns = len(self.known)
        known = [news.known[each] if news.known else np.full((len(news.values[each]), columns), np.nan) for each in at]
        # from the slot after the last one; a gap before the first new value is missing steps
        for k, each in enumerate(at):
            gap = news.first[each] - int(self.last[places[k]]) - 1
            values[k] = np.concatenate([np.full(gap, np.nan), values[k]])
            known[k] = np.concatenate([np.full((gap, columns), np.nan), known[k]])
        lengths = np.asarray([len(each) for each in values], dtype=np.int64)
        for step in range(int(lengths.max()) if len(lengths) else 0):
            going = np.flatnonzero(lengths > step)
            came = np.asarray([values[each][step] for each in going])
            learning = going[places[going] < self.trained]
            if self.intervals is not None and self.intervals.learns and len(learning):
                ahead = np.asarray([known[each][step] for each in learning]).reshape(len(learning), columns)
                said = self._next(places[learning], ahead)
                self.intervals.learn(places[learning], np.asarray([values[each][step] for each in learning]) - said)
            for member in self.members:
                member.step(places[going], came)
            self._lift(places[going], came)
            pushed(self.history, places[going], came)
            self.last[places[going]] += 1
        if self.intervals is not None:  # a series that training had not has no other scale
            moved = places if self.intervals.follows else places[places >= self.trained]
            self.intervals.follow(moved, self.history[moved])

    def _next(self, places: Ints, known: Floats) -> Floats:
        """(k,) forecasts one step ahead, as states are now; NaN where a known column (k, c) is not there."""
        found = np.full(len(places), np.nan)
        take = np.isfinite(known).all(axis=1)
        if take.any():
            where = places[take]
            said = together(
                self.members, where, 1, how=self.how, season=self.season, history=self.history[where],
                last=self.last[where], grid=self.grid, known=known[take][:, None],
                codes=np.where(where < self.trained, where, -1),
            )  # fmt: skip
            found[take] = np.clip(said.forecast[:, 0], self.low[where], self.high[where])
        return found

    def widest(self) -> tuple[float, float]:
        """The limits of a series that training had not, until its values say otherwise."""
        return self.low.min(initial=np.inf if len(self.low) else -np.inf), (
            self.high.max(initial=-np.inf if len(self.high) else np.inf)
        )

    def _lift(self, places: Ints, came: Floats) -> None:
        """Limits of series (k,) whose values (k,) have passed them hold no more, unless somebody said them."""
        if not self.limited:
            self.low[places[came < self.low[places]]] = -np.inf
            self.high[places[came > self.high[places]]] = np.inf

    def _add(self, news: News, fresh: Sequence[int]) -> None:
        """Have series that training had not."""
        if not fresh:
            return
        count = len(fresh)
        first_new = len(self.names)
        for each in fresh:
            name = news.names[each]
            self.place[name] = len(self.names)
            self.names.append(name)
            for column, value in zip(self.key_values, news.keys.get(name, (name,) * len(self.keys)), strict=True):
                column.append(value)
        first = np.asarray([news.first[each] for each in fresh], dtype=np.int64)
        lengths = np.asarray([len(news.values[each]) for each in fresh], dtype=np.int64)
        self.first, self.last = np.append(self.first, first), np.append(self.last, first + lengths - 1)
        added = kept([news.values[each] for each in fresh], self.history.shape[1])
        low, high = self.widest()
        self.low, self.high = np.append(self.low, np.full(count, low)), np.append(self.high, np.full(count, high))
        for place, each in enumerate(fresh, first_new):
            self._lift(np.full(len(news.values[each]), place), news.values[each])
        self.history = np.concatenate([self.history, added])
        for member in self.members:
            member.add(count)
        if self.intervals is not None:
            self.intervals.add(count)
            self.intervals.follow(np.arange(first_new, first_new + count), added)

    def as_document(self) -> dict[str, Any]:
        """The document with the states as they are now."""
        series = {
            "names": list(self.names),
            "keys": dict(zip(self.keys, self.key_values, strict=True)),
            "first": self.first.copy(), "last": self.last.copy(), "values": self.history.copy(),
            "trained": self.trained,
        }  # fmt: skip
        return dict(self.document) | {
            "series": series,
            "members": [each.as_document() for each in self.members],
            "intervals": None if self.intervals is None else self.intervals.as_document(),
            "limits": {"low": self.low.copy(), "high": self.high.copy(), **({"said": True} if self.limited else {})},
        }


def _check_zone(zone: str | None) -> None:
    """See that this machine knows a model's time zone.

    Raises:
        SeriesProblem: it doesn't; the nearest one is named, or what is missing.
    """
    if zone is None or known(zone):
        return
    from zoneinfo import available_timezones

    there = sorted(available_timezones())
    if not there:
        raise SeriesProblem(f"this machine has no time zones, and the model needs {zone} (pip install tzdata)")
    close = get_close_matches(zone, there, n=1, cutoff=0.5)
    hint = f"; did the file mean {close[0]}?" if close else ""
    raise SeriesProblem(f"there is no time zone {zone!r} here{hint} (a newer one may come with: pip install -U tzdata)")
