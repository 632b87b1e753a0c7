"""A model for a few rows: each is scored by itself, by Python, where numpy's price of a call would be all that counts.

What comes out has the bits that `Scorer` gives a row by itself. It is for rows as JSON has them; others, and what a
forest is too large for, are left to numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .calibration import calibrated, positions
from .cells import CellReader, Unlike
from .matrix import Matrix
from .members import Ensemble, Member
from .models.generated import RowTrees
from .models.trees import Trees
from .values import Schema

MOST = 16
"""Rows that are scored one by one at most. A booster of 200 trees of 31 leaves: a row costs 0.04 ms by itself, and
numpy 0.3 ms and 0.02 more for each (`benchmarks/README.md`)."""

_NONE = np.zeros(0, dtype=bool)

Row = list[float]


class Single:
    """What scores single rows. It costs time and memory to make; see `Scorer.prepare`."""

    def __init__(self, schema: Schema, ensemble: Ensemble, calibration: Mapping[str, Any] | None, outputs: int) -> None:
        """Make it.

        Args:
            schema: of the rows.
            ensemble: the model's.
            calibration: see `calibration`.
            outputs: classes, or 1.
        """
        self._read, self._ensemble, self._outputs = CellReader(schema), ensemble, outputs
        self._calibration = calibration
        self._margins = [_margin_of(member) for member in ensemble.members]
        self._links = [_link_of(member) for member in ensemble.members]

    def outputs(self, rows: Sequence[Any]) -> list[Row] | None:
        """(n, outputs) as `Scorer.outputs` has them; None where that has to be asked.

        Args:
            rows: few of them.
        """
        try:
            for name in self._read.typed if len(rows) > 1 else ():
                texts = {type(value) is str for row in rows if (value := self._read.value(row, name)) not in (None, "")}
                if len(texts) > 1:
                    return None  # beside a text, a number is read as one
            return [self._row(row) for row in rows]
        except (Unlike, KeyError, TypeError, ValueError, ArithmeticError):
            return None  # numpy's way says what is wrong, if anything is

    def _row(self, row: Any) -> Row:
        if type(row) is not dict:
            raise Unlike
        cells = self._read(row)
        ensemble = self._ensemble
        total = [0.0] * self._outputs
        matrices: dict[int, Row] = {}
        for place, member in enumerate(ensemble.members):
            first = ensemble.first[place]
            if first == place:
                assert member.features is not None
                matrices[first] = member.features.row(dict(cells))
            found = self._links[place](self._margins[place](matrices[first]))
            if len(found) != self._outputs:
                raise ValueError("a member with other outputs than the problem has")
            total = [one + member.weight * other for one, other in zip(total, found, strict=True)]
        if self._calibration is None:
            return total
        after: Row = calibrated(self._calibration, np.asarray([total]))[0].tolist()
        return after


def place_of(outputs: Row, threshold: Any) -> int:
    """The class of one row, as `calibration.positions` has it."""
    if threshold is None:
        largest = max(outputs)
        if largest == largest and sum(outputs) == sum(outputs):
            return outputs.index(largest)
    elif type(threshold) in (int, float):
        return int(outputs[1] >= threshold)
    return int(positions(np.asarray([outputs]), threshold)[0])


def _margin_of(member: Member) -> Callable[[Row], Row]:
    model = member.model
    generated = RowTrees.of(model) if isinstance(model, Trees) else None
    if generated is not None:
        return generated

    def margin(values: Row) -> Row:
        found: Row = model.margin(Matrix(np.asarray([values], dtype=np.float64), (), _NONE))[0].tolist()
        return found

    return margin


def _link_of(member: Member) -> Callable[[Row], Row]:
    if member.link_document == "identity":
        return lambda margin: margin
    if member.link_document == "sigmoid":
        return _sigmoid

    def link(margin: Row) -> Row:
        found: Row = member.link(np.asarray([margin]))[0].tolist()
        return found

    return link


def _sigmoid(margin: Row) -> Row:
    """As `links.sigmoid` and `links.complement`: numpy's own exponential, whose last bits may be others than C's."""
    (value,) = margin
    small = float(np.exp(-abs(value)))
    second = 1.0 / (1.0 + small) if value >= 0 else small / (1.0 + small)
    return [1.0 - second, second]
