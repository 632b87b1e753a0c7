"""Hyperband's arithmetic against everything that is published of it (tests/assets/tao_hyperband.json)."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.search import hyperband
from automl_core.search.schedule import (
    auto_adjust,
    epoch_multiplier,
    forecast_not_resumed,
    forecast_resumed,
    schedule,
    totals,
    whole_multiplier,
)

PUBLISHED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "assets" / "tao_hyperband.json").read_text(encoding="utf-8")
)
ROWS = PUBLISHED["run_times_minutes"]["rows"]


def numbers(key: str) -> tuple[int, int]:
    found = re.fullmatch(r"R=(\d+),nu=(\d+)", key)
    assert found
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("key", PUBLISHED["schedules"])
def test_the_published_schedule_cell_by_cell(key: str) -> None:
    R, nu = numbers(key)

    assert [[list(rung) for rung in bracket] for bracket in schedule(R, nu)] == PUBLISHED["schedules"][key]


@pytest.mark.parametrize("key", PUBLISHED["totals"])
def test_the_published_totals(key: str) -> None:
    total = totals(schedule(*numbers(key)))
    ours = {
        "recommendations": total.recommendations,
        "jobs": total.jobs,
        "epoch_units_resumed": total.units_resumed,
        "epoch_units_not_resumed": total.units_not_resumed,
    }

    assert ours.items() >= PUBLISHED["totals"][key].items()


def test_the_public_name() -> None:
    assert hyperband.schedule(27, 3)[2] == [(6, 9), (2, 27)]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_published_run_times(row: list[Any]) -> None:
    _, epochs, minutes, bayesian, published, rule = row
    R = int(re.search(r"R=(\d+)", rule)[1])  # type: ignore[index]

    if rule.startswith("A"):
        assert auto_adjust(epochs)[0] == R
        forecast = forecast_resumed(minutes, epochs)
    else:
        forecast = forecast_not_resumed(minutes, epochs, R)

    assert bayesian == pytest.approx(20 * minutes, rel=1e-3)  # 20 recommendations; one row was rounded by hand
    if "cut" in rule:
        unit = 1 if float(published).is_integer() else 10
        assert math.floor(forecast * unit + 1e-9) / unit == published
    elif "rounded" in rule:
        assert round(forecast, 1) == float(re.search(r"\((\d+\.\d) from", rule)[1])  # type: ignore[index]
    else:
        assert round(forecast, 1) == published


def test_five_epochs_adjust_to_five_units_in_spite_of_rounding() -> None:
    assert auto_adjust(5) == (5, pytest.approx(3.0))
    assert auto_adjust(6) == (6, pytest.approx(3.0))


def test_a_cube_root_of_64_is_4_and_not_3() -> None:
    assert epoch_multiplier(64, 27, 3) != 4.0  # or this test would prove nothing
    assert whole_multiplier(epoch_multiplier(64, 27, 3)) == 4


@given(st.integers(1, 5), st.integers(2, 6))
def test_powers_of_nu_have_their_full_number_of_brackets(power: int, nu: int) -> None:
    brackets = schedule(nu**power, nu)

    assert len(brackets) == power
    assert [bracket[-1][1] for bracket in brackets] == [nu**power] * power
    assert [len(bracket) for bracket in brackets] == list(range(power + 1, 1, -1))


@given(st.integers(1, 2000), st.integers(2, 7))
def test_rungs_shrink_and_budgets_grow(R: int, nu: int) -> None:
    for bracket in schedule(R, nu):
        sizes, units = zip(*bracket, strict=True)
        assert all(a > b >= 1 for a, b in pairwise(sizes))
        assert all(b == a * nu for a, b in pairwise(units))
        assert 1 <= units[-1] <= R


def test_too_little_to_promote_gives_no_bracket() -> None:
    assert schedule(2, 3) == []


@pytest.mark.parametrize(("R", "nu"), [(0, 3), (27, 1)])
def test_impossible_numbers_are_named(R: int, nu: int) -> None:
    with pytest.raises(ValueError, match=f"R={R} and nu={nu}"):
        schedule(R, nu)


@given(st.integers(3, 5000), st.integers(2, 100), st.integers(2, 5))
def test_the_adjusted_multiplier_is_at_least_3(epochs: int, R: int, nu: int) -> None:
    adjusted, multiplier = auto_adjust(epochs, R, nu)

    assert 2 <= adjusted <= R or (adjusted, R) == (R, R)
    assert multiplier == pytest.approx(epochs ** (math.log(nu) / math.log(adjusted)))
    assert multiplier >= 3 - 1e-6
    if adjusted < R:  # the next larger R would not do
        assert epoch_multiplier(epochs, adjusted + 1, nu) < 3


def test_two_epochs_can_not_be_adjusted() -> None:
    with pytest.raises(ValueError, match="at least 3 epochs, found 2"):
        auto_adjust(2)
