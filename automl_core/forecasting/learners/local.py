"""Learners that fit each series by itself, and keep of it what `modelfile.scoring.series.models` runs on.

What forecasts in training is the model's own scorer: a record a series, laid side by side and run on by values that
came after the fit. So a trial's forecasts are those that the model file gives.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.learners.base import CannotFit, Document, Fitted, Floats, Ints, Learner, level_of
from automl_core.forecasting.learners.fallback import naive
from automl_core.forecasting.learners.gaps import filled, trimmed
from automl_core.forecasting.learners.scaling import scale_of, scaled_back
from automl_core.modelfile.scoring.series.models import local_of, stacked

if TYPE_CHECKING:
    from automl_core.forecasting.panel import Panel

SMALL = 250
"""Values that are fitted without knowing how long it takes: a fit can't be ended in its midst."""

CYCLES = 3
"""Of the longest season that these have at least: with fewer a season is left out, which is quicker than what comes."""

FAR = 10.0
"""A forecast further outside a series' range than this many times its width is no forecast."""


@dataclass(frozen=True)
class Kept:
    """What is kept of one series.

    Attributes:
        record: its part of a document of `modelfile.scoring.series.models`.
        end: the grid's number of the step after the last value that the record has seen.
        form: what the learner chose; None where it is the fallback.
    """

    record: Document
    end: int
    form: str | None


class Pace:
    """How long the fits of one learner take, by how many values a series has.

    Forms of theta take with the square of them, most others in proportion; which it is shows in two sizes.
    """

    def __init__(self, first: int = SMALL) -> None:
        """Make one.

        Args:
            first: values that are fitted without knowing anything.
        """
        self._seen: dict[int, float] = {}
        self._first = first

    def took(self, size: int, seconds: float) -> None:
        """Note a fit. Of several of one size the longest counts: series differ."""
        self._seen[size] = max(seconds, self._seen.get(size, 0.0))

    @property
    def known(self) -> bool:
        """Whether anything was fitted yet."""
        return bool(self._seen)

    @property
    def next(self) -> int:
        """The size that would tell more."""
        return 2 * max(self._seen) if self._seen else self._first

    def within(self, seconds: float, count: int) -> int | None:
        """The largest size up to a count that was fitted in so many seconds; None where none was."""
        return max((size for size, took in self._seen.items() if took <= seconds and size <= count), default=None)

    def expected(self, count: int) -> tuple[float, float]:
        """Seconds that a fit takes at least and at most, as far as is known; of what is small and new nothing is."""
        if not self._seen:
            return 0.0, 0.0 if 2 * count <= 3 * self._first else math.inf
        size = max(self._seen)
        if count <= size:
            size = min(each for each in self._seen if each >= count)
            return 0.0, self._seen[size]
        least, most = 1.0, 2.0
        if (half := self._seen.get(size // 2)) and self._seen[size] > 0:
            seen = math.log2(self._seen[size] / half)
            least, most = min(max(seen - 0.3, 1.0), 2.0), min(max(seen + 0.3, 1.0), 2.0)
        return tuple(self._seen[size] * (count / size) ** power for power in (least, most))


class FittedLocal(Fitted):
    """A record a series."""

    def __init__(self, kept: Mapping[str, Kept], names: Sequence[str], season: int, level: float) -> None:
        super().__init__(season, level)
        self.kept, self.names = dict(kept), list(names)

    @property
    def forms(self) -> dict[str, str]:
        """Name of a series → the form that was chosen for it; those with the fallback are not here."""
        return {name: each.form for name, each in self.kept.items() if each.form is not None}

    def _forecast(self, panel: Panel, ends: Ints, asked: Ints, horizon: int) -> Floats:
        records: list[Document | None] = []
        tails: list[Floats] = []
        for place in asked:
            one, record, tail = panel.series[place], None, np.empty(0)
            kept = self.kept.get(one.name)
            if kept is None:
                self.notes.setdefault(one.name, "not among the series of the fit: seasonal naive")
            elif (since := kept.end - one.start) > ends[place] or since < 0:
                self.notes.setdefault(one.name, "forecast from before the end of its fit: seasonal naive")
            else:
                record, tail = kept.record, one.values[since : ends[place]]
            records.append(record)
            tails.append(tail)
        return run_on(records, tails, horizon)

    def export(self) -> Document:
        """``{"models": documents}``, places of series as in the panel of the fit."""
        records = [self.kept[name].record if name in self.kept else None for name in self.names]
        return {"models": stacked(records)}


def run_on(records: Sequence[Document | None], tails: Sequence[Floats], horizon: int) -> Floats:
    """(S, H) forecasts of records after more values; NaN where there is no record.

    Args:
        records: (S,) as `stacked` takes them.
        tails: (S,) of each what came after its record, NaN where that is not known.
        horizon: steps ahead.
    """
    found = np.full((len(records), horizon), np.nan)
    for document in stacked(records):
        model, places = local_of(document), document["series"]
        steps = np.array([len(tails[place]) for place in places])
        for step in range(int(steps.max(initial=0))):
            rows = np.flatnonzero(steps > step)
            model.step(rows, np.array([tails[places[row]][step] for row in rows], dtype=np.float64))
        with np.errstate(all="ignore"):  # what is no number gets the fallback
            found[places] = model.forecast(np.arange(model.count), horizon)
    return found


class LocalLearner(Learner):
    """A learner that fits each series by itself.

    Attributes:
        least: values that a series needs; one with fewer gets the fallback.
        slow: whether it gives way to the fallback where no time is left; what costs no more than that one doesn't.
    """

    least: ClassVar[int] = 4
    slow: ClassVar[bool] = True

    @abstractmethod
    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        """Fit a series.

        Args:
            values: (n,) at least `least`, without a gap, not all the same, neither huge nor tiny.
            seasons: lengths in steps, shortest first.
            params: settled.
            form: that was chosen for this series before; None: choose.

        Returns:
            What is kept; its ``end`` is set by the caller.

        Raises:
            Exception: whatever the library raises: the series gets the fallback, and a note.
        """

    def _prepare(self, params: Mapping[str, Any]) -> None:
        """Import the library, and look at the parameters.

        Raises:
            CannotFit: a parameter is none.
        """

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
    ) -> FittedLocal:
        """Fit series after series; see `Learner.fit`."""
        settled, lengths = self.settled(params), _seasons(seasons)
        began = time.monotonic()
        self._prepare(settled)
        importing = time.monotonic() - began
        main = lengths[0] if lengths else 1
        forms = start.forms if isinstance(start, FittedLocal) else {}
        fitted = FittedLocal({}, panel.names, main, level_of(panel, ends))
        fitted.importing, pace = importing, Pace(max(SMALL, CYCLES * max(lengths, default=0)))
        left = sum(1 for end in np.asarray(ends).tolist() if end >= 1)
        for one, end in zip(panel.series, np.asarray(ends).tolist(), strict=True):
            if end < 1:
                continue
            others, left = left, left - 1
            first, last = trimmed(one.values[:end])
            if last == 0:
                fitted.notes[one.name] = "no value yet: the other series' level"
                continue
            values = filled(one.values[first:last], main)
            kept, size = None, len(values)
            why = self._unfit(values, deadline)
            if why is None:
                fit = partial(
                    self._tried, seasons=lengths, params=settled, form=forms.get(one.name), horizon=horizon
                )  # fmt: skip
                if deadline is None or not self.slow:
                    kept, why = fit(values)
                else:
                    kept, why, size = self._in_time(values, pace, deadline, others, fit)
            if kept is None:
                fitted.notes[one.name] = str(why)
                kept = Kept(fallback_record(values, main), 0, None)
            elif size < len(values):
                fitted.notes[one.name] = (
                    f"{self.name} has learned from the newest {size:,} of {len(values):,} values: the fit of "
                    "all would not have ended in time"
                )
            fitted.kept[one.name] = Kept(kept.record, one.start + last, kept.form)
        if not fitted.kept:
            raise CannotFit("no series has a value to learn from")
        return fitted

    def _unfit(self, values: Floats, deadline: float | None) -> str | None:
        """Why a series gets the fallback without a try."""
        if _flat(values):
            return "all its values are the same: they go on" if len(values) > 1 else "one value alone: it goes on"
        if len(values) < self.least:
            return f"{len(values)} values, {self.name} needs {self.least}: seasonal naive"
        if self.slow and deadline is not None and time.monotonic() >= deadline:
            return f"no time was left for {self.name}: seasonal naive"
        return None

    def _in_time(
        self, values: Floats, pace: Pace, deadline: float, others: int,
        fit: Callable[[Floats], tuple[Kept | None, str | None]],
    ) -> tuple[Kept | None, str | None, int]:  # fmt: skip
        """What is kept of a series whose fit has to end in time, of all values or of the newest.

        Nothing is fitted that may take longer than there is time, but for `SMALL` values of the first series. Where
        nobody knows how long all of them take, the newest are fitted first, and twice as many again for as long as
        that does not tell; the series that come after it know then. A series that is too long for what is left takes
        no more than half of its share of it. Where the newest are all the same (what is sold no more), which tells
        neither how long it takes nor whether it can be done, those before and after the last change stand for them.

        Returns:
            What is kept, why nothing is, and how many values it has learned from.
        """
        count = len(values)
        found: tuple[Kept | None, str | None, int] | None = None

        def tried(part: Floats) -> tuple[Kept | None, str | None, int]:
            began = time.monotonic()
            kept, why = fit(part)
            if kept is not None:  # what fails may fail early
                pace.took(len(part), time.monotonic() - began)
            return kept, why, len(part)

        while True:
            left = deadline - time.monotonic()
            least, most = pace.expected(count)
            if most <= left:
                return tried(values)
            size = pace.next
            allowed = left if least <= left else left / (2 * max(others, 1))
            if 3 * size > 2 * count or (pace.known and pace.expected(size)[1] > allowed):
                break
            found = tried(_telling(values, size))
            if found[0] is None:
                return found
            if _flat(values[-size:]):
                found = None
        if found is not None:
            return found
        known = pace.within(left, count)
        if known is None or known < self.least:
            return None, f"no time was left for {self.name}: seasonal naive", count
        if _flat(values[-known:]):
            return None, f"its newest {known:,} values are the same: they go on", count
        return tried(values[-known:])

    def _tried(
        self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None, horizon: int
    ) -> tuple[Kept | None, str | None]:
        """What is kept of a series, or why there is nothing."""
        scale = scale_of(values)
        try:
            with np.errstate(all="ignore"):
                kept = self._one(values / scale, seasons, params, form)
        except Exception as error:  # a library's own: nobody's neighbour falls with it
            return None, f"{self.name} could not be fitted ({_words(error)}): seasonal naive"
        kept = Kept(scaled_back(kept.record, scale), kept.end, kept.form)
        ahead = run_on([kept.record], [np.empty(0)], horizon)[0]
        low, high = values.min(), values.max()
        far = FAR * (high - low)
        if not (np.isfinite(ahead).all() and ahead.min() >= low - far and ahead.max() <= high + far):
            return None, f"{self.name} ({kept.form}) runs away from the series' values: seasonal naive"
        return kept, None


def fallback_record(values: Floats, season: int) -> Document:
    """The record of the seasonal naive forecast of a series without gaps.

    Args:
        values: (n,) at least one.
        season: in steps; a series that is shorter than it has its last value.
    """
    period = season if len(values) >= season else 1
    return {"type": "seasonal_naive", "last": naive(values, period, period)}


def _flat(values: Floats) -> bool:
    return bool(np.all(values == values[0]))


def _telling(values: Floats, size: int) -> Floats:
    """The newest so many values, or, where these are all the same, as many around the last change.

    Args:
        values: (n,) not all the same.
        size: at most n.
    """
    if not _flat(values[-size:]):
        return values[-size:]
    start = max(int(np.flatnonzero(values != values[-1])[-1]) + 2 - size, 0)
    return values[start : start + size]


def _seasons(seasons: Iterable[int]) -> list[int]:
    return sorted({int(each) for each in seasons if each > 1})


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text[:120] or type(error).__name__


def best_of(found: Iterable[tuple[float, Any]]) -> Any:
    """The second part of the pair with the smallest first one; None where none is a number."""
    best, lowest = None, np.inf
    for value, each in found:
        if np.isfinite(value) and value < lowest:
            best, lowest = each, value
    return best


def positive(values: NDArray[np.float64]) -> bool:
    """Whether all are above 0."""
    return bool(values.min() > 0)
