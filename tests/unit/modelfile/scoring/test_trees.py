"""Forests by their documents alone: what each part of it means, and Shapley values against their definition."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.modelfile.exporting.forest import MISSING_SIDE, Tree, document, leaf_alone
from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.modelfile.scoring.models import NotExplained, model_of
from automl_core.modelfile.scoring.models.trees import MISSING, right_children
from tests.support.examples import examples


def matrix(rows: Any) -> Matrix:
    values = np.asarray(rows, dtype=float)
    return Matrix.of(values, [f"c{each}" for each in range(values.shape[1])])


def stump(missing: int = 0, *, threshold: float = 1.5, sets: Any = None) -> Tree:
    """Left -1, right 1."""
    return Tree(
        left=np.asarray([1, -1, -1]), right=np.asarray([2, -1, -1]), column=np.asarray([0, -1, -1]),
        threshold=np.asarray([threshold, 0, 0]), missing=np.asarray([missing, 0, 0]), value=np.asarray([0, -1, 1.0]),
        cover=np.asarray([0, 3.0, 1.0]), sets=sets,
    )  # fmt: skip


def said(tree: Tree, values: list[float], **options: Any) -> list[float]:
    found = model_of(document([tree], [0.0], **options)).margin(matrix([[each] for each in values]))
    return [float(each) for each in found[:, 0]]


@pytest.mark.parametrize(
    ("missing", "threshold", "expected"),
    [
        ("right", 1.5, [-1, 1, 1]),
        ("left", 1.5, [-1, 1, -1]),
        ("zero", 1.5, [-1, 1, -1]),
        ("zero", -1.5, [1, 1, 1]),
        ("zero right", 1.5, [1, 1, 1]),
        ("zero left", -1.5, [-1, 1, -1]),
    ],
)
def test_missing_values(missing: str, threshold: float, expected: list[float]) -> None:
    assert said(stump(MISSING[missing], threshold=threshold), [0.0, 2.0, np.nan]) == expected


def test_the_side_of_a_cut() -> None:
    assert said(stump(), [1.5, np.nextafter(1.5, 2)]) == [-1, 1]
    assert said(stump(), [1.5, np.nextafter(1.5, 1)], strict=True) == [1, -1]
    assert said(stump(), [-np.inf, np.inf]) == [-1, 1]
    near = 1.5 + 1e-9  # the same in float32
    assert (said(stump(), [near]), said(stump(), [near], float32=True)) == ([1], [-1])


def test_categories_are_in_a_set_or_not() -> None:
    tree = stump(sets={0: [1, 40]})
    assert said(tree, [1, 1.9, 40, 0, 2, 41, 72, -1, 1e12, np.nan]) == [-1, -1, -1, 1, 1, 1, 1, 1, 1, 1]
    known = stump(MISSING["left"], sets={0: [1]})
    assert said(known, [1, 3, 4, np.nan, -5], known={0: [1, 3]}) == [-1, 1, -1, -1, -1]


@st.composite
def trees(draw: st.DrawFn, columns: int = 3) -> Tree:
    """A random tree with its covers."""
    left, right, column, threshold, missing, value, cover = [], [], [], [], [], [], []

    def grow(depth: int) -> int:
        node = len(left)
        for each in (left, right, column):
            each.append(-1)
        threshold.append(0.0)
        missing.append(MISSING_SIDE[draw(st.booleans())])
        value.append(float(draw(st.integers(-8, 8))))
        cover.append(float(draw(st.integers(1, 20))))
        if depth and draw(st.integers(0, 3)):
            column[node], threshold[node] = draw(st.integers(0, columns - 1)), float(draw(st.integers(-2, 2)))
            left[node], right[node] = grow(depth - 1), grow(depth - 1)
        return node

    grow(4)
    arrays = [np.asarray(each) for each in (left, right, column, threshold, missing, value, cover)]
    return Tree(*arrays)


def follow(tree: Tree, row: Any) -> float:
    node = 0
    while tree.left[node] >= 0:
        value = row[tree.column[node]]
        left = tree.missing[node] == MISSING["left"] if np.isnan(value) else value <= tree.threshold[node]
        node = tree.left[node] if left else tree.right[node]
    return float(tree.value[node])


def covers(tree: Tree, node: int) -> float:
    if tree.left[node] < 0:
        assert tree.cover is not None
        return float(tree.cover[node])
    return covers(tree, tree.left[node]) + covers(tree, tree.right[node])


def expectation(tree: Tree, row: Any, known: frozenset[int], node: int = 0) -> float:
    """What a tree says of a row of which some columns are known (Lundberg et al. 2020, Algorithm 1)."""
    if tree.left[node] < 0:
        return float(tree.value[node])
    sides = (tree.left[node], tree.right[node])
    if tree.column[node] in known:
        value = row[tree.column[node]]
        left = tree.missing[node] == MISSING["left"] if np.isnan(value) else value <= tree.threshold[node]
        return expectation(tree, row, known, sides[0] if left else sides[1])
    weights = [covers(tree, side) for side in sides]
    return sum(w * expectation(tree, row, known, side) for w, side in zip(weights, sides, strict=True)) / sum(weights)


def shapley(tree: Tree, row: Any, columns: int) -> list[float]:
    """By the definition: over all subsets of the other columns."""
    found = []
    for column in range(columns):
        others, total = [each for each in range(columns) if each != column], 0.0
        for size in range(columns):
            weight = factorial(size) * factorial(columns - size - 1) / factorial(columns)
            for subset in combinations(others, size):
                known = frozenset(subset)
                total += weight * (expectation(tree, row, known | {column}) - expectation(tree, row, known))
        found.append(total)
    return found


ROWS = st.lists(
    st.tuples(*[st.one_of(st.just(float("nan")), st.integers(-3, 3).map(float))] * 3), min_size=1, max_size=4
)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(trees(), min_size=1, max_size=3), ROWS)
def test_rows_end_where_the_tree_says_and_contributions_are_shapley_values(held: list[Tree], rows: list[Any]) -> None:
    model = model_of(document(held, [0.5]))
    found = model.margin(matrix(rows))
    np.testing.assert_allclose(found[:, 0], [0.5 + sum(follow(tree, row) for tree in held) for row in rows], atol=1e-12)
    explained = model.explain(matrix(rows))
    for number, row in enumerate(rows):
        expected = np.sum([shapley(tree, row, 3) for tree in held], axis=0)
        np.testing.assert_allclose(explained.contributions[number, :, 0], expected, atol=1e-9)
    np.testing.assert_allclose(
        explained.base, 0.5 + sum(expectation(tree, rows[0], frozenset()) for tree in held), atol=1e-9
    )
    np.testing.assert_allclose(explained.base + explained.contributions.sum(axis=1), found, atol=1e-9)


@settings(max_examples=examples(60), deadline=None)
@given(trees())
def test_right_children_follow_from_preorder(tree: Tree) -> None:
    # `grow` numbers its nodes in preorder itself
    inner = tree.left >= 0
    found = right_children(np.concatenate([inner, inner]))
    np.testing.assert_array_equal(found[: len(inner)][inner], tree.right[inner])
    np.testing.assert_array_equal(found[len(inner) :][inner], tree.right[inner] + len(inner))


def test_many_rows_are_as_each_alone() -> None:
    rng = np.random.default_rng(3)
    rows = matrix(rng.normal(size=(9_000, 1)))
    model = model_of(document([stump(threshold=each / 100) for each in range(300)], [0.0]))
    together = model.margin(rows)
    np.testing.assert_array_equal(together[8_999:], model.margin(rows.take([8_999])))
    expected = np.sum([np.where(rows.values > each / 100, 1, -1) for each in range(300)], axis=0)
    np.testing.assert_array_equal(together, expected)


def test_vectors_in_leaves_and_trees_of_outputs() -> None:
    tree = stump()
    vector = Tree(
        tree.left,
        tree.right,
        tree.column,
        tree.threshold,
        tree.missing,
        np.asarray([[0, 0], [1, 2], [3, 4.0]]),
        tree.cover,
    )
    np.testing.assert_array_equal(
        model_of(document([vector], [10, 20])).margin(matrix([[0], [9]])), [[11, 22], [13, 24]]
    )
    by_output = [leaf_alone(5.0, 1), tree, leaf_alone(1.0, 1)]
    assert model_of(document(by_output, [0, 0])).margin(matrix([[0.0]])).tolist() == [[-1, 6]]


def test_a_forest_without_covers_says_so() -> None:
    with pytest.raises(NotExplained, match="weights of its leaves"):
        model_of(document([leaf_alone(1.0)], [0.0])).explain(matrix([[0.0]]))


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(ValueError, match=r"type 'quantum'.*later release"):
        model_of({"type": "quantum"})
