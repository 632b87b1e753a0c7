"""How large a table is, and of what kinds: what spaces, portfolios and estimates of memory depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """

    rows: int
    columns: int
    categories: int = 0
    texts: int = 0
    times: int = 0
    classes: int = 0
    kind: str = "binary"
    levels: int = 0

    @classmethod
    def of(cls, schema: Schema, problem: Problem, rows: int) -> Shape:
        """The shape of a table.

        Args:
            schema: its features.
            problem: what is to be predicted.
            rows: how many there are to learn from.
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
        )
