"""The figures of the guard, on fewer rollouts: benchmarks/guard.py."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import guard


@pytest.mark.parametrize("ab", [False, True])
def test_versions_that_are_the_same_are_seldom_told_apart(ab: bool) -> None:
    rng = np.random.default_rng(11)
    decided = sum(bool(guard.ever_decided(rng, ab=ab, each=10)) for _ in range(60))
    assert decided <= 7, "5 % at most: 8 of 60 are beyond chance"


def test_a_drop_of_five_points_is_stopped() -> None:
    rng, size = np.random.default_rng(12), 100
    found = []
    for _ in range(15):
        world = guard.Simulated(guard.Rules(), (guard.Step(0.5, 1e9), guard.Step(1.0, 1e9)))

        def look(world: guard.Simulated = world) -> str:
            return world.look(*(guard.Counts(size, int(rng.binomial(size, rate))) for rate in (0.15, 0.20)))

        found.append(guard.until(look, 60, size))
    needed = guard.fixed_size(0.15, 0.20)
    assert needed == 1212
    assert max(found) <= 6_000
    assert sum(found) / len(found) <= 1.3 * needed, "on average about as many as the test needs that looks once"


def test_the_bound_is_that_of_the_binomial_distribution() -> None:
    assert guard.upper(0, 100) == pytest.approx(0.0362, abs=1e-4)
    assert guard.upper(520, 10_000) == pytest.approx(0.0565, abs=1e-4)
    assert guard.upper(3, 3) == 1.0
