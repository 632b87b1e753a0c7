"""A forest as Python's own code, for a row by itself: numpy's price for a call is paid per level of all trees there.

Each tree is one expression of comparisons, ``(1.5 if x3<=0.25 else ...)``. The source is made of positions and numbers
of arrays alone (`repr` of an int or a float), of no text of the model's file; numbers that are not finite, and sets of
categories, are names in what it is run with. The leaves' values are then added by the code that adds those of many rows
(`Trees.total`), so that a row by itself has the same bits.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .trees import FAR, MISSING, ZERO, Trees

MOST_NODES = 1 << 17
"""Nodes of a forest at most: Python compiles some 150,000 a second, and keeps about 30 bytes of each."""

DEEPEST = 80
"""Levels of a tree at most: an expression is nested as deep, and Python's parser goes down 200 brackets."""

TOGETHER = 4096
"""Nodes of one function: what the compiler holds while it works is bounded by it."""

_ALLOWED = re.compile(
    r"\s+|\d+(?:\.\d+)?(?:e[+-]?\d+)?|[xs]\d+\b|(?:def|made|x|v|f|k|return|pass|if|else|not|in|nan|inf)\b|[()\[\],;:=<>!-]"
)
"""All that the source of a forest is made of: no attribute, no text, no name of anything else."""


class RowTrees:
    """The margin of one row. Make it by `of`."""

    def __init__(self, trees: Trees, read: Callable[..., tuple[Any, ...]], parts: Sequence[Callable[..., list[Any]]],
                 counts: Sequence[int]) -> None:  # fmt: skip
        self._trees, self._read, self._parts = trees, read, parts
        self._codes = [_category(trees, each) if trees.categorical[each] else None for each in range(trees.conditions)]
        self._rounded, self._double = trees.float32, trees.sums == np.float64
        self._base: list[float] = trees.base.tolist()
        self._kind: Any = np.dtype(np.int32) if trees.output is None else trees.sums
        self._pack = struct.Struct(f"{sum(counts)}{'i' if trees.output is None else self._kind.char}").pack
        ends = np.cumsum(counts).tolist()
        self._slices = [slice(end - count, end) for count, end in zip(counts, ends, strict=True)]

    @classmethod
    def of(cls, trees: Trees) -> RowTrees | None:
        """Make it; None where a forest is too large, or has numbers that the rules of its cuts don't hold for."""
        if len(trees.condition) > MOST_NODES or not all(map(_rising, trees.cuts)):
            return None
        outputs = len(trees.base)
        of = np.zeros(len(trees.roots), dtype=np.int64) if trees.output is None else trees.output
        order = np.argsort(of, kind="stable").tolist()  # the trees of each output beside each other, in their order
        counts = np.bincount(of, minlength=1 if trees.output is None else outputs).tolist()
        try:
            source = _Source(trees)
            parts = list(source.parts(order))
            return cls(trees, source.read(), parts, counts)
        except (
            _TooDeep,
            IndexError,
            RecursionError,
            MemoryError,
            SyntaxError,
        ):  # the last: of a compiler with less room
            return None

    def __call__(self, values: list[float]) -> list[float]:
        """(K,) the margin.

        Args:
            values: of the row's matrix.

        Raises:
            OverflowError: a value is beyond float32, which the forest's libraries round to.
        """
        x = self._read(values, _single(values) if self._rounded else values, self._codes)
        found: list[Any] = []
        for part in self._parts:
            found += part(x)
        leaves = np.frombuffer(self._pack(*found), dtype=self._kind) if found else np.empty(0, dtype=self._kind)
        trees = self._trees
        if trees.output is None:
            margin: list[float] = trees.total(leaves[None, :])[0].tolist()
            return margin
        pairs = zip(self._slices, self._base, strict=True)
        if self._double:  # pairwise, as along the rows of a matrix
            return [float(np.add.reduce(leaves[each])) + base for each, base in pairs]
        return [float(trees.total_of(leaves[None, each], base)[0]) for each, base in pairs]


class _TooDeep(Exception):
    """A tree that goes down farther than `DEEPEST`."""


class _Source:
    """The source of a forest's functions."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._inputs: dict[str, int] = {}  # what is read of a row, by its expression
        self._input_of: dict[int, int] = {}
        self._names: dict[str, Any] = {"nan": math.nan, "inf": math.inf, "__builtins__": {}}
        self._leaf = trees.leaf.tolist()
        self._condition, self._right, self._cut = trees.condition.tolist(), trees.right.tolist(), trees.cut.tolist()
        self._number = trees.leaf_number.tolist()
        self._values = None if trees.output is None else trees.values.astype(np.float64).tolist()
        self._missing: list[int] = trees.missing.tolist()
        self._columns: list[int] = trees.columns.tolist()
        self._cuts = [cuts.tolist() for cuts in trees.cuts]
        self._categorical: list[bool] = trees.categorical.tolist()

    def parts(self, order: Sequence[int]) -> Iterator[Callable[..., list[Any]]]:
        """Functions of some trees each, in an order: what was read of a row to their leaves."""
        roots = self._trees.roots.tolist()
        ends = [*roots[1:], len(self._leaf)]
        held: list[int] = []
        for place, tree in enumerate(order):
            held.append(tree)
            if place + 1 == len(order) or sum(ends[each] - roots[each] for each in held) >= TOGETHER:
                used: set[int] = set()
                trees = ",".join(self._tree(roots[each], 0, used) for each in held)
                reads = ";".join(f"x{each}=x[{each}]" for each in sorted(used)) or "pass"
                yield self._made(f"def made(x):\n {reads}\n return [{trees}]")
                held = []

    def read(self) -> Callable[..., tuple[Any, ...]]:
        """The function that reads of a row what the trees compare; after `parts`."""
        inputs = "".join(f"{each}," for each in self._inputs)
        return self._made(f"def made(v, f, k):\n return ({inputs})")

    def _made(self, source: str) -> Callable[..., Any]:
        if _ALLOWED.sub("", source):
            raise ValueError(
                f"the code of trees has more than numbers and comparisons: {_ALLOWED.sub('', source)[:40]!r}"
            )
        space: dict[str, Any] = {}
        exec(compile(source, "<trees of a model>", "exec"), self._names, space)  # noqa: S102 - what is allowed alone
        made: Callable[..., Any] = space["made"]
        return made

    def _tree(self, node: int, depth: int, used: set[int]) -> str:
        if self._leaf[node]:
            number = self._number[node]
            return repr(number if self._values is None else self._values[number])
        if depth == DEEPEST:
            raise _TooDeep
        test = self._test(node, used)
        left, right = self._tree(node + 1, depth + 1, used), self._tree(self._right[node], depth + 1, used)
        return f"({left} if {test} else {right})"

    def _test(self, node: int, used: set[int]) -> str:
        """Whether a row goes left. What is missing is NaN here, which no comparison holds for."""
        condition, cut = self._condition[node], self._cut[node]
        at = self._input(condition)
        used.add(at)
        if self._categorical[condition]:
            name = f"s{cut}"
            if name not in self._names:
                self._names[name] = frozenset([-1, *self._trees.members(cut)])
            return f"x{at} in {name}"
        number = repr(float(self._cuts[condition][cut]))
        if self._missing[condition] in (MISSING["left"], MISSING["zero left"]):
            return f"not x{at}{'>=' if self._trees.strict else '>'}{number}"
        return f"x{at}{'<' if self._trees.strict else '<='}{number}"

    def _input(self, condition: int) -> int:
        """The place of what a condition reads."""
        if condition not in self._input_of:
            missing, column = self._missing[condition], int(self._columns[condition])
            if self._categorical[condition]:
                text = f"k[{condition}](v[{column}])"
            elif missing == MISSING["zero"]:
                text = f"f[{column}] if v[{column}]==v[{column}] else 0.0"
            elif missing >= MISSING["zero left"]:
                text = f"nan if {-ZERO!r}<=v[{column}]<={ZERO!r} else f[{column}]"
            else:
                text = f"f[{column}]"
            self._input_of[condition] = self._inputs.setdefault(text, len(self._inputs))
        return self._input_of[condition]


def _category(trees: Trees, condition: int) -> Callable[[float], int]:
    """What reads the category of a condition of one value: as `Trees` does it for many."""
    words = trees.known[condition].tolist()
    known = frozenset(32 * at + bit for at, word in enumerate(words) for bit in range(32) if word >> bit & 1)
    instead = {MISSING["left"]: -1, MISSING["zero"]: 0}.get(int(trees.missing[condition]), FAR - 1)

    def category(value: float) -> int:
        if value != value:
            return instead
        whole = int(min(value, FAR - 1.0)) if value > -1.0 else FAR - 1
        return instead if words and whole not in known else whole

    return category


def _single(values: list[float]) -> Sequence[float]:
    """Values rounded to float32.

    Raises:
        OverflowError: one is beyond that.
    """
    shape = f"{len(values)}f"
    return struct.unpack(shape, struct.pack(shape, *values))


def _rising(cuts: Any) -> bool:
    return not len(cuts) or bool(not np.isnan(cuts[0]) and (cuts[1:] >= cuts[:-1]).all())
