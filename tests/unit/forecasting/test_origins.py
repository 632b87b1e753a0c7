"""Rolling origins: by date across series, as many as their lengths bear, none before there is something to learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.forecasting.origins import LEAST, MOST, last_look, plan
from automl_core.forecasting.panel import SeriesError
from tests.support.examples import examples
from tests.unit.forecasting.panels import kinds, panel


def test_origins_lie_at_one_date_for_all_series() -> None:
    found = plan(panel([np.arange(100.0), np.arange(60.0)], starts=[0, 40]), 10)
    dates = found.ends + np.array([0, 40])
    assert found.by == "date"
    assert (dates[:, 0] == dates[:, 1]).all()
    assert found.ends[-1].tolist() == [90, 50]
    assert (np.diff(found.ends[:, 0]) == found.step).all()


def test_a_gap_moves_no_origin() -> None:
    """Fourteen days that are missing are days all the same."""
    whole, holed = np.arange(70.0), np.arange(70.0)
    holed[20:34] = np.nan
    assert (plan(panel([holed]), 7).ends == plan(panel([whole]), 7).ends).all()


@pytest.mark.parametrize(("steps", "horizon"), [(12, 6), (12, 9), (4, 1), (13, 3), (24, 12)])
def test_even_short_series_have_one_origin(steps: int, horizon: int) -> None:
    found = plan(panel([np.arange(float(steps))]), horizon)
    assert len(found) >= 1
    assert found.ends[-1, 0] == steps - horizon


def test_a_horizon_that_is_too_long_says_which_are_allowed() -> None:
    with pytest.raises(SeriesError, match=r"longest series has 12 steps.*allowed: 1 to 9"):
        plan(panel([np.arange(12.0), np.arange(5.0)]), 10)
    with pytest.raises(SeriesError, match="no horizon is short enough"):
        plan(panel([np.arange(3.0)]), 1)


def test_long_series_have_as_many_as_usual_apart_by_the_horizon() -> None:
    found = plan(panel([np.arange(700.0)]), 24)
    assert len(found) == MOST
    assert found.step == 24


def test_the_earliest_origin_knows_two_seasons_where_there_is_room() -> None:
    assert plan(panel([np.arange(40.0)]), 6, season=12).ends[0, 0] >= 25
    assert len(plan(panel([np.arange(20.0)]), 6, season=12)) == 1


def test_more_origins_than_fit_are_fewer_and_said() -> None:
    found = plan(panel([np.arange(12.0)]), 3, 20, 2)
    assert 1 <= len(found) < 20
    assert "20 origins were asked for" in kinds(found.findings)["origins"].found
    assert (found.ends >= LEAST).all()


def test_what_is_short_new_or_has_ended_has_no_origin_and_is_named() -> None:
    short, ended = np.arange(5.0), np.arange(30.0)
    found = plan(panel([np.arange(100.0), np.arange(100.0), short, ended], starts=[0, 0, 95, 0]), 10)
    assert (found.ends[:, 2:] == -1).all()
    assert kinds(found.findings)["not_judged"].series == ("c", "d")


def test_series_that_end_at_times_of_their_own_are_judged_by_their_own_ends() -> None:
    lengths = [40, 50, 60, 70, 80, 90]
    found = plan(panel([np.arange(float(length)) for length in lengths]), 8)
    assert found.by == "end"
    assert found.ends[-1].tolist() == [length - 8 for length in lengths]
    assert "origins_by_end" in kinds(found.findings)


def test_an_origin_needs_values_and_not_only_steps() -> None:
    empty_before = np.full(40, np.nan)
    empty_before[[0, *range(31, 40)]] = 1.0
    empty_after = np.arange(40.0)
    empty_after[33:39] = np.nan
    found = plan(panel([np.arange(40.0), empty_before, empty_after]), 5, 1)
    assert found.ends.tolist() == [[35, 35, 35]]  # the last step of the third has come
    found = plan(panel([np.arange(40.0), empty_before, empty_after]), 10, 1)
    assert found.ends.tolist() == [[30, -1, 30]]


def test_two_values_before_an_origin_are_too_few() -> None:
    found = plan(panel([np.arange(40.0), np.arange(9.0)], starts=[0, 31]), 7, 1)
    assert found.ends.tolist() == [[33, -1]]  # two values lie before it


def test_the_last_look_is_what_no_origin_sees() -> None:
    whole = panel([np.arange(100.0), np.arange(80.0)], starts=[0, 20])
    look = last_look(whole, 10)
    assert look is not None
    assert look.ends.tolist() == [[90, 70]]
    searched = plan(whole.until(look.ends[0]), 10)
    assert (searched.ends + 10 <= look.ends[0]).all()
    assert last_look(panel([np.arange(20.0)]), 8) is None


@settings(max_examples=examples(60))
@given(
    st.lists(st.tuples(st.integers(1, 80), st.integers(0, 30)), min_size=1, max_size=6), st.integers(1, 20),
    st.one_of(st.none(), st.integers(1, 8)), st.one_of(st.none(), st.integers(1, 5)),
)  # fmt: skip
def test_every_origin_has_a_past_and_something_that_came(
    shapes: list[tuple[int, int]], horizon: int, count: int | None, step: int | None
) -> None:
    whole = panel([np.arange(float(length)) for length, _ in shapes], starts=[start for _, start in shapes])
    try:
        found = plan(whole, horizon, count, step)
    except SeriesError:
        # refused only where the usual date or the own end leaves nobody enough
        assert all(length - horizon < LEAST or start > 0 or len(shapes) > 1 for length, start in shapes)
        return
    assert 1 <= len(found) <= (count or MOST)
    for ends in found.ends:
        used = ends >= 0
        assert used.any()
        assert (ends[used] >= LEAST).all()
        assert (~np.isnan(whole.window(ends, horizon)[used])).any(axis=1).all()
        assert np.isnan(whole.window(ends, horizon)[~used]).all()
    both = (found.ends[1:] >= 0) & (found.ends[:-1] >= 0)
    assert ((found.ends[1:] - found.ends[:-1])[both] == found.step).all()


def test_a_series_that_has_just_begun_moves_no_date() -> None:
    """Its values reach into the test, where those of the others are cut off."""
    whole = panel([np.arange(100.0), np.arange(100.0), np.arange(2.0)], starts=[0, 0, 98])
    look = last_look(whole, 10)
    assert look is not None
    ends = look.ends[0]
    assert ends.tolist() == [90, 90, -1]
    found = plan(whole.until(np.where(ends >= 0, ends, whole.lengths)), 10)
    assert found.by == "date"
    assert found.ends[-1].tolist() == [80, 80, -1]
