"""Columns as inputs of a network: scaled, without gaps, categories as ones and zeros; learned once, then numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.training.columns import Columns

Floats = NDArray[np.float64]
KNOTS = 256
"""Quantiles that are kept of a column."""
ONES = 64
"""Categories of a column that have an input of their own, the most frequent first; rarer ones share none."""


@dataclass(frozen=True)
class Dense:
    """What the rows to learn from have taught of their columns.

    Attributes:
        scaling: ``standard`` (mean 0, deviation 1) or ``quantile`` (a normal distribution by ranks).
        numbers: positions of the columns with numbers.
        mean: (numbers,) of those that are there.
        scale: (numbers,) their standard deviation, 1 where it is 0.
        knots: (numbers, KNOTS) quantiles from 0 to 1.
        gaps: which of the numbers have an input that says "missing": those with gaps in the rows to learn from.
        ones: (inputs, 2) position of a column and of its category, for each input of ones and zeros.
    """

    scaling: str
    numbers: NDArray[np.int64]
    mean: Floats
    scale: Floats
    knots: Floats
    gaps: NDArray[np.int64]
    ones: NDArray[np.int64]

    @classmethod
    def learn(cls, matrix: Floats, columns: Columns, scaling: str) -> Dense:
        """Learn from rows.

        Args:
            matrix: (rows, columns) from `Columns.encode`.
            columns: what its columns are.
            scaling: ``standard`` or ``quantile``.
        """
        numbers = np.array(columns.positions("number"), dtype=np.int64)
        values = matrix[:, numbers]
        scale = np.nanstd(values, axis=0) if len(numbers) else np.zeros(0)
        shares = np.linspace(0, 1, KNOTS)
        ones = []
        for position in columns.positions("category"):
            codes, counts = np.unique(matrix[~np.isnan(matrix[:, position]), position], return_counts=True)
            kept = codes[np.argsort(-counts, kind="stable")[:ONES]]
            ones += [(position, int(code)) for code in np.sort(kept)]
        return cls(
            scaling,
            numbers,
            np.nanmean(values, axis=0) if len(numbers) else np.zeros(0),
            np.where(scale > 0, scale, 1.0),
            np.nanquantile(values, shares, axis=0).T if len(numbers) else np.zeros((0, KNOTS)),
            np.flatnonzero(np.isnan(values).any(axis=0)),
            np.array(ones, dtype=np.int64).reshape(-1, 2),
        )

    def apply(self, matrix: Floats) -> NDArray[np.float32]:
        """(rows, columns) → (rows, inputs)."""
        values = matrix[:, self.numbers]
        missing = np.isnan(values)
        scaled = (values - self.mean) / self.scale if self.scaling == "standard" else self._ranked(values)
        scaled[missing] = 0.0
        ones = matrix[:, self.ones[:, 0]] == self.ones[:, 1]
        return np.column_stack([scaled, missing[:, self.gaps], ones]).astype(np.float32)

    def _ranked(self, values: Floats) -> Floats:
        from scipy.special import ndtri

        shares = np.linspace(0, 1, KNOTS)
        ranked = np.empty_like(values)
        for index, knots in enumerate(self.knots):
            # a value that many rows share lies in the middle of its ranks, from whichever side one looks
            ups = np.interp(values[:, index], knots, shares)
            downs = 1 - np.interp(-values[:, index], -knots[::-1], shares)
            ranked[:, index] = (ups + downs) / 2
        normal: Floats = ndtri(np.clip(ranked, 1e-3, 1 - 1e-3))  # what lies outside is as far out as 3.1 deviations
        return normal

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it as arrays, beside a network's weights."""
        names = ("numbers", "mean", "scale", "knots", "gaps", "ones")
        return {f"input_{name}": getattr(self, name) for name in names}

    @classmethod
    def from_arrays(cls, scaling: str, arrays: Mapping[str, NDArray[Any]]) -> Dense:
        """Read what `arrays` gave."""
        return cls(scaling, *(arrays[f"input_{n}"] for n in ("numbers", "mean", "scale", "knots", "gaps", "ones")))
