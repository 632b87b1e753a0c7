"""Drift of a whole table as one test of a stated rate of false alarms.

Each column is compared by the largest distance of two distribution functions (Kolmogorov and Smirnov). Two things make
an alarm one that is worth having:

- *The whole table is one question.* The smallest p-value of K columns counts K times (Bonferroni), so twenty columns
  alarm no oftener than one. "Any column below 5 %" alarms in two of three tables without drift.
- *A difference has to be large, not only certain.* What is tested is that the distance is above ``least``: with 100,000
  rows everything differs, and most of it means nothing. A distance that is measured is at most the true one and that of
  chance together (the triangle inequality), so ``D - least`` is held against chance alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_core.models.drift.reference import ColumnReference, Line, Reference, line_of

if TYPE_CHECKING:
    from automl_core.modelfile.scoring.values import Frame, Schema

LEAST_ROWS = 300
"""Rows below which nothing is said."""

LEAST = 0.05
"""Distance of two distribution functions, 0 to 1, that is no drift: half a tenth of a normal column's deviation moves
it by 0.02, three tenths by 0.12."""


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column against its reference.

    Attributes:
        name: of the column.
        distance: largest distance of the two distribution functions, 0 to 1.
        p: of a distance as large where the true one is at most what was allowed, for this column alone.
        drifted: whether it is among those that the alarm is about.
        words: what has changed.
    """

    name: str
    distance: float
    p: float
    drifted: bool
    words: str


@dataclass(frozen=True, slots=True)
class TableDrift:
    """A table against its reference.

    Attributes:
        rows: that were compared.
        drifted: whether it has drifted; None where that can't be told.
        p: of the whole table: K times the smallest of its K columns.
        alpha: rate of false alarms that was asked for.
        columns: the largest distance first.
        why: why it can't be told, empty where it can.
    """

    rows: int
    drifted: bool | None
    p: float
    alpha: float
    columns: tuple[ColumnDrift, ...]
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "rows": self.rows, "drifted": self.drifted, "p": self.p, "alpha": self.alpha, "why": self.why,
            "columns": [
                {"name": each.name, "distance": each.distance, "p": each.p, "drifted": each.drifted,
                 "words": each.words}
                for each in self.columns
            ],
        }  # fmt: skip


def table_drift(
    reference: Reference, schema: Schema, frame: Frame, outputs: Mapping[str, Any] | None = None, *, alpha: float,
    least: float = LEAST, least_rows: int = LEAST_ROWS,
) -> TableDrift:  # fmt: skip
    """Whether rows have drifted away from a reference.

    Args:
        reference: what they are compared with.
        schema: of the model.
        frame: the rows, read by it.
        outputs: what the model says of them, by the names that the reference has.
        alpha: probability of an alarm at most, where no column is further away than `least` (see `per_look`).
        least: distance that is no drift.
        least_rows: fewer rows, of these or of the reference, tell nothing.

    Raises:
        ValueError: alpha or least is no such number.
    """
    if not 0 < alpha < 1 or not 0 <= least < 1:
        raise ValueError("alpha is between 0 and 1, and least from 0 to below 1")
    few = min(frame.n, reference.rows)
    if few < least_rows:
        whose = "rows" if frame.n <= reference.rows else "rows of the reference"
        return TableDrift(frame.n, None, 1.0, alpha, (), f"{few} {whose}, and fewer than {least_rows} tell nothing")
    given, found = outputs or {}, []
    told = [each for each in reference.columns if each.name in given or any(f.name == each.name for f in schema)]
    if not told:
        return TableDrift(frame.n, None, 1.0, alpha, (), "no column of the reference is among these")
    chance = frame.n * reference.rows / (frame.n + reference.rows)
    for each in told:
        line = line_of(each, schema, frame, given)
        distance = distance_of(each, line)
        p = _p_of((distance - least) * math.sqrt(chance))
        found.append(ColumnDrift(each.name, distance, p, p * len(told) <= alpha, _words(each, line)))
    found.sort(key=lambda each: (-each.distance, each.name))
    p = min(1.0, len(told) * min(each.p for each in found))
    return TableDrift(frame.n, p <= alpha, p, alpha, tuple(found))


def distance_of(reference: ColumnReference, line: Line) -> float:
    """Largest distance of the distribution function of values from that of the reference.

    Args:
        reference: of the column.
        line: (n,) where rows lie (`reference.line_of`).
    """
    missing = np.isnan(line)
    known = np.sort(line[~missing])
    now = (missing.sum() + np.searchsorted(known, np.asarray(reference.points), side="right")) / len(line)
    before = np.asarray(reference.below)
    found = [abs(float(missing.mean()) - reference.missing)]
    if len(before):
        found.append(float(np.abs(now - before).max()))
    return max(found)


def _p_of(distance: float) -> float:
    """Chance of a distance as large, in units of chance; the limit distribution, which for 300 rows errs upward."""
    if distance <= 0:
        return 1.0
    from scipy.special import kolmogorov

    return float(kolmogorov(distance))


def _words(reference: ColumnReference, line: Line) -> str:
    """What has changed the most, for people."""
    missing = float(np.isnan(line).mean())
    if abs(missing - reference.missing) >= 0.02:
        return f"without a value: {reference.missing:.1%} before, {missing:.1%} now"
    if reference.kind == "category":
        return _words_of_category(reference, line)
    known = line[~np.isnan(line)]
    if not len(known) or not reference.points:
        return "no value before, or none now"
    middle = reference.missing + (1 - reference.missing) / 2
    place = min(int(np.searchsorted(reference.below, middle)), len(reference.points) - 1)
    what = "length of the texts, median" if reference.kind == "text" else "median"
    return f"{what}: {reference.points[place]:.4g} before, {float(np.median(known)):.4g} now"


def _words_of_category(reference: ColumnReference, line: Line) -> str:
    before = np.diff(np.asarray([reference.missing, *reference.below]))
    unseen = float(np.isposinf(line).mean())
    if unseen - reference.other >= 0.02:
        return f"categories that were not there: {reference.other:.1%} before, {unseen:.1%} now"
    if not len(before):
        return "no category before"
    places = line[np.isfinite(line)].astype(np.int64)
    now = np.bincount(places, minlength=len(before)) / len(line)
    most = int(np.abs(now - before).argmax())
    return f"{reference.levels[most]!r}: {before[most]:.1%} before, {now[most]:.1%} now"
