"""Members that help are taken with weights; luck and worse ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.tabular.ensemble import Held, candidates, select
from automl_core.tabular.metrics import find

RMSE = find("rmse", "regression")


def _held(noise: np.ndarray, seed: int = 0, rows: int = 400) -> Held:
    random = np.random.default_rng(seed)
    truth = random.normal(size=rows)
    outputs = truth + noise[:, None] * random.normal(size=(len(noise), rows))
    return Held(RMSE, truth, np.ones(rows), outputs)


def test_equal_members_that_err_apart_share_the_answer() -> None:
    found = select(_held(np.array([1.0, 1.0, 1.0, 1.0])), most=8, seed=0)
    assert len(found.members) == 4
    assert all(0.1 < weight < 0.4 for _, weight in found.members)
    assert found.loss < 0.6 * found.single
    assert sum(weight for _, weight in found.members) == pytest.approx(1)


def test_what_is_much_worse_has_no_part() -> None:
    found = select(_held(np.array([0.1, 3.0, 5.0])), most=8, seed=0)
    assert found.members == ((0, 1.0),)


def test_an_ensemble_never_answers_worse_than_the_best_alone_on_what_it_saw() -> None:
    for seed in range(10):
        held = _held(np.random.default_rng(seed).uniform(0.5, 2, 12), seed, rows=30)
        found = select(held, most=5, seed=seed)
        assert found.loss <= found.single
        assert len(found.members) <= 5


def test_chance_is_shared_out_instead_of_believed() -> None:
    """Of many equally useless members one is luckiest on few rows: draws of rows keep it from answering alone."""
    found = select(_held(np.full(20, 2.0), rows=40), most=20, seed=0)
    assert max(weight for _, weight in found.members) < 0.5


def test_rows_of_a_group_are_drawn_together() -> None:
    held = _held(np.array([1.0, 1.0]), rows=100)
    grouped = Held(held.metric, held.truth, held.weights, held.outputs, np.repeat([5, 9], 50))
    assert sum(weight for _, weight in select(grouped, most=2, seed=0).members) == pytest.approx(1)


def test_the_same_seed_chooses_the_same() -> None:
    held = _held(np.linspace(1, 1.5, 9))
    assert select(held, most=6, seed=3) == select(held, most=6, seed=3)


def test_one_member_is_the_best() -> None:
    assert select(_held(np.array([2.0, 1.0, 3.0])), most=1, seed=0).members == ((1, 1.0),)


def test_candidates_are_the_best_and_the_best_of_each_kind() -> None:
    losses = [0.1, 0.2, 0.3, 0.9, float("inf"), 0.15]
    learners = ["a", "a", "a", "b", "c", "a"]
    assert candidates(losses, learners, most=3) == [0, 5, 3]
