"""Metrics of draws: each is what the metric says of rows with those weights, and what scikit-learn says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from automl_core.models.evaluation.statistics import Cells, Whole, statistic
from automl_core.models.evaluation.subjects import Said
from automl_core.tabular.metrics import find, names, own
from tests.support.examples import examples


def said_of(kind: str, n: int, random: np.random.Generator, ties: int) -> tuple[Any, Said]:
    if kind == "regression":
        truth = random.normal(2.0, 1.0, n).round(1)
        return truth, Said(truth + random.normal(size=n).round(ties), None, ())
    count = 2 if kind == "binary" else 4
    raw = random.random((n, count)).round(ties) + 0.1
    outputs = raw / raw.sum(axis=1, keepdims=True)
    return random.integers(0, count, n), Said(outputs, outputs.argmax(axis=1), tuple("abcd"[:count]))


CASES = [
    (kind, name.replace("QUANTILE", "0.3")) for kind in ("binary", "multiclass", "regression") for name in names(kind)
]


@pytest.mark.parametrize(("kind", "name"), CASES)
@settings(max_examples=examples(8), deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), ties=st.sampled_from([1, 6]))
def test_a_draw_has_the_metric_of_rows_with_its_weights(kind: str, name: str, seed: int, n: int, ties: int) -> None:
    random = np.random.default_rng(seed)
    truth, said = said_of(kind, n, random, ties)
    metric = find(name, kind, classes=said.classes)
    if kind == "regression":
        metric = metric.scaled(truth)
    weights = random.integers(0, 3, (4, n)).astype(np.float64)
    weights[0] = 1.0
    given_ = said.labels if metric.needs == "labels" else said.outputs
    assert given_ is not None
    found = statistic(metric, truth, said).again(weights)
    # as often as they were drawn, so that ranks and functions without weights are meant too
    wanted = []
    for each in weights:
        rows = np.repeat(np.arange(n), each.astype(int))
        wanted.append(metric.score(truth[rows], given_[rows]) if len(rows) else np.nan)
    one_class = [len(np.unique(truth[each > 0])) < 2 for each in weights]
    for value, right, alone in zip(found, wanted, one_class, strict=True):
        if alone and metric.needs == "probabilities" and name not in ("log_loss", "brier_score"):
            continue  # an area of one class alone: not defined, whatever is said
        assert value == pytest.approx(right, rel=1e-9, abs=1e-9, nan_ok=True)


def test_areas_are_scikit_learns_with_weights() -> None:
    random = np.random.default_rng(3)
    truth, said = said_of("binary", 300, random, 1)
    weights = random.integers(0, 4, (3, 300)).astype(np.float64)
    for name, theirs in (("roc_auc", roc_auc_score), ("average_precision", average_precision_score)):
        found = statistic(find(name, "binary"), truth, said).again(weights)
        wanted = [theirs(truth, said.outputs[:, 1], sample_weight=each) for each in weights]
        assert found == pytest.approx(wanted, abs=1e-12)


def test_a_function_of_the_users_own_is_computed_on_the_drawn_rows() -> None:
    def recall_of_b(truth: Any, predicted: Any) -> float:
        return float((predicted[truth == "b"] == "b").mean()) if (truth == "b").any() else 0.0

    metric = own(recall_of_b, classes=("a", "b"))
    truth = np.asarray([0, 1, 1, 1])
    said = Said(np.eye(2)[[0, 1, 0, 1]], np.asarray([0, 1, 0, 1]), ("a", "b"))
    part = statistic(metric, truth, said)
    assert isinstance(part, Whole)
    assert part.again(np.asarray([[1.0, 2.0, 0.0, 1.0], [1.0, 0.0, 3.0, 1.0]])).tolist() == [1.0, 0.25]


def test_cells_know_their_last_block_by_itself_and_not_by_its_place_in_memory() -> None:
    cells = Cells(np.asarray([0, 1]), np.asarray([0, 0]), 2)
    block = np.asarray([[1.0, 2.0]])
    assert cells.weights(block).tolist() == [[1.0, 2.0]]
    assert cells.weights(np.asarray([[3.0, 4.0]])).tolist() == [[3.0, 4.0]]
