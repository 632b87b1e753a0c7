"""How large a table is, and of what kinds: what spaces, portfolios and estimates of memory depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.modelfile.scoring.values import Schema
    from automl_core.tabular.problem import Problem


@dataclass(frozen=True)
class Shape:
    """A table to learn from.

    Attributes:
        rows: those to learn from.
        columns: features of every kind.
        categories: categories among them.
        texts: columns of free text among them.
        times: times among them.
        classes: of the target; 0 for numbers.
        kind: ``binary``, ``multiclass`` or ``regression``.
        levels: of the category with most of them; 0 where there is none, or nobody counted.
        skewed: whether the target is numbers above -1 with a long tail to the right: prices, counts.
    """

    rows: int
    columns: int
    categories: int = 0
    texts: int = 0
    times: int = 0
    classes: int = 0
    kind: str = "binary"
    levels: int = 0
    skewed: bool = False

    @classmethod
    def of(cls, schema: Schema, problem: Problem, rows: int, y: Any = None) -> Shape:
        """The shape of a table.

        Args:
            schema: its features.
            problem: what is to be predicted.
            rows: how many there are to learn from.
            y: (n,) their targets; None where nobody looks.
        """
        kinds = [field.kind for field in schema]
        levels = max((field.distinct or 0 for field in schema if field.kind == "category"), default=0)
        return cls(
            rows,
            len(kinds),
            kinds.count("category"),
            kinds.count("text"),
            kinds.count("time"),
            len(problem.classes),
            problem.kind,
            levels,
            y is not None and problem.kind == "regression" and _skewed(y),
        )


def _skewed(y: Any) -> bool:
    """Whether numbers are above -1, and the upper tail of 5 % is three times as long as the lower one."""
    import numpy as np

    values = np.asarray(y, dtype=np.float64)
    if not len(values) or values.min() <= -1:
        return False
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return bool(high - middle > 3 * (middle - low))
