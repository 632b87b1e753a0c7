"""Trees as CASE within CASE, which every dialect has: one expression a tree, added in pieces.

A missing value is NULL, a comparison with it is no truth, and CASE then goes on to ELSE: so a node whose missing values
go left asks for what goes right.
"""

from __future__ import annotations

from collections.abc import Iterable

from automl_core.modelfile.sql.columns import MOST
from automl_core.modelfile.sql.forest import ABSENT_LEFT, Forest
from automl_core.modelfile.sql.nodes import Node, add, among, case, cast, compare, number, total
from automl_core.modelfile.sql.program import Program

SINGLE = 8
"""Trees in one expression where each sum is rounded: these nest."""


def margins(program: Program, matrix: list[Node], forest: Forest) -> list[Node]:
    """The margin's columns.

    Args:
        program: gets what stands between.
        matrix: the model's columns.
        forest: all trees.
    """
    columns = {each: forest.compared(program, matrix, each) for each in forest.used}
    return [_margin(program, forest, columns, output) for output in range(forest.outputs)]


def _margin(program: Program, forest: Forest, columns: dict[int, Node], output: int) -> Node:
    base = float(forest.trees.base[output])
    trees = [
        int(root)
        for number_, root in enumerate(forest.trees.roots)
        if forest.trees.output is None or int(forest.trees.output[number_]) == output
    ]
    made = (_tree(forest, columns, root, output) for root in trees)
    if forest.single:
        return _single(program, made, base)
    found: Node = number(base)
    held: list[Node] = []
    size = 0
    for tree in made:
        held.append(tree)
        size += len(program.target.write(tree))
        if size > program.piece:
            found, held, size = program.let(total([found, *held])), [], 0
    return program.let(total([found, *held])) if held else found


def _single(program: Program, trees: Iterable[Node], base: float) -> Node:
    """Sums in float32, tree by tree. A DOUBLE sum of two of them, rounded, is their sum in float32 (Figueroa 1995)."""
    found: Node = cast(cast(number(base), "float"), "double")
    for count, tree in enumerate(trees, 1):
        found = cast(cast(add(found, tree), "float"), "double")
        if count % SINGLE == 0:
            found = program.let(found)
    return program.let(found)


def _tree(forest: Forest, columns: dict[int, Node], root: int, output: int) -> Node:
    """One tree: made from its leaves up, without recursion, since trees of forests may be deep."""
    trees = forest.trees
    done: dict[int, Node] = {}
    open_ = [root]
    while open_:
        node = open_[-1]
        if forest.leaf[node]:
            values = trees.values[int(trees.leaf_number[node])]
            done[node] = number(float(values if trees.output is not None else values[output]))
            open_.pop()
            continue
        left, right = node + 1, int(trees.right[node])
        if left not in done:
            open_.append(left)
        elif right not in done:
            open_.append(right)
        else:
            done[node] = _inner(forest, columns, node, done.pop(left), done.pop(right))
            open_.pop()
    return done[root]


def _inner(forest: Forest, columns: dict[int, Node], node: int, left: Node, right: Node) -> Node:
    condition = int(forest.condition[node])
    column = columns[condition]
    if forest.categorical(condition):
        members: list[Node] = [number(each) for each in forest.members(node)]
        if forest.missing_left(condition):
            members.append(number(ABSENT_LEFT))
        return case([(among(column, members), left)], right) if members else right
    border = forest.cut(node)
    # an infinite border tells what is missing from what is not; no column is as large as the largest number
    cut = number(min(max(border, -MOST), MOST))
    if forest.missing_left(condition):
        return case([(compare(column, ">=" if forest.strict else ">", cut), right)], left)
    return case([(compare(column, "<" if forest.strict else "<=", cut), left)], right)
