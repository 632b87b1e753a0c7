"""Parts of the data by the values of a column: where the challenger is worse although the whole is better.

Of twenty parts one differs by chance alone at 95 %, so chances are corrected for how many parts were looked at (Holm
1979): if no part differs, the chance that any is called worse or better is at most one less the confidence.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.models.evaluation.comparing import Drawn, Sample, drawn
from automl_core.models.evaluation.options import EvaluateOptions
from automl_core.models.evaluation.resampling import holm
from automl_core.models.evaluation.rows import Rows
from automl_core.tabular.metrics import Metric

MOST_VALUES = 20
"""Values of a column that are parts of their own; numbers with more become bands, of texts the rarest are one part."""

BANDS = 5
"""Quantile bands of a column of numbers or times."""

FEW = 30
"""Units below which a part can't tell."""

DRAWS = 500
"""Draws of a part at most."""

MISSING, OTHERS = "(missing)", "(others)"


@dataclass(frozen=True)
class Part:
    """Rows of one value or band.

    Attributes:
        column: whose.
        value: as text.
        low, high: of a band of numbers or times (seconds since 1970 UTC), both within it; None else.
        places: of its rows.
    """

    column: str
    value: str
    low: float | None
    high: float | None
    places: NDArray[np.intp]


def parts_of(rows: Rows, column: str) -> list[Part]:
    """The parts of a column, the largest first, bands in their order.

    Raises:
        NotEvaluated: there is no such column.
    """
    coded = rows.coded(column)
    kind = rows.column(column).type
    counts = np.bincount(coded.codes + 1, minlength=len(coded.levels) + 1)
    used = int(np.count_nonzero(counts[1:]))
    found: list[Part] = []
    if used > MOST_VALUES and kind in ("integer", "number", "date", "timestamp"):
        numeric = kind in ("integer", "number")
        values = rows.column(column).numbers() if numeric else rows.column(column).seconds()
        found += _bands(column, np.asarray(values, dtype=np.float64), numeric)
        there = ~np.isfinite(values)
    else:
        order = sorted(range(len(coded.levels)), key=lambda k: (-counts[k + 1], coded.levels[k]))
        order = [k for k in order if counts[k + 1]]
        for k in order[:MOST_VALUES]:
            found.append(Part(column, coded.levels[k], None, None, np.flatnonzero(coded.codes == k)))
        rest = np.isin(coded.codes, order[MOST_VALUES:])
        if rest.any():
            found.append(Part(column, OTHERS, None, None, np.flatnonzero(rest)))
        there = coded.codes < 0
    if there.any():
        found.append(Part(column, MISSING, None, None, np.flatnonzero(there)))
    return found


def _bands(column: str, values: NDArray[np.float64], numeric: bool) -> list[Part]:
    there = values[np.isfinite(values)]
    edges = np.unique(np.quantile(there, np.linspace(0, 1, BANDS + 1)))
    if len(edges) < 2:
        edges = np.repeat(edges, 2)
    found = []
    for k, (low, high) in enumerate(pairwise(edges)):
        last = k == len(edges) - 2
        inside = (values >= low) & ((values <= high) if last else (values < high))
        places = np.flatnonzero(inside)
        if len(places):
            text = f"{_text(low, numeric)} … {_text(high, numeric)}"
            found.append(Part(column, text, float(low), float(high), places))
    return found


def _text(value: float, numeric: bool) -> str:
    if numeric:
        return f"{value:.6g}"
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")


def slices(rows: Rows, sample: Sample, metric: Metric, options: EvaluateOptions) -> list[dict[str, Any]]:
    """Every part of the columns asked for, as evidence has it.

    Raises:
        NotEvaluated: there is no such column.
    """
    parts = [part for column in options.slices for part in parts_of(rows, column)]
    found: list[tuple[Part, Drawn, int]] = []
    for part in parts:
        taken = sample.take(part.places, zlib.crc32(f"{part.column}\x1f{part.value}".encode("utf-8", "surrogatepass")))
        each = drawn(taken, [metric], min(options.draws, DRAWS), options.confidence)[0]
        found.append((part, each, each.units))
    return judged(found, options.confidence)


def judged(found: Sequence[tuple[Any, Drawn, int]], confidence: float) -> list[dict[str, Any]]:
    """Parts with what they can tell, chances corrected for all that could.

    Args:
        found: part (column, value, low, high, places), its metric, its units.
        confidence: one less the chance that any part is called worse or better where none is.
    """
    chances = [each.chance if units >= FEW else math.nan for _, each, units in found]
    corrected = holm(chances)
    said = []
    for (part, each, units), plain, chance in zip(found, chances, corrected, strict=True):
        state, why = _state(each, units, chance, confidence)
        said.append(
            {
                "column": part.column, "value": part.value, "low": part.low, "high": part.high,
                "rows": len(part.places), "challenger": each.of("challenger"), "champion": each.of("champion"),
                "difference": each.difference, "p_value": _known(plain), "p_holm": _known(chance),
                "state": state, "why": why,
            }
        )  # fmt: skip
    return said


def _state(each: Drawn, units: int, chance: float, confidence: float) -> tuple[str, str]:
    if units < FEW:
        return "few", f"{units} are too few to tell (of {FEW} on)"
    value = each.values.get("challenger", math.nan)
    if not math.isfinite(value):
        return "few", f"{each.metric.name} is not defined here"
    if "champion" not in each.values:
        return "alone", ""
    difference = value - each.values["champion"]
    if not math.isfinite(difference):
        return "few", f"{each.metric.name} of the champion is not defined here"
    if not math.isfinite(chance):
        return "few", "too few draws have a value to tell"
    if chance >= 1 - confidence or difference == 0:
        return "same", ""
    better = (difference > 0) == (each.metric.direction == "maximize")
    return ("better", "") if better else ("worse", "clearly worse, corrected for all parts that were looked at")


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
