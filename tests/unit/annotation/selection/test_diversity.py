"""Items that are unlike each other."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from automl_core.annotation.selection.diversity import k_centre, k_means_centres, k_means_seeds, standardised


def _clouds(seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(10 * place, 0.1, (50, 2)) for place in range(4)])


def test_each_cloud_has_one() -> None:
    points = _clouds()
    assert sorted(row // 50 for row in k_centre(points, 4)) == [0, 1, 2, 3]
    for seed in range(10):
        assert sorted(r // 50 for r in k_means_seeds(points, 4, np.random.default_rng(seed))) == [0, 1, 2, 3]


def test_k_centre_is_at_most_twice_as_far_as_the_best() -> None:
    for seed in range(5):
        points = np.random.default_rng(seed).normal(size=(9, 2))
        apart = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
        best = min(apart[:, list(some)].min(axis=1).max() for some in combinations(range(9), 3))
        assert apart[:, k_centre(points, 3)].min(axis=1).max() <= 2 * best + 1e-12


def test_what_weighs_nothing_is_drawn_last() -> None:
    points = np.random.default_rng(0).normal(size=(30, 2))
    weights = np.zeros(30)
    weights[[3, 5, 8]] = 1.0
    chosen = k_means_seeds(points, 6, np.random.default_rng(1), weights)
    assert set(chosen[:3]) == {3, 5, 8}
    assert len(set(chosen)) == 6


def test_seeds_are_drawn_by_squared_distance() -> None:
    points = np.array([[0.0], [1.0], [3.0]])
    drawn = [k_means_seeds(points, 2, np.random.default_rng(seed), begin=0)[1] for seed in range(2_000)]
    assert drawn.count(2) / 2_000 == pytest.approx(0.9, abs=0.03)


def test_centres_lie_in_the_middle_of_what_is_alike() -> None:
    points = np.concatenate([_clouds(), [[500.0, 500.0]]])
    chosen = k_means_centres(points, 5, np.random.default_rng(0))
    assert sorted(row // 50 for row in chosen) == [0, 1, 2, 3, 4]
    assert chosen[-1] == 200
    for row in chosen[:4]:
        own = points[row // 50 * 50 :][:50]
        apart = np.linalg.norm(own - own.mean(axis=0), axis=1)
        assert apart[row % 50] == apart.min()


def test_pieces_of_points_change_no_centre(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(60, 3))
    whole = k_means_centres(points, 6, np.random.default_rng(0))
    assert len(set(whole)) == 6
    monkeypatch.setattr("automl_core.annotation.selection.diversity.PIECE", 2)
    assert k_means_centres(points, 6, np.random.default_rng(0)) == whole


@pytest.mark.parametrize("many", [0, 1, 5])
def test_one_place_has_one(many: int) -> None:
    points = np.zeros((5, 2))
    assert len(k_centre(points, many)) == min(many, 1)
    assert len(k_means_seeds(points, many, np.random.default_rng(0))) == min(many, 1)
    assert len(k_means_centres(points, many, np.random.default_rng(0))) == min(many, 1)
    assert k_means_centres(points[:0], many, np.random.default_rng(0)) == []
    assert k_centre(points[:0], many) == k_means_seeds(points[:0], many, np.random.default_rng(0)) == []


def test_columns_count_alike_whatever_their_scale() -> None:
    random = np.random.default_rng(0)
    table = random.normal(size=(100, 2)) * [1e-3, 1e300]
    points = standardised(np.column_stack([table, np.full(100, 0.1), np.full(100, np.nan)]))
    assert points.shape == (100, 2)
    assert points.std(axis=0) == pytest.approx([1, 1])
    table[0, 0] = np.nan
    assert standardised(table)[0, 0] == 0
