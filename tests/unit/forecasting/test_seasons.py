"""Seasons: the calendar suggests them, the values decide."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.forecasting.frequency import parse
from automl_core.forecasting.panel import SeriesError
from automl_core.forecasting.seasons import candidates, find_seasons, seasons
from tests.unit.forecasting.panels import kinds, panel


def wave(steps: int, *lengths: int, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    time = np.arange(steps)
    rest = np.random.default_rng(seed).normal(size=steps) * noise
    return 10 + 0.05 * time + sum(3 * np.sin(2 * np.pi * time / length) for length in lengths) + rest


@pytest.mark.parametrize(
    ("frequency", "lengths"),
    [("h", (24, 168)), ("30min", (48, 336)), ("15min", (96, 672)), ("D", (7, 365)), ("B", (5, 260)), ("W-MON", (52,)),
     ("MS", (12,)), ("ME", (12,)), ("QS", (4,)), ("2MS", (6,)), ("YS", ()), ("step", ()), ("min", (60, 1440)),
     ("6h", (4, 28)), ("s", (60, 3600)), ("6MS", (2,)), ("7h", ())],
)  # fmt: skip
def test_what_a_calendar_suggests(frequency: str, lengths: tuple[int, ...]) -> None:
    assert candidates(parse(frequency)) == lengths


@pytest.mark.parametrize(
    ("values", "frequency", "found"),
    [
        (wave(100, 7), "D", (7,)),
        (wave(24 * 40, 24), "h", (24,)),
        (wave(24 * 40, 24, 168), "h", (24, 168)),
        (wave(1500, 7, 365), "D", (7, 365)),
        (wave(500, 7, 365), "D", (7,)),  # not two whole years
        (wave(48, 12), "MS", (12,)),
        (wave(20, 12), "MS", ()),
        (wave(140, 12), "step", (12,)),
        (wave(140, 9), "YS", ()),
    ],
)
def test_seasons_are_found(values: np.ndarray, frequency: str, found: tuple[int, ...]) -> None:
    assert seasons(panel([values], frequency)) == found


def test_a_walk_without_a_season_has_none_and_it_is_said() -> None:
    walk = np.random.default_rng(0).normal(size=2000).cumsum()
    found = find_seasons(panel([walk]))
    assert found.lengths == ()
    assert found.main == 1
    assert "not alike" in kinds(found.findings)["season"].found or "not alike" in found.findings[0].found
    assert seasons(panel([walk], "step")) == ()


def test_a_short_series_keeps_the_usual_season_for_want_of_evidence() -> None:
    assert seasons(panel([np.random.default_rng(1).normal(size=30)])) == (7,)
    assert seasons(panel([np.ones(30)])) == (7,)


def test_gaps_leave_a_season_what_it_is() -> None:
    values = wave(200, 7, noise=0.1)
    values[50:90] = np.nan
    values[120:123] = np.nan
    assert seasons(panel([values])) == (7,)


def test_what_the_user_gives_is_all_that_is_used() -> None:
    one = panel([wave(100, 7)])
    assert seasons(one, 5) == (5,)
    assert seasons(one, (30, 7)) == (30, 7)
    assert seasons(one, 1) == ()
    assert "two seasons of 90" in find_seasons(one, 90).findings[0].found
    with pytest.raises(SeriesError, match="whole numbers"):
        seasons(one, 0)
