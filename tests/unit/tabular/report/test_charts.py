"""Charts: what is drawn lies where the numbers say."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.tabular.report import charts


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_round_and_inside(low: float, span: float) -> None:
    found = charts.ticks(low, low + span)
    assert 1 <= len(found) <= 7
    slack = 1e-9 * span + 1e-9 * abs(low)
    assert all(low - slack <= each <= low + span + slack for each in found)


def widths(drawn: str) -> list[float]:
    return [float(each) for each in re.findall(r'<rect [^>]*?width="([\d.]+)"', drawn)]


def test_bars_are_as_long_as_their_values() -> None:
    long, short = widths(charts.bars("t", [("a", 0.4, None), ("b", 0.1, None)]))
    assert long == pytest.approx(4 * short, rel=0.01)


def test_bars_of_nothing_but_zeros_and_losses_are_drawn() -> None:
    assert all(math.isfinite(each) for each in widths(charts.bars("t", [("a", 0.0, 0.0), ("b", -0.2, 0.1)])))


def test_a_better_fold_lies_further_right() -> None:
    drawn = charts.strips("t", [("a", [0.1, 0.5, 0.9], 0.5)])
    places = [float(each) for each in re.findall(r'cx="([\d.]+)"', drawn)]
    assert places == sorted(places)
    assert places[1] == pytest.approx((places[0] + places[2]) / 2, abs=0.02)


def test_a_row_of_equal_values_has_room() -> None:
    assert "nan" not in charts.strips("t", [("a", [0.0, 0.0], 0.0)])
    assert "nan" not in charts.square("t", [(3.0, 3.0, 2.0)], across="a", up="b")


def test_the_diagonal_is_where_both_are_the_same() -> None:
    drawn = charts.square("t", [(0.25, 0.25, 3.0), (0.75, 0.75, 3.0)], across="a", up="b", unit=True)
    (x1, y1), (x2, y2) = [
        (float(a), float(b)) for a, b in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)
    ]  # fmt: skip
    assert x2 - x1 == pytest.approx(y1 - y2, abs=0.02)
