"""Rolling origins: the dates at which a forecast is made and then compared with what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from automl_core.forecasting.finding import MOST_NAMES, SeriesFinding, listed
from automl_core.forecasting.panel import Integers, Panel, SeriesError

LEAST = 3
"""Values that a series needs before an origin: two make a line through which every forecast goes."""

MOST = 5
"""Origins where nobody says how many: the value of a trial then rests on five looks, as with the usual five folds."""


@dataclass(frozen=True)
class Origins:
    """When forecasts are made, and what of each series is known then.

    Attributes:
        ends: (O, S) how many leading steps of each series are known at each origin, the earliest origin first; -1
            where a series has too little before it or nothing to compare with after it.
        horizon: steps that each forecast has.
        step: steps from one origin to the next.
        by: ``date``: one date for all series at each origin. ``end``: series end at times of their own, so origins
            count back from each one's end (no series' history reaches beyond the date of the latest).
        findings: what the reader should know of it, such as a horizon that left room for one origin only.
    """

    ends: Integers
    horizon: int
    step: int
    by: Literal["date", "end"] = "date"
    findings: tuple[SeriesFinding, ...] = ()

    def __len__(self) -> int:
        return len(self.ends)


def plan(panel: Panel, horizon: int, count: int | None = None, step: int | None = None, *, season: int = 1) -> Origins:
    """Where to validate.

    The earliest origin leaves half of the median series before it (or two seasons and a value, where there is room):
    what is validated later is then not much better fed than what is validated first. Of the rest, as many windows as
    fit are taken, at most `MOST`; they overlap where series are short, since overlapping windows say more than few.
    So a series of a dozen values has at least one.

    Args:
        panel: the series, their ends among them.
        horizon: steps to forecast.
        count: of origins; None: by the series' length, at most `MOST`.
        step: between origins; None: by the room that there is, at most the horizon.
        season: steps of the main season: where there is room, two whole ones are known at the earliest origin.

    Raises:
        SeriesError: no series is long enough for this horizon; says which are allowed.
    """
    _check(panel, horizon, count, step)
    by, last = _last(panel, horizon)
    room = _room(panel, last)
    usual = int(np.median(room[room >= LEAST])) if (room >= LEAST).any() else 0
    longest = int(room.max(initial=0))
    if longest < LEAST:
        steps = int(panel.lengths.max(initial=0))
        allowed = f"allowed: 1 to {steps - LEAST}" if steps > LEAST else "no horizon is short enough"
        raise SeriesError(
            f"horizon {horizon} is too long: the longest series has {steps} steps, and a forecast that is compared "
            f"with what came needs {LEAST} values before it; {allowed}"
        )
    length = usual + horizon
    least = min(max(-(-length // 2), 2 * season + 1 if season > 1 else LEAST), usual)
    free = usual - max(least, LEAST)
    if step is None:
        step = min(horizon, max(1, free // max((count or MOST) - 1, 1)))
    fitting = 1 + max(free, 0) // step
    wanted = min(MOST, fitting) if count is None else count
    ends = last[None, :] - step * np.arange(wanted - 1, -1, -1, dtype=np.int64)[:, None]
    ends = np.stack([_usable(panel, row, horizon) for row in ends])
    used = (ends >= 0).any(axis=1)
    findings = _findings(panel, ends, wanted, int(used.sum()), count, horizon, by)
    return Origins(ends[used], horizon, step, by, tuple(findings))


def last_look(panel: Panel, horizon: int) -> Origins | None:
    """One origin at the very end, for a look at what no trial has seen; None where series are too short to spare it.

    Spared where the median series has then still twice the horizon and `LEAST` values for the search.

    What trials may see is ``panel.until(last_look(panel, horizon).ends[0])`` (where an end is -1, all of the series).
    """
    by, last = _last(panel, horizon)
    ends = _usable(panel, last, horizon)
    usable = ends >= 0
    if not usable.any() or int(np.median(ends[usable])) < 2 * horizon + LEAST:
        return None
    return Origins(ends[None, :], horizon, horizon, by)


def _check(panel: Panel, horizon: int, count: int | None, step: int | None) -> None:
    for name, value in (("horizon", horizon), ("origins", count), ("step", step)):
        if value is not None and value < 1:
            raise SeriesError(f"{name}: found {value}; allowed: 1 or more")
    if not len(panel):
        raise SeriesError("there is no series to make origins for")


def _last(panel: Panel, horizon: int) -> tuple[Literal["date", "end"], Integers]:
    """How many steps of each series (S,) are known at the latest origin, as they come: below 0, or beyond the end.

    By date where half of the series or more reach into the window of the one that ends last. Others have ended before,
    and say nothing of that time. Where most end at times of their own (yearbooks, competitions' collections), a common
    date would leave nearly all out: then each one's own last window. Series that are too short to be judged anywhere
    don't count: one that has just begun would move the date to where no other has a value, once the test is cut off.
    """
    ends = panel.starts + panel.lengths
    able = panel.lengths >= LEAST + horizon
    if not able.any():
        able = panel.lengths > 0
    if not able.any():
        return "date", np.full(len(panel), -1, dtype=np.int64)
    date = int(ends[able].max()) - horizon
    if float((ends[able] > date).mean()) >= 0.5:
        return "date", date - panel.starts
    return "end", panel.lengths - horizon


def _usable(panel: Panel, ends: Integers, horizon: int) -> Integers:
    """Ends (S,) with -1 where a series has too little before it, or nothing after it."""
    found = np.full(len(panel), -1, dtype=np.int64)
    for at, (one, end) in enumerate(zip(panel.series, ends.tolist(), strict=True)):
        if not LEAST <= end < len(one.values):
            continue
        before, after = one.values[:end], one.values[end : end + horizon]
        if np.count_nonzero(~np.isnan(before)) >= LEAST and not np.isnan(after).all():
            found[at] = end
    return found


def _room(panel: Panel, last: Integers) -> Integers:
    """Steps before the latest origin (S,), 0 where a series can't be used there."""
    return np.where((last >= LEAST) & (last < panel.lengths), last, 0)


def _findings(
    panel: Panel, ends: Integers, wanted: int, got: int, count: int | None, horizon: int, by: str
) -> list[SeriesFinding]:
    found = []
    if count is not None and got < count:
        found.append(
            SeriesFinding(
                "origins", "certain", f"{count} origins were asked for, and series are long enough for {got}",
                f"there are {got}", f"a horizon below {horizon} or a shorter `step` leaves room for more",
                numbers={"origins": got},
            )
        )  # fmt: skip
    elif got == 1 and count is None:
        found.append(
            SeriesFinding(
                "origins", "doubtful", f"with a horizon of {horizon}, series are long enough for one origin only",
                "learners are compared by one look at what came", "a shorter horizon gives surer choices",
                numbers={"origins": 1},
            )
        )  # fmt: skip
    if by == "end":
        found.append(
            SeriesFinding(
                "origins_by_end", "certain", "most series end long before the one that ends last",
                "origins count back from each series' own end, not from one date", "",
            )
        )  # fmt: skip
    never = np.flatnonzero((ends < 0).all(axis=0))
    if len(never):
        names = [panel.names[at] for at in never.tolist()]
        found.append(
            SeriesFinding(
                "not_judged", "certain",
                f"too short for any origin, or ended before the last ones: {len(names):,} series: {listed(names)}",
                "they are forecast, and count for no learner", "", tuple(names[:MOST_NAMES]), {"series": len(names)},
            )
        )  # fmt: skip
    return found
