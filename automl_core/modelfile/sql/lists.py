"""Trees as lists of numbers, for DuckDB: planning 15,000 CASEs takes it ten times as long as running them.

All nodes of all trees are two lists of one row beside the table, written as texts that are parsed when the statement
runs: DuckDB would try to simplify constants. A row's columns are a list as well. All trees go down together: the list
of nodes in which they stand becomes the next one by arithmetic, as often as the deepest is deep. A node is one whole
number: the place of its column in the lowest bits, above them how far from the next node the right child is; the left
child is the next node. A leaf is its own right child, and asks for the first column, which is infinite for every row.
Trees of one depth are together, so that shallow ones don't wait for deep ones.

A set of categories is a search among its borders: nodes that lead to the same children. No node asks whether a value is
missing: there it is minus infinity, or infinity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import sqlglot
from sqlglot import exp

from automl_core.modelfile.sql.forest import ABSENT_LEFT, Forest
from automl_core.modelfile.sql.nodes import Node, add, coalesce, number, total
from automl_core.modelfile.sql.program import Program

GROUPS = 2
"""Lists of trees, by depth."""

EARLY = 0.5
"""Of the deepest tree's steps, those after which rows that have come to a leaf leave."""

Texts = dict[str, tuple[str, Sequence[float]]]
"""Constant lists: name → type of what is in it, and that."""


@dataclass
class _Nodes:
    """Nodes in their order: ``columns`` and ``right`` as a node's, ``borders`` (of a leaf: its value, or number)."""

    columns: list[int] = field(default_factory=list)
    jumps: list[int] = field(default_factory=list)
    borders: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.columns)

    def add(self, place: int, border: float, jump: int = 0) -> int:
        self.columns.append(place)
        self.borders.append(border)
        self.jumps.append(jump)
        return len(self) - 1


class Lists:
    """A forest's nodes, and where each tree begins."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        self._place = {condition: place + 2 for place, condition in enumerate(forest.used)}
        self.nodes = _Nodes()
        self.roots: list[int] = []
        self.depths: list[int] = []
        for root in forest.trees.roots.tolist():
            self.roots.append(len(self.nodes))
            self.depths.append(self._tree(int(root)))

    def _leaf(self, node: int) -> int:
        """A leaf: with its value where it has one, else its number."""
        trees = self._forest.trees
        number_ = int(trees.leaf_number[node])
        value = float(trees.values[number_]) if trees.output is not None else float(number_)
        return self.nodes.add(1, value, jump=-1)

    def _tree(self, root: int) -> int:
        """Write a tree in preorder.

        Returns:
            Its depth.
        """
        forest, nodes = self._forest, self.nodes
        deepest = 0
        waiting: list[tuple[int, list[int], int]] = [(root, [], 0)]  # a node, who jumps to it, its depth
        while waiting:
            node, callers, depth = waiting.pop()
            for caller in callers:
                nodes.jumps[caller] = len(nodes) - caller - 1
            if forest.leaf[node]:
                self._leaf(node)
                deepest = max(deepest, depth)
                continue
            condition = int(forest.condition[node])
            place = self._place[condition]
            right = int(forest.trees.right[node])
            if not forest.categorical(condition):
                cut = forest.cut(node)
                if forest.strict:  # x >= cut is x > the number before it
                    cut = math.nextafter(cut, -math.inf)
                own = nodes.add(place, min(cut, math.nextafter(math.inf, 0)))
                waiting += [(right, [own], depth + 1), (node + 1, [], depth + 1)]
                continue
            members = forest.members(node)
            if forest.missing_left(condition):
                members = [int(ABSENT_LEFT), *members]
            lefts, rights, steps = self._search(place, members)
            waiting += [(right, rights, depth + steps), (node + 1, lefts, depth + steps)]
        return deepest

    def _search(self, place: int, members: Sequence[int]) -> tuple[list[int], list[int], int]:
        """Nodes that tell whether a category is a member.

        Returns:
            Nodes that jump to the left child, and to the right one; how many steps a row takes at most.
        """
        borders: list[float] = []
        inside: list[bool] = [False]
        for member in members:
            if borders and borders[-1] == member - 0.5:
                borders[-1] = member + 0.5
            else:
                borders += [member - 0.5, member + 0.5]
                inside += [True, False]
        lefts: list[int] = []
        rights: list[int] = []

        def write(low: int, high: int) -> int:
            if low == high:
                goto = self.nodes.add(1, 0.0)  # infinity is above 0: always right
                (lefts if inside[low] else rights).append(goto)
                return 1
            middle = (low + high) // 2
            own = self.nodes.add(place, borders[middle])
            first = write(low, middle)
            self.nodes.jumps[own] = len(self.nodes) - own - 1
            return 1 + max(first, write(middle + 1, high))

        steps = write(0, len(borders))
        return lefts, rights, steps

    @property
    def bits(self) -> int:
        """Of a node's number, those that are its column's place."""
        return int(len(self._place) + 2).bit_length()

    def packed(self) -> list[int]:
        """Nodes as numbers."""
        return [(jump << self.bits) + place for place, jump in zip(self.nodes.columns, self.nodes.jumps, strict=True)]

    def grouped(self, groups: int = GROUPS) -> list[list[int]]:
        """Numbers of trees in groups of like depth."""
        order = sorted(range(len(self.roots)), key=lambda tree: self.depths[tree])
        size = -(-len(order) // groups) if order else 1
        return [order[start : start + size] for start in range(0, len(order), size)]


def margins(program: Program, matrix: list[Node], forest: Forest) -> list[Node]:
    """The margin's columns; see `cases.margins`."""
    if not len(forest.trees.roots):
        return [number(float(each)) for each in forest.trees.base]
    lists = Lists(forest)
    name = f"f{program.next_number()}"
    groups = lists.grouped()
    packed = lists.packed()
    texts: Texts = {
        "k": ("INTEGER" if max(map(abs, packed)) < 2**31 else "BIGINT", packed),
        "t": ("DOUBLE", lists.nodes.borders),
    }
    for place, group in enumerate(groups):
        texts[f"r{place}"] = ("INTEGER", [lists.roots[tree] + 1 for tree in group])
    row = program.let(_row(program, matrix, forest))
    program.constants([f"{name}_{key}" for key in texts], _beside(name, texts))
    step = (
        f"n + 1 + CAST({row.name}[{name}_k[n] & {(1 << lists.bits) - 1}] > {name}_t[n] AS INTEGER)"
        f" * ({name}_k[n] >> {lists.bits})"
    )

    def down(start: str, steps: int) -> str:
        """Nodes after so many steps."""
        for _ in range(steps):
            start = f"list_transform({start}, lambda n: {step})"
        return start

    deepest = [max(lists.depths[tree] for tree in group) for group in groups]
    starts = [f"{name}_r{place}" for place in range(len(groups))]
    if forest.outputs == 1 and forest.trees.output is not None and not forest.single:
        sums: list[Node] = [number(float(forest.trees.base[0]))]
        for start, depth in zip(starts, deepest, strict=True):
            early = round(depth * EARLY)
            half = program.let(_read(down(start, early))).name
            going = down(f"list_filter({half}, lambda n: {name}_k[n] > 0)", depth - early)
            done = f"list_filter({half}, lambda n: {name}_k[n] < 0)"
            sums += [
                _read(f"coalesce(list_sum(list_transform({ends}, lambda n: {name}_t[n])), 0e0)")
                for ends in (done, going)
            ]
        return [program.let(total(sums))]
    parts = [
        f"list_transform({down(start, depth)}, lambda n: {name}_t[n])"
        for start, depth in zip(starts, deepest, strict=True)
    ]
    all_ends = program.let(_read(f"flatten([{', '.join(parts)}])"))
    places = _outputs(forest, groups)
    program.constants([f"{name}_{key}" for key in places], _beside(f"{name}_o", places, name))
    return [program.let(_sum(forest, all_ends.name, name, output)) for output in range(forest.outputs)]


def _outputs(forest: Forest, groups: Sequence[Sequence[int]]) -> Texts:
    """For each output the places of its trees among all ends, in the order of trees; and the values of leaves."""
    order = np.argsort(np.concatenate([np.asarray(group, dtype=np.int64) for group in groups]))
    texts: Texts = {}
    for output in range(forest.outputs):
        of = forest.trees.output
        texts[f"o{output}"] = ("INTEGER", [int(each) + 1 for each in (order if of is None else order[of == output])])
        if of is None:
            texts[f"v{output}"] = ("DOUBLE", forest.trees.values[:, output].tolist())
    return texts


def _row(program: Program, matrix: list[Node], forest: Forest) -> Node:
    """A row's columns as a list: first infinity, then one for each condition, missing values beyond all borders."""
    items: list[Node] = [exp.Cast(this=exp.Literal.string("inf"), to=exp.DataType.build("double"))]
    for condition in forest.used:
        compared = forest.compared(program, matrix, condition)
        if not forest.categorical(condition):
            far = "-inf" if forest.missing_left(condition) else "inf"
            compared = coalesce(compared, exp.Cast(this=exp.Literal.string(far), to=exp.DataType.build("double")))
        items.append(compared)
    return exp.Array(expressions=items)


def _sum(forest: Forest, values: str, name: str, output: int) -> Node:
    base = float(forest.trees.base[output])
    own = f"{values}[i]" if forest.trees.output is not None else f"{name}_v{output}[CAST({values}[i] AS INTEGER) + 1]"
    if forest.single:
        # rounded at each step, in the order of the trees
        found = _read(
            f"list_reduce(list_transform({name}_o{output}, lambda i: CAST({own} AS FLOAT)), lambda a, b: a + b,"
            f" CAST({number(base).sql('duckdb')} AS FLOAT))"
        )
        return exp.Cast(this=found, to=exp.DataType.build("double"))
    return add(_read(f"coalesce(list_sum(list_transform({name}_o{output}, lambda i: {own})), 0e0)"), number(base))


def _beside(alias: str, texts: Texts, prefix: str = "") -> str:
    """A row of constant lists, from texts."""
    keys = list(texts)
    parsed = ", ".join(
        f"CAST(string_split({key}, ',') AS {texts[key][0]}[]) AS {prefix or alias}_{key}" for key in keys
    )
    literals = ", ".join("'" + ",".join(map(repr, texts[key][1])) + "'" for key in keys)
    return f"(SELECT {parsed} FROM (VALUES ({literals})) AS s({', '.join(keys)})) AS {alias}"  # noqa: S608


def _read(sql: str) -> Node:
    return sqlglot.parse_one(sql, read="duckdb")


__all__ = ["Lists", "margins"]
