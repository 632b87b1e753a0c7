"""Forests as Python's own code against numpy: each condition, any forest, what is left to numpy, the source."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.modelfile.exporting.forest import Tree, document, leaf_alone
from automl_core.modelfile.scoring.models import generated, model_of
from automl_core.modelfile.scoring.models.generated import RowTrees
from automl_core.modelfile.scoring.models.trees import Trees
from tests.support.examples import examples
from tests.unit.modelfile.libraries import matrix_of, same

NOTABLE = [math.nan, 0.0, -0.0, 1e-35, -1e-35, 1e-36, -1e-36, 1e-30, 1.5, 1.5 + 1e-9, np.nextafter(1.5, 1),
           -1.0, -0.5, 1.0, 2.0, 3.0, 3.7, 40.0, 64.0, 1e12, -1e30]  # fmt: skip


@st.composite
def trees(draw: st.DrawFn, sets: bool, leaf: int) -> Tree:
    left, right, column, threshold, missing, value, own = [], [], [], [], [], [], {}

    def grow(depth: int) -> int:
        node = len(left)
        left.append(-1), right.append(-1), column.append(-1), threshold.append(0.0), missing.append(0)
        value.append(draw(st.lists(st.floats(-9, 9), min_size=leaf, max_size=leaf)) if leaf else draw(st.floats(-9, 9)))
        if depth and draw(st.integers(0, 3)):
            column[node] = draw(st.integers(0, 2))
            missing[node] = draw(st.integers(0, 4))
            threshold[node] = draw(st.sampled_from([each for each in NOTABLE if each == each] + [math.inf]))
            if sets and column[node] == 2:
                missing[node] = draw(st.integers(0, 2))
                own[node] = draw(st.sets(st.sampled_from([0, 1, 2, 3, 40, 64]), max_size=4))
            left[node], right[node] = grow(depth - 1), grow(depth - 1)
        return node

    grow(3)
    arrays = (np.asarray(each) for each in (left, right, column, threshold, missing, value))
    return Tree(*arrays, None, own or None, draw(st.integers(0, 1)))


@given(st.data(), st.booleans(), st.booleans(), st.sampled_from(["float64", "float32"]),
       st.sampled_from(["", "sets", "known"]), st.sampled_from([0, 0, 3]))  # fmt: skip
@settings(max_examples=examples(40))
def test_any_forest_gives_one_row_what_numpy_gives_it(
    data: st.DataObject, strict: bool, float32: bool, sums: str, categories: str, leaf: int
) -> None:
    many = data.draw(st.lists(trees(bool(categories), leaf), min_size=1, max_size=3)) * data.draw(
        st.sampled_from([1, 9])
    )
    known = {2: [1, 3, 40]} if categories == "known" else None
    base = [0.1] * (leaf or 2)
    model = model_of(document(many, base, strict=strict, float32=float32, sums=sums, known=known))
    assert isinstance(model, Trees)
    row = RowTrees.of(model)
    assert row is not None
    for values in data.draw(
        st.lists(st.lists(st.sampled_from(NOTABLE), min_size=3, max_size=3), min_size=1, max_size=8)
    ):
        same(row(values), model.margin(matrix_of([values]))[0])


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("float32", [False, True])
@pytest.mark.parametrize("known", [None, {0: [0, 1, 3]}])
def test_each_condition_sends_each_value_where_numpy_does(strict: bool, float32: bool, known: Any) -> None:
    cuts = [*(each for each in NOTABLE if each == each), math.inf, -math.inf]
    leaves = iter(np.random.default_rng(1).normal(size=1000).tolist())
    stumps = [
        Tree(
            left=np.asarray([1, -1, -1]), right=np.asarray([2, -1, -1]), column=np.asarray([0, -1, -1]),
            threshold=np.asarray([cut, 0, 0]), missing=np.asarray([missing, 0, 0]),
            value=np.asarray([0, next(leaves), next(leaves)]), sets=sets,
        )
        for missing in range(5)
        for cut, sets in [*((cut, None) for cut in cuts), *((0.0, {0: each}) for each in ([0], [1, 40], [3, 64]))]
        if sets is None or missing < 3
    ]  # fmt: skip
    model = model_of(document(stumps, [0.0], strict=strict, float32=float32, known=known))
    assert isinstance(model, Trees)
    row = RowTrees.of(model)
    assert row is not None
    for value in (*NOTABLE, math.inf, -math.inf, 5.0, -2.0):
        same(row([value]), model.margin(matrix_of([[value]]))[0])


def chain(depth: int) -> Tree:
    """A tree that goes down on one side alone: node 2 i has the leaf 2 i + 1 on its left."""
    nodes = np.arange(2 * depth + 1)
    inner = (nodes % 2 == 0) & (nodes < 2 * depth)
    return Tree(
        left=np.where(inner, nodes + 1, -1), right=np.where(inner, nodes + 2, -1), column=np.zeros(len(nodes), int),
        threshold=nodes / len(nodes), missing=np.zeros(len(nodes), int), value=nodes + 0.5,
    )  # fmt: skip


@pytest.mark.parametrize(("depth", "made"), [(generated.DEEPEST, True), (generated.DEEPEST + 1, False), (1500, False)])
def test_trees_that_go_too_deep_are_left_to_numpy(depth: int, made: bool) -> None:
    deep = model_of(document([chain(depth)], [0.0]))
    assert isinstance(deep, Trees)
    row = RowTrees.of(deep)
    assert (row is not None) is made
    for value in (-1.0, 0.3, 0.999, 2.0, math.nan):
        if row is not None:
            same(row([value]), deep.margin(matrix_of([[value]]))[0])


def test_forests_that_are_too_large_or_have_cuts_that_do_not_rise_are_left_to_numpy(monkeypatch: Any) -> None:
    made = document([chain(3), chain(5)], [0.0])
    model = model_of(made)
    assert isinstance(model, Trees)
    assert RowTrees.of(model) is not None
    falling = model_of({**made, "cuts": made["cuts"][::-1].copy()})
    assert isinstance(falling, Trees)
    assert RowTrees.of(falling) is None
    monkeypatch.setattr(generated, "MOST_NODES", 10)
    assert RowTrees.of(model) is None


def test_large_forests_are_made_in_pieces(monkeypatch: Any) -> None:
    monkeypatch.setattr(generated, "TOGETHER", 8)
    model = model_of(document([chain(3), leaf_alone(0.5), chain(5), leaf_alone(-0.25, 1), chain(1)], [0.0, 1.0]))
    assert isinstance(model, Trees)
    row = RowTrees.of(model)
    assert row is not None
    assert len(row._parts) > 1
    for value in (-1.0, 0.3, 0.999, 2.0):
        same(row([value]), model.margin(matrix_of([[value]]))[0])


def test_the_source_has_numbers_alone(monkeypatch: Any) -> None:
    sources = []
    made = generated._Source._made
    monkeypatch.setattr(
        generated._Source, "_made", lambda self, source: (sources.append(source), made(self, source))[1]
    )
    evil = Tree(
        left=np.asarray([1, -1, -1]), right=np.asarray([2, -1, -1]), column=np.asarray([0, -1, -1]),
        threshold=np.asarray([math.inf, 0, 0]), missing=np.asarray([1, 0, 0]),
        value=np.asarray([0, -math.inf, math.nan]),
    )  # fmt: skip
    model = model_of(document([evil, chain(4)], [0.0]))
    assert isinstance(model, Trees)
    row = RowTrees.of(model)
    assert row is not None
    same(row([1.0]), [-math.inf])
    assert len(sources) == 2
    source = generated._Source(model)
    for bad in ("print(1)", "x.y", "'x'", "x1 @ x2", "__import__", "x0+x1", "lambda:1", "xs", "s1x"):
        with pytest.raises(ValueError, match="more than numbers and comparisons"):
            source._made(f"def made(x):\n return ({bad})")
    assert source._made("def made(x):\n return [-1.5e-07 if not x>=inf else nan]")(2.0) == [-1.5e-07]
