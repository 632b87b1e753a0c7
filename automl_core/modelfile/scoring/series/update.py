"""New values for a model that is fitted: what of a table is news, what it has seen already, what has changed since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .forecaster import FARTHEST, News
from .problems import SeriesProblem, listed

if TYPE_CHECKING:
    from .forecaster import Forecaster
    from .rows import Rows

Floats = NDArray[np.float64]

SAME = 1e-9
"""What two readings of one value may differ by, relative to it."""


@dataclass(frozen=True)
class Checked:
    """What of a table's rows is new to a model.

    Attributes:
        news: values after each series' last one, and all of new series.
        values: how many values these are.
        notes: gaps, corrections and all else that is to be said, in words.
    """

    news: News
    values: int
    notes: tuple[str, ...]


def check(model: Forecaster, rows: Rows) -> Checked:
    """Compare rows with what a model has seen. Values that it has seen are not taken again, and changed ones are named.

    Raises:
        SeriesProblem: a value so far after the last one that its time must be wrong.
    """
    news = News(keys=dict(rows.keys))
    gaps: list[str] = []
    fresh: list[str] = []
    changed: list[str] = []
    late: list[str] = []
    empty: list[str] = []
    beyond: list[str] = []
    old = values = 0
    for name in rows.names:
        part = rows.of_series(name)
        there = ~np.isnan(rows.value[part])
        slots, came, known = rows.slot[part][there], rows.value[part][there], rows.known[part][there]
        if name in model.place:
            place = model.place[name]
            last = int(model.last[place])
            seen = slots <= last
            parts = _seen(model, place, slots[seen], came[seen])
            changed += parts[0]
            late += parts[1]
            old += parts[2]
            slots, came, known = slots[~seen], came[~seen], known[~seen]
            begin = last + 1
        elif len(slots):
            begin = int(slots[0])
            fresh.append(name)
        else:
            empty.append(name)
        if not len(slots):
            continue
        low, high = (model.low[place], model.high[place]) if name in model.place else model.widest()
        if (came < low).any() or (came > high).any():
            beyond.append(f"{name} ({came.min() if (came < low).any() else came.max():.6g})")
        if int(slots[-1]) - begin > FARTHEST:
            raise SeriesProblem(
                f"{name}: {model.text(int(slots[-1]))} is {int(slots[-1]) - begin:,} steps after "
                f"{model.text(begin - 1)} (allowed: {FARTHEST:,})"
            )
        dense = np.full(int(slots[-1]) - int(slots[0]) + 1, np.nan)
        dense[slots - slots[0]] = came
        columns = np.full((len(dense), len(model.known)), np.nan)
        if model.known and not rows.absent:
            columns[slots - slots[0]] = known
        real = model.grid.moments_in(np.arange(begin, int(slots[-1]) + 1)) > 0  # an hour that a clock skips is no gap
        missing = int(np.count_nonzero(real)) - len(slots)
        if missing > 0:
            gaps.append(f"{name} ({missing})")
        values += len(slots)
        news.names.append(name)
        news.first.append(int(slots[0]))
        news.values.append(dense)
        news.known.append(columns)
    notes = list(rows.notes)
    if gaps:
        notes.append(f"steps without a value, for which the model's own forecasts stand: {listed(gaps)}")
    if fresh:
        notes.append(f"series that training had not: {listed(fresh)}")
    if empty:
        notes.append(
            f"series that training had not, without any value, so nothing is forecast of them: {listed(empty)}"
        )
    if beyond:
        then = "they still do, as was said when the model was made" if model.limited else "of these they do no longer"
        notes.append(f"values beyond the limit that forecasts ended at ({then}): {listed(beyond)}")
    if changed:
        notes.append(
            f"values that have changed since the model saw them; it goes by what it saw, and only a new fit would take "
            f"them: {listed(changed)}"
        )
    if late:
        notes.append(f"values that came late, for steps that the model has passed without them: {listed(late)}")
    if old:
        notes.append(f"{old:,} values are older than what the model keeps, and were not compared")
    return Checked(news, values, tuple(notes))


def _seen(model: Forecaster, place: int, slots: NDArray[np.int64], came: Floats) -> tuple[list[str], list[str], int]:
    """Of values up to the last one: changed ones, late ones, and how many are too old to know."""
    history = model.history[place]
    back = int(model.last[place]) - slots
    kept = back < len(history)
    had = history[len(history) - 1 - back[kept]]
    slots, came = slots[kept], came[kept]
    with np.errstate(invalid="ignore"):
        other = np.abs(had - came) > SAME * np.maximum(1.0, np.abs(came))
    name = model.names[place]
    changed = [
        f"{name} at {model.text(int(slot))} ({was:.6g}, now {now:.6g})"
        for slot, was, now in zip(slots[other], had[other], came[other], strict=True)
    ]
    gap = np.isnan(had)
    late = [f"{name} at {model.text(int(slot))}" for slot in slots[gap]]
    return changed, late, int((~kept).sum())


def future(model: Forecaster, rows: Rows | None, places: NDArray[np.int64], horizon: int) -> Floats:
    """The known columns at the steps ahead, from rows of the table.

    Args:
        model: what needs them.
        rows: of the table; None: there is none.
        places: (k,) of the series.
        horizon: steps ahead.

    Returns:
        (k, H, c); a slot that the clock leaves out has its neighbour's.

    Raises:
        SeriesProblem: a value that is not there, by series, time and column.
    """
    found = np.full((len(places), horizon, len(model.known)), np.nan)
    if not model.known or not len(places):
        return found
    if rows is None or rows.absent:
        names = [each.name for each in model.known] if rows is None else list(rows.absent)
        if rows is None:
            none = "there are no rows that have " + ("it" if len(names) == 1 else "them")
        else:
            none = "there is no such column" if len(names) == 1 else "there are no such columns"
        raise SeriesProblem(
            f"the model needs {listed(names)} for the steps that it forecasts, and {none} (allowed: rows without a "
            f"value of {model.target}, with {listed([each.name for each in model.known])}, for each of {horizon} steps)"
        )
    for k, place in enumerate(places):
        name, last = model.names[place], int(model.last[place])
        part = rows.of_series(name)
        ahead = rows.slot[part] - last - 1
        take = (ahead >= 0) & (ahead < horizon)
        there = np.zeros(horizon, dtype=bool)
        there[ahead[take]] = True
        found[k, ahead[take]] = rows.known[part][take]
        real = model.grid.moments_in(np.arange(last + 1, last + 1 + horizon)) > 0
        for step in np.flatnonzero(~there).tolist():
            if real[step]:
                raise SeriesProblem(
                    f"{name} has no row for {model.text(last + 1 + step)}, and the model needs "
                    f"{listed([each.name for each in model.known])} of {horizon} steps from {model.text(last + 1)}; "
                    f"rows without a value of {model.target} give them"
                )
            found[k, step] = found[k, step - 1] if step else found[k, min(1, horizon - 1)]
        for c, column in enumerate(model.known):
            empty = np.isnan(found[k, :, c])
            if empty.any() and not column.missing and column.kind != "category":
                first = int(np.flatnonzero(empty)[0])
                raise SeriesProblem(
                    f"{name} has no {column.name} at {model.text(last + 1 + first)}, and training had no missing one"
                )
    return found
