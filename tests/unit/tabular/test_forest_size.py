"""Forests of many rows: as many trees as a model's folder and its scoring bear."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.tabular.learners import forest
from automl_core.tabular.metrics import find
from automl_core.tabular.problem import Problem


@pytest.mark.parametrize("learner", [forest.RandomForest(), forest.ExtraTrees()])
def test_a_forest_has_no_more_nodes_than_a_model_bears(
    learner: forest.RandomForest, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2))
    matrix = Matrix(x, ("a", "b"), np.zeros(2, dtype=bool))
    problem = Problem("regression", "y", (), find("rmse", "regression"))

    def fitted() -> forest.FittedForest:
        return learner.fit(
            matrix, x[:, 0] + random.normal(size=400), np.ones(400), problem=problem, params={"min_samples_leaf": 1}
        )

    assert len(fitted().estimator.estimators_) == 200
    whole = learner.memory(400, 2, {})
    monkeypatch.setattr(forest, "NODES", 10_000)
    small = fitted().estimator.estimators_
    nodes = [tree.tree_.node_count for tree in small]
    assert sum(nodes[: -forest.STEP]) < 10_000 <= sum(nodes)
    assert len(small) % forest.STEP == 0
    assert learner.memory(400, 2, {}) < whole
