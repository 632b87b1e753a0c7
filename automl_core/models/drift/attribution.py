"""From which columns a change of predictions comes: each column is given the values that it had before, and scored.

The values of one column are moved to the distribution of the reference, each as little as can be: a number keeps its
rank among the rows (the monotone map of one distribution to another), of a category only as many rows change as there
are too many now. All other columns stay as they are, so what the model says then is what it would say today had this
column not changed. Columns that changed together may each explain the same change, so shares need not add up to one;
`together` is what all of them explain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.values import Coded, Frame
from automl_core.models.drift.comparing import LEAST, TableDrift, distance_of
from automl_core.models.drift.reference import ColumnReference, Reference

if TYPE_CHECKING:
    from automl_core.modelfile.scoring.values import Schema

MOST_ROWS = 2_000
"""Rows that are scored anew for each column."""

MOST_COLUMNS = 10
"""Columns that are tried, the furthest first."""

Score = Callable[[Frame], Mapping[str, Any]]


def attribution(
    reference: Reference, schema: Schema, frame: Frame, outputs: Mapping[str, Any], found: TableDrift,
    score: Score | None,
) -> dict[str, Any]:  # fmt: skip
    """By which columns predictions have changed, as plain data.

    Args:
        reference: the rows before.
        schema: of the columns that are there.
        frame: the rows now.
        outputs: what the model says of them, by the names that the reference has.
        found: how far columns and outputs are from the reference.
        score: gives the outputs of rows; None where columns are missing that the model reads.

    Returns:
        ``{why, output, before, now, distance, rows, columns: [{name, mean, distance, share}], together, words}``.
        `why`: why it can't be told, else empty. `before`, `now`: means of what the model says. Of a column `mean` and
        `distance` are those of the output with the column as it was, and `share` is the part of the output's distance
        that goes away.
    """
    known = {each.name: each for each in reference.columns}
    said = [each for each in found.columns if each.name in outputs]
    if not said:
        return _none("what the model says is not known of these rows")
    output = said[0]
    if output.distance < LEAST:
        return _none("what the model says has hardly changed") | {"output": output.name, "distance": output.distance}
    if score is None:
        return _none("columns that the model reads are not in these rows") | {"output": output.name}
    at = np.unique(np.linspace(0, frame.n - 1, min(frame.n, MOST_ROWS)).astype(np.int64))
    some, before = frame.take(at), known[output.name]
    now = np.asarray(outputs[output.name], dtype=np.float64)[at]
    rng = np.random.default_rng(0)
    whole = distance_of(before, now)
    moved: dict[str, Any] = {}
    tried = [
        each for each in found.columns
        if each.name not in outputs and each.distance >= LEAST and known[each.name].kind != "text"
    ][:MOST_COLUMNS]  # fmt: skip
    columns: list[dict[str, Any]] = []
    for each in tried:
        moved[each.name] = as_before(known[each.name], some, rng)
        values = _scored(score, some, {each.name: moved[each.name]}, output.name)
        distance = distance_of(before, values)
        columns.append(
            {"name": each.name, "mean": _mean(values), "distance": distance, "share": _share(whole, distance)}
        )  # fmt: skip
    columns.sort(key=lambda each: -float(each["share"] or 0.0))
    together = None
    if len(tried) > 1:
        together = _share(whole, distance_of(before, _scored(score, some, moved, output.name)))
    result: dict[str, Any] = {
        "why": "", "output": output.name, "before": mean_of(before), "now": _mean(now), "distance": whole,
        "rows": some.n, "columns": columns, "together": together,
    }  # fmt: skip
    return result | {"words": _words(result)}


def as_before(reference: ColumnReference, frame: Frame, rng: np.random.Generator) -> Any:
    """A column's values moved to the distribution of the reference: numbers (n,), or `Coded`.

    Args:
        reference: of the column.
        frame: the rows now.
        rng: says which rows change, where several would do.
    """
    if reference.kind == "category":
        return _category(reference, frame.coded(reference.name), rng)
    values = np.asarray(frame.numbers(reference.name), dtype=np.float64)
    count = len(values)
    order = np.lexsort((rng.random(count), np.where(np.isnan(values), -np.inf, values)))
    places = np.empty(count)
    places[order] = (np.arange(count) + 0.5) / count
    found = np.full(count, np.nan)
    there = places >= reference.missing
    if reference.points:
        at = np.searchsorted(np.asarray(reference.below), places[there], side="left")
        found[there] = np.asarray(reference.points)[np.minimum(at, len(reference.points) - 1)]
    return found


def _category(reference: ColumnReference, coded: Coded, rng: np.random.Generator) -> Coded:
    """As many rows of each level as before; rows change only where there are too many of theirs."""
    count = len(coded)
    levels = (*reference.levels, *(each for each in coded.levels if each not in set(reference.levels)))
    places = {level: at for at, level in enumerate(levels)}
    codes = np.asarray([*(places[each] for each in coded.levels), -1], dtype=np.int64)[coded.codes]
    shares = np.diff(np.asarray([0.0, reference.missing, *reference.below]))  # missing first, then level by level
    wanted = np.floor(shares * count + rng.random()).astype(np.int64)
    have = np.bincount(codes + 1, minlength=len(levels) + 1)
    free = round(reference.other * count)  # rare ones, and those that came since, may stay up to what rare ones were
    surplus: list[NDArray[np.int64]] = []
    for at in range(len(levels) + 1):
        most = int(wanted[at]) if at < len(wanted) else free
        if at >= len(wanted):
            free = max(0, free - int(have[at]))
        extra = int(have[at]) - most
        if extra > 0:
            surplus.append(rng.permutation(np.flatnonzero(codes == at - 1))[:extra])
    rows = rng.permutation(np.concatenate(surplus)) if surplus else np.empty(0, dtype=np.int64)
    lacking = np.maximum(0, wanted - have[: len(wanted)])
    fill = np.repeat(np.arange(len(wanted)) - 1, lacking)[: len(rows)]
    codes[rows[: len(fill)]] = fill
    return Coded(codes.astype(np.int32), levels)


def mean_of(reference: ColumnReference) -> float | None:
    """The mean of a column of numbers, of its distribution function; None where it had no value."""
    weights = np.diff(np.asarray([reference.missing, *reference.below]))
    if not len(weights) or weights.sum() <= 0:
        return None
    return float((weights * np.asarray(reference.points)).sum() / weights.sum())


def _scored(score: Score, frame: Frame, columns: Mapping[str, Any], output: str) -> NDArray[np.float64]:
    return np.asarray(score(Frame(frame.n, frame.columns | dict(columns)))[output], dtype=np.float64)


def _share(whole: float, left: float) -> float:
    """The part of a distance that goes away; below 0 where it grows."""
    return (whole - left) / whole if whole > 0 else 0.0


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def _none(why: str) -> dict[str, Any]:
    return {"why": why, "output": "", "columns": [], "together": None, "words": ""}


def _words(found: Mapping[str, Any]) -> str:
    before = "" if found["before"] is None else f" was {found['before']:.4g} on average, and"
    head = f"{found['output']}{before} is {found['now']:.4g}"
    told = [each for each in found["columns"] if each["share"] >= 0.1][:3]
    if not told:
        return f"{head}; no column explains that by itself"
    parts = [f"with {each['name']} as it was it would be {each['mean']:.4g} ({each['share']:.0%} of the change)"
             for each in told]  # fmt: skip
    together = found["together"]
    more = f"; all drifted columns together explain {together:.0%}" if together is not None and len(told) > 1 else ""
    return f"{head}; {'; '.join(parts)}{more}"
