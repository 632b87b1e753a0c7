"""Members of a model of series: what each says of which series, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..calendars.grid import Grid
from .history import seasonal_naive
from .models import Local, local_of

if TYPE_CHECKING:
    from .models.trees import SeriesTrees

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Member:
    """One learner's models of all series.

    Attributes:
        name: for people.
        weight: (S,) among the members.
        locals: models with a state a series.
        trees: models of all series at once.
    """

    def __init__(self, document: Mapping[str, Any], series: int) -> None:
        """Make one.

        Args:
            document: see the package.
            series: how many the model has.

        Raises:
            ValueError: a type that is not known, or places that are no series'.
        """
        self.document = document
        self.name = str(document["name"])
        weight = np.asarray(document.get("weight", 1.0), dtype=np.float64)
        self.weight: Floats = np.broadcast_to(weight, (series,)).copy()
        self._of_new = float(self.weight.mean()) if series else 1.0
        self.locals: list[tuple[Local, Ints]] = []
        self.trees: list[SeriesTrees] = []
        for model in document["models"]:
            if model.get("type") == "trees":
                from .models.trees import SeriesTrees

                self.trees.append(SeriesTrees(model))
                continue
            local = local_of(model)
            rows = np.full(series, -1, dtype=np.int64)
            places = np.asarray(model["series"], dtype=np.int64)
            if len(places) != local.count or (len(places) and not 0 <= places.min() <= places.max() < series):
                raise ValueError(f"the member {self.name!r} has a model of series that are not there")
            rows[places] = np.arange(len(places))
            self.locals.append((local, rows))

    @property
    def reach(self) -> int:
        """Kept values that its models need."""
        return max((each.reach for each in self.trees), default=0)

    def add(self, count: int) -> None:
        """Have series more that training had not: only trees speak of them."""
        self.weight = np.append(self.weight, np.full(count, self._of_new))
        self.locals = [
            (local, np.append(rows, np.full(count, -1, dtype=np.int64))) for local, rows in self.locals
        ]  # fmt: skip

    def step(self, places: Ints, values: Floats) -> None:
        """Go on by a value each."""
        for local, rows in self.locals:
            own = rows[places]
            has = own >= 0
            if has.any():
                local.step(own[has], values[has])

    def forecast(
        self, places: Ints, horizon: int, *, history: Floats, last: Ints, grid: Grid, known: Floats, codes: Ints
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """What it says of series.

        Args:
            places: (k,) of the series.
            horizon: steps ahead.
            history: (k, K) kept values.
            last: (k,) slots of the last ones.
            grid: of the slots.
            known: (k, H, c) the known columns.
            codes: (k,) places of the series in training, -1 of new ones.

        Returns:
            (k, H) forecasts, and (k,) of which series it speaks.
        """
        found, speaks = np.full((len(places), horizon), np.nan), np.zeros(len(places), dtype=bool)
        for local, rows in self.locals:
            own = rows[places]
            has = own >= 0
            if has.any():
                with np.errstate(all="ignore"):  # what is no number is seen by whoever asked
                    found[has] = local.forecast(own[has], horizon)
                speaks |= has
        for trees in self.trees:
            rest = np.flatnonzero(~speaks)
            if len(rest):
                found[rest] = trees.forecast(
                    history[rest], horizon, last=last[rest], grid=grid, known=known[rest], codes=codes[rest]
                )
                speaks[rest] = True
        return found, speaks

    def as_document(self) -> dict[str, Any]:
        """Its document, states as they are now."""
        states = iter(self.locals)
        models = [dict(each) if each.get("type") == "trees" else next(states)[0].as_document()
                  for each in self.document["models"]]  # fmt: skip
        return dict(self.document) | {"weight": self.weight.copy(), "models": models}


class Together:
    """What members say together of a series, and what had to be done in their place.

    Attributes:
        forecast: (k, H).
        replaced: (k,) members whose forecast was no number, by name.
        alone: (k,) whether no member speaks of a series.
    """

    def __init__(
        self, said: Sequence[tuple[Member, Floats, NDArray[np.bool_]]], places: Ints, how: str, naive: Floats
    ) -> None:
        """Put forecasts together.

        Args:
            said: of each member: its forecasts (k, H), and of which series it speaks (k,).
            places: (k,) of the series.
            how: ``mean`` or ``median``.
            naive: (k, H) what stands where there is nothing else.
        """
        self.replaced: list[list[str]] = [[] for _ in places]
        weights, forecasts = [], []
        for member, forecast, speaks in said:
            broken = speaks & ~np.isfinite(forecast).all(axis=1)
            for place in np.flatnonzero(broken):
                self.replaced[place].append(member.name)
            forecasts.append(np.where(broken[:, None], naive, forecast))
            weights.append(np.where(speaks, member.weight[places], 0.0))
        weight = np.asarray(weights).reshape(len(weights), len(places))
        total = weight.sum(axis=0)
        # members that speak but have no weight are better than none
        speaking = np.asarray([speaks for _, _, speaks in said], dtype=np.float64).reshape(weight.shape)
        weight = np.where(total > 0, weight, speaking)
        total = weight.sum(axis=0)
        self.alone = total <= 0
        found = naive.copy()
        if how == "median":
            for place in np.flatnonzero(~self.alone):
                some = [each[place] for each, w in zip(forecasts, weight[:, place], strict=True) if w > 0]
                found[place] = np.median(np.asarray(some), axis=0)
        else:
            summed = np.zeros_like(naive)
            for each, w in zip(forecasts, weight, strict=True):
                summed += np.where(w[:, None] > 0, each, 0.0) * w[:, None]
            found[~self.alone] = summed[~self.alone] / total[~self.alone, None]
        self.forecast = found


def together(
    members: Sequence[Member], places: Ints, horizon: int, *, how: str, season: int, history: Floats, last: Ints,
    grid: Grid, known: Floats, codes: Ints,
) -> Together:  # fmt: skip
    """Ask all members, and put together what they say."""
    said = [
        (each, *each.forecast(places, horizon, history=history, last=last, grid=grid, known=known, codes=codes))
        for each in members
    ]
    return Together(said, places, how, seasonal_naive(history, season, horizon))
