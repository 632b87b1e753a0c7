"""Trees as lists of numbers, for DuckDB: planning 15,000 CASEs takes it ten times as long as running them.

Two things cost there: what is planned, and reading a list at a computed place. So all nodes of all trees are one list
of one row beside the table, written as a text that is parsed when the statement runs (DuckDB would try to simplify
constants), all trees go down together, and a step reads two lists once:

    node → nodes[(node + codes[node & places]) >> shift]

A row's value is turned into a code once, as the numpy scorer does it: how many borders of its condition lie below it,
found by halving. A node is one whole number: in its lowest bits the place of its condition among the row's codes, above
them the largest code less the border's place, above these where its left child is; the right child is behind that. A
code is shifted to the border's bits, and so the sum of both carries one into the child's place where the code is above
the border's: the row goes right, and nothing has been compared. A leaf is its own child, and asks for a code that is 0.
Rows that have come to a leaf leave the list where enough of them have; where they can't (several outputs, sums in
float32), trees of like depth are together, so that shallow ones don't wait for deep ones.

A set of categories is a search among its borders, whose ends lead to the same children. No node asks whether a value is
missing: it is NaN, which DuckDB has above infinity, so that its code is the largest; conditions that send what is
missing left read codes of their own, in which that is 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import sqlglot
from sqlglot import exp

from automl_core.modelfile.sql.forest import ABSENT_LEFT, Forest
from automl_core.modelfile.sql.nodes import Node, add, column, number, total
from automl_core.modelfile.sql.program import Program

GROUPS = 2
"""Lists of trees, by depth, where rows don't leave early."""

LEFT = (0.3, 0.06, 0.01)
"""Shares of rows still on their way, were every node to send half of them each way, at which those at a leaf leave."""

NESTED = 6
"""Steps in one expression, each within the next one."""

LEAF, GOTO = 1, 2
"""Places of codes that are 0 for every row: of leaves, and of nodes that lead on to their only child."""

Texts = dict[str, tuple[str, Sequence[float]]]
"""Constant lists: name → type of what is in it, and that."""


class Lists:
    """A forest's nodes, and where each tree begins.

    Attributes:
        borders: by what is compared, rising: with most borders first.
        values: of each node: a leaf's value, or its number where it has several; 0 of others.
        roots, depths: of each tree: its first node, and how many steps lead to its last leaf at most.
    """

    def __init__(self, forest: Forest, compared: Mapping[int, str]) -> None:
        """Write them.

        Args:
            forest: all trees.
            compared: condition → the name of what it compares; conditions that differ in where they send what is
                missing have the same.
        """
        self._forest, self._compared = forest, compared
        self._asks: list[int] = []  # of each node: its condition; below 0 where it has none
        self._border: list[float] = []
        self._child: list[int] = []
        self.values: list[float] = []
        self.roots: list[int] = []
        self.depths: list[int] = []
        self._ended: dict[int, float] = {}  # depth → rows that end there, as shares, of all trees together
        for root in forest.trees.roots.tolist():
            self.roots.append(self._room(1))
            self.depths.append(self._tree(int(root), self.roots[-1]))
        found: dict[str, set[float]] = {}
        for asked, border in zip(self._asks, self._border, strict=True):
            if asked >= 0:
                found.setdefault(compared[asked], set()).add(border)
        self.borders = {each: sorted(found[each]) for each in sorted(found, key=lambda each: (-len(found[each]), each))}
        self.place_bits = (2 * len(self.borders) + GOTO).bit_length()
        self.code_bits = max((width_of(each) for each in self.borders.values()), default=2).bit_length() - 1

    @property
    def shift(self) -> int:
        """Bits below a node's child."""
        return self.place_bits + self.code_bits

    @property
    def type(self) -> str:
        """Of nodes and codes: of half the size where the largest node and a code fit, which takes a fifth less time."""
        return "INTEGER" if (len(self.values) + 2) << self.shift < 2**31 else "BIGINT"

    def _room(self, count: int) -> int:
        """Have nodes more, side by side.

        Returns:
            The first one's number.
        """
        first = len(self._asks)
        self._asks += [-LEAF] * count
        self._border += [0.0] * count
        self._child += [0] * count
        self.values += [0.0] * count
        return first

    def _set(self, node: int, asks: int, child: int, border: float = 0.0) -> None:
        self._asks[node], self._child[node], self._border[node] = asks, child, border

    def _tree(self, root: int, first: int) -> int:
        """Write a tree, its root to the node ``first``.

        Returns:
            Its depth.
        """
        forest, trees = self._forest, self._forest.trees
        deepest = 0
        waiting: list[tuple[int, int, int]] = [(root, first, 0)]  # a node of the forest, where it goes, its depth
        while waiting:
            node, own, depth = waiting.pop()
            if forest.leaf[node]:
                leaf = int(trees.leaf_number[node])
                self._set(own, -LEAF, own)
                self.values[own] = float(trees.values[leaf]) if trees.output is not None else float(leaf)
                deepest = max(deepest, depth)
                self._ended[depth] = self._ended.get(depth, 0.0) + 2.0**-depth
                continue
            condition = int(forest.condition[node])
            children = (node + 1, int(trees.right[node]))
            if not forest.categorical(condition):
                cut = forest.cut(node)
                if forest.strict:  # x >= cut is x > the number before it
                    cut = math.nextafter(cut, -math.inf)
                both = self._room(2)
                self._set(own, condition, both, min(cut, math.nextafter(math.inf, 0)))
                waiting += [(children[1], both + 1, depth + 1), (children[0], both, depth + 1)]
                continue
            members = forest.members(node)
            if forest.missing_left(condition):
                members = [int(ABSENT_LEFT), *members]
            for child, ends in zip(children, self._search(condition, members, own, depth), strict=True):
                if len(ends) == 1:
                    waiting.append((child, *ends[0]))
                elif ends:
                    shared = self._room(1)
                    for end, _ in ends:
                        self._set(end, -GOTO, shared)
                    waiting.append((child, shared, max(far for _, far in ends) + 1))
        return deepest

    def _search(
        self, condition: int, members: Sequence[int], own: int, depth: int
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Nodes that tell whether a category is a member, the first of them in ``own``.

        Returns:
            Nodes in which members end, and those of all others, each with its depth.
        """
        borders: list[float] = []
        inside: list[bool] = [False]
        for member in members:
            if borders and borders[-1] == member - 0.5:
                borders[-1] = member + 0.5
            else:
                borders += [member - 0.5, member + 0.5]
                inside += [True, False]
        lefts: list[tuple[int, int]] = []
        rights: list[tuple[int, int]] = []
        waiting = [(own, 0, len(borders), depth)]
        while waiting:
            node, low, high, far = waiting.pop()
            if low == high:
                (lefts if inside[low] else rights).append((node, far))
                continue
            middle = (low + high) // 2
            both = self._room(2)
            self._set(node, condition, both, borders[middle])
            waiting += [(both + 1, middle + 1, high, far + 1), (both, low, middle, far + 1)]
        return lefts, rights

    def packed(self) -> list[int]:
        """Nodes as numbers; children are counted from 1."""
        places = {each: place for place, each in enumerate(self.borders, GOTO + 1)}
        ranks = {
            each: {border: rank for rank, border in enumerate(borders)} for each, borders in self.borders.items()
        }  # fmt: skip
        most = (1 << self.code_bits) - 1
        found = []
        for asked, border, child in zip(self._asks, self._border, self._child, strict=True):
            low = -asked
            if asked >= 0:
                name = self._compared[asked]
                absent = len(places) if self._forest.missing_left(asked) else 0
                low = ((most - ranks[name][border]) << self.place_bits) + places[name] + absent
            found.append(((child + 1) << self.shift) + low)
        return found

    def early(self) -> list[int]:
        """Numbers of steps after which rows that have come to a leaf leave, rising, below the deepest tree's."""
        deepest, left, found = max(self.depths, default=0), float(len(self.roots)), []
        shares = list(LEFT)
        for depth in range(deepest):
            left -= self._ended.get(depth, 0.0)
            if shares and left <= shares[0] * len(self.roots):
                found.append(depth)
                shares = [each for each in shares if left > each * len(self.roots)]
        return found

    def grouped(self, groups: int = GROUPS) -> list[list[int]]:
        """Numbers of trees in groups of like depth."""
        order = sorted(range(len(self.roots)), key=lambda tree: self.depths[tree])
        size = -(-len(order) // groups) if order else 1
        return [order[start : start + size] for start in range(0, len(order), size)]


def width_of(borders: Sequence[float]) -> int:
    """Codes of what is compared with borders, a power of two: one for each space between them, one for NaN."""
    return 1 << (len(borders) + 1).bit_length()


def margins(program: Program, matrix: list[Node], forest: Forest) -> list[Node]:
    """The margin's columns; see `cases.margins`."""
    if not len(forest.trees.roots):
        return [number(float(each)) for each in forest.trees.base]
    compared = {each: program.let(forest.compared(program, matrix, each)) for each in forest.used}
    lists = Lists(forest, {condition: each.name for condition, each in compared.items()})
    name = f"f{program.next_number()}"
    added = forest.outputs == 1 and forest.trees.output is not None and not forest.single
    groups = lists.grouped(1 if added else GROUPS)
    packed = lists.packed()
    texts: Texts = {"k": (lists.type, packed), "t": ("DOUBLE", lists.values)}
    for place, group in enumerate(groups):
        texts[f"r{place}"] = (lists.type, [packed[lists.roots[tree]] for tree in group])
    texts |= _halved(lists)
    program.constants([f"{name}_{key}" for key in texts], _beside(name, texts))
    codes = _codes(program, lists, name)
    places = (1 << lists.place_bits) - 1
    step = f"lambda v: {name}_k[(v + {codes}[v & {places}]) >> {lists.shift}]"

    def ends(nodes: str) -> str:
        """What stands in the leaves that these nodes are."""
        return f"list_transform({nodes}, lambda v: {name}_t[v >> {lists.shift}])"

    found = []
    for place, group in enumerate(groups):
        nodes, made = f"{name}_r{place}", 0
        deepest = max(lists.depths[tree] for tree in group)
        for steps in lists.early() if added else ():
            nodes, made = _down(program, nodes, step, steps - made), steps
            found.append(ends(f"list_filter({nodes}, lambda v: v & {places} = {LEAF})"))
            nodes = f"list_filter({nodes}, lambda v: v & {places} <> {LEAF})"
        nodes = _down(program, nodes, step, deepest - made)
        found.append(ends(nodes))
    if added:
        sums = [_read(f"coalesce(list_sum({each}), 0e0)") for each in found]
        return [program.let(total([number(float(forest.trees.base[0])), *sums]))]
    all_ends = program.let(_read(f"flatten([{', '.join(found)}])"))
    outputs = _outputs(forest, groups)
    program.constants([f"{name}_{key}" for key in outputs], _beside(f"{name}_o", outputs, name))
    return [program.let(_sum(forest, all_ends.name, name, output)) for output in range(forest.outputs)]


def _down(program: Program, nodes: str, step: str, steps: int) -> str:
    """The name of a list of nodes after so many steps.

    Args:
        program: gets it, and what stands between: steps are functions within functions.
        nodes: the list before, an expression.
        step: a lambda.
        steps: how many.
    """
    for made in range(1, steps + 1):
        nodes = f"list_transform({nodes}, {step})"
        if made % NESTED == 0:
            nodes = program.let(_read(nodes)).name
    return program.let(_read(nodes)).name


def _halved(lists: Lists) -> Texts:
    """Borders for `_codes`, each value's filled up to one less than a power of two; where they begin and end."""
    borders: list[float] = []
    begins: list[int] = []
    ends: list[int] = []
    for each in lists.borders.values():
        begins.append(len(borders))
        ends.append(len(borders) + width_of(each) - 1)
        borders += [*each, *[math.inf] * (ends[-1] - begins[-1] - len(each))]
    return {"b": ("DOUBLE", borders), "s": ("INTEGER", begins), "e": ("INTEGER", ends)} if begins else {}


def _codes(program: Program, lists: Lists, name: str) -> str:
    """The name of a row's codes: twice 0, then how many borders lie below each value, then that with 0 for NaN.

    Args:
        program: gets it, and what it reads: a list of the row's values.
        lists: the nodes.
        name: of constants, those of `_halved` among them.
    """
    if not lists.borders:
        return program.let(_read("[0, 0]")).name
    values = program.let(exp.Array(expressions=[column(each) for each in lists.borders])).name
    row = program.let(_read(f"list_transform({values}, lambda v: coalesce(v, CAST('nan' AS DOUBLE)))")).name
    widths = [width_of(each) for each in lists.borders.values()]
    found, joined = "", 0
    half = max(widths) // 2
    while half:
        there = sum(width > half for width in widths)
        if there > joined:
            fresh = f"list_slice({name}_s, {joined + 1}, {there})"
            found = f"list_concat({found}, {fresh})" if joined else fresh
        found = f"list_transform({found}, lambda p, i: p + {half} * CAST({row}[i] > {name}_b[p + {half}] AS INTEGER))"
        joined, half = there, half // 2
    below = program.let(_read(found)).name
    shifted = f"CAST(p - {name}_s[i] AS {lists.type}) << {lists.place_bits}"
    both = (
        f"list_concat([0, 0], list_transform({below}, lambda p, i: {shifted}), "
        f"list_transform({below}, lambda p, i: ({shifted}) * CAST(p < {name}_e[i] AS INTEGER)))"
    )
    return program.let(_read(both)).name


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
    literals = ", ".join(f"$${','.join('0' if each == 0 else repr(each) for each in texts[key][1])}$$" for key in keys)
    return f"(SELECT {parsed} FROM (VALUES ({literals})) AS s({', '.join(keys)})) AS {alias}"  # noqa: S608


def _read(sql: str) -> Node:
    return sqlglot.parse_one(sql, read="duckdb")


__all__ = ["Lists", "margins"]
