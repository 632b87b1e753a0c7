"""Learning curves."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.annotation.selection import Round, fit


def _rounds(end: float, drop: float, exponent: float, items: int = 2_000) -> list[Round]:
    """Rounds whose models are right on exactly what the curve says, on nested items."""
    found = []
    for labels in (50, 80, 130, 200, 330, 500):
        right = (end - drop * labels**-exponent) * items
        found.append(Round(labels, {f"s{each}": each < right for each in range(items)}))
    return found


def test_a_power_law_is_found_again() -> None:
    curve = fit(_rounds(0.9, 2.0, 0.6))
    assert curve is not None
    for labels in (50, 200, 500, 1_000, 2_000):
        assert curve.at(labels) == pytest.approx(0.9 - 2.0 * labels**-0.6, abs=0.01)
    best, low, high = curve.gain(500)
    assert low <= best <= high
    assert best == pytest.approx(2 * (500**-0.6 - 1_000**-0.6), abs=0.01)
    assert f"{100 * best:.1f} points" in curve.in_words(500)


def test_no_curve_goes_above_one_or_down() -> None:
    rising = fit([Round(labels, {f"s{e}": e < labels for e in range(100)}) for labels in (40, 60, 80, 98)])
    assert rising is not None
    assert rising.at(10**6) <= 1
    assert (rising.draws[:, 0] <= 1).all()
    falling = fit([Round(labels, {f"s{e}": e < 100 - labels for e in range(100)}) for labels in (10, 20, 30, 40)])
    assert falling is not None
    assert falling.gain(100)[0] == 0


def test_the_interval_holds_for_other_items() -> None:
    random = np.random.default_rng(0)
    truth = 2 * (300**-0.6 - 500**-0.6)
    held = 0
    for _ in range(40):
        hard = random.random(300)  # the same items in each round: what one model has wrong the next has, too
        rounds = [
            Round(labels, {f"s{each}": bool(hard[each] < 0.9 - 2 * labels**-0.6) for each in range(300)})
            for labels in (50, 100, 150, 200, 250, 300)
        ]
        curve = fit(rounds, draws=100)
        assert curve is not None
        _, low, high = curve.gain(200)
        held += low <= truth <= high
    assert held >= 34


def test_few_rounds_give_none_and_repeated_ones_are_one() -> None:
    rounds = _rounds(0.9, 2.0, 0.6, items=50)
    assert fit(rounds[:3]) is None
    assert fit([rounds[0]] * 9) is None
    assert fit([]) is None
    assert fit([*rounds[:3], Round(400, {})]) is None
    assert fit(rounds[:4]) is not None


def test_the_same_seed_gives_the_same_interval() -> None:
    rounds = _rounds(0.8, 2.0, 0.5, items=60)
    one, other = fit(rounds, seed=1), fit(rounds, seed=1)
    assert one is not None
    assert other is not None
    assert one.gain(100) == other.gain(100)
    with pytest.raises(ValueError, match="-1 more labels"):
        one.gain(-1)
