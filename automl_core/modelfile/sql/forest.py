"""A document of trees, read for both of its forms in SQL: what its conditions compare, what its nodes do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from automl_core.modelfile.scoring.models.trees import MISSING, ZERO, Trees
from automl_core.modelfile.sql.nodes import (
    Node,
    among,
    both,
    case,
    cast,
    coalesce,
    compare,
    floor,
    is_null,
    negated,
    number,
)
from automl_core.modelfile.sql.program import Program

ABSENT_LEFT = -5.0
"""The category of what goes left in every node, whatever its set."""

IN_NO_SET = 4294967296.0
"""The category of what is in no set."""

HUGE = 3.4e38
"""What is beyond is infinite in float32, and on the same side of all cuts as this."""


class Forest:
    """Trees, and how each of their conditions reads a column.

    Attributes:
        trees: the scorer's own reading of the document.
        outputs: margins.
        single: leaves are added in float32.
        used: conditions that a node has, rising.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.trees = Trees(document)
        self.outputs = len(self.trees.base)
        self.single = self.trees.sums == np.float32
        self.strict, self._float32 = self.trees.strict, self.trees.float32
        self.condition = self.trees.condition
        self.leaf = self.trees.leaf
        self.used = sorted(set(self.condition[~self.leaf].tolist()))

    def categorical(self, condition: int) -> bool:
        """Whether a condition asks for a category."""
        return bool(self.trees.categorical[condition])

    def cut(self, node: int) -> float:
        """The border of an inner node that compares numbers."""
        return float(self.trees.cuts[self.condition[node]][self.trees.cut[node]])

    def missing_left(self, condition: int) -> bool:
        """Whether what is missing goes left."""
        return int(self.trees.missing[condition]) in (MISSING["left"], MISSING["zero left"])

    def members(self, node: int) -> list[int]:
        """Categories that go left at an inner node, rising."""
        return self.trees.members(int(self.trees.cut[node]))

    def compared(self, program: Program, matrix: list[Node], condition: int) -> Node:
        """What a condition compares. Of numbers NULL is missing; of categories nothing is: they have codes for it."""
        column: Node = program.let(matrix[int(self.trees.columns[condition])])
        missing = int(self.trees.missing[condition])
        if self.categorical(condition):
            return program.let(self._category(program, column, condition, missing))
        if missing >= MISSING["zero left"]:
            small = both(compare(column, ">=", number(-ZERO)), compare(column, "<=", number(ZERO)))
            column = program.let(case([(negated(small), column.copy())]))
        if missing == MISSING["zero"]:
            column = program.let(coalesce(column, number(0)))
        if self._float32:
            far = [
                (compare(column, ">", number(HUGE)), number(HUGE)),
                (compare(column, "<", number(-HUGE)), number(-HUGE)),
            ]
            column = program.let(cast(cast(case(far, column.copy()), "float"), "double"))
        return column

    def _category(self, program: Program, column: Node, condition: int, missing: int) -> Node:
        """A category's code, what follows the point cut off; one of its own where it is in no set, or missing."""
        absent = number({MISSING["left"]: ABSENT_LEFT, MISSING["zero"]: 0.0}.get(missing, IN_NO_SET))
        pairs = [
            (is_null(column), exp.null()),
            (compare(column, "<=", number(-1)), number(IN_NO_SET)),
            (compare(column, "<", number(0)), number(0)),
            (compare(column, "<", number(IN_NO_SET)), floor(column)),
        ]
        code = program.let(case(pairs, number(IN_NO_SET)))
        known = self.trees.known[condition]
        if not len(known):
            return coalesce(code, absent)
        members: list[Node] = [number(each) for each in _bits(known)]
        return case([(among(code, members), code.copy())], absent) if members else absent


def _bits(words: NDArray[np.uint32]) -> list[int]:
    bits = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), bitorder="little")
    return [int(each) for each in np.flatnonzero(bits)]
