"""Rows of a table as values of series on a model's grid, with everything that can be wrong with them named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..calendars.texts import slots_of
from ..sources import Column, Source, UnreadableValue, column_of, source_of, written
from .problems import SeriesProblem, listed, nearest

if TYPE_CHECKING:
    from .forecaster import Forecaster

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGEST = 1e100
"""Of what is larger the squares of errors, and sums of them, are no numbers any more."""

JOINT = " / "
"""Between the values of several columns that tell series apart."""


@dataclass(frozen=True)
class Rows:
    """Rows by series and slot, each pair once; in the order of series and time.

    Attributes:
        names: (k,) of the series, in the order of their first rows.
        keys: series' name → its values in the columns that tell series apart.
        of: (n,) which of the names.
        slot: (n,) of the model's grid.
        value: (n,) the target; NaN where there is none.
        known: (n, c) known columns; NaN where there is none.
        absent: known columns that the table lacks.
        columns: names of all columns of the table, for messages.
        notes: what was strange, in words.
    """

    names: tuple[str, ...]
    keys: Mapping[str, tuple[str, ...]]
    of: Ints
    slot: Ints
    value: Floats
    known: Floats
    absent: tuple[str, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]

    def of_series(self, name: str) -> slice:
        """Where a series' rows stand; nowhere if there are none."""
        place = self._places.get(name)
        return slice(0, 0) if place is None else slice(int(self._ends[place]), int(self._ends[place + 1]))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def _ends(self) -> Ints:
        """(k + 1,) where each name's rows begin, and the last's end."""
        return np.searchsorted(self.of, np.arange(len(self.names) + 1))


def read(model: Forecaster, data: Any) -> Rows:
    """Read rows.

    Args:
        model: whose rows they are to be.
        data: a table, a frame, a dict of columns or a list of dicts (`scoring.sources.source_of`).

    Raises:
        SeriesProblem: a column that is not there, a value or a time that can't be read, a time between two steps, two
            different values at one time; named with series, time and row.
    """
    source = _moments(source_of(_aware(data, model.time)), data, model)
    for name in (model.time, *model.keys):
        if name not in source.names:
            raise SeriesProblem(f"there is no column {name!r}{nearest(name, source.names)}")
    names, of, keys = _series(model, source)
    slot = _slots(model, source, names, of)
    whose = [names[each] for each in of.tolist()]
    value = _numbers(source, model.target, whose) if model.target in source.names else np.full(source.rows, np.nan)
    known = np.full((source.rows, len(model.known)), np.nan)
    notes: list[str] = []
    absent = tuple(each.name for each in model.known if each.name not in source.names)
    for place, column in enumerate(model.known):
        if column.name in absent:
            continue
        if column.kind == "category":
            known[:, place], unseen = _codes(source, column.name, column.categories)
            if unseen:
                notes.append(f"{column.name} has what training had not, and it counts as missing: {listed(unseen)}")
        else:
            known[:, place] = _numbers(source, column.name, whose)
    order = np.lexsort((slot, of))
    return _once(model, names, keys, of[order], slot[order], value[order], known[order], order, absent, source, notes)


def _first(where: NDArray[np.bool_]) -> int:
    """The first row, counted from 1: names of columns are no row."""
    return int(np.flatnonzero(where)[0]) + 1


def _aware(data: Any, time: str) -> Any:
    """A frame of pandas whose times have a zone, with them as moments that keep it."""
    if hasattr(data, "iloc") and time in getattr(data, "columns", ()) and getattr(data[time].dtype, "tz", None):
        return data.assign(**{time: [each.isoformat() for each in data[time]]})
    return data


def _moments(source: Source, data: Any, model: Forecaster) -> Source:
    """A table of PyArrow whose times are moments though their type does not say so, with an offset behind each.

    Where the model has no zone, training read them without one too.
    """
    arrow = hasattr(data, "schema") and hasattr(data, "column_names")
    if model.grid.zone is None or not arrow or model.time not in source.names:
        return source
    if written(data.schema, model.time) != b"instant":
        return source

    def column(name: str) -> Column:
        if name != model.time:
            return source.column(name)
        codes, texts = source.column(name).coded()
        return column_of([None if code < 0 else f"{texts[code]}+00:00" for code in codes.tolist()])

    return Source(source.rows, source.names, column)


def _series(model: Forecaster, source: Source) -> tuple[tuple[str, ...], Ints, dict[str, tuple[str, ...]]]:
    """Names of series, whose each row is, and the names' values by column."""
    if not model.keys:
        return (model.names[0],), np.zeros(source.rows, dtype=np.int64), {}
    texts: list[list[str]] = []
    for name in model.keys:
        codes, levels = source.column(name).coded()
        if (codes < 0).any():
            raise SeriesProblem(f"row {_first(codes < 0)} has no value for {name!r}: whose is it?")
        texts.append([levels[code] for code in codes])
    places: dict[tuple[str, ...], int] = {}
    of = np.asarray([places.setdefault(each, len(places)) for each in zip(*texts, strict=True)], dtype=np.int64)
    known = {tuple(column[k] for column in model.key_values) for k in range(len(model.names))}
    told = {each: each if each in known else _as_numbers(each, known) for each in places}
    names: dict[tuple[str, ...], int] = {}
    again = np.asarray([names.setdefault(told[each], len(names)) for each in places], dtype=np.int64)
    keys = {JOINT.join(each): each for each in names}
    return tuple(keys), again[of] if len(again) else of, keys


def _as_numbers(key: tuple[str, ...], known: set[tuple[str, ...]]) -> tuple[str, ...]:
    """A key as training may have read it: a file of texts has 01 or 1.0 for what another had as the number 1."""
    texts = []
    for each in key:
        try:
            number = float(each)
            texts.append(str(int(number)) if number == int(number) else each)
        except (ValueError, OverflowError):
            texts.append(each)
    return tuple(texts) if tuple(texts) in known else key


def _slots(model: Forecaster, source: Source, names: tuple[str, ...], of: Ints) -> Ints:
    codes, texts = source.column(model.time).coded()
    if (codes < 0).any():
        row = _first(codes < 0)
        raise SeriesProblem(f"row {row} of {names[of[row - 1]]} has no value for {model.time!r}")
    found, exact = np.zeros(len(texts), dtype=np.int64), np.ones(len(texts), dtype=np.int64)
    try:
        found, exact = slots_of(model.grid, list(texts))
    except ValueError as error:
        row = _first(codes == next(place for place, text in enumerate(texts) if not _is_time(model, text)))
        raise SeriesProblem(f"column {model.time!r}: row {row} of {names[of[row - 1]]}: {error}") from None
    if not exact.all():
        off = int(np.flatnonzero(exact == 0)[0])
        row = _first(codes == off)
        raise SeriesProblem(
            f"row {row} of {names[of[row - 1]]}: {texts[off]} lies between two steps of the model "
            f"({model.grid.frequency.words}: {model.text(int(found[off]))} and {model.text(int(found[off]) + 1)})"
        )
    return np.asarray(found[codes], dtype=np.int64)


def _is_time(model: Forecaster, text: str) -> bool:
    try:
        slots_of(model.grid, [text])
    except ValueError:
        return False
    return True


def _numbers(source: Source, name: str, whose: Sequence[str]) -> Floats:
    try:
        found = np.asarray(source.column(name).numbers(), dtype=np.float64)
    except UnreadableValue as error:
        row = error.row + 1
        raise SeriesProblem(f"column {name!r}: {error.value!r} in row {row} of {whose[row - 1]} is no number") from None
    for wrong, what in ((np.isinf(found), "is infinite"), (np.abs(found) > LARGEST, "is too large to reckon with")):
        if wrong.any():
            row = _first(wrong)
            raise SeriesProblem(f"column {name!r}: row {row} of {whose[row - 1]} {what} (allowed: up to {LARGEST:g})")
    return found


def _codes(source: Source, name: str, categories: tuple[str, ...]) -> tuple[Floats, list[str]]:
    codes, levels = source.column(name).coded()
    places = {text: place for place, text in enumerate(categories)}
    empty = float(places.get("", np.nan))  # an empty cell says "none of these", where training had such cells
    table = np.asarray([*(float(places.get(text, np.nan)) for text in levels), empty])
    return table[codes], [text for text in levels if text not in places]


def _once(
    model: Forecaster, names: tuple[str, ...], keys: Mapping[str, tuple[str, ...]], of: Ints, slot: Ints,
    value: Floats, known: Floats, row: Ints, absent: tuple[str, ...], source: Source, notes: list[str],
) -> Rows:  # fmt: skip
    """Each series' slot once: an hour that the clock shows twice is the mean of the two, equal rows are one."""
    new = np.ones(len(of), dtype=bool)
    new[1:] = (of[1:] != of[:-1]) | (slot[1:] != slot[:-1])
    group = np.cumsum(new) - 1
    starts = np.flatnonzero(new)
    if len(starts) < len(of):
        many = np.flatnonzero(np.bincount(group) > 1)
        twice = model.grid.moments_in(slot[starts[many]]) == 2
        averaged = 0
        for place, two in zip(many, twice, strict=True):
            at = np.flatnonzero(group == place)
            there = value[at][~np.isnan(value[at])]
            if len(there) and not (there == there[0]).all():
                if not two:
                    raise SeriesProblem(
                        f"{names[of[at[0]]]} has several values at {model.text(int(slot[at[0]]))}: rows "
                        f"{listed([str(each + 1) for each in row[at]])} (allowed: one row a series and time)"
                    )
                averaged += 1
            value[at[0]] = there.mean() if len(there) else np.nan
            numbers = [k for k, each in enumerate(model.known) if each.kind != "category"]
            for k in numbers if two else ():
                some = known[at, k][~np.isnan(known[at, k])]
                known[at[0], k] = some.mean() if len(some) else np.nan
        if averaged:
            notes.append(f"{averaged} hours that the clock shows twice are the mean of their two values")
    return Rows(
        names, keys, of[starts], slot[starts], value[starts], known[starts], absent, tuple(source.names), tuple(notes)
    )
